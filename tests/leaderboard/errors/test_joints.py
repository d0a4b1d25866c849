"""Cutting every joint parts what the prediction merges."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from napari_nx46 import leaderboard
from tests.leaderboard.strategies import mask_pairs

FULL = np.ones((3, 3, 3), bool)
FACES = ndimage.generate_binary_structure(3, 1)
BRIDGES = (np.s_[6:10, 4:7, 5:8], np.s_[6:10, 16:18, 2:20])


def merged_sheets():
    """Return a prediction that joins two sheets at two places, and the label."""
    label = np.zeros((16, 24, 24), bool)
    label[4:6], label[10:12] = True, True
    prediction = label.copy()
    for bridge in BRIDGES:
        prediction[bridge] = True
    return prediction, label


def kinds(found):
    return [leaderboard.KINDS[kind] for kind in found.items.kind]


@pytest.mark.parametrize("kind", ["VOI merge", "merge"])
def test_each_place_of_contact_is_a_joint_of_its_own(kind):
    prediction, label = merged_sheets()
    whole = leaderboard.Parameters(octants=(1, 1, 1))
    found = leaderboard.explain(prediction, label, parameters=whole)
    both = (
        leaderboard.SIDES.index("both") if kind == "VOI merge" else leaderboard.SIDES.index("label")
    )
    item = next(
        n for n, name in enumerate(kinds(found)) if name == kind and found.items.side[n] == both
    )
    joints = found.joints_of(item)
    assert len(joints) == len(BRIDGES)
    for joint, bridge in zip(joints, BRIDGES, strict=True):
        inside = np.zeros(label.shape, bool)
        inside[bridge] = True
        assert inside[tuple(joint.T)].all()
        # A cut a voxel thick, across the whole bridge.
        assert len(joint) == inside.sum() / inside.any(axis=(1, 2)).sum()
    for joint in joints:
        prediction[tuple(joint.T)] = False
    assert ndimage.label(prediction, FULL)[1] == 2
    assert not {"merge", "bridge or handle"} & set(kinds(leaderboard.explain(prediction, label)))


def touched(mask, structure, ends, voxels):
    """Return what lies in the components of a mask that hold some voxels, besides background."""
    parts = ndimage.label(mask, structure)[0]
    held = np.setdiff1d(parts[tuple(voxels.T)], [0])
    return set(np.unique(ends[np.isin(parts, held)])) - {0}


@settings(max_examples=60)
@given(mask_pairs(st.tuples(*[st.integers(1, 8)] * 3)))
def test_without_the_joints_no_way_leads_from_what_is_merged_to_the_rest(pair):
    prediction, label = pair
    found = leaderboard.explain(prediction, label)
    sides = [leaderboard.SIDES[side] for side in found.items.side]
    for item, kind in enumerate(kinds(found)[:30]):
        joints, voxels = found.joints_of(item), found.voxels_of(item)
        left = prediction.copy()
        for joint in joints:
            assert (prediction & ~label)[tuple(joint.T)].all()
            left[tuple(joint.T)] = False
        if kind == "VOI merge" and sides[item] == "both":
            ends = ndimage.label(label, FULL)[0]
            assert touched(left, FULL, ends, voxels) == {ends[tuple(voxels[0])]}
        elif kind == "merge":
            box = found.octants[found.items.octant[item]].box
            origin = [axis.start for axis in box]
            ends = ndimage.label(label[box])[0]
            own = ends[tuple(voxels[0] - origin)]
            assert touched((left | label)[box], FACES, ends, voxels - origin) == {own}
        else:
            assert joints == ()
