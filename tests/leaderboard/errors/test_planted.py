"""A fragment with ten planted faults: the list has these ten on top, and each mend gains."""

from __future__ import annotations

import pytest

from napari_nx46 import leaderboard
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
