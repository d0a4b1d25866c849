"""What was corrected by hand in a store, or in boxes of it, is corrected in the whole mask."""

from __future__ import annotations

import numpy as np
import pytest
import zarr

from napari_nx46.data.fragments.boxes import Box
from napari_nx46.files.corrections import read_corrections, write_corrections
from napari_nx46.scale.execute.run import RunOptions, apply
from napari_nx46.scale.plan.corrections import corrections_path
from napari_nx46.scale.plan.errors import ApplyError
from napari_nx46.scale.plan.plan import plan_apply
from napari_nx46.scale.plan.sources import StoreAddress, StoreSources
from napari_nx46.scale.results.checking import check_mask_image, compare_tiles
from napari_nx46.scale.results.receipt import read_receipt
from napari_nx46.setting import Setting
from napari_nx46.voxels.corrections.corrections import Corrections
from tests.scale.execute.stores import OUTPUT, SETTING, SHAPE, level, mask_in_memory, scores
from tests.scale.execute.stores import write_store as written

BOXES = (Box((0, 0, 0), (12, 14, 20)), Box((10, 12, 9), (37, 40, 29)))


def labels(shape, seed, at=None):
    """Return labels with blocks that are added and erased."""
    found = np.zeros(shape, np.uint8)
    rng = np.random.default_rng(seed)
    for value in (1, 2, 1, 2):
        z, y, x = (int(rng.integers(0, max(1, length - 4))) for length in shape)
        found[z : z + 3, y : y + 4, x : x + 5] = value
    if at is not None:
        found[at] = 1
    return found


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return written(tmp_path_factory.mktemp("store") / "p.zarr", scores())


def applied(source, out, corrections, setting=SETTING):
    plan = plan_apply(source, setting, out, tile=16, output=OUTPUT, corrections=corrections)
    assert list(apply(plan))[-1].state == "done"
    return plan


@pytest.mark.parametrize(
    "setting", [SETTING, Setting(rule="probability", probability=0.55), SETTING.changed(border=1)]
)
def test_corrections_of_boxes_and_of_the_whole_are_done_last(store, tmp_path, setting):
    out = tmp_path / "mask.zarr"
    # In a tile that has no chunk.
    of_first = labels(BOXES[0].shape, 1, at=(2, 3, 4))
    of_second = labels(BOXES[1].shape, 2)
    corrections = {
        BOXES[0].image_id("p"): Corrections.of(of_first),
        BOXES[1].image_id("p"): Corrections.of(of_second),
        "other_z0-4_y0-4_x0-4": Corrections.of(np.ones((4, 4, 4), np.uint8)),
    }
    applied(store, out, corrections, setting)
    expected = mask_in_memory(scores(), setting)
    assert not expected[2, 3, 4]
    for box, one in zip(BOXES, (of_first, of_second), strict=True):
        expected[box.slices] = np.where(one > 0, one & 1, expected[box.slices])
    assert np.array_equal(level(out), 255 * expected)
    record = read_receipt(tmp_path / "mask.zarr.receipt.json").plan["corrections"]
    assert [one["fragment"] for one in record] == [box.image_id("p") for box in BOXES]
    assert record[0]["added"] == np.count_nonzero(of_first == 1)
    check = check_mask_image(out)
    assert check.faults == ()
    assert all(one.wrong == 0 and one.compared for one in compare_tiles(check, 8))
    beside = corrections_path(out)
    write_corrections(beside, {**read_corrections(beside), BOXES[0].image_id("p"): Corrections.of(
        np.ones(BOXES[0].shape, np.uint8))})  # fmt: skip
    with pytest.raises(ApplyError, match="other corrections than the receipt"):
        list(compare_tiles(check, 1))


def test_corrections_of_another_level_are_not_taken_for_those_of_this_one(tmp_path):
    path = tmp_path / "p.zarr"
    group = zarr.open_group(str(path), mode="w", zarr_format=2)
    steps = []
    for number, voxels in enumerate((scores(), scores()[::2, ::2, ::2])):
        group.create_array(str(number), data=voxels, chunks=(8, 8, 8))
        transformation = {"type": "scale", "scale": [2.0**number] * 3}
        steps.append({"path": str(number), "coordinateTransformations": [transformation]})
    axes = [{"name": name} for name in "zyx"]
    group.attrs["multiscales"] = [{"version": "0.4", "axes": axes, "datasets": steps}]
    box = Box((0, 0, 0), (6, 6, 6))  # within either level
    made = Corrections.of(np.ones(box.shape, np.uint8))

    def placed(chosen, image_id):
        source = StoreSources(p3d=StoreAddress(location=str(path), level=chosen))
        plan = plan_apply(
            *(source, SETTING, tmp_path / "out.zarr"),
            tile=16,
            output=OUTPUT,
            corrections={image_id: made},
        )
        return list(plan.corrections.by_fragment)

    # The finest level is the same, chosen or not.
    for chosen, name, other in ((None, None, "1"), ("0", None, "1"), ("1", "1", None)):
        assert placed(chosen, box.image_id("p", name)) == [box.image_id("p", name)]
        with pytest.raises(ApplyError, match="expected some of p"):
            placed(chosen, box.image_id("p", other))


def test_those_of_the_whole_are_cut_to_the_box_that_is_applied(store, tmp_path):
    whole = labels(SHAPE, 3)
    z, y, x = slice(3, 33), slice(8, 40), slice(0, 25)
    box = tuple((part.start, part.stop) for part in (z, y, x))
    sources = StoreSources(p3d=StoreAddress.of(store), box=box)
    applied(sources, tmp_path / "mask.zarr", {"p": Corrections.of(whole)})
    expected = mask_in_memory(scores()[z, y, x], SETTING)
    part = whole[z, y, x]
    expected = np.where(part > 0, part & 1, expected)
    assert np.array_equal(level(tmp_path / "mask.zarr"), 255 * expected)


def test_a_new_image_without_corrections_has_no_file_of_them(store, tmp_path):
    out = tmp_path / "mask.zarr"
    applied(store, out, {"p": Corrections.of(labels(SHAPE, 4))})
    assert corrections_path(out).is_file()
    plan = plan_apply(store, SETTING, out, tile=16, output=OUTPUT)
    list(apply(plan, options=RunOptions(restart=True)))
    assert not corrections_path(out).exists()


def test_corrections_that_do_not_fit_are_refused_before_anything_is_computed(store, tmp_path):
    def refused(corrections, match):
        with pytest.raises(ApplyError, match=match):
            plan_apply(store, SETTING, tmp_path / "mask.zarr", corrections=corrections)

    add, erase = (
        Corrections.of(np.full(box.shape, 1 + n, np.uint8)) for n, box in enumerate(BOXES)
    )
    refused({"q": add}, r"found corrections of q; expected some of p, or of its boxes")
    refused({"p": add}, r"corrections of p: found shape \(12, 14, 20\).* made at the level")
    far = Box((30, 30, 20), (42, 44, 40))
    refused({far.image_id("p"): add}, "expected that of a part of")
    both = {BOXES[0].image_id("p"): add, BOXES[1].image_id("p"): erase}
    refused(both, r"one adds and one erases the voxel \(z, y, x\) = \(10, 12, 9\)")
    assert not list(tmp_path.iterdir())
