"""The README names commands, flags, keys, targets and pictures that exist."""

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
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^ {4}(nx46 .+)$", README, flags=re.MULTILINE)
INLINE = re.findall(r"`([^`\n]+)`", README)
KEY = re.compile(r"(?:(?:Ctrl|Shift)\+)*(?:[A-Z]|[0-9])")


@pytest.fixture(scope="module")
def program():
    return typer.main.get_command(app)


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


@pytest.mark.parametrize("line", COMMANDS)
def test_a_command_of_the_readme_is_understood(program, line, monkeypatch):
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


def test_every_command_is_in_the_readme(program):
    missing = {" ".join(path) for path in leaves(program)} - {"nx46 demo"}  # `make demo` runs it
    assert {path for path in missing if path not in README} == set()


def test_every_key_that_is_named_does_something():
    named = {text for text in INLINE if KEY.fullmatch(text)} - {"Ctrl+Shift+P", "A", "B", "C"}
    assert named == {key_text(action.key) for action in ACTIONS}


def test_every_dock_is_named():
    for entry in DOCKS:
        assert f"*{entry.name}*" in README


def test_links_lead_somewhere_and_pictures_are_pictures():
    targets = re.findall(r"\]\(([^)]+)\)", README)
    heads = re.findall(r"^#+ (.+)$", README, flags=re.MULTILINE)
    anchors = {re.sub(r"[^\w -]", "", head.lower()).replace(" ", "-") for head in heads}
    for target in targets:
        if target.startswith("#"):
            assert target[1:] in anchors
        elif not target.startswith("https://"):
            assert (ROOT / target).is_file()
    shown = {Path(target).name for target in targets if target.endswith(".png")}
    assert shown == {path.name for path in (ROOT / "docs" / "pictures").iterdir()}
    for name in shown:
        with Image.open(ROOT / "docs" / "pictures" / name) as picture:
            assert min(picture.size) >= 800


def test_every_target_of_make_that_is_named_exists():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    named = set(re.findall(r"(?:`|^ {4})make ([a-z-]+)", README, flags=re.MULTILINE))
    assert {"demo", "test", "pictures"} <= named <= targets
