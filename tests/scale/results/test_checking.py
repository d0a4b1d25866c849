"""An image is compared with its receipt, and its tiles with what the setting gives."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from napari_nx46.scale.plan.errors import ApplyError
from napari_nx46.scale.results.checking import check_mask_image, compare_tiles
from napari_nx46.setting import Setting, ThresholdRule
from tests.command import nx46_here
from tests.scale.execute.stores import applied, scores, write_store

PLAIN = Setting(rule=ThresholdRule.PROBABILITY, probability=0.55, z_radius=1)
CLEAN = PLAIN.changed(
    hysteresis=True,
    low_probability=0.45,
    closing_xy=1,
    fill_cavities=True,
    smallest_object=30,
    stabilise_radius=1,
)


@pytest.fixture
def image(tmp_path):
    source = write_store(tmp_path / "p.zarr", scores())
    applied(source, CLEAN, tmp_path / "mask.zarr", workers=None)
    return tmp_path / "mask.zarr"


def test_an_image_is_what_its_receipt_says(image):
    check = check_mask_image(image)
    assert check.faults == ()
    assert check.chunks == check.receipt.counts["chunks written"]
    tiles = list(compare_tiles(check, 4))
    assert len({tile.place for tile in tiles}) == 4
    assert all(tile.wrong == 0 for tile in tiles)
    assert sum(tile.compared for tile in tiles) > 0.9 * sum(tile.voxels for tile in tiles)
    result = nx46_here("validate", image, "--verify", 1)
    assert result.exit_code == 0, result.output
    assert f"{image}: valid" in result.output


@pytest.mark.parametrize("damage", ["changed", "gone", "more", "metadata"])
def test_what_was_changed_since_is_found(image, damage):
    chunks = sorted(path for path in (image / "0").glob("*/*/*") if path.is_file())
    match damage:
        case "changed":
            chunks[3].write_bytes(chunks[5].read_bytes())
        case "gone":
            chunks[3].unlink()
        case "more":
            (image / "0/0/0/0").parent.mkdir(parents=True, exist_ok=True)
            (image / "0/0/0/0").write_bytes(chunks[3].read_bytes())
        case "metadata":
            path = image / "1/.zarray"
            path.write_text(path.read_text().replace("zstd", "lz4"))
    (fault,) = check_mask_image(image).faults
    assert ("level 0, slices" in fault) or damage == "metadata"
    assert nx46_here("validate", image).exit_code == 1


def test_voxels_that_are_wrong_are_found_by_computing_them_again(image):
    check = check_mask_image(image)
    by_size = sorted((image / "0").glob("*/*/*"), key=lambda path: path.stat().st_size)
    by_size[-1].write_bytes(by_size[-2].read_bytes())
    assert sum(tile.wrong for tile in compare_tiles(check, 99)) > 0


def test_without_a_receipt_that_can_be_read_it_is_refused(image):
    path = image.with_name("mask.zarr.receipt.json")
    for content in ("{}", "[", json.dumps({"version": 1})):
        path.write_text(content)
        with pytest.raises(ApplyError, match="receipt"):
            check_mask_image(image)
    path.unlink()
    with pytest.raises(ApplyError, match=r"found no mask\.zarr\.receipt\.json"):
        check_mask_image(image)


def test_what_cannot_be_computed_by_parts_is_refused(tmp_path):
    source = write_store(tmp_path / "p.zarr", scores())
    applied(source, PLAIN.changed(sheet_gap=1, closing_ball=1), tmp_path / "mask.zarr")
    with pytest.raises(ApplyError, match="keep sheets apart"):
        list(compare_tiles(check_mask_image(tmp_path / "mask.zarr"), 1))


def test_a_step_that_was_left_out_would_be_found(image):
    check = check_mask_image(image)
    record = {**check.receipt.plan, "setting": PLAIN.model_dump(mode="json")}
    other = check.receipt.model_copy(update={"plan": record})
    found = list(compare_tiles(type(check)(image, other, 0, ()), 99))
    assert sum(tile.wrong for tile in found) > 100
    assert all(tile.compared == tile.voxels for tile in found)
    assert np.isfinite(check.receipt.density_by_layer).all()


def test_a_chunk_that_cannot_be_decoded_is_named(image):
    chunk = next(path for path in sorted((image / "0").glob("*/*/*")) if path.is_file())
    chunk.write_bytes(bytes(64))
    check = check_mask_image(image)
    assert len(check.faults) == 1
    with pytest.raises(ApplyError, match="a damaged chunk"):
        list(compare_tiles(check, 10**3))
    result = nx46_here("validate", image, "--verify", 1000)
    assert result.exit_code == 2, result.output
    assert "chunks differ from the receipt" in result.output
    assert "a damaged chunk" in result.output


HOSTILE = {
    "shape": ({"shape": [2**40] * 3}, "other levels"),
    "long": ({"shape": [2**47, 1, 1]}, "other levels"),
    "negative": ({"shape": [-1, 40, 40]}, "no plan"),
    "tile": ({"tile": 0}, "no plan"),
    "chunk": ({"output": {"value": 255, "chunk": 0, "levels": 1, "pyramid": "mean", "axes": "zyx"}},
              "no plan"),
    "ct": ({"ct_above": 0.5}, "no plan"),
}  # fmt: skip


@pytest.mark.parametrize(("changes", "words"), HOSTILE.values(), ids=HOSTILE)
def test_a_receipt_that_is_made_to_mislead_is_refused(image, changes, words):
    path = image.with_name("mask.zarr.receipt.json")
    receipt = json.loads(path.read_text())
    receipt["plan"].update(changes)
    path.write_text(json.dumps(receipt))
    with pytest.raises(ApplyError, match=words):
        check_mask_image(image)


@pytest.mark.parametrize("name", ["thresholds", "low_thresholds"])
def test_a_receipt_with_thresholds_of_other_slices_is_refused(image, name):
    path = image.with_name("mask.zarr.receipt.json")
    path.write_text(json.dumps(json.loads(path.read_text()) | {name: [0.5] * 7}))
    with pytest.raises(ApplyError, match="7 thresholds"):
        check_mask_image(image)


def test_tiles_that_no_memory_holds_are_not_computed_again(image):
    check = check_mask_image(image)
    plan = {**check.receipt.plan, "shape": [2**14] * 3, "tile": 2**14}
    vast = replace(check, receipt=check.receipt.model_copy(update={"plan": plan}))
    with pytest.raises(ApplyError, match="half of the memory"):
        list(compare_tiles(vast, 1))
