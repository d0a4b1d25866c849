"""How far fragments agree on the runs: spread of each run's score, and agreement of the ranks."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from napari_nx46.campaign.records.results import CampaignResults
from napari_nx46.campaign.verdicts.figures import fragments_with

__all__ = ["RankAgreement", "RunSpread", "Stability", "stability"]

_FEWEST_RUNS = 3
_FEWEST_FRAGMENTS = 2


@dataclass(frozen=True, slots=True)
class RunSpread:
    """A run's figure over the fragments.

    Parameters
    ----------
    run_id : str
    fragments : int
        That have it.
    mean, lowest, highest : float
    deviation : float, optional
        Standard deviation over the fragments, with n - 1; None for a single one.
    """

    run_id: str
    fragments: int
    mean: float
    lowest: float
    highest: float
    deviation: float | None


@dataclass(frozen=True, slots=True)
class RankAgreement:
    """How far the fragments put the runs in the same order.

    Parameters
    ----------
    kendall_w : float
        Kendall's coefficient of concordance, corrected for ties, in [0, 1]: 1 if all fragments rank
        the runs alike, 0 if their ranks cancel out.
    mean_spearman : float
        Mean of Spearman's rank correlation over all pairs of fragments,
        ``(m W - 1) / (m - 1)`` for m fragments.
    runs, fragments : int
        That were ranked: runs done on all of these fragments.
    """

    kendall_w: float
    mean_spearman: float
    runs: int
    fragments: int


@dataclass(frozen=True, slots=True)
class Stability:
    """How far a figure depends on the fragment.

    Parameters
    ----------
    figure : str
    spreads : tuple of RunSpread
        In the order of the plan; runs without the figure are left out.
    agreement : RankAgreement, optional
        None with fewer than three runs or two fragments, or where every run is equal on every
        fragment.
    """

    figure: str
    spreads: tuple[RunSpread, ...]
    agreement: RankAgreement | None


def stability(results: CampaignResults, figure: str) -> Stability:
    """Describe how far a figure of the runs depends on the fragment.

    Parameters
    ----------
    results : CampaignResults
    figure : str
        As in `FragmentResult.metrics`.
    """
    values = {
        run.run_id: {
            image_id: results.fragments[run.run_id, image_id].metrics[figure]
            for image_id in fragments_with(results, run.run_id, figure)
        }
        for run in results.plan.runs
    }
    having = {run_id: of_run for run_id, of_run in values.items() if of_run}
    return Stability(
        figure,
        tuple(_spread(run_id, list(of_run.values())) for run_id, of_run in having.items()),
        _agreement(having),
    )


def _spread(run_id: str, values: list[float]) -> RunSpread:
    mean = math.fsum(values) / len(values)
    deviation = float(np.std(values, ddof=1)) if len(values) > 1 else None
    return RunSpread(run_id, len(values), mean, min(values), max(values), deviation)


def _agreement(values: dict[str, dict[str, float]]) -> RankAgreement | None:
    """Return the agreement over the fragments that any run has, of runs that have them all."""
    from scipy.stats import friedmanchisquare

    image_ids = sorted({image_id for of_run in values.values() for image_id in of_run})
    whole = [of_run for of_run in values.values() if len(of_run) == len(image_ids)]
    runs, fragments = len(whole), len(image_ids)
    table = np.array([[of_run[image_id] for image_id in image_ids] for of_run in whole])
    if runs < _FEWEST_RUNS or fragments < _FEWEST_FRAGMENTS or (table == table[0]).all():
        return None
    # Friedman's statistic of the ranks is m (n - 1) W; it has the correction for ties.
    concordance = float(friedmanchisquare(*table).statistic) / (fragments * (runs - 1))
    spearman = (fragments * concordance - 1) / (fragments - 1)
    return RankAgreement(concordance, spearman, runs, fragments)
