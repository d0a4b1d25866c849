"""Components of tiles are joined to those of the whole volume, and decided on as those."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from napari_nx46.voxels.grid import Grid
from napari_nx46.voxels.merging import merge_pieces
from napari_nx46.voxels.piece_rules import Flag, Measures, PieceRule
from napari_nx46.voxels.pieces import (
    TilePieces,
    flip_decided,
    label_numbers,
    label_pieces,
    uniform_pieces,
)
from tests.voxels.mask_cases import noise_mask

RULES = [
    *(PieceRule(connectivity, smallest=4) for connectivity in (6, 18, 26)),
    PieceRule(26, flag=Flag.MARKED),
    PieceRule(6, background=True, flag=Flag.OUTSIDE),
    PieceRule(26, background=True, smallest=9),
]
RANKS = {6: 1, 18: 2, 26: 3}


def plain_labels(mask, rule):
    """Number the components of the volume that a rule is about."""
    structure = ndimage.generate_binary_structure(3, RANKS[rule.connectivity])
    return ndimage.label((mask != 0) != rule.background, structure)


def plainly_decided(mask, rule, marks):
    """Return what a rule leaves of a whole volume, component by component."""
    labels, count = plain_labels(mask, rule)
    decided = mask.copy()
    inside = np.zeros(mask.shape, bool)
    inside[1:-1, 1:-1, 1:-1] = True
    for number in range(1, count + 1):
        there = labels == number
        stays = np.count_nonzero(there) >= rule.smallest
        if rule.flag is Flag.MARKED:
            stays &= bool(marks[there].any())
        if rule.flag is Flag.OUTSIDE:
            stays &= not inside[there].all()
        if not stays:
            decided[there] = int(rule.background)
    return decided


def decided_by_tiles(mask, rule, marks, grid, order):
    """Return the same tile by tile."""
    masks, pieces = {}, {}
    for tile in order:
        block = grid.block(tile)
        masks[tile], found = label_pieces(mask[block], rule, block, grid.shape, marks=marks[block])
        pieces[tile] = TilePieces.of_arrays(found.arrays())
    decisions = merge_pieces(rule, grid, order, pieces.__getitem__)
    decided = np.empty_like(mask)
    for tile in order:
        staying = decisions.staying_of(tile)
        decided[grid.block(tile)] = flip_decided(masks[tile], rule, pieces[tile], staying)
    return decided, decisions


@st.composite
def tiled_masks(draw):
    """Draw a mask, another one, the tiles of a grid, and an order of them."""
    shape = tuple(draw(st.integers(1, 14)) for _ in range(3))
    grid = Grid(shape, tuple(draw(st.sampled_from([1, 3, 5, 7, 20])) for _ in range(3)))
    seed = draw(st.integers(0, 2**32 - 1))
    share = draw(st.sampled_from([0.0, 0.05, 0.2, 0.4, 0.6, 0.9, 1.0]))
    mask = noise_mask(seed, shape, share, draw(st.sampled_from([0.0, 0.7])))
    if share == 0:
        mask[:] = 0
    order = np.random.default_rng(seed).permutation(len(grid)).tolist()
    return mask, noise_mask(seed + 1, shape, 0.1), grid, order


@settings(max_examples=150, deadline=None)
@given(case=tiled_masks(), rule=st.sampled_from(RULES))
def test_components_of_tiles_are_decided_on_as_those_of_the_whole(case, rule):
    mask, marks, grid, order = case
    found, decisions = decided_by_tiles(mask, rule, marks, grid, order)
    expected = plainly_decided(mask, rule, marks)
    np.testing.assert_array_equal(found, expected)
    left = expected if not rule.background else np.where(mask == 0, expected, 1)
    assert decisions.components == plain_labels(left, rule)[1]


@settings(max_examples=100, deadline=None)
@given(case=tiled_masks(), smallest=st.integers(1, 6))
def test_keys_are_the_places_of_the_components_first_voxels(case, smallest):
    mask, _, grid, order = case
    rule = PieceRule(26, smallest=smallest)
    labelled = {
        tile: label_numbers(mask[grid.block(tile)], rule, grid.block(tile), grid.shape)
        for tile in order
    }
    decisions = merge_pieces(rule, grid, order, lambda tile: labelled[tile][1])
    keys = np.zeros(mask.shape, np.int64)
    for tile, (numbers, pieces) in labelled.items():
        known = np.concatenate([[0], pieces.all_keys(decisions.keys_of(tile))])
        keys[grid.block(tile)] = known[numbers]
    labels, count = plain_labels(mask, rule)
    expected = np.zeros(mask.size, np.int64)
    for number in range(1, count + 1):
        places = np.flatnonzero(labels == number)
        expected[places] = places[0] + 1 if places.size >= smallest else 0
    np.testing.assert_array_equal(keys.ravel(), expected)


@pytest.mark.parametrize("rule", [rule for rule in RULES if rule.flag is not Flag.MARKED])
@pytest.mark.parametrize("value", [0, 1])
def test_a_uniform_tile_has_the_pieces_that_its_voxels_have(rule, value):
    grid = Grid((7, 6, 5), (3, 6, 2))
    for tile in range(len(grid)):
        block = grid.block(tile)
        mask = np.full(grid.shape, value, np.uint8)[block]
        _, expected = label_pieces(mask, rule, block, grid.shape)
        found = uniform_pieces(rule, bool(value), block, grid.shape)
        assert found.planes.keys() == expected.planes.keys()
        for face, plane in found.planes.items():
            np.testing.assert_array_equal(plane, expected.planes[face])
        np.testing.assert_array_equal(found.measures.sizes, expected.measures.sizes)
        np.testing.assert_array_equal(found.measures.flags, expected.measures.flags)


def test_a_snake_of_runs_is_flipped_whole_and_nothing_else():
    mask = np.zeros((25, 400, 60), np.uint8)
    mask[2, ::2, 1:-1] = 1
    mask[2, 1::4, -2] = mask[2, 3::4, 1] = 1
    other = mask.copy()
    other[4, :, 30] = 1
    face = np.zeros((25, 60), np.int32)
    face[2, 1:-1] = 1
    size = Measures.of(np.array([mask.sum()]))
    pieces = TilePieces({(1, 0): face}, size, np.empty(0, np.int64))
    found = flip_decided(other, PieceRule(6), pieces, np.zeros(1, bool))
    np.testing.assert_array_equal(found, other - mask)


def test_a_rule_that_asks_for_marks_needs_them():
    grid = Grid((2, 2, 2), (2, 2, 2))
    rule = PieceRule(26, flag=Flag.MARKED)
    with pytest.raises(ValueError, match="second mask"):
        label_pieces(np.ones(grid.shape, np.uint8), rule, grid.block(0), grid.shape)


@given(
    shape=st.tuples(*[st.integers(1, 30)] * 3),
    tile=st.tuples(*[st.integers(1, 40)] * 3),
    data=st.data(),
)
def test_a_grid_covers_its_volume_once_and_finds_the_tiles_of_a_box(shape, tile, data):
    grid = Grid(shape, tile)
    owner = np.full(shape, -1)
    for number in range(len(grid)):
        assert (owner[grid.block(number)] == -1).all()
        owner[grid.block(number)] = number
        assert grid.tile_at(grid.place(number)) == number
    assert owner.min() == 0
    box = []
    for length in shape:
        start = data.draw(st.integers(0, length - 1))
        box.append(slice(start, data.draw(st.integers(start + 1, length))))
    assert list(grid.overlapping(tuple(box))) == np.unique(owner[tuple(box)]).tolist()
    assert grid.tile_at((-1, 0, 0)) is None
    with pytest.raises(ValueError, match="expected a tile from 0"):
        grid.block(len(grid))
