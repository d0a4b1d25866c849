"""A fragment with ten planted faults: the list has these ten on top, and each mend gains."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_nx46 import leaderboard
from napari_nx46.leaderboard.errors.repairs import measured_repair, repair_of
from tests.planted import FAULTS, planted_pair


@pytest.fixture(scope="module")
def planted():
    """Return a prediction and its label."""
    return planted_pair()


def fault_at(place):
    """Return the kinds of the planted faults near a place."""
    return [
        kind
        for kind, where in FAULTS.items()
        if all(s.start <= p < s.stop for p, s in zip(place, where, strict=True))
    ]


def test_the_ten_faults_are_on_top_of_the_list_and_nothing_else_is_in_it(planted):
    items = leaderboard.explain(*planted).items
    assert all(fault_at(place) for place in items.place.tolist())
    # Each fault changes what belongs together too, which the VOI pairs list at the same places.
    located = items.selected(items.part != leaderboard.PARTS.index("voi"))
    kinds = [leaderboard.KINDS[kind] for kind in located.kind]
    assert sorted(kinds[:10]) == sorted(FAULTS)
    for kind, place in zip(kinds[:10], located.place[:10].tolist(), strict=True):
        assert fault_at(place) == [kind]
    assert located.share[10:].sum() < 0.01 * located.share.sum()


def test_mending_one_fault_after_the_other_raises_the_score_to_one(planted):
    prediction, label = planted[0].copy(), planted[1]
    scores = [leaderboard.score(prediction, label).value]
    for _ in FAULTS:
        found = leaderboard.explain(prediction, label)
        (kind,) = fault_at(found.items.place[0].tolist())
        prediction[FAULTS[kind]] = label[FAULTS[kind]]
        scores.append(leaderboard.score(prediction, label).value)
        assert scores[-1] > scores[-2]
    assert scores[-1] == pytest.approx(1.0, abs=1e-12)
    assert not len(leaderboard.explain(prediction, label).items)


def test_the_gain_of_a_feature_is_what_the_topo_score_gains_when_it_is_mended(planted):
    prediction, label = planted
    found = leaderboard.explain(prediction, label)
    kinds = [leaderboard.KINDS[kind] for kind in found.items.kind]
    for kind in ("hole", "island", "cavity", "closed hole"):
        mended = prediction.copy()
        mended[FAULTS[kind]] = label[FAULTS[kind]]
        topo = leaderboard.score(mended, label).topo.value
        gain = found.items.gain[kinds.index(kind)]
        if kind == "closed hole":  # the label's hole is matched then
            gain = found.gains[1].add_to_prediction
        assert 0.30 * (topo - found.score.topo.value) == pytest.approx(gain, abs=1e-12)


@st.composite
def fragments_with_faults(draw):
    """Return a prediction and a label: plates with faults at faces and octant borders, and 2s."""
    shape = draw(st.tuples(*[st.integers(1, 14)] * 3))

    def boxes(most):
        sides = [
            st.tuples(st.sampled_from([0, (n + 1) // 2 - 1, n - 1, n // 3]), st.integers(1, 4))
            for n in shape
        ]
        return [
            tuple(slice(start, start + length) for start, length in box)
            for box in draw(st.lists(st.tuples(*sides), max_size=most))
        ]

    label = np.zeros(shape, np.uint8)
    for axis in draw(st.lists(st.integers(0, 2), max_size=2)):
        np.moveaxis(label, axis, 0)[shape[axis] // 2 :][:2] = 1
    prediction = label != 0
    for fault in boxes(5):
        prediction[fault] = ~prediction[fault]
    for fault in boxes(2):
        label[fault] = 1 - label[fault]
    for ignored in boxes(2):
        label[ignored] = 2
    return prediction, label


@settings(max_examples=30)
@given(fragments_with_faults())
def test_faults_anywhere_sum_to_each_part_and_mends_gain_what_was_measured(pair):
    prediction, label = pair
    found = leaderboard.explain(prediction, label)
    score, items = found.score, found.items
    lost = {"topology": score.topo.value, "surface": score.surface_dice, "voi": score.voi.value}
    for part, weight in zip(("topology", "surface", "voi"), (0.30, 0.35, 0.35), strict=True):
        shares = items.share[items.part == leaderboard.PARTS.index(part)]
        assert shares.sum() == pytest.approx(weight * (1 - lost[part]), abs=1e-9)
    for item in range(min(len(items), 6)):
        repair, measured = repair_of(found, item), measured_repair(found, item)
        if repair is None or measured is None:
            assert repair is measured
            continue
        edit, voxels = repair
        assert (label[tuple(voxels.T)] != 2).all()
        mended = prediction.copy()
        mended[tuple(voxels.T)] = edit == "add"
        gained = leaderboard.score(mended, label).value - score.value
        assert measured.gain == pytest.approx(gained, abs=1e-12)
