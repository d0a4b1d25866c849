"""Unmatched features against their definition."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_nx46.leaderboard.betti import match_counts
from napari_nx46.leaderboard.errors.features import Fate
from napari_nx46.leaderboard.errors.octants import find_features
from tests.leaderboard.errors import slow_features as slow
from tests.leaderboard.strategies import LONG, mask_pairs

UP_TO_12 = st.tuples(*[st.integers(1, 12)] * 3)


def rows(found, *names):
    """Count the features by some of their columns."""
    named = {
        "fate": [Fate(code).name for code in found.fate],
        "voxel of death": found.death[:, :3],
    }
    columns = [named[name] if name in named else getattr(found, name) for name in names]
    return Counter(
        tuple(
            value if isinstance(value, str) else tuple(map(int, np.atleast_1d(value)))
            for value in row
        )
        for row in zip(*columns, strict=True)
    )


def as_rows(expected):
    return Counter(
        {
            tuple(v if isinstance(v, (str, tuple)) else (v,) for v in key): count
            for key, count in expected.items()
        }
    )


def check(prediction, label):
    found = find_features(prediction, label)
    for side, (own, other) in enumerate(((prediction, label), (label, prediction))):
        components, loops, cavities = (dimension[side] for dimension in found.unmatched)
        expected, _ = slow.component_features(own, other)
        columns = ("seed", "voxel of death", "fate", "size", "gap")
        assert rows(components, *columns) == as_rows(expected)
        expected, matched = slow.loop_features(own, other)
        assert rows(loops, "death", "place", "fate", "size") == as_rows(expected)
        assert set(map(tuple, found.matched.loops.tolist())) == matched
        expected, matched = slow.cavity_features(own, other)
        assert rows(cavities, "voxel of death", "fate", "size") == as_rows(expected)
        assert set(map(tuple, found.matched.cavities[:, side].tolist())) == matched
    births = [
        dict(slow.component_features(*masks)[1])
        for masks in ((prediction, label), (label, prediction))
    ]
    pairs = {tuple(map(tuple, pair)) for pair in found.matched.components.tolist()}
    assert {(births[0][p], births[1][g]) for p, g in pairs} == {(e, e) for e in births[0].values()}
    assert found.counts == match_counts(prediction, label)


@settings(max_examples=40)
@given(mask_pairs(st.tuples(*[st.integers(1, 6)] * 3)))
def test_features_are_those_of_the_definition_on_small_volumes(pair):
    check(*pair)


@settings(max_examples=6)
@given(mask_pairs(UP_TO_12))
def test_features_are_those_of_the_definition_on_larger_volumes(pair):
    check(*pair)


@settings(max_examples=10)
@given(mask_pairs(LONG))
def test_features_are_those_of_the_definition_on_rows_longer_than_a_word(pair):
    check(*pair)


@settings(max_examples=30)
@given(mask_pairs(UP_TO_12))
def test_counts_are_matched_and_unmatched_features_together(pair):
    found = find_features(*pair)
    assert found.counts == match_counts(*pair)
    for counts, (of_prediction, of_label) in zip(found.counts, found.unmatched, strict=True):
        assert counts.predicted == counts.matched + of_prediction.fate.size
        assert counts.true == counts.matched + of_label.fate.size


@settings(max_examples=30)
@given(mask_pairs(UP_TO_12))
def test_places_lie_where_they_are_said_to_be(pair):
    found = find_features(*pair)
    for side, (own, other) in enumerate((pair, pair[::-1])):
        components, loops, cavities = (dimension[side] for dimension in found.unmatched)
        assert own[tuple(components.seed.T)].all()
        is_joined = components.fate == Fate.JOINED
        assert (other & ~own)[tuple(components.place[is_joined].T)].all()
        assert (own[tuple(components.place[~is_joined].T)]).all()
        filled = loops.place[loops.fate == Fate.FILLED]
        assert (other & ~own)[tuple(filled.T)].all()
        survivors = loops.place[loops.fate == Fate.SURVIVES]
        assert not (other | own)[tuple(survivors.T)].any()
        assert not own[tuple(cavities.place.T)].any()


@pytest.mark.parametrize("shape", [(70, 20, 20), (20, 70, 20), (20, 20, 70)])
def test_matched_loops_are_those_that_are_counted_in_long_volumes(shape):
    rng = np.random.default_rng(12)
    prediction = rng.random(shape) < 0.6
    label = prediction ^ (rng.random(shape) < 0.2)
    found = find_features(prediction, label)
    assert found.counts == match_counts(prediction, label)
    assert len(np.unique(found.matched.loops, axis=0)) == found.counts[1].matched > 100


@pytest.mark.parametrize("swapped", [False, True])
def test_a_lone_island_that_comes_first_is_the_infinite_component(swapped):
    label = np.zeros((6, 6, 6), bool)
    label[2:4] = True
    prediction = label.copy()
    prediction[0, 0, 0] = True
    found = find_features(*((label, prediction) if swapped else (prediction, label)))
    components = found.unmatched[0][int(swapped)]
    assert [Fate(fate) for fate in components.fate] == [Fate.UNCOUNTED]
    assert found.infinite[int(swapped)].tolist() == [0, 0, 0]
