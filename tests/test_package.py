"""What importing the package costs and offers."""

from __future__ import annotations

import ast
import json
import re
import runpy
import subprocess
import sys
import tomllib
from importlib.metadata import entry_points, packages_distributions, requires, version
from types import SimpleNamespace

import pytest

import napari_nx46

HEAVY = (
    "PIL",
    "PyQt6",
    "PySide6",
    "imagecodecs",
    "magicgui",
    "napari",
    "numba",
    "qtpy",
    "superqt",
    "tifffile",
    "vispy",
    "zarr",
)
IMPORT_BUDGET_SECONDS = 0.050
OPTIONAL = ("napari", "campaign", "scale", "formats")
"""Extras whose packages are imported where they are used."""

QT_BINDINGS = ("pyqt5", "pyqt6", "pyside2", "pyside6")


def run_python(code: str) -> str:
    """Run a statement in an interpreter of its own and return what it prints."""
    return subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=120
    ).stdout


def heavy_modules_after(statement: str) -> list[str]:
    code = f"{statement}\nimport json, sys\nprint(json.dumps(sorted(sys.modules)))"
    loaded = {name.partition(".")[0] for name in json.loads(run_python(code))}
    return sorted(loaded.intersection(HEAVY))


def test_importing_the_package_loads_no_qt_no_napari_no_numba():
    assert heavy_modules_after("import napari_nx46") == []


def test_the_check_for_heavy_modules_sees_one_that_is_loaded():
    assert heavy_modules_after("import numba") == ["numba"]


@pytest.mark.parametrize("module", ["core.measure.slices", "data.synthetic", "setting"])
def test_numbers_and_settings_load_no_heavy_module(module):
    assert heavy_modules_after(f"import napari_nx46.{module}") == []


def test_importing_the_package_is_fast_beyond_numpy():
    code = (
        "import numpy, time; start = time.perf_counter(); import napari_nx46; "
        "print(time.perf_counter() - start)"
    )
    # The fastest of a few: what is slower was held up by something else.
    seconds = min(float(run_python(code)) for _ in range(5))
    assert seconds < IMPORT_BUDGET_SECONDS


@pytest.mark.parametrize("name", napari_nx46.__all__)
def test_every_public_name_can_be_had(name):
    assert getattr(napari_nx46, name) is not None
    assert name in dir(napari_nx46)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        napari_nx46.nothing  # noqa: B018


def test_the_version_is_that_of_the_installed_distribution():
    assert napari_nx46.__version__ == version("napari-nx46")


def test_the_base_has_no_window_no_cluster_and_no_plots():
    hard = [line.lower() for line in requires("napari-nx46") if "extra ==" not in line]
    assert any(line.startswith("numba") for line in hard)
    heavy = ("napari", "qtpy", "dask", "distributed", "optuna", "matplotlib", "pandas")
    assert not any(line.startswith((*QT_BINDINGS, *heavy)) for line in hard)


def imported_by(path):
    """Return the packages that a module imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield node.module.partition(".")[0]


def distribution_name(text):
    """Return the normalized name of the distribution that a requirement begins with."""
    return re.sub(r"[-_.]+", "-", re.match(r"[\w.-]+", text)[0]).lower()


def test_what_the_package_imports_and_what_it_declares_are_the_same(repository):
    modules = (repository / "napari_nx46").rglob("*.py")
    packages = {package for path in modules for package in imported_by(path)}
    packages -= {*sys.stdlib_module_names, "napari_nx46", "_typeshed"}  # the last has types alone
    provided_by = packages_distributions()
    imported = {distribution_name(provided_by[package][0]) for package in packages}
    project = tomllib.loads((repository / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    optional = {distribution_name(line) for name in OPTIONAL for line in extras[name]}
    assert imported == {distribution_name(line) for line in project["dependencies"]} | optional


@pytest.mark.parametrize("address", [None, "https://host.example/nx46"])
def test_the_description_leads_to_the_repository_once_it_has_an_address(
    repository, monkeypatch, address
):
    given = {}
    # Environments of Python 3.12 and newer have no setuptools of their own.
    setuptools = SimpleNamespace(setup=lambda **words: given.update(words))
    monkeypatch.setitem(sys.modules, "setuptools", setuptools)
    module = runpy.run_path(str(repository / "setup.py"))
    text = (repository / "README.md").read_text(encoding="utf-8")
    assert given["long_description"] == text  # has no address yet
    links = re.findall(r"\]\(([^)]+)\)", module["described"](text, address))
    pictures = [link for link in links if link.endswith(".png")]
    if address is None:
        assert "docs/pictures/tuning.png" in pictures
    else:
        assert f"{address}/raw/HEAD/docs/pictures/tuning.png" in pictures
        assert f"{address}/blob/HEAD/docs/index.md" in links
        assert all(link.startswith("https://") for link in links)


def test_the_extra_all_brings_a_qt_binding():
    extra = [line.lower() for line in requires("napari-nx46") if 'extra == "all"' in line]
    assert any(line.startswith(QT_BINDINGS) for line in extra)


def test_napari_finds_the_manifest_and_the_shell_finds_the_command():
    (manifest,) = entry_points(group="napari.manifest", name="napari-nx46")
    assert manifest.value == "napari_nx46:napari.yaml"
    (command,) = entry_points(group="console_scripts", name="nx46")
    assert command.value == "napari_nx46.cli:main"


def test_the_constraints_are_names_and_exact_versions_only(repository):
    lines = (repository / "constraints.txt").read_text(encoding="utf-8").splitlines()
    assert len(lines) > 20
    for line in lines:
        name, equals, exact = line.partition("==")
        assert equals
        assert name.replace("-", "").replace("_", "").replace(".", "").isalnum(), line
        assert exact[0].isdigit(), line
        assert exact.replace(".", "").isalnum(), line
