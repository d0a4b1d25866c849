"""README and docs name commands, flags, keys, targets and pictures that exist."""

from __future__ import annotations

import os
import re
import shlex
from pathlib import Path

import pytest
import typer
from PIL import Image

from napari_nx46.cli.app import app
from napari_nx46.viewer.window.actions import ACTIONS
from napari_nx46.viewer.window.docks import DOCKS
from napari_nx46.viewer.window.shortcuts import key_text
from tests.command import gives_knobs

ROOT = Path(__file__).parents[1]
MANUAL = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
OTHERS = ("CONTRIBUTING.md", "CHANGELOG.md", ".napari-hub/DESCRIPTION.md")
PAGES = (*MANUAL, *(ROOT / name for name in OTHERS))
TEXT = "\n".join(path.read_text(encoding="utf-8") for path in MANUAL)
COMMANDS = re.findall(r"^(?: {4})?(nx46 .+)$", TEXT, flags=re.MULTILINE)
INLINE = re.findall(r"`([^`\n]+)`", TEXT)
KEY = re.compile(r"(?:(?:Ctrl|Shift)\+)*(?:[A-Z]|[0-9])")
MOST_README_LINES = 120


@pytest.fixture(scope="module")
def program():
    return typer.main.get_command(app)


def read(name):
    """Return the text of a page by its name."""
    return (ROOT / name).read_text(encoding="utf-8")


def subcommands(command):
    """Return the commands of a group by their names; none of what is no group."""
    return getattr(command, "commands", {})


def parsed(command, arguments):
    """Return the context of the command that arguments name, parsed and not run."""
    path = ["nx46"]
    while subcommands(command):
        path.append(arguments.pop(0))
        command = subcommands(command)[path[-1]]
    return command.make_context(" ".join(path), arguments)


def leaves(command, path=("nx46",)):
    """Return all commands that are no groups, by their paths."""
    if not subcommands(command):
        return {path: command}
    return {
        at: leaf
        for name, sub in subcommands(command).items()
        for at, leaf in leaves(sub, (*path, name)).items()
    }


def targets_of(page):
    """Return what the links of a page lead to."""
    return re.findall(r"\]\(([^)]+)\)", page.read_text(encoding="utf-8"))


def pictures_of(page):
    """Return the names of the pictures of a page."""
    targets = (Path(target.partition("#")[0]) for target in targets_of(page))
    return {target.name for target in targets if target.suffix == ".png"}


@pytest.mark.parametrize("line", COMMANDS)
def test_a_command_that_is_shown_is_understood(program, line, monkeypatch):
    for name in filter(gives_knobs, os.environ):
        monkeypatch.delenv(name)
    parsed(program, shlex.split(line)[1:]).close()


def test_every_flag_and_command_that_is_named_exists(program):
    flags = {
        flag
        for command in [program, *leaves(program).values()]
        for parameter in command.params
        for flag in (*parameter.opts, *parameter.secondary_opts)
    }
    named = {flag for text in INLINE for flag in re.findall(r"(?<!\S)--[a-z0-9-]+", text)}
    assert named - {"--help"} <= flags
    for text in INLINE:
        words = re.fullmatch(r"nx46((?: [a-z][a-z-]*)+).*", text)
        command = program
        for word in words[1].split() if words else ():
            if subcommands(command):
                assert word in subcommands(command), text
                command = subcommands(command)[word]


def test_every_flag_that_is_named_with_a_command_is_one_of_it(program):
    commands = leaves(program)
    for text in re.findall(r"`(nx46 [^`\n]+)`", "\n".join((TEXT, *map(read, OTHERS)))):
        words = text.split()
        path = max((tuple(words[:n]) for n in (2, 3) if tuple(words[:n]) in commands), default=None)
        flags = set(re.findall(r"(?<!\S)--[a-z0-9-]+", text)) - {"--help"}
        if path is None:
            assert flags <= {"--version"}, text
            continue
        options = [(*one.opts, *one.secondary_opts) for one in commands[path].params]
        assert flags <= {flag for names in options for flag in names}, text


def test_every_command_is_documented(program):
    missing = {" ".join(path) for path in leaves(program)} - {"nx46 demo"}  # `make demo` runs it
    assert {path for path in missing if path not in TEXT} == set()


def test_every_key_that_is_named_does_something():
    named = {text for text in INLINE if KEY.fullmatch(text)} - {"Ctrl+Shift+P", "A", "B", "C"}
    assert named == {key_text(action.key) for action in ACTIONS}


def test_every_dock_is_named():
    for entry in DOCKS:
        assert f"*{entry.name}*" in TEXT


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    for target in targets_of(page):
        if not target.startswith("https://"):
            assert (page.parent / target.partition("#")[0]).is_file()


def test_every_picture_is_shown_and_is_a_picture():
    folder = ROOT / "docs" / "pictures"
    shown = {name for page in MANUAL for name in pictures_of(page)}
    assert shown == {path.name for path in folder.iterdir()}
    for name in shown:
        with Image.open(folder / name) as picture:
            assert max(picture.size) >= 1000, name
            assert min(picture.size) >= 500, name


def test_every_page_has_a_picture():
    drawn = ROOT / "docs" / "architecture.md"  # as SVG when the manual is built, from the contracts
    assert [page.name for page in MANUAL if not pictures_of(page)] == [drawn.name]


def test_a_picture_in_the_light_theme_is_shown_beside_the_one_in_the_dark_theme():
    for page in MANUAL:
        themed = {t for t in targets_of(page) if t.endswith(("#only-light", "#only-dark"))}
        light = {t.replace("-light.png#only-light", ".png#only-dark") for t in themed}
        assert light == themed - {t for t in themed if t.endswith("light")}, page.name


def test_every_target_of_make_that_is_named_exists():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    named = {
        name
        for page in PAGES
        for name in re.findall(r"(?:`|^ {4})make ([a-z-]+)", page.read_text(), flags=re.MULTILINE)
    }
    assert {"demo", "test", "pictures"} <= named <= targets


def test_the_readme_is_short():
    assert len((ROOT / "README.md").read_text().splitlines()) <= MOST_README_LINES


def test_modules_that_are_named_exist():
    for page in PAGES:
        for name in re.findall(r"`((?:napari_nx46|tests|tools|docs)/[\w/.]+)`", page.read_text()):
            assert (ROOT / name).exists(), f"{page.name}: {name}"
