"""Who may import whom."""

from __future__ import annotations

import importlib
from graphlib import TopologicalSorter

import grimp
from importlinter.api import read_configuration
from importlinter.application.use_cases import SUCCESS, lint_imports


def test_the_contracts_between_the_packages_are_kept(repository, monkeypatch, capsys):
    monkeypatch.chdir(repository)
    status = lint_imports(config_filename=str(repository / "pyproject.toml"), cache_dir=None)
    assert status == SUCCESS, capsys.readouterr().out


def test_the_contracts_that_are_checked_are_the_three_of_the_design(repository):
    contracts = read_configuration(str(repository / "pyproject.toml"))["contracts_options"]
    assert [contract["type"] for contract in contracts] == ["layers", "forbidden", "forbidden"]


def test_the_rooms_of_the_manual_are_those_of_the_contracts(repository, monkeypatch):
    monkeypatch.syspath_prepend(repository / "docs")
    rooms = importlib.import_module("rooms")
    page = (repository / "docs" / "architecture.md").read_text("utf-8")
    floors = rooms.read_rooms().floors
    assert [set(floor) for floor in rooms.floors_of_drawing(page)] == [set(one) for one in floors]
    drawn = rooms.draw_rooms(page)
    assert all(f">{name}</text>" in drawn for floor in floors for name in floor)


MOST_MODULES = 15
"""In a folder without sub-folders, `__init__` included."""


def test_no_folder_is_a_long_flat_list(repository):
    folders = [path.parent for path in (repository / "napari_nx46").rglob("__init__.py")]
    flat = [
        folder
        for folder in folders
        if not any(f != folder and folder in f.parents for f in folders)
    ]
    lengths = {folder.name: len(list(folder.glob("*.py"))) for folder in flat}
    assert {name: n for name, n in lengths.items() if n > MOST_MODULES} == {}


MOST_LINES = 450
"""In a module, or in a file of tests."""


def test_no_file_is_too_long_to_be_read_at_once(repository):
    files = [
        path
        for room in ("napari_nx46", "tests", "benchmarks", "tools", "examples")
        for path in (repository / room).rglob("*.py")
    ]
    lengths = {
        str(path.relative_to(repository)): path.read_text("utf-8").count("\n") for path in files
    }
    assert {name: n for name, n in lengths.items() if n > MOST_LINES} == {}


def test_no_modules_import_each_other_in_a_circle():
    # The package itself names what it offers, for type checkers.
    graph = grimp.build_graph("napari_nx46", cache_dir=None)
    modules = graph.modules - {"napari_nx46"}
    imports = {name: graph.find_modules_directly_imported_by(name) for name in modules}
    TopologicalSorter(imports).prepare()  # raises CycleError, which names the circle
