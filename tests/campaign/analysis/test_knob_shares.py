"""Shares of knobs in the variance: by hand, against statsmodels, and against known responses."""

from __future__ import annotations

import itertools

import numpy as np
import optuna
import pandas as pd
import pytest
from statsmodels.formula.api import ols
from statsmodels.stats.anova import anova_lm

from napari_nx46.campaign.analysis.knob_shares import knob_shares, shares_of
from napari_nx46.run.findings.design import varied
from napari_nx46.setting import Setting, ThresholdRule
from tests.campaign.results_factory import campaign


def grid(**knobs):
    return [
        Setting(**dict(zip(knobs, values, strict=True)))
        for values in itertools.product(*knobs.values())
    ]


def squares(found):
    return {one.name: one.sum_of_squares for one in found.shares}


def test_a_two_way_table_by_hand():
    # z_radius 1:  1  3   5   mean 3
    # z_radius 2:  3  5  13   mean 7
    #       means  2  4   9        5
    settings = grid(z_radius=[1, 2], blend=[0.1, 0.5, 0.9])
    found = shares_of(settings, [1, 3, 5, 3, 5, 13])
    assert found is not None
    assert squares(found) == pytest.approx(
        {
            "blend": 2 * (9 + 1 + 16),
            "z_radius": 3 * (4 + 4),
            "blend × z_radius": 88 - 52 - 24,
        }
    )
    assert found.total == pytest.approx(16 + 4 + 0 + 4 + 0 + 64)
    assert [one.share for one in found.shares] == pytest.approx([52 / 88, 24 / 88, 12 / 88])
    assert [one.degrees for one in found.shares] == [2, 1, 2]
    assert [one.is_interaction for one in found.shares] == [False, False, True]
    assert (found.residual.degrees, found.residual.share) == (0, 0)
    assert "no residual is left" in found.notes[-1]
    assert found.overlap == pytest.approx(0)
    assert {one.p_value for one in found.shares} == {None}
    assert [(one.knob, one.level, one.runs, one.mean) for one in found.levels] == [
        ("blend", "0.1", 2, 2),
        ("blend", "0.5", 2, 4),
        ("blend", "0.9", 2, 9),
        ("z_radius", "1", 3, 3),
        ("z_radius", "2", 3, 7),
    ]


def test_unbalanced_runs_give_the_type_ii_squares_of_statsmodels():
    random = np.random.default_rng(7)
    settings = [
        *grid(quantile=[0.9, 0.95, 0.97], blend=[0.2, 0.6], z_radius=[0, 2]),
        *grid(quantile=[0.9], blend=[0.2, 0.6], z_radius=[0]),
        *grid(quantile=[0.97], blend=[0.6], z_radius=[0, 2], opening=[False]),
        *grid(quantile=[0.95, 0.97], blend=[0.2], z_radius=[2]),
    ]
    scores = random.normal(size=len(settings))
    found = shares_of(settings, scores.tolist())
    frame = pd.DataFrame(
        {
            "y": scores,
            "quantile": [one.quantile for one in settings],
            "blend": [one.blend for one in settings],
            "z_radius": [one.z_radius for one in settings],
        }
    )
    model = ols("y ~ (C(quantile) + C(blend) + C(z_radius)) ** 2", frame).fit()
    table = anova_lm(model, typ=2)
    assert found is not None
    expected = {
        "blend": "C(blend)",
        "z_radius": "C(z_radius)",
        "quantile": "C(quantile)",
        "blend × z_radius": "C(blend):C(z_radius)",
        "blend × quantile": "C(quantile):C(blend)",
        "z_radius × quantile": "C(quantile):C(z_radius)",
    }
    assert {one.name for one in found.shares} == set(expected)
    for one in found.shares:
        row = table.loc[expected[one.name]]
        assert one.sum_of_squares == pytest.approx(row["sum_sq"])
        assert one.degrees == row["df"]
        assert one.p_value == pytest.approx(row["PR(>F)"])
    assert found.residual.sum_of_squares == pytest.approx(table.loc["Residual", "sum_sq"])


def test_a_response_of_one_knob_gives_that_knob_everything():
    settings = grid(quantile=[0.95, 0.96, 0.97], blend=[0.6, 0.7], z_radius=[1, 2])
    found = shares_of(settings, [10 * one.quantile for one in settings])
    assert found is not None
    shares = {one.name: one.share for one in found.shares}
    assert shares.pop("quantile") == pytest.approx(1)
    assert list(shares.values()) == pytest.approx([0] * len(shares), abs=1e-9)


def test_an_additive_response_leaves_nothing_to_the_interaction():
    settings = grid(quantile=[0.95, 0.96, 0.97], blend=[0.6, 0.7])
    found = shares_of(settings, [3 * one.quantile - one.blend for one in settings])
    assert found is not None
    assert squares(found)["blend × quantile"] == pytest.approx(0, abs=1e-12)


def test_there_is_no_p_value_against_a_residual_of_rounding():
    settings = 2 * grid(quantile=[0.95, 0.96, 0.97], blend=[0.6, 0.7])
    found = shares_of(settings, [3 * one.quantile - one.blend for one in settings])
    assert found is not None
    assert found.residual.degrees == 6
    assert {one.p_value for one in found.shares} == {None}


def test_a_single_knob_has_a_share_and_no_interaction():
    settings = [Setting(blend=one) for one in (0.2, 0.2, 0.8, 0.8)]
    found = shares_of(settings, [1, 3, 5, 7])
    assert found is not None
    (share,) = found.shares
    assert (share.name, share.sum_of_squares) == ("blend", pytest.approx(16))
    assert found.residual.sum_of_squares == pytest.approx(4)
    assert found.notes == ()


def test_knobs_that_change_together_are_joined_and_named():
    settings = [
        Setting(blend=blend, z_radius=radius, quantile=quantile)
        for blend, radius in ((0.2, 1), (0.6, 2))
        for quantile in (0.9, 0.95, 0.97)
    ]
    found = shares_of(settings, [1, 2, 3, 4, 5, 9])
    assert found is not None
    assert [one.name for one in found.shares][:2] == ["blend + z_radius", "quantile"]
    assert "cannot distinguish blend and z_radius " in found.notes[0]


def test_a_part_of_a_grid_has_main_effects_alone():
    # Half a grid: closing_z is given by the three others, so that interactions mix with them.
    settings = [
        Setting(blend=0.2 + 0.1 * a, z_radius=b, closing_z=a ^ b ^ c, quantile=0.9 + 0.05 * c)
        for a, b, c in itertools.product((0, 1), repeat=3)
    ]
    found = shares_of(settings, range(8))
    assert found is not None
    assert [one.is_interaction for one in found.shares] == [False] * 4
    assert any(note.startswith("The runs are too few") for note in found.notes)
    one_at_a_time = [
        Setting(),
        Setting(blend=0.1),
        Setting(z_radius=1),
        Setting(closing_z=1),
    ]
    saturated = shares_of(one_at_a_time, [1, 2, 4, 8])
    assert saturated is not None
    assert saturated.residual.degrees == 0
    # A main effect of each; nothing is left to say chance from effect.
    assert [one.degrees for one in saturated.shares] == [1, 1, 1]


def test_runs_too_few_for_their_knobs_end_in_one_joined_factor():
    settings = [
        Setting(blend=0.1, z_radius=0, opening=False),
        Setting(blend=0.2, z_radius=1, opening=False),
        Setting(blend=0.3, z_radius=0, opening=True),
    ]
    found = shares_of(settings, [1, 2, 4])
    assert found is not None
    assert [one.name for one in found.shares] == ["blend + z_radius + opening"]
    assert found.shares[0].share == pytest.approx(1)
    assert "cannot distinguish blend, z_radius and opening " in found.notes[0]


def test_few_runs_of_a_search_are_reported_by_halves():
    random = np.random.default_rng(5)
    settings = [
        Setting(quantile=float(quantile), blend=float(blend), z_radius=radius)
        for quantile, blend, radius in zip(
            random.uniform(0.9, 0.99, 8), random.permutation(8) / 8, [0, 1, 3, 3] * 2, strict=True
        )
    ]
    found = shares_of(settings, [one.blend >= 0.5 for one in settings])
    assert found is not None
    assert [(level.knob, level.runs) for level in found.levels] == [
        (knob, 4) for knob in ("blend", "z_radius", "quantile") for _ in range(2)
    ]
    assert max(found.shares, key=lambda one: one.share).name == "blend"
    assert "too few for every value of quantile: it is cut in two halves" in " ".join(found.notes)


def test_values_of_a_search_are_binned_and_a_knob_that_does_not_apply_has_its_own_level():
    random = np.random.default_rng(3)
    settings = [Setting(quantile=one) for one in np.sort(random.uniform(0.9, 0.99, 21))]
    settings.append(Setting(rule=ThresholdRule.PROBABILITY))
    quantile = next(one for one in varied(settings) if one.knobs == ("quantile",))
    assert quantile.bins == 4
    counts = [quantile.levels.count(level) for level in quantile.distinct]
    assert counts == [6, 5, 5, 5, 1]
    assert quantile.levels[-1] == "not used"
    found = shares_of(settings, [one.quantile for one in settings])
    assert found is not None
    assert any("binned at their quartiles" in note for note in found.notes)


def test_a_knob_that_another_only_switches_is_no_factor():
    settings = [Setting(smallest_object=voxels) for voxels in (0, 10, 100)]
    assert [one.knobs for one in varied(settings)] == [("smallest_object",)]


def test_nothing_is_reported_of_too_few_runs_of_equal_scores_or_of_one_setting():
    settings = grid(blend=[0.1, 0.5, 0.9])
    assert shares_of(settings[:2], [1, 2]) is None
    assert shares_of(settings, [0.7, 0.7, 0.7]) is None
    assert shares_of([Setting()] * 3, [1, 2, 3]) is None
    assert shares_of([], []) is None


def test_a_run_counts_with_its_mean_over_the_fragments_that_all_have():
    settings = dict(zip("rst", grid(blend=[0.1, 0.5, 0.9]), strict=True))
    results = campaign(
        {
            "r": {"a": {"dice": 1.0}, "b": {"dice": 3.0}, "c": {"dice": 99.0}},
            "s": {"a": {"dice": 2.0}, "b": {"dice": 4.0}, "c": {}},
            "t": {"a": {"dice": 4.0}, "b": {"dice": 6.0}, "c": {}},
        },
        settings=settings,
    )
    found = knob_shares(results, "dice")
    assert found is not None
    assert [one.mean for one in found.levels] == [2, 3, 5]
    assert knob_shares(results, "leaderboard_score") is None


def search(count, seed=0):
    """Return settings as of a search: random values of three knobs."""
    random = np.random.default_rng(seed)
    return [
        Setting(quantile=quantile, z_radius=int(radius), opening=bool(opening))
        for quantile, radius, opening in zip(
            random.uniform(0.8, 0.99, count).tolist(),
            random.integers(0, 4, count),
            random.integers(0, 2, count),
            strict=True,
        )
    ]


def importance_of(found):
    return {one.name: one.importance for one in found.shares if not one.is_interaction}


def test_importance_is_that_of_optuna_for_the_best_tenth():
    settings = search(80)
    scores = [1 - abs(one.quantile - 0.93) + 0.01 * one.opening for one in settings]
    study = optuna.create_study(direction="maximize")
    distributions = {
        "quantile": optuna.distributions.FloatDistribution(
            min(one.quantile for one in settings), max(one.quantile for one in settings)
        ),
        "z_radius": optuna.distributions.FloatDistribution(0, 3),
        "opening": optuna.distributions.CategoricalDistribution([False, True]),
    }
    for setting, score in zip(settings, scores, strict=True):
        params = {name: getattr(setting, name) for name in distributions}
        study.add_trial(
            optuna.create_trial(params=params, distributions=distributions, value=score)
        )
    expected = optuna.importance.get_param_importances(
        study, evaluator=optuna.importance.PedAnovaImportanceEvaluator()
    )
    found = importance_of(shares_of(settings, scores))
    assert found == pytest.approx(expected)
    assert found["quantile"] > 0.8
    assert sum(found.values()) == pytest.approx(1)


def test_importance_takes_twenty_runs():
    settings = search(20)
    scores = [one.quantile for one in settings]
    assert None not in importance_of(shares_of(settings, scores)).values()
    assert set(importance_of(shares_of(settings[1:], scores[1:])).values()) == {None}


def test_of_densities_those_nearest_to_the_band_are_best():
    settings = {f"run-{n}": one for n, one in enumerate(search(60))}
    densities = {
        run_id: 0.09 + abs(one.z_radius - 1) * 0.1 + one.quantile / 100
        for run_id, one in settings.items()
    }
    results = campaign(
        {run_id: {"a": {"density": density}} for run_id, density in densities.items()},
        settings=settings,
    )
    found = importance_of(knob_shares(results, "density", (0.09, 0.1)))
    distances = [-max(0, one - 0.1) for one in densities.values()]
    assert found == importance_of(shares_of([*settings.values()], distances))
    assert max(found, key=found.get) == "z_radius"
