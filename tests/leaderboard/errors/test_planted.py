"""A fragment with ten planted faults: the list has these ten on top, and each mend gains."""

from __future__ import annotations

import numpy as np
import pytest

from napari_nx46 import leaderboard

SIDE = 64


def box(z, y, x):
    return tuple(slice(*bounds) for bounds in (z, y, x))


FAULTS = {
    "merge": box((8, 18), (4, 18), (4, 18)),
    "split": box((8, 12), (4, 18), (40, 56)),
    "island": box((20, 24), (40, 44), (8, 12)),
    "missed sheet": box((20, 22), (44, 47), (44, 47)),
    "hole": box((40, 44), (4, 20), (4, 20)),
    "closed hole": box((40, 44), (4, 20), (40, 56)),
    "bridge or handle": box((40, 48), (40, 56), (4, 20)),
    "missing handle": box((50, 58), (40, 56), (40, 56)),
    "cavity": box((52, 60), (4, 14), (4, 14)),
    "surface far off": box((3, 14), (40, 54), (40, 54)),
}
"""Kind of a fault -> where it lies; nothing else differs there."""


def plate(mask, z, y, x, height=12, width=12):
    mask[z : z + 2, y : y + height, x : x + width] = True


@pytest.fixture(scope="module")
def planted():
    """Return a prediction and its label, two large sheets with small things between them."""
    label = np.zeros((SIDE, SIDE, SIDE), bool)
    label[1:3] = label[33:35] = True
    prediction = label.copy()
    for mask in (prediction, label):
        plate(mask, 8, 5, 5)
        plate(mask, 16, 5, 5)
        plate(mask, 9, 5, 42)
        for z, y, x in ((40, 5, 5), (40, 5, 42), (40, 42, 5), (50, 42, 42)):
            plate(mask, z, y, x)
        mask[53:59, 5:13, 5:13] = True
        for z, y, x in ((8, 14, 14), (16, 14, 14), (40, 50, 7), (50, 50, 44)):
            mask[z : z + 2, y : y + 2, x : x + 2] = False
    prediction[10:16, 8, 8] = True
    prediction[9:11, 5:17, 47] = False
    prediction[21:23, 41:43, 9:11] = True
    label[20:22, 44:47, 44:47] = True
    prediction[40:42, 9:11, 9:11] = False
    label[40:42, 9:11, 46:48] = False
    for mask, z, y, x in ((prediction, 42, 44, 7), (label, 52, 44, 44)):
        mask[z : z + 4, y, x] = mask[z : z + 4, y, x + 6] = True
        mask[z + 3, y, x : x + 7] = True
    prediction[55:57, 8:10, 8:10] = False
    prediction[3:13, 42:52, 42:52] = True
    return prediction, label


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
