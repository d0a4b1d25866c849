"""Packed masks, runs and their components."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from scipy import ndimage

from napari_nx46.leaderboard.bits import (
    cells_of,
    count_bits,
    euler_characteristic,
    leading_bits,
)
from napari_nx46.leaderboard.components import runs_of
from napari_nx46.voxels.packed import pack, shift_down, shift_up
from napari_nx46.voxels.spans import components_of
from tests.leaderboard.strategies import MIDDLE, SMALL, mask_pairs


def unpack(words, columns):
    as_bytes = np.ascontiguousarray(words.astype("<u8")).view(np.uint8)
    return np.unpackbits(as_bytes, axis=-1, bitorder="little")[..., :columns].astype(bool)


@given(mask_pairs(MIDDLE))
def test_packing_keeps_every_voxel_and_pads_with_zeros(pair):
    mask = pair[0]
    words = pack(mask).words
    assert (unpack(words, mask.shape[2]) == mask).all()
    assert count_bits(words) == mask.sum()


@given(mask_pairs(MIDDLE))
def test_shifts_move_voxels_over_the_ends_of_words(pair):
    mask = pair[0]
    words, columns = pack(mask, width=mask.shape[2] + 1).words, mask.shape[2]
    assert (unpack(shift_up(words), columns + 1)[..., 1:] == mask).all()
    assert (unpack(shift_down(words), columns)[..., :-1] == mask[..., 1:]).all()


@pytest.mark.parametrize(("count", "columns"), [(0, 1), (63, 64), (64, 64), (64, 65), (65, 130)])
def test_leading_bits_fill_as_many_words_as_a_row_has(count, columns):
    words = leading_bits(count, columns)
    assert words.shape == (-(-columns // 64),)
    assert (unpack(words, columns) == (np.arange(columns) < count)).all()


@given(mask_pairs(SMALL))
def test_the_euler_characteristic_counts_cells(pair):
    mask = np.pad(pair[0], 1).astype(np.int64)
    total = 0
    for kind in np.ndindex(2, 2, 2):  # a cell extends by one along the axes where this is 1
        corners = [
            mask[
                tuple(
                    slice(a * k, n - 1 + a * k) for a, k, n in zip(c, kind, mask.shape, strict=True)
                )
            ]
            for c in np.ndindex(2, 2, 2)
        ]
        total += (-1) ** sum(kind) * int(np.prod(corners, axis=0).sum())
    assert euler_characteristic(cells_of(pack(pair[0]).words)) == total


@given(mask_pairs(MIDDLE))
def test_runs_are_the_stretches_of_each_row(pair):
    mask = pair[0]
    runs = runs_of(pack(mask).words, mask.shape[2])
    rebuilt = np.zeros((mask.shape[0] * mask.shape[1], mask.shape[2]), bool)
    for row, start, stop in zip(runs.rows(), runs.first, runs.stop, strict=True):
        assert start == 0 or not rebuilt[row, start - 1]
        rebuilt[row, start:stop] = True
    assert (rebuilt.reshape(mask.shape) == mask).all()
    steps = np.diff(mask.astype(np.int8), axis=2, prepend=0)
    assert runs.first.size == (steps == 1).sum()


@pytest.mark.parametrize(("connectivity", "rank"), [(6, 1), (18, 2), (26, 3)])
@settings(max_examples=40)
@given(pair=mask_pairs(MIDDLE))
def test_components_are_those_of_a_labelled_image(connectivity, rank, pair):
    mask = pair[0]
    labelled = components_of(runs_of(pack(mask).words, mask.shape[2]), connectivity)
    image, count = ndimage.label(mask, ndimage.generate_binary_structure(3, rank))
    assert labelled.count == count
    runs = labelled.runs
    at_start = image.reshape(-1, mask.shape[2])[runs.rows(), runs.first]
    assert len(set(zip(at_start, labelled.component, strict=True))) == count
    assert sorted(labelled.sizes()) == sorted(np.bincount(image.ravel())[1:])
