"""The share of each knob in the variance of the score."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from napari_nx46.campaign.records.results import CampaignResults
from napari_nx46.campaign.verdicts.figures import mean_figure
from napari_nx46.core.measure.band import distance_from_band
from napari_nx46.run.findings.design import Factor, joined_until_apart, varied
from napari_nx46.run.findings.importance import importances
from napari_nx46.setting import DEFAULT_BAND, Setting

if TYPE_CHECKING:
    from pandas import DataFrame, Series

__all__ = ["KnobShare", "KnobShares", "LevelMean", "knob_shares", "shares_of"]

_FEWEST_RUNS = 3
_NO_VARIANCE = 1e-20
"""Share of a sum of squares below which another is rounding alone."""


@dataclass(frozen=True, slots=True)
class LevelMean:
    """The runs at one level of a knob.

    Parameters
    ----------
    knob, level : str
    runs : int
    mean : float
        Of their scores.
    """

    knob: str
    level: str
    runs: int
    mean: float


@dataclass(frozen=True, slots=True)
class KnobShare:
    """What one effect explains of the variance of the score.

    Parameters
    ----------
    name : str
        The knob, or knobs joined by "+" that cannot be distinguished, or two by "×": their
        interaction.
    degrees : int
        Degrees of freedom.
    sum_of_squares : float
        Of type II: what the effect explains beyond all effects that do not contain it.
    share : float
        The same as a share of the total sum of squares.
    p_value : float, optional
        Of the F test against the residual; None without one, or where it is rounding alone.
    is_interaction : bool
    importance : float, optional
        Of a knob, for a run to be among the best (see `importances`); None where the runs are
        too few.
    """

    name: str
    degrees: int
    sum_of_squares: float
    share: float
    p_value: float | None = None
    is_interaction: bool = False
    importance: float | None = None


@dataclass(frozen=True, slots=True)
class KnobShares:
    """What the knobs explain of the variance of the score between runs.

    Parameters
    ----------
    figure : str
        What is taken as the score.
    runs : int
        That have it.
    shares : tuple of KnobShare
        Knobs in the order of the setting's fields, then interactions.
    residual : KnobShare
        What no effect explains.
    total : float
        Sum of squares about the mean.
    levels : tuple of LevelMean
        Of every factor.
    notes : tuple of str
        What a reader should know: knobs joined or binned, interactions left out.
    """

    figure: str
    runs: int
    shares: tuple[KnobShare, ...]
    residual: KnobShare
    total: float
    levels: tuple[LevelMean, ...]
    notes: tuple[str, ...] = ()

    @property
    def overlap(self) -> float:
        """Share that several effects have in common: nothing in a balanced design."""
        left = 1 - self.residual.share - math.fsum(one.share for one in self.shares)
        # What sums of binary fractions leave is nothing in common.
        return round(left, 12) + 0.0


def knob_shares(
    results: CampaignResults, figure: str, band: tuple[float, float] = DEFAULT_BAND
) -> KnobShares | None:
    """Describe what the knobs of a campaign explain of the variance of a figure between its runs.

    A run counts with its mean over the fragments that every run has the figure on.

    Parameters
    ----------
    results : CampaignResults
    figure : str
        As in `FragmentResult.metrics`.
    band : tuple of float
        Of a density the best are those that are nearest to this band; of other figures the highest.

    Returns
    -------
    KnobShares or None
        As `shares_of`; None too where no fragment has the figure in every run that has any.
    """
    having = [
        run for run in results.plan.runs if mean_figure(results, run.run_id, figure) is not None
    ]
    shared = [
        image_id
        for image_id in results.image_ids
        if all(figure in results.fragments[run.run_id, image_id].metrics for run in having)
    ]
    means = [mean_figure(results, run.run_id, figure, shared) for run in having]
    scores = [mean for mean in means if mean is not None]
    if len(scores) < len(having):
        return None
    settings = [run.setting for run in having]
    if figure != "density":
        return shares_of(settings, scores, figure)
    return shares_of(settings, scores, figure, [-abs(distance_from_band(d, band)) for d in scores])


def shares_of(
    settings: Sequence[Setting],
    scores: Sequence[float],
    figure: str = "score",
    worths: Sequence[float] | None = None,
) -> KnobShares | None:
    """Analyse the variance of scores by the knobs of their settings.

    Every varied knob is a factor (see `design.varied`), with the values of numbers cut in halves
    where the runs are too few for all levels; factors that the runs cannot distinguish  are joined.
    The sums of squares are of type II: of a knob what it explains beyond the other knobs,
    of an interaction what it explains beyond all knobs and the other interactions. Interactions of
    two are taken in where the runs suffice to estimate all of them.

    Parameters
    ----------
    settings : sequence of Setting
    scores : sequence of float
        One a setting.
    figure : str
        What the score is.
    worths : sequence of float, optional
        What each run is worth, more being better, for the importance of the knobs; by default
        the scores.

    Returns
    -------
    KnobShares or None
        None with fewer than three runs, without a varied knob, or where all scores are equal.

    References
    ----------
    Langsrud, O. (2003). ANOVA for unbalanced data: use type II instead of type III sums of squares.
    Statistics and Computing 13, 163-167.
    """
    y = np.asarray(scores, np.float64)
    knobs = varied(settings)
    if 1 + sum(one.degrees for one in knobs) > len(settings):
        knobs = varied(settings, halves=True)
    total = float(((y - y.mean()) ** 2).sum()) if y.size else 0.0
    if len(y) < _FEWEST_RUNS or not knobs or total <= _NO_VARIANCE * float((y**2).sum()):
        return None
    factors = joined_until_apart(knobs)
    frame = _frame(factors, y)
    effects: list[tuple[Factor, ...]] = [(factor,) for factor in factors]
    pairs = [*itertools.combinations(factors, 2)]
    with_pairs = bool(pairs) and _estimable([*effects, *pairs], frame)
    effects += pairs if with_pairs else []
    shares, residual = _shares(effects, frame, total)
    importance_of = importances(factors, settings, scores if worths is None else worths) or {}
    shares = tuple(replace(one, importance=importance_of.get(one.name)) for one in shares)
    notes = list(_notes(factors))
    if pairs and not with_pairs:
        notes.append("The runs are too few, or not crossed enough, to estimate interactions.")
    if not residual.degrees:
        notes.append(
            "There are as many effects as runs: no residual is left to judge an effect by."
        )
    return KnobShares(
        figure,
        len(y),
        shares,
        residual,
        total,
        tuple(level for factor in factors for level in _level_means(factor, frame)),
        tuple(notes),
    )


def _frame(factors: Sequence[Factor], y: npt.NDArray[np.float64]) -> DataFrame:
    """Return the scores as ``y``, and the level of each factor under its name."""
    from pandas import DataFrame

    return DataFrame({"y": y} | {factor.name: factor.levels for factor in factors})


def _formula(effects: Sequence[tuple[Factor, ...]]) -> str:
    terms = (":".join(f"C(Q({factor.name!r}))" for factor in effect) for effect in effects)
    return f"y ~ {' + '.join(terms)}"


def _degrees(effect: tuple[Factor, ...]) -> int:
    return math.prod(factor.degrees for factor in effect)


def _estimable(effects: Sequence[tuple[Factor, ...]], frame: DataFrame) -> bool:
    """Return whether the runs suffice to estimate every effect."""
    from statsmodels.formula.api import ols

    wanted = sum(map(_degrees, effects))
    return wanted < len(frame) and ols(_formula(effects), frame).df_model == wanted


def _shares(
    effects: Sequence[tuple[Factor, ...]], frame: DataFrame, total: float
) -> tuple[tuple[KnobShare, ...], KnobShare]:
    from scipy.stats import f
    from statsmodels.formula.api import ols

    fit = ols(_formula(effects), frame).fit()
    left = round(float(fit.df_resid))
    unexplained = float(fit.ssr) if left else 0.0
    shares = []
    for effect, square in zip(effects, _squares(_formula(effects), frame), strict=True):
        degrees = _degrees(effect)
        p_value = (
            float(f.sf(square / degrees / (unexplained / left), degrees, left))
            if unexplained > _NO_VARIANCE * total
            else None
        )
        name = " × ".join(factor.name for factor in effect)
        shares.append(KnobShare(name, degrees, square, square / total, p_value, len(effect) > 1))
    return tuple(shares), KnobShare("residual", left, unexplained, unexplained / total)


def _squares(formula: str, frame: DataFrame) -> list[float]:
    """Return the sum of squares of type II of each effect of a formula, in its order.

    statsmodels works them out from F tests, which need a residual that as many effects as runs
    leave none of. So each run is counted twice, once above its score and once as far below: that
    moves no effect and doubles its square.
    """
    from pandas import concat
    from statsmodels.formula.api import ols
    from statsmodels.stats.anova import anova_lm

    apart = frame.y.std()
    twice = concat([frame.assign(y=frame.y + apart), frame.assign(y=frame.y - apart)])
    table = anova_lm(ols(formula, twice).fit(), typ=2)
    squares: list[float] = (table.sum_sq.drop("Residual") / 2).tolist()
    return squares


def _level_means(factor: Factor, frame: DataFrame) -> list[LevelMean]:
    of_levels: Series = frame.groupby(factor.name, sort=False).y
    return [
        LevelMean(factor.name, level, runs, mean)
        for level, runs, mean in of_levels.agg(["size", "mean"]).itertuples()
    ]


def _notes(factors: Sequence[Factor]) -> tuple[str, ...]:
    joined = [
        f"The runs cannot distinguish {', '.join(one.knobs[:-1])} and {one.knobs[-1]} : what they "
        "explain is given for them together."
        for one in factors
        if len(one.knobs) > 1
    ]
    binned = [
        f"Hardly two runs share a value of {one.name}: its values are binned at their quartiles."
        if one.bins > 2  # noqa: PLR2004
        else f"The runs are too few for every value of {one.name}: it is cut in two halves."
        for one in factors
        if one.bins
    ]
    return (*joined, *binned)
