"""Objects go by their size, their box, and the faces that they reach."""

from __future__ import annotations

import cc3d
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_nx46.core.cleanup.object_rules.dust import remove_block_dust
from napari_nx46.core.cleanup.object_rules.faces import (
    remove_incomplete_sheets,
    remove_objects_by_faces,
)
from napari_nx46.core.cleanup.place import Place
from napari_nx46.voxels.blocks import octants_of
from tests.voxels.mask_cases import masks

CONNECTIVITIES = st.sampled_from([6, 18, 26])


def objects_of(mask, connectivity, margin):
    """Yield label, size, sides and reached axes of each object, by cc3d."""
    labels = cc3d.connected_components(mask, connectivity=connectivity)
    found = cc3d.statistics(labels)
    for label in range(1, int(labels.max()) + 1):
        box = found["bounding_boxes"][label]
        reached = sum(
            extent.start < margin or extent.stop > length - margin
            for extent, length in zip(box, mask.shape, strict=True)
        )
        sides = [extent.stop - extent.start for extent in box]
        yield labels == label, int(found["voxel_counts"][label]), sides, reached


@settings(max_examples=50, deadline=None)
@given(
    mask=masks(),
    smallest=st.tuples(*[st.integers(0, 40)] * 3),
    margin=st.integers(0, 4),
    connectivity=CONNECTIVITIES,
)
def test_objects_go_by_the_faces_that_they_reach(mask, smallest, margin, connectivity):
    expected = mask.copy()
    for where, size, _, reached in objects_of(mask, connectivity, margin):
        if size < smallest[min(reached, 2)]:
            expected[where] = 0
    found = remove_objects_by_faces(mask, smallest, margin, connectivity)
    np.testing.assert_array_equal(found, expected)


@settings(max_examples=50, deadline=None)
@given(
    mask=masks(),
    span=st.floats(0, 1),
    margin=st.integers(0, 4),
    connectivity=CONNECTIVITIES,
)
def test_incomplete_sheets_go_by_their_longest_side(mask, span, margin, connectivity):
    expected = mask.copy()
    for where, _, sides, reached in objects_of(mask, connectivity, margin):
        main = sides.index(max(sides))
        if sides[main] < span * mask.shape[main] and reached < 2:
            expected[where] = 0
    found = remove_incomplete_sheets(mask, span, margin, connectivity)
    np.testing.assert_array_equal(found, expected)


@settings(max_examples=50, deadline=None)
@given(mask=masks(), smallest=st.integers(0, 30))
def test_dust_goes_octant_by_octant(mask, smallest):
    expected = mask.copy()
    for octant in octants_of(mask.shape):
        part = np.ascontiguousarray(mask[octant])
        expected[octant] = cc3d.dust(part, threshold=smallest, connectivity=6, in_place=False)
    np.testing.assert_array_equal(remove_block_dust(mask, smallest), expected)


def test_an_object_that_leaves_the_block_stays_unless_it_is_known_to_go():
    mask = np.zeros((1, 6, 6), np.uint8)
    mask[0, 0, 1:3] = mask[0, 3, 3:5] = 1
    leaving = mask.copy()
    leaving[0, 3] = 0
    block, shape = (slice(0, 1), slice(6, 12), slice(3, 9)), (1, 18, 12)
    for known, expected in ((None, leaving), (mask, leaving), (mask - leaving, 0 * mask)):
        place = Place(block, shape, known)
        found = [
            remove_objects_by_faces(mask, (3, 3, 3), 1, place=place),
            remove_incomplete_sheets(mask, 0.5, place=place),
        ]
        for one in found:
            np.testing.assert_array_equal(one, expected)


def test_on_a_block_the_octants_are_those_of_the_fragment():
    fragment = np.zeros((2, 2, 18), np.uint8)
    fragment[0, 0] = fragment[1, 1, 7:11] = 1  # the cut at x = 9 leaves two and two of the second
    block = (slice(0, 2), slice(0, 2), slice(2, 10))
    whole = remove_block_dust(fragment, 3)
    assert int(whole.sum()) == 18
    place = Place(block, fragment.shape)
    on_block = remove_block_dust(fragment[block], 3, place=place)
    expected = whole[block].copy()
    expected[1, 1, 7] = 1  # it leaves the block: its size is unknown
    np.testing.assert_array_equal(on_block, expected)
    place = Place(block, fragment.shape, whole[block])
    on_block = remove_block_dust(fragment[block], 3, place=place)
    np.testing.assert_array_equal(on_block, whole[block])


def test_knobs_below_zero_are_refused():
    mask = np.zeros((2, 3, 4), np.uint8)
    with pytest.raises(ValueError, match="corner_min"):
        remove_objects_by_faces(mask, (0, 0, -1), 0)
    with pytest.raises(ValueError, match="span"):
        remove_incomplete_sheets(mask, -0.1)
    with pytest.raises(ValueError, match="smallest"):
        remove_block_dust(mask, -1)
