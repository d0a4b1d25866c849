"""``nx46 apply``: what it prints, writes and refuses, and how it ends."""

from __future__ import annotations

import io
import json
import zipfile

import numpy as np
import pytest
import tifffile

from napari_nx46.setting import Setting, ThresholdRule
from tests.command import nx46_here
from tests.scale.execute.stores import level, mask_in_memory, scores, write_store

FLAGS = ("--tile", 16, "--chunk", 8, "--levels", 3, "--threads", 1)
SETTING = Setting(rule=ThresholdRule.PROBABILITY, probability=0.55, z_radius=1, opening=True)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return write_store(tmp_path_factory.mktemp("store") / "p.zarr", scores())


@pytest.fixture
def asked(store, tmp_path):
    (tmp_path / "setting.json").write_text(SETTING.to_json())
    return ("apply", store, "--setting", tmp_path / "setting.json", *FLAGS)


def test_a_setting_is_applied_and_the_same_command_finds_it_done(asked, tmp_path):
    out = tmp_path / "mask.zarr"
    result = nx46_here(*asked, "--out", out)
    assert result.exit_code == 0, result.output
    assert "tiles: 18 of 18" in result.output
    assert np.array_equal(level(out), 255 * mask_in_memory(scores(), SETTING))
    again = nx46_here(*asked, "--out", out)
    assert (again.exit_code, again.stdout) == (0, f"wrote {out}, mask.zarr.receipt.json\n")


def test_an_archive_of_a_small_mask_is_written_as_well(asked, tmp_path):
    out, archive = tmp_path / "mask.zarr", tmp_path / "submission.zip"
    result = nx46_here(*asked, "--out", out, "--submission", archive)
    assert result.exit_code == 0, result.output
    with zipfile.ZipFile(archive) as opened:
        mask = tifffile.imread(io.BytesIO(opened.read("mask.tif")))
    assert np.array_equal(255 * mask, level(out))


def test_events_are_json_lines(asked, tmp_path):
    result = nx46_here(*asked, "--out", tmp_path / "mask.zarr", "--json", "--values", 1)
    events = [json.loads(line) for line in result.stdout.splitlines()]
    assert events[0]["event"] == "estimate"
    assert events[0]["tiles"] == 18
    assert (events[-1]["event"], events[-1]["state"]) == ("progress", "done")
    assert level(tmp_path / "mask.zarr").max() == 1


def test_a_dry_run_writes_nothing(asked, tmp_path):
    result = nx46_here(*asked, "--out", tmp_path / "mask.zarr", "--dry-run")
    assert result.exit_code == 0
    assert "time: about" in result.output
    assert [path.name for path in tmp_path.iterdir()] == ["setting.json"]


def test_a_damaged_chunk_gives_exit_code_1_and_its_key(asked, tmp_path):
    source = write_store(tmp_path / "p.zarr", scores())
    out = ("--out", tmp_path / "mask.zarr")
    assert nx46_here(*asked, *out, "--dry-run").exit_code == 0
    (source / "0/4/4/3").write_bytes(b"damage")
    result = nx46_here("apply", source, *asked[2:], *out)
    if "4/4/3" not in result.output:  # a tile that was timed
        pytest.fail(result.output)
    assert result.exit_code in (1, 2)


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (("--quantile", 0.9), "nx46 freeze"),
        (("--probability", 0.5, "--patch-holes", 3), "--patch-blocks"),
        (("--probability", 0.5, "--ct-above", 0), "no CT"),
        (("--probability", 0.5, "--values", 2), "--values"),
        (("--probability", 0.5, "--part", "x"), "--part"),
        (("--probability", 0.5, "--box", "0:9"), "--box"),
        (("--probability", 0.5, "--model", "a"), "--model"),
        (("--probability", 0.5, "--memory", 0.1), "--memory"),
        (("--probability", 0.5, "--submission", "x.tif"), "--submission"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_runs(store, tmp_path, flags, words):
    result = nx46_here("apply", store, "--out", tmp_path / "mask.zarr", *FLAGS, *flags)
    assert result.exit_code == 2
    assert words in result.output
    assert list(tmp_path.iterdir()) == []
