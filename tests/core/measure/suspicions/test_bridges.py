"""Bridges and joints against plain definitions on small volumes."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy import ndimage

from napari_nx46.core.measure.suspicions.bridges import find_bridges
from tests.core.measure.suspicions.small import ALL, FEW, labelled, masks, sets


def pieces_of_grids(mask, cube):
    """Yield the pieces that all grids cut a mask into, and the 27 cubes around that of each."""
    for shift in itertools.product((0, cube // 2), repeat=3):
        places = [(np.arange(n) + d) // cube for n, d in zip(mask.shape, shift, strict=True)]
        for cell in itertools.product(*(sorted(set(one.tolist())) for one in places)):
            inside, near = (
                np.logical_and.reduce(
                    np.meshgrid(
                        *(abs(one - at) <= reach for one, at in zip(places, cell, strict=True)),
                        indexing="ij",
                    )
                )
                for reach in (0, 1)
            )
            pieces, number = labelled(inside & (mask > 0))
            for piece in range(1, number + 1):
                yield pieces == piece, near


def second_part_without(piece, mask):
    """Return the voxels of the second largest part of what holds a piece, once it is removed."""
    whole, _ = labelled(mask)
    left, _ = labelled((whole == whole[piece][0]) & ~piece)
    sizes = np.sort(np.bincount(left.ravel())[1:])[::-1]
    return sizes[1] if sizes.size > 1 else 0


def bridges_by_definition(mask, smallest, cube):
    """Return a volume with the second largest part that removing each bridge leaves, else 0."""
    second = np.zeros(mask.shape, int)
    for piece, _ in pieces_of_grids(mask, cube):
        part = second_part_without(piece, mask > 0)
        if part >= smallest:
            second[piece] = np.maximum(second[piece], part)
    return second


def joints_by_definition(mask, smallest, cube, nearby):
    """Return the voxels of all joints of two parts, the smaller part, and its share of both."""
    narrow = np.zeros(mask.shape, bool)
    for piece, near in pieces_of_grids(mask, cube):
        if second_part_without(piece, near & (mask > 0)) >= nearby:
            narrow |= piece
    bridges, _ = labelled(bridges_by_definition(mask, smallest, cube))
    joints, number = labelled(narrow)
    parts, count = labelled((mask > 0) & ~narrow)
    sizes = np.bincount(parts.ravel())
    beside = [set(parts[ndimage.binary_dilation(joints == n + 1, ALL)]) for n in range(number)]
    found = []
    for pair in itertools.combinations(range(1, count + 1), 2):
        held = [n + 1 for n in range(number) if set(pair) <= beside[n]]
        one_holds = set.intersection(*({*bridges[joints == n]} - {0} for n in held or [0]))
        if held and min(sizes[[*pair]]) >= smallest and not one_holds:
            part = min(sizes[[*pair]])
            voxels = np.argwhere(np.isin(joints, held)).tolist()
            found.append((voxels, part, 2 * part / sum(sizes[[*pair]])))
    return found


@FEW
@given(masks, st.integers(1, 4), st.integers(2, 4))
def test_a_bridge_is_a_piece_without_which_two_large_parts_are_left(mask, smallest, cube):
    second = bridges_by_definition(mask, smallest, cube)
    whole, _ = labelled(mask)
    labels, count = labelled(second > 0)
    found, _ = find_bridges(mask, smallest, cube=cube)
    places, part, share = found.places, found.part, found.share
    assert sets(places) == [np.argwhere(labels == number + 1).tolist() for number in range(count)]
    for number in range(count):
        there = labels == number + 1
        own = (whole == whole[there][0]).sum()
        assert part[number] == second[there].max()
        assert share[number] == pytest.approx(2 * second[there].max() / own)
        assert 0 < share[number] <= 1


def test_a_bridge_between_two_sheets_is_found_wherever_the_grid_lies():
    for offset in range(8):
        mask = np.zeros((24, 40, 40), np.uint8)
        mask[3:5] = mask[15:17] = 1
        mask[5:15, offset + 12 : offset + 15, offset + 16 : offset + 19] = 1
        bridges, joints = find_bridges(mask, 1000)
        (voxels,) = sets(bridges.places)
        assert not len(joints.places)
        assert [9, offset + 13, offset + 17] in voxels
        assert np.ptp(voxels, axis=0).max() < 18


def sheets(necks, *, side=44, gap=9):
    """Return two sheets that necks three voxels wide hold together."""
    mask = np.zeros((gap + 10, side, side), np.uint8)
    mask[3:5] = mask[gap + 5 : gap + 7] = 1
    for y, x in necks:
        mask[5 : gap + 5, y : y + 3, x : x + 3] = 1
    return mask


LADDER = np.zeros((8, 9, 15), np.uint8)
LADDER[0] = LADDER[7] = 1
LADDER[:, 4, 3] = LADDER[:, 4, 11] = 1


@FEW
@given(masks, st.integers(1, 3), st.integers(2, 3), st.integers(1, 3))
@example(LADDER, 3, 2, 2)
def test_joints_are_narrow_pieces_that_touch_two_large_parts(mask, smallest, cube, nearby):
    expected = joints_by_definition(mask, smallest, cube, nearby)
    _, found = find_bridges(mask, smallest, cube=cube, nearby=nearby)
    assert sets(found.places) == [voxels for voxels, _, _ in expected]
    assert found.part.tolist() == [part for _, part, _ in expected]
    assert found.share.tolist() == pytest.approx([share for _, _, share in expected])


@pytest.mark.parametrize("gap", [1, 9, 21])
def test_sheets_that_are_held_in_several_places_are_one_row_with_all_of_these(gap):
    necks = [(8, 10), (29, 9), (28, 31)]
    bridges, joints = find_bridges(sheets(necks, gap=gap), 300)
    assert not len(bridges.places)
    assert len(joints.places) == 1
    voxels = joints.places.voxels_of(0)
    left = sheets(necks, gap=gap)
    left[tuple(voxels.T)] = 0
    _, number = labelled(left)
    assert number >= 2
    there = np.zeros(left.shape, np.uint8)
    there[tuple(voxels.T)] = 1
    assert labelled(there)[1] == len(necks)
    assert all(there[5 + gap // 2, y + 1, x + 1] for y, x in necks)


def test_a_sheet_with_holes_and_a_wide_seam_have_no_joints():
    mask = sheets([])
    mask[3:5, 10:16, 10:16] = mask[3:5, 10:16, 18:24] = 0
    mask[5:14, :, 20:22] = 1
    assert not any(len(held.places) for held in find_bridges(mask, 1000))


def test_sizes_that_make_no_sense_are_refused():
    for sizes in ({"smallest": 0}, {"smallest": 1, "nearby": 0}, {"smallest": 1, "cube": 1}):
        with pytest.raises(ValueError, match="smallest"):
            find_bridges(np.zeros((2, 2, 2), np.uint8), **sizes)
