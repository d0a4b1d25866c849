"""The command nx46 presets."""

from __future__ import annotations

import json
import re

import pytest

from napari_nx46.files.presets import PresetStore
from napari_nx46.setting import Setting, all_presets, preset, preset_description
from tests.command import nx46, nx46_here

MINE = Setting(
    weights={"p3d": 0.5, "unet": 2}, domain="block", block=((0, 1), (2, 3), (4, 5)), opening=True
)


@pytest.fixture
def store(tmp_path):
    return PresetStore(tmp_path / "presets")


def presets(store, *arguments, **environment):
    return nx46_here("presets", *arguments, NX46_PRESETS_DIR=str(store.folder), **environment)


def test_the_table_has_origin_knobs_that_differ_and_a_description(store):
    store.save("mine", MINE)
    store.save("usual", Setting())
    ran = nx46("presets", NX46_PRESETS_DIR=str(store.folder))
    assert (ran.returncode, ran.stderr) == (0, "")
    head, *rows = [re.split(r" {2,}", line) for line in ran.stdout.splitlines()]
    assert head == ["preset", "origin", "description", "knobs"]
    assert [row[:2] for row in rows] == [
        *([name, "published"] for name in all_presets()),
        ["mine", "yours"],
        ["usual", "yours"],
    ]
    knobs = {row[0]: row[-1] for row in rows}
    assert knobs["nx46-v7.5-run-01"] == "blend=0.68 quantile=0.97"
    assert knobs["mine"] == ("weights=p3d=0.5,unet=2.0 domain=block block=0:1,2:3,4:5 opening=true")
    assert knobs["usual"] == "defaults"
    described = {row[0]: row[2] for row in rows if row[3:]}
    assert described == {name: preset_description(name) for name in all_presets()}


def test_json_gives_every_knob_and_reads_back_equal(store):
    store.save("mine", MINE)
    printed = json.loads(presets(store, "--json").stdout)
    fields = ["name", "origin", "description", "notes", "setting"]
    assert [list(entry) for entry in printed] == [fields] * len(printed)
    found = {entry["name"]: Setting.model_validate(entry["setting"]) for entry in printed}
    assert found == {**all_presets(), "mine": MINE}
    assert {entry["name"] for entry in printed if entry["origin"] == "yours"} == {"mine"}


def test_a_preset_of_yours_is_saved_found_replaced_and_deleted(store, tmp_path):
    saved = presets(store, "--save", "mine", "--preset", "first-place", "--closing-z", "2")
    assert (saved.exit_code, saved.stderr) == (0, "")
    assert saved.stdout == f"saved mine: {store.folder / 'mine.json'}\n"
    assert store.read("mine") == preset("first-place").changed(closing_z=2)
    again = presets(store, "--save", "mine", "--preset", "mine", "--border", "0")
    assert again.exit_code == 2
    assert "'mine' already" in again.stderr
    assert presets(store, "--save", "mine", "--replace", "--preset", "mine").exit_code == 0
    (tmp_path / "setting.json").write_text(MINE.to_json())
    flags = ("--save", "other", "--setting", tmp_path / "setting.json")
    assert presets(store, *flags, "--no-opening").exit_code == 0
    assert store.read("other") == MINE.changed(opening=False)
    assert presets(store, "--delete", "mine").stdout == "deleted mine\n"
    assert store.names() == ("other",)
    gone = presets(store, "--delete", "mine")
    assert (gone.exit_code, gone.stdout) == (2, "")
    assert "there are: other" in gone.stderr


def test_the_environment_counts_where_neither_preset_nor_file_is_given(store):
    assert presets(store, "--save", "mine", NX46_THRESHOLD_QUANTILE="0.5").exit_code == 0
    assert store.read("mine") == Setting(quantile=0.5)


def test_a_damaged_preset_is_warned_of_and_the_others_are_listed(store):
    store.save("mine", MINE)
    (store.folder / "bad.json").write_text('{"quantile": 2}')
    shown = presets(store)
    assert shown.exit_code == 0
    assert f"warning: {store.folder / 'bad.json'}: quantile: " in shown.stderr
    assert "mine" in shown.stdout
    assert "bad" not in shown.stdout
    saved = presets(store, "--save", "new", "--preset", "bad")
    assert saved.exit_code == 2
    assert "bad.json" in saved.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--save", "first-place"), "published"),
        (("--save", "../mine"), "name of a preset"),
        (("--delete", "first-place"), "published"),
        (("--save", "a", "--delete", "a"), "--save and --delete; expected one"),
        (("--save", "a", "--json"), "--json and --save; expected one"),
        (("--replace",), "--replace without --save"),
        (("--quantile", "0.9"), "knobs without --save"),
        (("--delete", "a", "--preset", "first-place"), "knobs without --save"),
        (("--save", "a", "--quantile", "2"), "error: --quantile: "),
        (("--save", "a", "--weights", "p3d"), "--weights"),
        (("--save", "a", "--rule", "best"), "--rule"),
        (("--save", "a", "--preset", "none"), "no preset 'none'"),
    ],
)
def test_what_presets_cannot_do_is_refused_and_nothing_is_saved(store, arguments, message):
    result = presets(store, *arguments)
    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stdout == ""
    assert store.names() == ()
