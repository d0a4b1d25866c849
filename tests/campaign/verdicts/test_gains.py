"""Gained foreground: against a plain count voxel by voxel, and from the settings of a campaign."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from napari_nx46 import leaderboard
from napari_nx46.campaign.verdicts.gains import measure_gains
from napari_nx46.data.fragments import FragmentError
from napari_nx46.run.findings.gained import (
    GainedForeground,
    PackedLabel,
    gained_foreground,
)
from napari_nx46.voxels.packed import pack
from napari_nx46.voxels.workers import Cancelled
from tests.campaign.results_factory import RUN_SETTINGS, campaign, done, waiting

TOLERANCE = 2.0


def is_near(label, place):
    """Return whether a surface voxel's centre is within the tolerance of a voxel's."""
    surface = np.argwhere(label == 1)
    return bool((((surface - place) ** 2).sum(axis=1) <= TOLERANCE**2).any())


def plain(mask, baseline, label, shortest):
    """Count by the definition, one voxel after the other."""
    judged = np.ones(mask.shape, bool) if label is None else label != 2
    mask, baseline = (mask == 1) & judged, (baseline == 1) & judged
    gained = mask & ~baseline
    near = np.zeros(mask.shape, bool)
    if label is not None:
        for place in np.ndindex(mask.shape):
            near[place] = is_near(label, place)
    repeated = 0
    for z, y, x in np.argwhere(gained & ~near):
        first = last = z
        while first > 0 and gained[first - 1, y, x]:
            first -= 1
        while last + 1 < len(gained) and gained[last + 1, y, x]:
            last += 1
        repeated += last - first + 1 >= shortest
    lost = baseline & ~mask
    known = label is not None
    return GainedForeground(
        gained=int(gained.sum()),
        lost=int(lost.sum()),
        repeated=repeated,
        near=int((gained & near).sum()) if known else None,
        baseline=int(baseline.sum()),
        lost_near=int((lost & near).sum()) if known else None,
        baseline_near=int((baseline & near).sum()) if known else None,
        shortest_repeat=shortest,
    )


def counted(mask, baseline, label, shortest):
    packed = None if label is None else PackedLabel.of(label)
    masks = (pack(one).words for one in (mask, baseline))
    return gained_foreground(*masks, mask.shape[2], packed, shortest_repeat=shortest)


@st.composite
def cases(draw):
    shape = draw(array_shapes(min_dims=3, max_dims=3, max_side=7))
    binary = arrays(np.uint8, shape, elements=st.integers(0, 1))
    labels = arrays(np.uint8, shape, elements=st.integers(0, 2), fill=st.just(0))
    return (
        draw(binary),
        draw(binary),
        draw(st.none() | labels),
        draw(st.integers(1, 4)),
    )


@given(cases())
def test_counts_are_those_of_the_definition(case):
    assert counted(*case) == plain(*case)


def test_rows_longer_than_a_word_are_counted_to_their_end():
    random = np.random.default_rng(2)
    shape = (6, 3, 130)
    mask, baseline = (random.integers(0, 2, shape).astype(np.uint8) for _ in range(2))
    label = (random.random(shape) < 0.01).astype(np.uint8)
    label[:, :, -1] = 2
    assert counted(mask, baseline, label, 2) == plain(mask, baseline, label, 2)


def test_a_streak_is_repeated_and_a_sheet_is_near():
    mask = np.zeros((10, 8, 20), np.uint8)
    label = np.zeros_like(mask)
    label[:, 4, :6] = 1
    mask[:, 5, :6] = 1  # 60 voxels beside the surface
    mask[1:9, 1, 15] = 1  # a streak over eight slices
    mask[2, 1, 18] = 1  # a single voxel
    found = counted(mask, np.zeros_like(mask), label, 8)
    assert (found.gained, found.near, found.repeated, found.scattered) == (69, 60, 8, 1)
    assert counted(mask, np.zeros_like(mask), label, 9).repeated == 0
    unlabelled = counted(mask, np.zeros_like(mask), None, 8)
    assert (unlabelled.near, unlabelled.repeated, unlabelled.scattered) == (None, 68, 1)


def test_masks_of_other_shapes_are_refused_and_a_cancel_stops():
    one, other = (pack(np.ones((2, 2, columns), bool)).words for columns in (3, 70))
    with pytest.raises(ValueError, match="one shape"):
        gained_foreground(one, other, 3)
    with pytest.raises(Cancelled):
        gained_foreground(one, one, 3, cancelled=lambda: True)


# ---- from a campaign -----------------------------------------------------------------------


def test_gains_are_those_of_the_runs_masks(computed_runs):
    pipelines, masks, label, runs = computed_runs
    shares = []
    gains = measure_gains(
        campaign(runs, settings=RUN_SETTINGS),
        "wide",
        "base",
        pipelines,
        shortest_repeat=3,
        progress=shares.append,
    )
    assert [one.image_id for one in gains] == ["one", "two"]
    for gain, true in zip(gains, (label, None), strict=True):
        wide, base = (masks[run_id, gain.image_id] for run_id in ("wide", "base"))
        assert gain.counts == plain(wide, base, true, 3)
        assert gain.counts.gained > 0
        assert (gain.errors is None) == (true is None)
    scores = [leaderboard.score(masks[run_id, "one"], label).value for run_id in ("base", "wide")]
    assert gains[0].errors.won == pytest.approx(scores[1] - scores[0], rel=0, abs=1e-9)
    assert shares == [0, 0.5]


def test_a_fragment_that_is_not_done_is_left_out(computed_runs):
    pipelines, _, _, runs = computed_runs
    partly = runs | {"wide": runs["wide"] | {"one": waiting("wide", "one")}}
    gains = measure_gains(campaign(partly, settings=RUN_SETTINGS), "wide", "base", pipelines)
    assert [one.image_id for one in gains] == ["two"]


def test_data_that_are_not_the_campaigns_are_refused(computed_runs):
    pipelines, _, _, runs = computed_runs
    others = runs | {"base": {i: done("base", i, {}) for i in ("one", "two")}}
    with pytest.raises(FragmentError, match="fragment one: found data that give run base the mask"):
        measure_gains(campaign(others, settings=RUN_SETTINGS), "wide", "base", pipelines)
    gone = {run_id: {"gone": done(run_id, "gone", {})} for run_id in RUN_SETTINGS}
    with pytest.raises(FragmentError, match="fragment gone: not found in the data"):
        measure_gains(campaign(gone, settings=RUN_SETTINGS), "wide", "base", pipelines)
