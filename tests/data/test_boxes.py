"""Boxes of a store: their texts, names and files."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_nx46.data.fragments import FragmentError, checked_image_id
from napari_nx46.data.fragments.boxes import Box, BoxList, box_of, check_boxes, level_of, store_id

ENDS = st.tuples(st.integers(0, 10**6), st.integers(1, 10**6)).map(
    lambda ends: (ends[0], sum(ends))
)
BOXES = st.tuples(ENDS, ENDS, ENDS).map(lambda ends: Box(*zip(*ends, strict=True)))


@given(BOXES)
def test_a_box_is_read_back_from_its_text(box):
    assert Box.parse(str(box)) == Box.of(box.slices) == box
    assert box.shape == tuple(part.stop - part.start for part in box.slices)


@given(BOXES, BOXES)
def test_boxes_overlap_where_they_have_a_voxel_in_common(one, other):
    common = [
        range(max(a.start, b.start), min(a.stop, b.stop))
        for a, b in zip(one.slices, other.slices, strict=True)
    ]
    assert one.overlaps(other) == other.overlaps(one) == all(map(len, common))


@pytest.mark.parametrize(
    "text",
    ["", "0:1", "0:1,0:1,0:0", "4:2,0:1,0:1", "-1:2,0:1,0:1", "a:2,0:1,0:1", "0:1,0:1,0:1,0:1"],
)
def test_texts_that_are_no_boxes(text):
    with pytest.raises(ValueError, match=r"box .*expected"):
        Box.parse(text)


@given(BOXES, st.text(max_size=300))
def test_the_image_id_of_a_box_is_plain_and_names_it(box, store):
    image_id = box.image_id(store)
    assert checked_image_id(image_id) == image_id
    assert image_id.endswith(box.name)


LEVELS = st.none() | st.text("0123/._a é", min_size=1, max_size=300)


@given(BOXES, st.sampled_from(["scroll", "s" * 250]), LEVELS, LEVELS)
def test_no_two_levels_have_the_same_image_id(box, store, level, other):
    for named in (lambda one: box.image_id(store, one), lambda one: store_id(store, one)):
        assert checked_image_id(named(level)) == named(level)
        assert (named(level) == named(other)) == (level == other)
    image_id = box.image_id(store, level)
    assert box_of(image_id) == box
    assert (level_of(image_id) is None) == (level is None)
    assert (level_of(image_id) == level_of(box.image_id("b", other))) == (level == other)


def test_boxes_are_kept_in_a_file(tmp_path):
    boxes = tuple(map(Box.parse, ("0:8,0:8,0:8", "8:16,0:8,0:8")))
    kept = BoxList(store="https://host/a.zarr", level="2", shape=(16, 8, 8), boxes=boxes)
    kept.write(tmp_path / "boxes.json")
    assert BoxList.read(tmp_path / "boxes.json") == kept
    assert json.loads((tmp_path / "boxes.json").read_text())["boxes"] == list(map(str, boxes))


FAULTS = {
    "no JSON": "{",
    "another file": json.dumps({"format": "other", "store": "a", "shape": [1, 1, 1], "boxes": []}),
    "no boxes": json.dumps({"store": "a", "shape": [1, 1, 1], "boxes": []}),
    "no box": json.dumps({"store": "a", "shape": [1, 1, 1], "boxes": ["0:1"]}),
    "beyond": json.dumps({"store": "a", "shape": [1, 1, 1], "boxes": ["0:1,0:1,0:2"]}),
    "unknown": json.dumps({"store": "a", "shape": [1, 1, 1], "boxes": ["0:1,0:1,0:1"], "b": 1}),
    "too long": " " * 2**22 + "{}",
}


@pytest.mark.parametrize("fault", FAULTS)
def test_files_that_are_no_boxes(tmp_path, fault):
    path = tmp_path / "boxes.json"
    path.write_text(FAULTS[fault])
    with pytest.raises(FragmentError, match=r"boxes\.json: "):
        BoxList.read(path)
    with pytest.raises(FragmentError, match=r"missing\.json: cannot be read"):
        BoxList.read(tmp_path / "missing.json")


def test_boxes_lie_within_the_volume_and_differ():
    box = Box.parse("0:4,0:4,0:4")
    check_boxes([box], (4, 4, 4), "a")
    with pytest.raises(FragmentError, match="expected one within 0:4,0:4,0:3"):
        check_boxes([box], (4, 4, 3), "a")
    with pytest.raises(FragmentError, match="twice"):
        check_boxes([box, box], (4, 4, 4), "a")
