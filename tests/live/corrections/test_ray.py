"""The first voxel on a ray, against all voxels whose box the ray passes through."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from napari_nx46.live.corrections.ray import first_voxel

SHAPE = (4, 5, 6)


def nearest_box(mask, point, direction):
    """Return the voxel of a mask whose box a line enters first, and for how long it is within."""
    voxels = np.argwhere(mask)
    with np.errstate(divide="ignore", invalid="ignore"):
        faces = np.stack([voxels - 0.5 - point, voxels + 0.5 - point]) / direction
    enters, leaves = faces.min(axis=0), faces.max(axis=0)
    # Along such an axis the line is within for ever, or never.
    still = np.asarray(direction) == 0
    within = np.abs(voxels - point) < 0.5
    enters = np.where(still, np.where(within, -np.inf, np.inf), enters).max(axis=1)
    leaves = np.where(still, np.where(within, np.inf, -np.inf), leaves).min(axis=1)
    passed = np.flatnonzero(enters < leaves)
    if not passed.size:
        return None, 0.0
    first = passed[enters[passed].argmin()]
    return tuple(voxels[first].tolist()), leaves[first] - enters[first]


def numbers(smallest, largest):
    """Return numbers whose sums do not hit faces and edges by more than rounding."""
    return st.integers(smallest, largest).map(lambda hundredths: hundredths / 97)


@given(
    mask=arrays(np.uint8, SHAPE, elements=st.sampled_from((0, 0, 0, 1))),
    point=st.tuples(*(numbers(-200, 100 * length + 100) for length in SHAPE)),
    direction=st.tuples(*(numbers(-100, 100),) * 3).filter(any),
)
def test_it_is_the_first_of_all_whose_box_the_line_passes(mask, point, direction):
    expected, within = nearest_box(mask, point, direction)
    found = first_voxel(mask, np.array(point), np.array(direction))
    if expected is not None and within < 1e-6:  # no more than an edge
        return
    if found != expected:  # another one is touched before, at an edge
        assert found is not None
        alone = np.zeros_like(mask)
        alone[found] = 1
        assert nearest_box(alone, point, direction)[1] < 1e-6


@pytest.mark.parametrize("axis", range(3))
def test_the_outer_half_of_the_first_and_the_last_voxel_belongs_to_them(axis):
    mask = np.ones(SHAPE, np.uint8)
    direction = np.roll((0.0, 0.0, 1.0), axis)
    for at, index in ((-0.4, 0), (SHAPE[axis] - 0.6, SHAPE[axis] - 1)):
        point = np.full(3, 2.0)
        point[axis] = at
        found = first_voxel(mask, point, direction)
        assert found is not None
        assert found[axis] == index
    point[axis] = -0.6
    assert first_voxel(mask, point, direction) is None


def test_a_ray_that_goes_nowhere_meets_nothing():
    assert first_voxel(np.ones(SHAPE, np.uint8), np.zeros(3), np.zeros(3)) is None
