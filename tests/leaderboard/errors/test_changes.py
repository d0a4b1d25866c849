"""Errors that one prediction mends of another one, and errors that it adds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_nx46 import leaderboard
from tests.leaderboard.errors.test_planted import FAULTS, planted
from tests.leaderboard.strategies import mask_pairs

__all__ = ["planted"]  # a fixture of the planted faults

UP_TO_12 = st.tuples(*[st.integers(1, 12)] * 3)


def items_of(prediction, label):
    return leaderboard.explain(prediction, label).items


@settings(max_examples=40)
@given(mask_pairs(UP_TO_12), st.integers(0, 2**32 - 1))
def test_what_is_won_is_the_difference_of_the_scores(pair, seed):
    first, label = pair
    second = first ^ (np.random.default_rng(seed).random(first.shape) < 0.1)
    changes = leaderboard.changed_errors(items_of(first, label), items_of(second, label))
    scores = [leaderboard.score(mask, label).value for mask in (first, second)]
    assert changes.won == pytest.approx(scores[1] - scores[0], rel=0, abs=1e-9)
    kinds = changes.kinds()
    assert sum(kind.won for kind in kinds) == pytest.approx(changes.won, rel=0, abs=1e-9)
    back = leaderboard.changed_errors(items_of(second, label), items_of(first, label))
    assert back.won == pytest.approx(-changes.won, rel=0, abs=1e-12)
    assert (len(back.mended), len(back.new)) == (len(changes.new), len(changes.mended))
    assert len(changes.kept[0]) == len(changes.kept[1])
    assert (changes.kept[0].kind == changes.kept[1].kind).all()
    assert (changes.kept[0].side == changes.kept[1].side).all()


@settings(max_examples=20)
@given(mask_pairs(UP_TO_12))
def test_between_equal_masks_every_error_stays(pair):
    items = items_of(*pair)
    changes = leaderboard.changed_errors(items, items)
    assert not len(changes.mended)
    assert not len(changes.new)
    assert changes.won == 0
    assert changes.kept[0].row.tolist() == items.row.tolist()


@pytest.mark.parametrize("kind", ["hole", "island", "merge", "missing handle"])
def test_a_fault_that_is_mended_is_the_error_that_is_won(planted, kind):
    prediction, label = planted
    mended = prediction.copy()
    mended[FAULTS[kind]] = label[FAULTS[kind]]
    first, second = items_of(prediction, label), items_of(mended, label)
    for changes, gone, come in (
        (leaderboard.changed_errors(first, second), "mended", "new"),
        (leaderboard.changed_errors(second, first), "new", "mended"),
    ):
        found = getattr(changes, gone)
        features = found.part == leaderboard.PARTS.index("topology")
        assert [leaderboard.KINDS[code] for code in found.kind[features]] == [kind]
        assert not (getattr(changes, come).part == leaderboard.PARTS.index("topology")).any()


def test_a_place_may_move_by_the_reach_and_no_further():
    label = np.zeros((20, 20, 40), bool)
    label[2:4] = True
    masks = [label.copy() for _ in range(3)]
    for mask, x in zip(masks, (4, 8, 9), strict=True):
        mask[8, 8, x] = True
    items = [items_of(mask, label) for mask in masks]
    islands = leaderboard.KINDS.index("island")

    def mended(a, b, reach):
        changes = leaderboard.changed_errors(items[a], items[b], reach)
        return int((changes.mended.kind == islands).sum())

    assert [mended(0, 1, 4.0), mended(0, 2, 4.0), mended(0, 2, 5.0)] == [0, 1, 0]
