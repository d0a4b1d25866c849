"""Ranking, lost recall, density against precision, and stability between fragments."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy.stats import spearmanr

from napari_nx46.campaign.analysis.density_curve import density_curve
from napari_nx46.campaign.analysis.lost_recall import lost_slices
from napari_nx46.campaign.analysis.ranking import rank_runs
from napari_nx46.campaign.analysis.stability import stability
from napari_nx46.campaign.verdicts.rules import Criterion, Rules, judge
from tests.campaign.results_factory import campaign, done, slices, waiting

NO_RULES = Rules(band=None, largest_recall_fall=None)


def ranked(results, rules=NO_RULES, band=None):
    return rank_runs(results, judge(results, rules), band)


def of_one_fragment(figure, **values):
    return campaign({run_id: {"a": {figure: value}} for run_id, value in values.items()})


# ---- ranking -------------------------------------------------------------------------------


def test_accepted_runs_come_before_rejected_ones_and_the_best_first():
    results = campaign(
        {
            "base": {"a": {"leaderboard_score": 0.5, "recall": 0.9}},
            "lost": {"a": {"leaderboard_score": 0.9, "recall": 0.1}},
            "good": {"a": {"leaderboard_score": 0.6, "recall": 0.9}},
            "open": {"a": waiting("open", "a")},
        }
    )
    ranking = ranked(results, Rules(band=None, largest_recall_fall=0.02))
    assert ranking.criterion is Criterion.LEADERBOARD_SCORE
    assert [(one.rank, one.run_id, one.value) for one in ranking.runs] == [
        (1, "good", 0.6),
        (2, "base", 0.5),
        (3, "open", None),
        (4, "lost", 0.9),
    ]


def test_deltas_are_over_the_fragments_that_both_have_and_the_baseline_has_none():
    results = campaign(
        {
            "base": {"a": {"recall": 0.5, "density": 0.1}, "b": {"recall": 0.7, "density": 0.3}},
            "other": {"a": {"recall": 0.8, "density": 0.1}, "b": {"density": 0.4}},
        }
    )
    by_id = {one.run_id: one for one in ranked(results).runs}
    assert by_id["base"].deltas == {}
    assert by_id["base"].means == pytest.approx({"recall": 0.6, "density": 0.2})
    assert by_id["other"].deltas == pytest.approx({"recall": 0.3, "density": 0.05})


def test_by_distance_to_the_band_the_nearest_comes_first():
    results = of_one_fragment("density", far=0.5, near=0.13, inside=0.1)
    ranking = ranked(results, band=(0.06, 0.12))
    assert ranking.criterion is Criterion.BAND_DISTANCE
    assert [one.run_id for one in ranking.runs] == ["inside", "near", "far"]
    assert ranked(results).criterion is None


# ---- lost recall ---------------------------------------------------------------------------


def test_the_slices_that_lose_most_recall_come_first_with_their_share_of_the_loss():
    losses = [0.0, 0.02, 0.05, 0.02, 0.01]
    of_a = slices(5, recall_loss=lambda z: losses[z])
    results = campaign(
        {"one": {"a": done("one", "a", {}, of_a), "b": done("one", "b", {}, slices(3, density=1))}}
    )
    found = lost_slices(results, "one", most=3)
    assert [(one.image_id, one.z, one.recall_loss) for one in found] == [
        ("a", 2, 0.05),
        ("a", 1, 0.02),
        ("a", 3, 0.02),
    ]
    assert [one.share_of_loss for one in found] == pytest.approx([0.5, 0.2, 0.2])
    assert len(lost_slices(results, "one", most=10)) == 4


# ---- density against precision -------------------------------------------------------------


def curve_of(pairs, drop=0.02):
    runs = {
        f"run-{number}": {"a": {"density": density, "precision": precision}}
        for number, (density, precision) in enumerate(pairs)
    }
    return density_curve(campaign(runs), drop)


def test_precision_falls_behind_the_last_density_that_holds_it():
    curve = curve_of([(0.12, 0.6), (0.06, 0.9), (0.08, 0.89), (0.10, 0.8)])
    assert [one.density for one in curve.points] == [0.06, 0.08, 0.10, 0.12]
    assert curve.fall is not None
    assert (curve.fall.last_density, curve.fall.first_density) == (0.08, 0.10)
    assert curve.fall.best == 0.9


def test_a_fall_of_exactly_the_drop_is_none():
    curve = curve_of([(0.06, 0.92), (0.08, 0.90), (0.10, 0.89)])
    assert curve.fall is not None
    assert (curve.fall.last_density, curve.fall.first_density) == (0.08, 0.10)


def test_the_fitted_precision_never_rises_and_pools_what_does():
    curve = curve_of([(0.06, 0.8), (0.08, 0.9), (0.10, 0.7)])
    assert [one.fitted_precision for one in curve.points] == pytest.approx([0.85, 0.85, 0.7])
    assert [one.precision for one in curve.points] == [0.8, 0.9, 0.7]


def test_runs_of_one_density_share_a_fitted_precision():
    curve = curve_of([(0.06, 0.8), (0.06, 0.9), (0.08, 0.7), (0.10, 0.5)])
    assert [one.fitted_precision for one in curve.points] == pytest.approx([0.85, 0.85, 0.7, 0.5])


def test_precision_that_holds_falls_at_no_density_and_two_densities_are_too_few():
    held = curve_of([(0.06, 0.9), (0.08, 0.9), (0.10, 0.89)])
    assert held.fall is not None
    assert (held.fall.last_density, held.fall.first_density) == (0.10, None)
    assert curve_of([(0.06, 0.9), (0.08, 0.1)]).fall is None
    assert density_curve(of_one_fragment("density", one=0.1)).fall is None


# ---- stability -----------------------------------------------------------------------------


def scored(table):
    return campaign(
        {
            f"run-{run}": {f"f{column}": {"dice": float(value)} for column, value in enumerate(row)}
            for run, row in enumerate(table)
        }
    )


def test_the_spread_of_a_run_is_over_its_fragments():
    spread = stability(scored([[0.2, 0.4, 0.9]]), "dice").spreads[0]
    assert (spread.fragments, spread.lowest, spread.highest) == (3, 0.2, 0.9)
    assert spread.mean == pytest.approx(0.5)
    assert spread.deviation == pytest.approx(np.sqrt((0.09 + 0.01 + 0.16) / 2))
    assert stability(scored([[0.2]]), "dice").spreads[0].deviation is None


def test_rank_agreement_is_whole_where_all_fragments_rank_alike():
    agreement = stability(scored([[1, 10], [2, 20], [3, 30]]), "dice").agreement
    assert agreement is not None
    assert (agreement.kendall_w, agreement.mean_spearman) == pytest.approx((1, 1))
    assert (agreement.runs, agreement.fragments) == (3, 2)
    opposed = stability(scored([[1, 30], [2, 20], [3, 10]]), "dice").agreement
    assert opposed is not None
    assert (opposed.kendall_w, opposed.mean_spearman) == pytest.approx((0, -1))


def test_rank_agreement_is_the_mean_of_spearmans_correlations():
    table = np.random.default_rng(5).normal(size=(6, 4))
    agreement = stability(scored(table), "dice").agreement
    pairs = itertools.combinations(table.T, 2)
    assert agreement is not None
    assert agreement.mean_spearman == pytest.approx(
        np.mean([spearmanr(one, other).statistic for one, other in pairs])
    )


def test_rank_agreement_needs_runs_that_differ_on_several_fragments():
    assert stability(scored([[1, 2], [3, 4]]), "dice").agreement is None
    assert stability(scored([[1], [2], [3]]), "dice").agreement is None
    assert stability(scored([[1, 2], [1, 2], [1, 2]]), "dice").agreement is None
    assert stability(campaign({}), "dice").spreads == ()
