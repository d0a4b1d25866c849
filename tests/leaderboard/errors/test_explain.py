"""The list of errors: what it adds up to, and the voxels of its items."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from napari_nx46 import leaderboard
from napari_nx46.leaderboard.cycles import REACHES
from napari_nx46.leaderboard.errors.features import Fate
from napari_nx46.voxels.packed import unpack
from tests.leaderboard.strategies import mask_pairs
from tests.leaderboard.test_surface_dice import codes_of

UP_TO_12 = st.tuples(*[st.integers(1, 12)] * 3)
TWENTY_SIX = np.ones((3, 3, 3), bool)


def names(found):
    return [leaderboard.KINDS[code] for code in found.items.kind]


@settings(max_examples=60)
@given(mask_pairs(UP_TO_12))
def test_shares_sum_to_what_the_score_has_lost(pair):
    found = leaderboard.explain(*pair)
    assert found.score == leaderboard.score(*pair)
    assert found.shares_sum == pytest.approx(1 - found.score.value, rel=0, abs=1e-9)
    assert (found.items.share > 0).all()


@settings(max_examples=30)
@given(mask_pairs(UP_TO_12))
def test_items_are_sorted_by_share_gain_size_and_place(pair):
    items = leaderboard.explain(*pair).items
    gain = np.where(np.isnan(items.gain), -np.inf, items.gain)
    rows = list(
        zip(-items.share, -gain, -items.size, *(column for column in items.place.T), strict=True)
    )
    assert rows == sorted(rows)


@settings(max_examples=40)
@given(mask_pairs(UP_TO_12))
def test_voxels_of_each_item_are_those_it_counts_inside_its_box(pair):
    prediction, label = pair
    found = leaderboard.explain(prediction, label)
    items, extents = found.items, found.extents()
    step = max(1, len(items) // 40)
    for item in range(0, len(items), step):
        voxels = found.voxels_of(item)
        size = int(items.size[item])
        assert len(voxels) == (size or 4)
        low, high = extents[item, :3], extents[item, 3:]
        assert voxels.min(axis=0).tolist() == low.tolist()
        assert (voxels.max(axis=0) + 1).tolist() == high.tolist()
        assert len(np.unique(voxels, axis=0)) == len(voxels)


@settings(max_examples=40)
@given(mask_pairs(UP_TO_12))
def test_ways_lead_through_the_other_mask_from_one_component_to_another(pair):
    found = leaderboard.explain(*pair)
    joined = np.flatnonzero(
        (found.items.dimension == 0) & np.isin(names(found), ["split", "merge"])
    )
    for item in joined[:20]:
        way = found.way_of(int(item))
        row = found.items.row[item]
        side = found.topology.side[row]
        octant = found.octants[found.items.octant[item]]
        own, other = pair[side], pair[1 - side]
        assert len(way) == found.topology.features.gap[row] > 0
        assert (other & ~own)[tuple(way.T)].all()
        assert (np.abs(np.diff(way, axis=0)).sum(axis=1) == 1).all()
        labels = np.zeros(own.shape, int)
        labels[octant.box] = ndimage.label(own[octant.box])[0]
        ends = [around(labels, voxel, octant) for voxel in (way[0], way[-1])]
        start = labels[tuple(found.topology.features.seed[row])]
        assert start in ends[0]
        assert ends[1] - {start}
        assert found.items.place[item].tolist() in way.tolist()


def around(labels, voxel, octant):
    """Return the components of an octant beside a voxel."""
    block = labels[octant.box]
    z, y, x = (int(v - o) for v, o in zip(voxel, octant.origin, strict=True))
    padded = np.pad(block, 1)[z : z + 3, y : y + 3, x : x + 3]
    return set(padded[ndimage.generate_binary_structure(3, 1)].tolist()) - {0}


@settings(max_examples=25)
@given(mask_pairs(UP_TO_12))
def test_cycles_close_up_in_the_mask_and_nothing_near_fills_them(pair):
    found = leaderboard.explain(*pair)
    for item in np.flatnonzero(found.items.dimension == 1)[:10].tolist():
        cycle, place = found.cycle_of(item), found.items.place[item]
        own = pair[found.topology.side[found.items.row[item]]]
        block = found.octants[found.items.octant[item]].box
        assert own[tuple(cycle.T)].all()
        assert len(np.unique(cycle, axis=0)) == len(cycle)
        assert (np.abs(np.roll(cycle, -1, axis=0) - cycle).sum(axis=1) == 1).all()
        sides = list(zip(place.tolist(), block, strict=True))
        boxes = [
            tuple(slice(max(at - r, side.start), min(at + r + 1, side.stop)) for at, side in sides)
            for r in REACHES
        ]
        # The largest box holds the whole octant, which has the loop.
        assert any(not is_filled(own, cycle, box) for box in boxes)


def test_a_hole_that_takes_most_of_an_octant_has_a_cycle_around_it():
    label = np.zeros((8, 160, 160), bool)
    label[3:5] = True
    prediction = label.copy()
    prediction[3:5, 10:150, 10:150] = False
    whole = leaderboard.Parameters(octants=(1, 1, 1))
    found = leaderboard.explain(prediction, label, parameters=whole)
    item = int(np.flatnonzero(found.items.dimension == 1)[0])
    assert names(found)[item] == "hole"
    assert len(found.cycle_of(item)) == 4 * 141


def is_filled(mask, cycle, box):
    """Return whether a closed way is a sum of squares of a mask within a box, over F2."""
    inside = np.zeros_like(mask)
    inside[box] = mask[box]
    voxels = {tuple(voxel) for voxel in np.argwhere(inside).tolist()}
    if not {tuple(voxel) for voxel in cycle.tolist()} <= voxels:
        return True
    bit: dict[frozenset, int] = {}
    rows: dict[int, int] = {}

    def edge(one, other):
        return 1 << bit.setdefault(frozenset((one, other)), len(bit))

    def reduced(total):
        while total and (pivot := total.bit_length()) in rows:
            total ^= rows[pivot]
        return total

    for voxel in voxels:
        for a, b in ((0, 1), (0, 2), (1, 2)):
            corners = [
                tuple(c + i * (k == a) + j * (k == b) for k, c in enumerate(voxel))
                for i, j in ((0, 0), (1, 0), (1, 1), (0, 1))
            ]
            if voxels.issuperset(corners):
                total = 0
                for one, other in zip(corners, corners[1:] + corners[:1], strict=True):
                    total ^= edge(one, other)
                if total := reduced(total):
                    rows[total.bit_length()] = total
    way = [tuple(voxel) for voxel in cycle.tolist()]
    around = 0
    for one, other in zip(way, way[1:] + way[:1], strict=True):
        around ^= edge(one, other)
    return reduced(around) == 0


def test_the_cycle_of_a_hole_is_its_rim():
    label = np.zeros((9, 30, 30), bool)
    label[4] = label[7] = True
    prediction = label.copy()
    prediction[4, 6:8, 7:10] = False
    found = leaderboard.explain(
        prediction, label, parameters=leaderboard.Parameters(octants=(1, 1, 1))
    )
    hole = names(found).index("hole")
    rim = np.zeros_like(label)
    rim[4, 5:9, 6:11] = True
    expected = np.argwhere(rim & prediction)
    assert sorted(found.cycle_of(hole).tolist()) == expected.tolist()


@pytest.mark.parametrize("turned", [False, True])
def test_what_has_no_loop_near_its_place_has_no_cycle(turned):
    label = np.zeros((8, 8, 8), bool)
    label[3] = True
    pair = (np.zeros_like(label), label)
    found = leaderboard.explain(*(pair[::-1] if turned else pair))
    assert all(found.cycle_of(item).shape == (0, 3) for item in range(len(found.items)))


def test_other_items_have_no_way():
    label = np.zeros((8, 8, 8), bool)
    label[3] = True
    found = leaderboard.explain(np.zeros_like(label), label)
    assert all(found.way_of(item).shape == (0, 3) for item in range(len(found.items)))


# ---- variation of information --------------------------------------------------------------


def numbered(mask):
    return ndimage.label(mask, TWENTY_SIX)[0]


def voi_score(predicted, true):
    """Return the VOI score of two labellings by its definition, on the voxels of either."""
    chosen = (predicted > 0) | (true > 0)
    pairs, counts = np.unique(
        np.stack((predicted[chosen], true[chosen])), axis=1, return_counts=True
    )
    share = counts / counts.sum()
    bits = 0.0
    for row in pairs:
        of_row = np.bincount(row, share)
        bits += (share * np.log2(of_row[row] / share)).sum()
    return 1 / (1 + 0.3 * bits)


@settings(max_examples=40)
@given(mask_pairs(UP_TO_12))
def test_cut_and_join_gain_what_the_whole_score_of_changed_components_does(pair):
    voi = leaderboard.explain(*pair).voi
    predicted, true = numbered(pair[0]), numbered(pair[1])
    for row in range(0, len(voi.voxels), max(1, len(voi.voxels) // 20)):
        i, j = (
            0 if component < 0 else labels[tuple(first[component])]
            for labels, first, component in (
                (predicted, voi.first_p, voi.predicted[row]),
                (true, voi.first_g, voi.true[row]),
            )
        )
        shared = (predicted == i) & (true == j) & (pair[0] | pair[1])
        assert voi.voxels[row] == shared.sum()
        partners = set(np.unique(true[predicted == i])) - {0}
        assert np.isnan(voi.cut_gain[row]) == (i == 0 or j == 0 or len(partners) < 2)
        if not np.isnan(voi.cut_gain[row]):
            cut = np.where(shared, predicted.max() + 1, predicted)
            assert voi.cut_gain[row] == gained(cut, true, voi)
        inside = np.bincount(predicted[true == j])[1:] if j else np.zeros(0)
        largest = int(inside.argmax()) + 1 if inside.any() else 0
        assert np.isnan(voi.join_gain[row]) == (i == 0 or j == 0 or i == largest)
        if not np.isnan(voi.join_gain[row]):
            assert predicted[tuple(voi.first_p[voi.join_with[row]])] == largest
            joined = np.where(predicted == i, largest, predicted)
            assert voi.join_gain[row] == gained(joined, true, voi)


def gained(predicted, true, voi):
    return pytest.approx(0.35 * (voi_score(predicted, true) - voi.voi.value), rel=0, abs=1e-9)


def test_a_bridge_is_the_place_where_two_sheets_are_merged():
    label = np.zeros((20, 30, 30), bool)
    label[5] = label[12] = True
    prediction = label.copy()
    prediction[6:12, 20, 21] = True
    found = leaderboard.explain(prediction, label)
    merges = [item for item, name in enumerate(names(found)) if name == "VOI merge"]
    assert found.items.place[merges[:2], 1:].tolist() == [[20, 21], [20, 21]]
    assert all(5 < z < 12 for z in found.items.place[merges[:2], 0])
    assert (found.items.gain[merges[:2]] > 0).all()


# ---- surface -------------------------------------------------------------------------------


@settings(max_examples=40)
@given(mask_pairs(UP_TO_12))
def test_surface_regions_are_the_connected_corners_far_from_the_other_surface(pair):
    surface = leaderboard.explain(*pair).surface
    codes = [codes_of(mask) for mask in pair]
    corners = [(code != 0) & (code != 255) for code in codes]
    if not all(mask.any() for mask in corners):
        assert len(surface.side) == (corners[0].any() != corners[1].any())
        return
    for side in (0, 1):
        far = ndimage.distance_transform_edt(~corners[1 - side]) > 2
        labels, count = ndimage.label(far & corners[side], TWENTY_SIX)
        mine = surface.side == side
        firsts = [np.argwhere(labels == number)[0].tolist() for number in range(1, count + 1)]
        assert sorted(surface.corner[mine].tolist()) == sorted(firsts)
        sizes = {
            tuple(corner): int(n)
            for corner, n in zip(surface.corner[mine].tolist(), surface.corners[mine], strict=True)
        }
        for number, first in enumerate(firsts, start=1):
            assert sizes[tuple(first)] == (labels == number).sum()


@pytest.mark.parametrize("swapped", [False, True])
def test_the_whole_surface_is_one_error_where_the_other_mask_is_empty(swapped):
    label = np.zeros((9, 9, 9), bool)
    label[2] = label[6] = True
    empty = np.zeros_like(label)
    found = leaderboard.explain(*((label, empty) if swapped else (empty, label)))
    assert found.surface.shares(0.35) == pytest.approx([0.35], abs=1e-12)
    assert found.shares_sum == pytest.approx(1 - found.score.value, abs=1e-12)
    assert leaderboard.explain(empty, empty).shares_sum == 0


# ---- what is asked for ---------------------------------------------------------------------


def test_ignored_voxels_never_count():
    rng = np.random.default_rng(3)
    label = (rng.random((14, 14, 40)) < 0.3).astype(np.uint8)
    label[:, :, 20:26] = 2
    prediction = rng.random(label.shape) < 0.4
    changed = prediction ^ (label == 2)
    first, second = (leaderboard.explain(mask, label) for mask in (prediction, changed))
    assert leaderboard.explanation_record(first) == leaderboard.explanation_record(second)
    assert not (unpack(first.masks[0])[label == 2]).any()


@pytest.mark.parametrize("workers", [1, 3])
def test_the_number_of_workers_changes_nothing(workers):
    rng = np.random.default_rng(4)
    pair = rng.random((2, 20, 21, 70)) < 0.3
    records = [
        leaderboard.explanation_record(leaderboard.explain(*pair, workers=n)) for n in (2, workers)
    ]
    assert records[0] == records[1]


def test_other_parameters_are_those_of_the_score():
    rng = np.random.default_rng(5)
    pair = rng.random((2, 12, 13, 30)) < 0.2
    parameters = leaderboard.Parameters(
        tolerance=1.0,
        spacing=(2.0, 1.0, 1.0),
        voi_connectivity=6,
        part_weights=leaderboard.PartWeights(0.5, 0.25, 0.25),
        octants=(1, 3, 2),
    )
    found = leaderboard.explain(*pair, parameters=parameters)
    assert found.score == leaderboard.score(*pair, parameters=parameters)
    assert found.shares_sum == pytest.approx(1 - found.score.value, abs=1e-9)
    assert [octant.index for octant in found.octants] == [
        (0, y, x) for y in range(3) for x in (0, 1)
    ]


def test_no_work_is_begun_once_it_is_cancelled():
    masks = np.ones((2, 4, 4, 4), bool)
    with pytest.raises(leaderboard.Cancelled):
        leaderboard.explain(*masks, cancelled=lambda: True)


def test_groups_sum_the_items_of_a_kind():
    label = np.zeros((20, 20, 20), bool)
    label[4:6] = True
    prediction = label.copy()
    prediction[4:6, 3:5, 3:5] = False
    prediction[4:6, 15:17, 15:17] = False
    prediction[8, 12, 12] = True
    found = leaderboard.explain(prediction, label)
    groups = {group.kind: group for group in found.items.groups()}
    assert groups["hole"].count == 2
    assert groups["island"].count == 1
    total = sum(group.share for group in groups.values())
    assert total == pytest.approx(found.shares_sum, abs=1e-12)
    holes = found.items.selected(found.items.kind == leaderboard.KINDS.index("hole"))
    assert holes.share.sum() == pytest.approx(groups["hole"].share)
    assert set(found.topology.features.fate[holes.row]) == {Fate.FILLED}
