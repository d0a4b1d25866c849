"""Boxes that are chosen of a store."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import zarr
from hypothesis import given
from hypothesis import strategies as st

from napari_nx46.data.fragments import FragmentError
from napari_nx46.data.fragments.boxes import BoxList
from napari_nx46.data.fragments.choosing import choose_boxes
from napari_nx46.files.volumes.opening import Role, open_volume
from tests.command import nx46_here

SHAPE, CHUNK = (96, 48, 48), 16


@pytest.fixture(scope="module")
def scroll(tmp_path_factory):
    """Write a store whose chunks are there within a distance of the axis only."""
    path = tmp_path_factory.mktemp("store") / "scroll.zarr"
    array = zarr.create_array(path, shape=SHAPE, chunks=(CHUNK,) * 3, dtype="uint8", fill_value=0)
    y, x = np.ogrid[: SHAPE[1], : SHAPE[2]]
    array[...] = np.broadcast_to(np.hypot(y - 24, x - 24) < 20, SHAPE).astype(np.uint8)
    return path


@given(count=st.integers(1, 5), side=st.integers(8, 16))
def test_boxes_lie_apart_within_the_store_and_hold_something(scroll, count, side):
    volume = open_volume(scroll, role=Role.IMAGE)
    boxes = choose_boxes(volume, count, side)
    assert len(boxes) == count
    assert list(boxes) == sorted(boxes)
    for number, box in enumerate(boxes):
        assert box.shape == (side,) * 3
        assert all(last <= size for last, size in zip(box.stop, SHAPE, strict=True))
        assert volume[box.slices].any()
        assert not any(box.overlaps(other) for other in boxes[:number])
    assert choose_boxes(volume, count, side) == boxes


def test_boxes_are_spread_over_z_and_radius(scroll):
    boxes = choose_boxes(open_volume(scroll, role=Role.IMAGE), 6, 16)
    assert len({box.start[0] for box in boxes}) == 6
    radii = [np.hypot(box.start[1] + 8 - 24, box.start[2] + 8 - 24) for box in boxes]
    assert np.ptp(radii) > 8


@given(
    count=st.integers(1, 3),
    corner=st.tuples(*(st.integers(0, 2),) * 3),
    side=st.integers(8, 16),
)
def test_a_coarse_level_says_what_is_there(tmp_path_factory, count, corner, side):
    path = tmp_path_factory.mktemp("coarse") / "a.zarr"
    voxels = np.zeros(SHAPE, np.uint8)
    z, y, x = (16 * at for at in corner)
    voxels[z : z + 64, y : y + 16, x : x + 16] = 1
    zarr.create_array(path, data=voxels, chunks=(16,) * 3)
    volume = open_volume(path, role=Role.IMAGE)
    unlisted = replace(volume.layout, existing=lambda: None)
    volume.layout = unlisted
    np.save(path.with_suffix(".npy"), voxels[::4, ::4, ::4])
    coarse = open_volume(path.with_suffix(".npy"), role=Role.IMAGE)
    boxes = choose_boxes(volume, count, side, coarse)
    assert len(boxes) == count
    assert all(volume[box.slices].any() for box in boxes)


def test_a_box_is_no_larger_than_the_store(scroll):
    (box,) = choose_boxes(open_volume(scroll, role=Role.IMAGE), 1, 1000)
    assert box.shape == SHAPE


def test_too_few_boxes_that_hold_something(tmp_path):
    array = zarr.create_array(tmp_path / "a.zarr", shape=SHAPE, chunks=(8, 8, 8), dtype="uint8")
    array[:8, :8, :8] = 1
    volume = open_volume(tmp_path / "a.zarr", role=Role.IMAGE)
    assert [str(box) for box in choose_boxes(volume, 1, 8)] == ["0:8,0:8,0:8"]
    with pytest.raises(FragmentError, match=r"found 1 boxes of side 8 .*expected 2"):
        choose_boxes(volume, 2, 8)
    assert len(choose_boxes(volume, 0, 8)) == 0


def test_the_command_writes_them_for_others(scroll, tmp_path):
    out = tmp_path / "boxes.json"
    done = nx46_here("boxes", scroll, "--count", "3", "--side", "16", "--out", out)
    assert done.exit_code == 0, done.stderr
    listed = BoxList.read(out)
    assert done.stdout.split() == list(map(str, listed.boxes))
    assert listed.store == str(scroll)
    masks = masks_of(scroll, "--boxes", out, folder=tmp_path / "all")
    assert sorted(masks) == sorted(f"{box.image_id('scroll')}.tif" for box in listed.boxes)
    one = masks_of(scroll, "--box", str(listed.boxes[1]), folder=tmp_path / "one")
    assert one.items() < masks.items()
    bad = nx46_here("run", scroll, "--box", "0:1", "--out", tmp_path / "bad")
    assert bad.exit_code == 2
    assert "expected Z0:Z1,Y0:Y1,X0:X1" in bad.stderr


def masks_of(*arguments, folder):
    """Return the masks that the command makes, by name."""
    done = nx46_here("run", *arguments, "--quantile", "0.5", "--out", folder)
    assert done.exit_code == 0, done.stderr
    return {path.name: path.read_bytes() for path in folder.rglob("*.tif")}
