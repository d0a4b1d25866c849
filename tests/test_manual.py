"""The commands that the manual's first page shows run as they stand there."""

from __future__ import annotations

import shlex

from typer.testing import CliRunner

from napari_nx46.cli.app import app

NOT_RUN = ("pip", "nx46 tune", "nx46 warm-up")
"""What installs, opens a window, or has been done for the tests."""


def commands_of(page):
    lines = page.read_text(encoding="utf-8").splitlines()
    found = [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]
    return [line for line in found if not line.startswith(NOT_RUN)]


def test_the_commands_of_the_first_page_run(repository, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    commands = commands_of(repository / "docs" / "index.md")
    assert len(commands) >= 4
    for line in commands:
        done = CliRunner().invoke(app, shlex.split(line)[1:])
        assert done.exit_code == 0, (line, done.output)
    assert (tmp_path / "submission.zip").is_file()
