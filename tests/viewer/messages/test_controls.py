"""Messages name the controls of the window, not the flags of commands."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import napari_nx46
from napari_nx46.setting import Setting, described_knobs
from napari_nx46.viewer.messages.controls import CONTROLS, OF_COMMANDS, in_window
from napari_nx46.viewer.tune.reading_panel import LOGITS_TEXTS

FLAG = re.compile(r"(?<![\w-])--[a-z][a-z0-9-]*")
ROOMS = ("setting", "voxels", "core", "leaderboard", "files", "data", "run", "live", "scale")
NOT_FOR_PEOPLE = ("wheels.py",)
"""What calls other programs."""


def said_flags():
    """Yield every flag that stands in a text of a room which window and command share."""
    package = Path(napari_nx46.__file__).parent
    files = [path for room in (*ROOMS, "campaign") for path in (package / room).rglob("*.py")]
    for path in files:
        tree = ast.parse(path.read_text("utf-8"))
        texts = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        for node in ast.walk(tree):
            is_text = isinstance(node, ast.Constant) and isinstance(node.value, str)
            if is_text and id(node) not in texts and path.name not in NOT_FOR_PEOPLE:
                yield from FLAG.findall(node.value)


def test_every_flag_that_a_message_may_name_has_its_words_in_the_window():
    said = set(said_flags())
    known = {control.partition(" ")[0] for control in CONTROLS} | OF_COMMANDS.keys()
    knobs = {"--" + name.replace("_", "-") for name in described_knobs(Setting)}
    assert "--restart" in said
    assert said - known - knobs == set()
    assert known <= said


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("p.zarr: found logits; read them with --logits sigmoid or --logits distance",
         "p.zarr: found logits; read them with Reading: Logits, by sigmoid or Reading: Signed "
         "distances"),
        ("choose --patch-blocks 512, or switch it off",
         "choose “Patch in blocks” 512, or switch it off"),
        ("damaged scratch; give --restart", "damaged scratch; press Begin again"),
        ("a smaller --tile needs less", "a smaller --tile of nx46 apply needs less"),
        ("turn it into a probability with `nx46 freeze --boxes b.json`",
         "turn it into a probability with `nx46 freeze --boxes b.json`"),
        ("/data/a--restart.zarr and -- and --unknown 3", "/data/a--restart.zarr and -- and "
         "--unknown 3"),
    ],
)  # fmt: skip
def test_a_message_names_controls(text, shown):
    assert in_window(text) == shown


def test_the_values_of_what_is_read_are_those_of_the_window():
    texts = {f"--logits {logits}": text for logits, text in LOGITS_TEXTS.items() if logits}
    for flag, control in CONTROLS.items():
        if flag.startswith("--logits "):
            assert control == f"Reading: {texts[flag]}"
