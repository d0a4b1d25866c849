"""Betti matching against its definition."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings

from napari_nx46.leaderboard.betti import match_counts
from tests.leaderboard.brute_force import Complex
from tests.leaderboard.brute_force import match_counts as slow_match_counts
from tests.leaderboard.strategies import LONG, SMALL, mask_pairs


def as_tuples(counts):
    return [(c.matched, c.predicted, c.true) for c in counts]


@settings(max_examples=150)
@given(mask_pairs(SMALL))
def test_counts_are_those_of_the_definition_on_small_volumes(pair):
    assert as_tuples(match_counts(*pair)) == slow_match_counts(*pair)


@settings(max_examples=30)
@given(mask_pairs(LONG))
def test_counts_are_those_of_the_definition_on_rows_longer_than_a_word(pair):
    assert as_tuples(match_counts(*pair)) == slow_match_counts(*pair)


def test_the_definition_finds_the_features_of_known_shapes():
    hollow = np.ones((3, 3, 3), bool)
    hollow[1, 1, 1] = False
    ring = np.ones((1, 3, 3), bool)
    ring[0, 1, 1] = False
    apart = np.zeros((1, 1, 5), bool)
    apart[0, 0, ::2] = True
    found = [[Complex(m.shape).betti(m, k) for k in range(3)] for m in (hollow, ring, apart)]
    assert found == [[1, 0, 1], [1, 1, 0], [3, 0, 0]]


def test_a_mask_matches_all_features_of_itself():
    rng = np.random.default_rng(5)
    densities = np.repeat([0.1, 0.6, 0.97], [20, 20, 30])  # components, loops, cavities
    mask = rng.random((20, 19, 70)) < densities
    counts = match_counts(mask, mask)
    assert [c.matched for c in counts] == [c.predicted for c in counts] == [c.true for c in counts]
    assert all(c.true > 0 for c in counts)


def test_loops_in_different_places_are_not_matched():
    pair = np.zeros((2, 1, 5, 12), bool)
    pair[0, :, 1:4, 1:4] = True
    pair[1, :, 1:4, 7:10] = True
    pair[0, 0, 2, 2] = pair[1, 0, 2, 8] = False
    assert as_tuples(match_counts(*pair)) == [(0, 0, 0), (0, 1, 1), (0, 0, 0)]


@pytest.mark.parametrize("swapped", [False, True])
def test_of_two_cavities_inside_one_the_last_is_matched(swapped):
    wide = np.zeros((5, 5, 8), bool)
    wide[1:4, 1:4, 1:7] = True
    wide[2, 2, 2:6] = False
    walled = wide.copy()
    walled[2, 2, 3] = True
    pair = (walled, wide) if swapped else (wide, walled)
    cavities = match_counts(*pair)[2]
    assert (cavities.matched, {cavities.predicted, cavities.true}) == (1, {1, 2})


@pytest.mark.parametrize(
    ("prediction", "label", "matched"),
    [
        ("#...#", "#...#", 1),  # two shared components: one dies, in both
        ("....#", "....#", 0),
        ("#...#", "..#.#", 1),  # one of each and then a shared one: it joins a shared part
        ("..#.#", "#...#", 1),
        ("#...#", "....#", 0),
        ("#.#...#", "....#.#", 1),
        ("#.#...#", "#...#.#", 1),
        ("#.#.#", "#####", 0),
    ],
)
def test_components_that_die_at_the_same_edge_are_matched(prediction, label, matched):
    pair = [np.array([[[voxel == "#" for voxel in row]]]) for row in (prediction, label)]
    assert match_counts(*pair)[0].matched == matched == slow_match_counts(*pair)[0][0]


def test_exchanging_the_masks_exchanges_their_counts_and_keeps_the_matches():
    rng = np.random.default_rng(9)
    a = rng.random((13, 17, 67)) < 0.6
    b = a ^ (rng.random(a.shape) < 0.05)
    there = as_tuples(match_counts(a, b))
    back = as_tuples(match_counts(b, a))
    assert there == [(m, p, g) for m, g, p in back]
    assert all(m > 0 for m, _, _ in there[:2])


@settings(max_examples=20)
@given(mask_pairs(SMALL))
@example((np.ones((1, 1, 1), bool), np.zeros((1, 1, 1), bool)))
def test_matches_are_never_more_than_features(pair):
    assert all(c.matched <= min(c.predicted, c.true) for c in match_counts(*pair))
