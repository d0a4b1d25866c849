"""Corrections do to any block what `np.where` does, and are equal where they do the same."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy import ndimage

from napari_nx46.voxels.blocks import whole_block
from napari_nx46.voxels.corrections.component import component_at
from napari_nx46.voxels.corrections.corrections import Corrections, CorrectionsError
from napari_nx46.voxels.corrections.runs import SliceRuns

SHAPES = arrays.array_shapes(min_dims=3, max_dims=3, max_side=7)


@st.composite
def label_volumes(draw, shape=None):
    """Draw corrections as a whole volume, with slices in which there are none."""
    shape = draw(SHAPES) if shape is None else shape
    labels = draw(arrays.arrays(np.uint8, shape, elements=st.integers(0, 2)))
    labels[draw(arrays.arrays(bool, shape[0]))] = 0
    return labels


@st.composite
def blocks(draw, shape):
    extents = [sorted((draw(st.integers(0, n)), draw(st.integers(0, n)))) for n in shape]
    return tuple(slice(start, stop) for start, stop in extents)


def defined(mask, labels):
    return np.where(labels == 1, 1, np.where(labels == 2, 0, mask)).astype(np.uint8)


@given(label_volumes(), st.data())
def test_a_block_of_a_mask_is_corrected_as_the_definition_says(labels, data):
    corrections = Corrections.of(labels)
    block = data.draw(blocks(labels.shape))
    mask = data.draw(arrays.arrays(np.uint8, labels[block].shape, elements=st.integers(0, 1)))
    before = mask.copy()
    np.testing.assert_array_equal(corrections.apply(mask, block), defined(mask, labels[block]))
    np.testing.assert_array_equal(mask, before)
    np.testing.assert_array_equal(corrections.labels(block), labels[block])


@given(label_volumes(), st.data())
def test_changing_a_block_is_assigning_to_it(labels, data):
    corrections = Corrections.of(labels)
    block = data.draw(blocks(labels.shape))
    part = data.draw(label_volumes(labels[block].shape)) if labels[block].size else labels[block]
    changed = corrections.changed(block, part)
    np.testing.assert_array_equal(corrections.labels(whole_block(labels.shape)), labels)
    labels[block] = part
    assert changed == Corrections.of(labels)
    assert changed.slices.keys() == {z for z, plane in enumerate(labels) if plane.any()}
    assert (changed.added, changed.erased) == ((labels == 1).sum(), (labels == 2).sum())


@given(label_volumes(), st.data(), st.integers(0, 2))
def test_changing_voxels_is_assigning_to_them(labels, data, value):
    corrections = Corrections.of(labels)
    chosen = data.draw(arrays.arrays(bool, labels.shape))
    changed = corrections.with_voxels(np.nonzero(chosen), value)
    labels[chosen] = value
    assert changed == Corrections.of(labels)


@given(st.data(), SHAPES)
def test_of_two_that_are_merged_the_other_wins(data, shape):
    first, second = (data.draw(label_volumes(shape)) for _ in range(2))
    merged = Corrections.of(first).merged(Corrections.of(second))
    assert merged == Corrections.of(np.where(second, second, first))


@given(st.data(), SHAPES)
def test_corrections_are_equal_where_their_voxels_are(data, shape):
    first, second = (data.draw(label_volumes(shape)) for _ in range(2))
    one, other = Corrections.of(first), Corrections.of(second)
    same = np.array_equal(first, second)
    assert (one == other) is same
    assert (one.digest == other.digest) is same
    if same:
        assert hash(one) == hash(other)


def test_shape_belongs_to_what_corrections_are():
    assert Corrections.none((1, 2, 3)) != Corrections.none((1, 3, 2))
    assert Corrections.none((1, 2, 3)) != "corrections"


@given(label_volumes(), st.integers(1, 3))
def test_extents_are_the_slices_that_are_corrected(labels, thickness):
    extents = list(Corrections.of(labels).extents(thickness))
    found = [z for extent in extents for z in range(extent.start, extent.stop)]
    assert found == [z for z, plane in enumerate(labels) if plane.any()]
    assert all(0 < extent.stop - extent.start <= thickness for extent in extents)


@given(label_volumes())
def test_runs_that_were_made_here_are_taken_from_a_file(labels):
    corrections = Corrections.of(labels)
    assert Corrections.of_runs(corrections.shape, corrections.slices) == corrections


def runs(starts, stops, values, width=4):
    columns = np.array(starts, np.int64), np.array(stops, np.int64), np.array(values, np.uint8)
    return SliceRuns(width, *columns)


@pytest.mark.parametrize(
    ("z", "wrong", "found"),
    [
        (2, runs([0], [1], [1]), "slice 2 of 2"),
        (-1, runs([0], [1], [1]), "slice -1 of 2"),
        (0, runs([], [], []), "no runs"),
        (0, runs([0, 5], [1], [1]), "as many"),
        (0, runs([0], [1], [3]), "neither 1 nor 2"),
        (0, runs([1], [1], [1]), "empty"),
        (0, runs([-1], [1], [1]), "outside"),
        (0, runs([11], [13], [1]), "outside"),
        (0, runs([3], [5], [1]), "next"),
        (0, runs([0, 1], [2, 3], [1, 2]), "overlap"),
        (0, runs([5, 0], [6, 1], [1, 2]), "sorted"),
        (0, runs([0, 1], [1, 2], [1, 1]), "two parts"),
        (0, runs([0], [1], [1], width=5), "another width"),
    ],
)
def test_runs_of_a_stranger_are_checked(z, wrong, found):
    with pytest.raises(CorrectionsError, match=found):
        Corrections.of_runs((2, 3, 4), {z: wrong})


def test_runs_of_two_rows_and_of_two_values_may_touch():
    slices = {0: runs([0, 2, 4], [2, 4, 5], [1, 2, 2])}
    assert Corrections.of_runs((2, 3, 4), slices).erased == 3


def test_other_values_and_other_shapes_are_refused():
    none = Corrections.none((2, 3, 4))
    with pytest.raises(CorrectionsError, match="value 3"):
        Corrections.of(np.full((2, 3, 4), 3, np.uint8))
    with pytest.raises(CorrectionsError, match="shape"):
        none.changed(whole_block((2, 3, 4)), np.zeros((1, 3, 4), np.uint8))
    with pytest.raises(CorrectionsError, match="shape"):
        none.merged(Corrections.none((2, 3, 5)))


def test_a_stroke_leaves_the_other_slices_as_they_are():
    labels = np.zeros((3, 4, 5), np.uint8)
    labels[0, 1], labels[2, 3] = 1, 2
    before = Corrections.of(labels)
    after = before.changed((slice(1, 2), slice(0, 1), slice(0, 5)), np.ones((1, 1, 5), np.uint8))
    assert all(after.slices[z] is before.slices[z] for z in (0, 2))
    assert after.nbytes < 3 * 17 * 4


@given(label_volumes(), st.data())
def test_voxels_are_those_of_the_volume(labels, data):
    for axis, expected in zip(Corrections.of(labels).voxels(), np.nonzero(labels), strict=True):
        np.testing.assert_array_equal(axis, expected)
    chosen = np.nonzero(data.draw(arrays.arrays(bool, labels.shape)))
    np.testing.assert_array_equal(Corrections.of(labels).at(chosen), labels[chosen])


@given(arrays.arrays(np.uint8, SHAPES, elements=st.integers(0, 1)), st.data(), st.integers(1, 2))
def test_a_component_is_all_that_is_connected_by_corners(mask, data, value):
    voxel = tuple(data.draw(st.integers(0, length - 1)) for length in mask.shape)
    component = component_at(mask, voxel, value)
    numbers, _ = ndimage.label(mask, np.ones((3, 3, 3)))
    expected = np.where(mask & (numbers == numbers[voxel]), value, 0).astype(np.uint8)
    assert component == Corrections.of(expected)
