"""Components held as runs."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from scipy import ndimage

from napari_nx46.voxels.spans import find_components, find_runs
from napari_nx46.voxels.workers import Workers

STRUCTURES = {6: 1, 18: 2, 26: 3}
SHAPES = array_shapes(min_dims=3, max_dims=3, min_side=1, max_side=7) | st.tuples(
    st.integers(1, 4), st.integers(1, 4), st.integers(1, 40)
)
MASKS = SHAPES.flatmap(lambda shape: arrays(np.uint8, shape, elements=st.integers(0, 1)))
FACE = st.tuples(st.booleans(), st.booleans())


def raster_labels(mask: np.ndarray, connectivity: int) -> np.ndarray:
    """Return SciPy's labels, renumbered in raster order of their first voxels."""
    structure = ndimage.generate_binary_structure(3, STRUCTURES[connectivity])
    labels, _ = ndimage.label(mask, structure)
    flat = labels[labels > 0]
    numbers = np.zeros(labels.max() + 1, np.int64)
    for number, label in enumerate(dict.fromkeys(flat.tolist()), start=1):
        numbers[label] = number
    return numbers[labels]


def labels_of(components) -> np.ndarray:
    everywhere = np.ones(components.runs.shape, np.uint8)
    return components.labels(np.arange(1, components.count + 1, dtype=np.int32), everywhere)


@given(MASKS, st.booleans())
def test_runs_hold_every_voxel_once_and_are_as_long_as_can_be(mask, background):
    runs = find_runs(mask, background=background)
    rows = mask.reshape(-1, mask.shape[2]) == (0 if background else 1)
    held = np.zeros(rows.shape, int)
    for row, first, stop in zip(runs.rows(), runs.first, runs.stop, strict=True):
        held[row, first:stop] += 1
        assert first == 0 or not rows[row, first - 1]
        assert stop == rows.shape[1] or not rows[row, stop]
    np.testing.assert_array_equal(held, rows)
    np.testing.assert_array_equal(
        np.bincount(runs.rows(), minlength=len(rows)).cumsum(), runs.row_starts[1:]
    )


@given(MASKS, st.sampled_from([6, 18, 26]), st.booleans())
def test_components_are_those_of_scipy_in_raster_order(mask, connectivity, background):
    components = find_components(mask, connectivity, background=background)
    expected = raster_labels(mask == (0 if background else 1), connectivity)
    assert components.count == expected.max(initial=0)
    np.testing.assert_array_equal(labels_of(components), expected)
    np.testing.assert_array_equal(components.sizes(), np.bincount(expected.ravel())[1:])


@given(MASKS, st.tuples(FACE, FACE, FACE))
def test_components_touch_the_faces_that_their_voxels_touch(mask, faces):
    components = find_components(mask, 26)
    labels = labels_of(components)
    expected = set()
    for axis, (low, high) in enumerate(faces):
        ends = np.moveaxis(labels, axis, 0)
        expected |= set(ends[0].ravel()) if low else set()
        expected |= set(ends[-1].ravel()) if high else set()
    assert set(np.flatnonzero(components.touching(faces)) + 1) == expected - {0}


@given(MASKS, st.integers(0, 2**32 - 1))
def test_components_overlap_a_mask_where_they_share_a_voxel(mask, seed):
    other = (np.random.default_rng(seed).random(mask.shape) < 0.1).astype(np.uint8)
    components = find_components(mask, 6)
    expected = set(labels_of(components)[other == 1]) - {0}
    assert set(np.flatnonzero(components.overlapping(other)) + 1) == expected


@pytest.mark.parametrize("connectivity", [6, 18, 26])
def test_components_across_tiles_do_not_depend_on_threads(connectivity):
    mask = (np.random.default_rng(1).random((70, 100, 101)) < 0.12).astype(np.uint8)
    threads = Workers(3)
    shared = find_components(mask, connectivity, workers=threads)
    alone = find_components(mask, connectivity)
    np.testing.assert_array_equal(shared.component, alone.component)
    np.testing.assert_array_equal(labels_of(shared), raster_labels(mask, connectivity))
    threads.close()


def test_a_mask_that_is_not_contiguous_has_the_same_components():
    mask = (np.random.default_rng(2).random((9, 10, 22)) < 0.3).astype(np.uint8)[::2, :, ::2]
    np.testing.assert_array_equal(labels_of(find_components(mask, 6)), raster_labels(mask, 6))


@pytest.mark.parametrize("shape", [(0, 3, 4), (3, 0, 4), (3, 4, 0)])
def test_an_array_without_voxels_has_no_components(shape):
    components = find_components(np.zeros(shape, np.uint8), 26, background=True)
    assert components.count == 0
    assert not components.touching(((True, True),) * 3).size


def test_a_connectivity_that_does_not_exist_is_refused():
    with pytest.raises(ValueError, match=r"\(6, 18, 26\), found 8"):
        find_components(np.zeros((2, 2, 2), np.uint8), 8)


@pytest.mark.parametrize("found", [np.zeros((2, 2), np.uint8), np.zeros((2, 2, 2), np.int32)])
def test_components_of_what_is_no_mask_are_refused(found):
    with pytest.raises(ValueError, match=f"uint8, found shape .* of {found.dtype}"):
        find_components(found, 26)
