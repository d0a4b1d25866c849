"""How much each knob decides whether a run is among the best: PED-ANOVA, by Optuna."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from napari_nx46.run.findings.design import Factor
from napari_nx46.run.tpe import quiet_optuna
from napari_nx46.setting import Setting, knob_applies

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

__all__ = ["BEST_SHARE", "FEWEST_RUNS", "importances"]

BEST_SHARE = 0.1
"""The share of the runs that count as the best."""
FEWEST_RUNS = 20
"""Below these the best are one run, which distinguishes no knob."""


def importances(
    factors: Sequence[Factor], settings: Sequence[Setting], values: Sequence[float]
) -> dict[str, float] | None:
    """Return how much each factor decides whether a run is among the best.

    Where the values of a knob are spread among the best runs as among all runs, the knob has no
    importance. Unlike a share of the variance this is not ruled by the many poor runs of a search.

    Parameters
    ----------
    factors : sequence of Factor
    settings : sequence of Setting
        One a run.
    values : sequence of float
        What each run is worth; more is better.

    Returns
    -------
    dict of str to float, or None
        By the names of the factors; the sum is 1. None with fewer than `FEWEST_RUNS` runs, or
        where all are worth the same.

    References
    ----------
    S. Watanabe, A. Bansal and F. Hutter, "PED-ANOVA: Efficiently Quantifying Hyperparameter
    Importance in Arbitrary Subspaces", IJCAI 2023.
    """
    if len(settings) < FEWEST_RUNS or not factors or len(set(values)) < 2:  # noqa: PLR2004
        return None
    import optuna

    columns = {factor.name: _column(factor, settings) for factor in factors}
    distributions = {name: distribution for name, (_, distribution) in columns.items()}
    with quiet_optuna():
        study = optuna.create_study(direction="maximize")
        evaluator = optuna.importance.PedAnovaImportanceEvaluator(target_quantile=BEST_SHARE)
    for number, value in enumerate(values):
        params = {name: column[number] for name, (column, _) in columns.items()}
        study.add_trial(
            optuna.create_trial(params=params, distributions=distributions, value=value)
        )
    return optuna.importance.get_param_importances(study, evaluator=evaluator)


def _column(
    factor: Factor, settings: Sequence[Setting]
) -> tuple[Sequence[str] | Sequence[float], BaseDistribution]:
    """Return what a factor is in each run: numbers where they are to be had, else its levels."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution

    if len(factor.knobs) == 1 and all(knob_applies(factor.knobs[0], one) for one in settings):
        values = [getattr(one, factor.knobs[0]) for one in settings]
        if all(isinstance(one, int | float) and not isinstance(one, bool) for one in values):
            numbers = [float(one) for one in values]
            return numbers, FloatDistribution(min(numbers), max(numbers))
    return factor.levels, CategoricalDistribution(factor.distinct)
