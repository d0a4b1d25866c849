"""What a view shows, and which views a fragment can have."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_nx46.live.view import Figures, View, fits_view, slice_view, volume_view, within_plane
from napari_nx46.voxels.blocks import block_shape

SHAPE = (12, 20, 24)


def test_a_slice_view_shows_one_whole_slice():
    view = slice_view(SHAPE, 7)
    assert view.plane == view.block == (slice(7, 8), slice(0, 20), slice(0, 24))
    assert view.extents == ((7, 8), (0, 20), (0, 24))
    assert view.slice_index == 7
    assert not view.three_d
    assert fits_view(view, SHAPE)


def test_a_volume_view_shows_everything():
    view = volume_view(SHAPE)
    assert block_shape(view.plane) == block_shape(view.block) == SHAPE
    assert view.three_d
    assert fits_view(view, SHAPE)


@given(data=st.data())
def test_the_block_within_its_plane_holds_the_same_voxels(data):
    volume = np.arange(np.prod(SHAPE)).reshape(SHAPE)
    plane, block = [], []
    for length in SHAPE:
        start = data.draw(st.integers(0, length - 1))
        stop = data.draw(st.integers(start + 1, length))
        inner = data.draw(st.integers(start, stop - 1))
        plane.append(slice(start, stop))
        block.append(slice(inner, data.draw(st.integers(inner + 1, stop))))
    view = View(tuple(plane), tuple(block))
    assert fits_view(view, SHAPE)
    cut = volume[view.plane][within_plane(view)]
    np.testing.assert_array_equal(cut, volume[view.block])


@pytest.mark.parametrize(
    ("plane", "block"),
    [
        (((12, 13), (0, 20), (0, 24)), ((12, 13), (0, 20), (0, 24))),
        (((0, 1), (0, 21), (0, 24)), ((0, 1), (0, 20), (0, 24))),
        (((0, 1), (0, 20), (0, 24)), ((0, 1), (5, 5), (0, 24))),
        (((0, 1), (0, 20), (0, 24)), ((0, 1), (0, 20), (9, 4))),
        (((3, 4), (0, 20), (0, 24)), ((2, 4), (0, 20), (0, 24))),
        (((3, 4), (0, 20), (0, 24)), ((3, 4), (-2, 20), (0, 24))),
        (((3, 4), (0, 20), (0, 24)), ((3, 4), (0, 20), (0, 25))),
        (((-1, 1), (0, 20), (0, 24)), ((0, 1), (0, 20), (0, 24))),
    ],
)
def test_a_view_beyond_the_fragment_or_its_own_plane_does_not_fit(plane, block):
    view = View(
        tuple(slice(*extent) for extent in plane), tuple(slice(*extent) for extent in block)
    )
    assert not fits_view(view, SHAPE)


def test_figures_know_nothing_and_claim_nothing_to_begin_with():
    figures = Figures()
    assert (figures.threshold, figures.slice_density, figures.fragment_density) == (None,) * 3
    assert not figures.exact
    assert not figures.fragment_exact
