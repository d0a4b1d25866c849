"""Hysteresis, small objects and enclosed background."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes
from scipy import ndimage
from skimage import morphology

from napari_nx46.core.cleanup.objects import fill_cavities, keep_linked, remove_small_objects
from napari_nx46.voxels.spans import CLOSED
from napari_nx46.voxels.workers import Workers

STRUCTURES = {6: 1, 18: 2, 26: 3}
SHAPES = array_shapes(min_dims=3, max_dims=3, min_side=1, max_side=9)
FACE = st.tuples(st.booleans(), st.booleans())
FACES = st.tuples(FACE, FACE, FACE)
OPEN_LOW_Z = ((True, False), (False, False), (False, False))


@st.composite
def masks(draw, shares=(0.05, 0.15, 0.3, 0.6)):
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    return (rng.random(draw(SHAPES)) < draw(st.sampled_from(shares))).astype(np.uint8)


@st.composite
def scores(draw):
    """Draw scores, and as many voxels of an earlier mask."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    shape = draw(SHAPES)
    return rng.random(shape), (rng.random(shape) < 0.05).astype(np.uint8)


def labels_of(mask: np.ndarray, connectivity: int) -> np.ndarray:
    structure = ndimage.generate_binary_structure(3, STRUCTURES[connectivity])
    return ndimage.label(mask, structure)[0]


def at_open_face(shape: tuple[int, ...], open_faces) -> np.ndarray:
    touching = np.zeros(shape, bool)
    for axis, (low, high) in enumerate(open_faces):
        ends = np.moveaxis(touching, axis, 0)
        ends[0] |= low
        ends[-1] |= high
    return touching


def numbers_in(labels: np.ndarray, where: np.ndarray) -> set[int]:
    return set(labels[where].tolist()) - {0}


@given(scores(), st.sampled_from([0.02, 0.1, 0.3]), st.sampled_from([0.5, 0.7, 0.9]))
def test_hysteresis_is_that_of_scipy_labels(score_and_known, high_share, low):
    score, _ = score_and_known
    high = (score >= 1 - high_share).astype(np.uint8)
    low = (score >= low).astype(np.uint8)
    labels = labels_of(low, 26)
    expected = np.isin(labels, list(numbers_in(labels, (high != 0))))
    np.testing.assert_array_equal(keep_linked(low, high), expected)


@given(scores(), FACES, st.sampled_from([0.5, 0.7, 0.9]))
def test_on_a_block_what_leaves_it_is_linked_where_it_was_before(score_and_known, faces, low):
    score, known = score_and_known
    high, low = (score >= 0.97).astype(np.uint8), (score >= low).astype(np.uint8)
    labels = labels_of(low, 26)
    leaving = numbers_in(labels, at_open_face(low.shape, faces))
    kept = numbers_in(labels, high != 0) | (leaving & numbers_in(labels, known != 0))
    linked = keep_linked(low, high, known=known, open_faces=faces)
    np.testing.assert_array_equal(linked, np.isin(labels, list(kept)))


def line_of_two() -> np.ndarray:
    """Return a line that begins at the low face along z, and one that touches no face."""
    lines = np.zeros((7, 7, 7), np.uint8)
    lines[0:3, 1, 1] = 1
    lines[2:5, 4, 4] = 1
    return lines


def test_without_an_earlier_mask_what_leaves_a_block_is_not_linked():
    lines = line_of_two()
    nothing = np.zeros_like(lines)
    assert not keep_linked(lines, nothing, open_faces=OPEN_LOW_Z).any()


def test_an_earlier_mask_says_nothing_of_what_stays_in_the_block():
    lines = line_of_two()
    nothing = np.zeros_like(lines)
    linked = keep_linked(lines, nothing, known=lines, open_faces=OPEN_LOW_Z)
    np.testing.assert_array_equal(linked[:, 1, 1], lines[:, 1, 1])
    assert linked.sum() == 3
    assert not keep_linked(lines, nothing, known=lines, open_faces=CLOSED).any()


def test_voxels_that_share_a_corner_are_linked():
    low = np.zeros((3, 3, 3), np.uint8)
    low[0, 0, 0] = low[1, 1, 1] = low[2, 2, 2] = 1
    high = np.zeros_like(low)
    high[2, 2, 2] = 1
    np.testing.assert_array_equal(keep_linked(low, high), low)


def test_a_high_voxel_outside_the_low_mask_counts_for_nothing():
    low = np.zeros((1, 1, 5), np.uint8)
    low[..., 0] = 1
    high = np.zeros_like(low)
    high[..., 1] = 1
    assert not keep_linked(low, high).any()


@given(masks(), st.integers(0, 30), st.sampled_from([6, 18, 26]))
def test_small_objects_go_as_in_scikit_image(mask, smallest, connectivity):
    # scikit-image names the largest that goes; up to one voxel, nothing does.
    expected = morphology.remove_small_objects(
        mask != 0, max_size=max(smallest - 1, 0), connectivity=STRUCTURES[connectivity]
    )
    np.testing.assert_array_equal(remove_small_objects(mask, smallest, connectivity), expected)


@given(masks(), FACES, st.sampled_from([6, 26]), st.integers(0, 2**32 - 1))
def test_on_a_block_what_leaves_it_is_dropped_where_it_was_before(mask, faces, connectivity, seed):
    known = (np.random.default_rng(seed).random(mask.shape) < 0.1).astype(np.uint8)
    labels = labels_of(mask, connectivity)
    small = set(np.flatnonzero(np.bincount(labels.ravel()) < 5).tolist())
    leaving = numbers_in(labels, at_open_face(mask.shape, faces))
    for before, doubtful in ((None, set()), (known, leaving - numbers_in(labels, known != 0))):
        gone = (small - leaving) | (small & doubtful)
        kept = remove_small_objects(mask, 5, connectivity, known=before, open_faces=faces)
        np.testing.assert_array_equal(kept, (mask != 0) & ~np.isin(labels, list(gone)))


def test_an_object_that_is_seen_to_be_large_stays_whatever_was_before():
    lines = line_of_two()
    nothing = np.zeros_like(lines)
    kept = remove_small_objects(lines, 3, known=nothing, open_faces=OPEN_LOW_Z)
    np.testing.assert_array_equal(kept, lines)
    assert not remove_small_objects(lines, 4, known=nothing, open_faces=OPEN_LOW_Z).any()
    assert remove_small_objects(lines, 4, open_faces=OPEN_LOW_Z).sum() == 3


@pytest.mark.parametrize("smallest", [0, 1])
def test_a_smallest_size_of_one_voxel_drops_nothing(smallest):
    lines = line_of_two()
    kept = remove_small_objects(lines, smallest, 6)
    np.testing.assert_array_equal(kept, lines)
    assert not np.shares_memory(kept, lines)


@given(masks(shares=(0.3, 0.6, 0.75, 0.9)))
def test_enclosed_background_is_filled_as_in_scipy(mask):
    np.testing.assert_array_equal(fill_cavities(mask), ndimage.binary_fill_holes(mask))


def test_a_cavity_that_opens_at_a_corner_only_is_filled():
    box = np.ones((5, 5, 5), np.uint8)
    box[2, 2, 2] = box[1, 1, 1] = box[0, 0, 0] = 0
    filled = np.ones_like(box)
    filled[0, 0, 0] = 0
    np.testing.assert_array_equal(fill_cavities(box), filled)


def test_a_dent_in_a_face_of_the_array_is_not_filled():
    box = np.ones((4, 5, 6), np.uint8)
    for dent in ((0, 2, 2), (3, 2, 2), (1, 0, 2), (1, 4, 2), (1, 2, 0), (1, 2, 5)):
        dented = box.copy()
        dented[dent] = 0
        np.testing.assert_array_equal(fill_cavities(dented), dented)


def steps(mask: np.ndarray, workers: Workers | None) -> list[np.ndarray]:
    high = mask * (np.arange(mask.shape[0]) % 7 == 0)[:, None, None].astype(np.uint8)
    return [
        keep_linked(mask, high, workers=workers),
        remove_small_objects(mask, 20, 6, workers=workers),
        remove_small_objects(mask, 20, 26, workers=workers),
        fill_cavities(mask, workers=workers),
    ]


@pytest.mark.parametrize("share", [0.1, 0.6])
def test_objects_do_not_depend_on_threads(share):
    rng = np.random.default_rng(7)
    mask = (ndimage.uniform_filter(rng.random((70, 90, 100)), 2) < share).astype(np.uint8)
    threads = Workers(3)
    for shared, alone in zip(steps(mask, threads), steps(mask, None), strict=True):
        np.testing.assert_array_equal(shared, alone)
    threads.close()


@given(masks())
def test_objects_leave_their_arguments_alone(mask):
    copy = mask.copy()
    for result in steps(mask, None):
        assert result.dtype == np.uint8
        assert not np.shares_memory(result, mask)
    np.testing.assert_array_equal(mask, copy)


@pytest.mark.parametrize("shape", [(0, 3, 4), (3, 0, 4), (3, 4, 0), (3, 4, 5)])
def test_there_are_no_objects_in_an_empty_mask(shape):
    nothing = np.zeros(shape, np.uint8)
    for result in steps(nothing, None):
        np.testing.assert_array_equal(result, nothing)


def test_masks_of_different_shapes_are_refused():
    mask, other = np.ones((2, 3, 4), np.uint8), np.ones((2, 3, 5), np.uint8)
    refused = pytest.raises(ValueError, match=r"equal shape, found \(2, 3, 4\) and \(2, 3, 5\)")
    with refused:
        keep_linked(mask, other)
    with refused:
        keep_linked(mask, mask, known=other)
    with refused:
        remove_small_objects(mask, 3, known=other)
