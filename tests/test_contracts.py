"""Who may import whom."""

from __future__ import annotations

from importlinter.api import read_configuration
from importlinter.application.use_cases import SUCCESS, lint_imports


def test_the_contracts_between_the_packages_are_kept(repository, monkeypatch, capsys):
    monkeypatch.chdir(repository)
    status = lint_imports(config_filename=str(repository / "pyproject.toml"), cache_dir=None)
    assert status == SUCCESS, capsys.readouterr().out


def test_the_contracts_that_are_checked_are_the_three_of_the_design(repository):
    contracts = read_configuration(str(repository / "pyproject.toml"))["contracts_options"]
    assert [contract["type"] for contract in contracts] == ["layers", "forbidden", "forbidden"]
