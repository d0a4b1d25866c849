"""Gaps and diagonals are filled as their plain definitions say, shift by shift."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_nx46.core.cleanup.repair.gaps import bridge_diagonals, repair_gaps
from napari_nx46.voxels.workers import Workers
from tests.voxels.mask_cases import masks, noise_mask

NEIGHBOURS = [step for step in itertools.product((-1, 0, 1), repeat=3) if any(step)]
DIAGONALS = [step for step in NEIGHBOURS if step > (0, 0, 0) and sum(map(abs, step)) > 1]


def shifted(mask, step):
    """Return the mask whose voxels are those one step on, with background beyond the faces."""
    padded = np.pad(mask, 9)
    return padded[
        tuple(slice(9 + by, 9 + by + length) for by, length in zip(step, mask.shape, strict=True))
    ]


def defined_gaps(mask, gap, support):
    """Fill between supporting voxels line by line."""
    filled = mask.copy()
    for axis in range(3):
        steps = [
            step
            for step in itertools.product((-1, 0, 1), repeat=3)
            if step[axis] == 0 and any(step)
        ]
        neighbours = sum(shifted(mask, step).astype(int) for step in steps)
        supporting = np.moveaxis((mask > 0) & (neighbours >= support), axis, -1)
        along = np.moveaxis(filled, axis, -1)
        for line in np.ndindex(supporting.shape[:-1]):
            ends = np.flatnonzero(supporting[line])
            for first, last in itertools.pairwise(ends):
                if last - first - 1 <= gap:
                    along[line][first:last] = 1
    return filled


def defined_diagonals(mask):
    """Fill what lies between two opposite voxels on a diagonal."""
    filled = mask.copy()
    for step in DIAGONALS:
        filled |= shifted(mask, step) & shifted(mask, tuple(-by for by in step))
    return filled


@settings(max_examples=50, deadline=None)
@given(
    mask=masks(),
    gap=st.integers(0, 8),
    support=st.integers(0, 8),
    diagonals=st.booleans(),
    passes=st.integers(0, 3),
)
def test_repairing_equals_the_definition(mask, gap, support, diagonals, passes):
    expected = mask
    for _ in range(passes):
        expected = defined_gaps(expected, gap, support) if gap else expected
        expected = defined_diagonals(expected) if diagonals else expected
    found = repair_gaps(mask, gap, support, diagonals, passes)
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, expected)


@settings(max_examples=50, deadline=None)
@given(mask=masks())
def test_squares_with_a_diagonal_pair_become_full(mask):
    expected = mask.copy()
    for axis in range(3):
        before, after = np.moveaxis(mask, axis, 0), np.moveaxis(expected, axis, 0)
        for corner in np.ndindex(len(before), *(max(0, side - 1) for side in before.shape[1:])):
            plane, row, column = corner
            square = np.s_[plane, row : row + 2, column : column + 2]
            if np.array_equal(before[square], np.eye(2)) or np.array_equal(
                before[square], np.eye(2)[::-1]
            ):
                after[square] = 1
    np.testing.assert_array_equal(bridge_diagonals(mask), expected)


def test_there_are_ten_diagonals():
    assert len(DIAGONALS) == 10


def test_many_tiles_give_what_one_gives():
    mask = noise_mask(46, (70, 200, 130), 0.3, 0.8)
    threads = Workers(2)
    found = repair_gaps(mask, 3, 2, True, 2, workers=threads)
    bridged = bridge_diagonals(mask, workers=threads)
    threads.close()
    np.testing.assert_array_equal(found, repair_gaps(mask, 3, 2, True, 2))
    middle = repair_gaps(mask[12:50], 3, 2, True, 2)[8:-8]
    np.testing.assert_array_equal(found[20:42], middle)
    np.testing.assert_array_equal(bridged[20:42], bridge_diagonals(mask[19:43])[1:-1])


def test_knobs_out_of_range_are_refused():
    mask = np.zeros((2, 3, 4), np.uint8)
    with pytest.raises(ValueError, match="gap_support"):
        repair_gaps(mask, 1, -1)
    with pytest.raises(ValueError, match="at most 8, found 9"):
        repair_gaps(mask, 9)
