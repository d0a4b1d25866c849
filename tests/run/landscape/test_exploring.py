"""Landscapes hold exact scores, each computed once, in an order that shares stages."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_nx46 import leaderboard
from napari_nx46.data.fragments import open_data, write_data_folder
from napari_nx46.run.landscape.exploring import explore, fragment_scores
from napari_nx46.run.landscape.landscape import (
    MOST_VALUES,
    Axis,
    Landscape,
    LandscapeRequest,
    PointScore,
)
from napari_nx46.run.shared_stages import by_shared_stages, stages_of
from napari_nx46.run.whole_mask import mask_of_fragment
from napari_nx46.setting import Setting
from napari_nx46.voxels.corrections.corrections import Corrections
from napari_nx46.voxels.workers import Cancelled, never
from tests.planted import PLANTED_KNOBS, SIDE, planted_volumes


def axis(name, values, intervals=4, present=None):
    return Axis.of(name, tuple(values), present, intervals)


def request(*axes, **knobs):
    return LandscapeRequest("a", Setting(**knobs), axes)


def defined(setting):
    """Return a score that depends on blend, z_radius and closing_z, with a steep part."""
    value = 0.5 * setting.blend + 0.05 * setting.closing_z - 0.02 * setting.z_radius
    return PointScore(value if setting.blend < 0.7 else value / 4, 0.1, 0.2, 0.3)


class Lab:
    """Evaluates, and notes the settings in order."""

    def __init__(self, limit=None):
        self.settings = []
        self.limit = limit
        self.reports = []

    def __call__(self, setting):
        self.settings.append(setting)
        return defined(setting)

    def cancelled(self):
        return self.limit is not None and len(self.settings) >= self.limit

    def explore(self, landscape, most):
        return explore(landscape, self, most, self.reports.append, self.cancelled)


BLENDS = [n / 40 for n in range(41)]
MAP = request(axis("blend", BLENDS), axis("closing_z", range(9)))


@given(st.integers(0, 120))
def test_every_score_is_exact_and_computed_once(most):
    lab = Lab()
    landscape = lab.explore(Landscape(MAP), most)
    assert landscape.scores == {at: defined(MAP.setting_at(at)) for at in landscape.scores}
    assert max(Counter(lab.settings).values()) == 1
    assert len(lab.settings) == len(landscape.scores) <= max(most, 25)
    assert len(landscape.scores) >= min(most - 4, 41 * 9)
    assert [report.done for report in lab.reports] == list(range(1, len(lab.settings) + 1))
    assert all(report.done <= report.total for report in lab.reports)
    best = max(score.value for score in landscape.scores.values())
    assert landscape.scores[landscape.best].value == best
    lowest = best - 0.02
    assert landscape.plateau(0.02) == {
        at for at, score in landscape.scores.items() if score.value >= lowest
    }


def test_points_gather_where_the_score_drops_and_around_the_best():
    landscape = Lab().explore(Landscape(request(axis("blend", BLENDS, 8))), 16)
    computed = {BLENDS[at] for (at,) in landscape.scores}
    assert {0.65, 0.675, 0.7} <= computed
    assert landscape.best == (27,)
    assert {(26,), (28,)} <= set(landscape.scores)


@given(st.integers(1, 70))
def test_what_was_given_up_goes_on_without_repeating_a_point(limit):
    first, second = Lab(limit), Lab()
    with pytest.raises(Cancelled):
        first.explore(Landscape(MAP), 90)
    reached = first.reports[-1].landscape
    assert len(reached.scores) == limit
    landscape = second.explore(reached, 90)
    again = set(first.settings) & set(second.settings)
    assert again == {MAP.setting_at(reached.best)}  # to see whether it is still true
    assert set(reached.scores) < set(landscape.scores)
    assert 86 <= len(landscape.scores) <= 90


def test_scores_of_other_data_are_dropped():
    kept = Lab().explore(Landscape(MAP), 30)
    changed = dict(kept.scores) | {kept.best: PointScore(0.99, 0.1, 0.2, 0.3)}
    landscape = Lab().explore(Landscape(MAP, changed), 30)
    assert landscape.scores == kept.scores


@given(st.permutations(range(12)), st.integers(0, 11))
def test_what_shares_stages_follows_each_other_at_every_depth(order, last):
    settings = [
        Setting(z_radius=z, quantile=quantile, closing_z=closing)
        for z in (0, 1)
        for quantile in (0.9, 0.95, 0.97)
        for closing in (0, 1)
    ]
    after = stages_of(settings[last])
    found = by_shared_stages([settings[n] for n in order], stages_of, after)
    assert sorted(map(hash, found)) == sorted(map(hash, settings))
    for depth in (1, 2, 3):
        stages = [stages_of(setting)[:depth] for setting in found]
        changes = sum(one != other for one, other in pairwise(stages))
        assert changes == len(set(stages)) - 1
        assert stages[0] == after[:depth] or depth == 3


def test_the_dear_knob_is_changed_as_seldom_as_can_be():
    wanted = request(axis("z_radius", range(5)), axis("closing_z", range(5)))
    lab = Lab()
    lab.explore(Landscape(wanted), 25)
    radii = [setting.z_radius for setting in lab.settings]
    assert sum(one != other for one, other in pairwise(radii)) == 4


def test_a_low_threshold_above_the_high_one_is_no_point():
    quantiles = [0.8, 0.85, 0.9, 0.95, 0.97]
    wanted = request(axis("low_quantile", quantiles), axis("quantile", quantiles), hysteresis=True)
    lab = Lab()
    landscape = lab.explore(Landscape(wanted), 100)
    assert set(landscape.scores) == {(a, b) for a in range(5) for b in range(5) if a <= b}
    assert wanted.impossible == {(a, b) for a in range(5) for b in range(5) if a > b}
    assert all(corner in landscape.scores for cell in landscape.cells for corner in cell.corners)
    assert wanted.crossed == {("low_quantile", "quantile")}
    assert MAP.impossible == MAP.crossed == frozenset()


@given(st.sets(st.integers(0, 1000), min_size=2, max_size=200), st.data(), st.integers(1, 8))
def test_an_axis_keeps_its_ends_and_the_present_value(numbers, data, intervals):
    values = sorted(numbers)
    present = data.draw(st.sampled_from(values))
    made = Axis.of("smallest_object", values, present, intervals)
    assert {values[0], values[-1]} <= set(made.values) <= numbers
    assert len(made.values) == min(len(values), MOST_VALUES)
    if present not in (values[0], values[-1]) and intervals > 1:
        assert made.values.index(present) in made.breaks


@pytest.mark.parametrize(
    ("values", "breaks"), [((1,), (0,)), ((2, 1), (0, 1)), ((1, 2, 3), (0, 1)), ((1, 2), (0, 1, 1))]
)
def test_an_axis_that_is_none_is_refused(values, breaks):
    with pytest.raises(ValueError, match="expected"):
        Axis("closing_z", values, breaks)


def test_a_map_is_of_two_different_knobs():
    with pytest.raises(ValueError, match="different knobs"):
        request(axis("blend", BLENDS), axis("blend", BLENDS))


def test_scores_are_those_of_the_exact_masks_with_corrections(tmp_path):
    write_data_folder(tmp_path, "a", planted_volumes())
    dataset = open_data(tmp_path)
    label = dataset["a"].label.read()
    shape = (SIDE, SIDE, SIDE)
    painted = np.ones((2, 3, 4), np.uint8)
    block = (slice(20, 22), slice(5, 8), slice(5, 9))
    corrections = Corrections.none(shape).changed(block, painted)
    wanted = LandscapeRequest(
        "a",
        Setting(**PLANTED_KNOBS),
        (axis("closing_z", range(3)), axis("smallest_object", (0, 5, 50))),
        corrections,
    )
    with fragment_scores(dataset, wanted, label, never) as evaluate:
        landscape = explore(Landscape(wanted), evaluate, 9, lambda _: None, never)
    assert len(landscape.scores) == 9
    for position in ((0, 0), (2, 1), (1, 2)):
        setting = wanted.setting_at(position)
        mask = corrections.apply(mask_of_fragment(dataset, "a", setting), np.s_[0:64, 0:64, 0:64])
        expected = PointScore.of(leaderboard.score(mask, label))
        assert landscape.scores[position] == expected


def test_points_of_the_same_values_serve_another_range():
    kept = Lab().explore(Landscape(MAP), 60)
    wider = request(axis("blend", [n / 80 for n in range(20, 81)]), axis("closing_z", range(2, 5)))
    known = kept.over(wider)
    expected = {
        (at[0] * 2 - 20, at[1] - 2) for at in kept.scores if at[0] >= 10 and 2 <= at[1] <= 4
    }
    assert set(known.scores) == expected != set()
    lab = Lab()
    landscape = lab.explore(known, 70)
    assert landscape.scores == {at: defined(wider.setting_at(at)) for at in landscape.scores}
    assert len(lab.settings) == 1 + len(landscape.scores) - len(known.scores)
