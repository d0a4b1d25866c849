"""The runs of a campaign in order, with their mean figures and what these gain on the baseline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from napari_nx46.campaign.records.results import CampaignResults
from napari_nx46.campaign.verdicts.figures import mean_figure, shared_mean
from napari_nx46.campaign.verdicts.rules import (
    Criterion,
    Decision,
    RunVerdict,
    criterion_values,
)

__all__ = ["RUN_FIGURES", "RankedRun", "Ranking", "rank_runs"]

RUN_FIGURES = (
    *("leaderboard_score", "topo_score", "surface_dice", "voi_score"),
    *("precision", "recall", "dice", "density", "mean_continuity"),
    *("components", "largest_share", "euler_number", "threshold", "low_threshold"),
)
"""Figures of a run, those of the label first."""

_ORDER = (Decision.ACCEPTED, Decision.UNDECIDED, Decision.REJECTED)


@dataclass(frozen=True, slots=True)
class RankedRun:
    """A run in the ranking.

    Parameters
    ----------
    rank : int
        From 1.
    verdict : RunVerdict
    means : mapping of str to float
        Mean of each figure over the fragments that have it.
    deltas : mapping of str to float
        The run's mean less the baseline's, over the fragments that have the figure in both.
    value : float, optional
        Of the criterion that runs are ranked by; None if the run has none.
    """

    rank: int
    verdict: RunVerdict
    means: Mapping[str, float] = field(hash=False)
    deltas: Mapping[str, float] = field(hash=False)
    value: float | None = None

    @property
    def run_id(self) -> str:
        """Of the run."""
        return self.verdict.run_id


@dataclass(frozen=True, slots=True)
class Ranking:
    """All runs in order.

    Parameters
    ----------
    criterion : Criterion, optional
        By what; None where no run has anything to rank by.
    runs : tuple of RankedRun
        Accepted ones first, then undecided, then rejected ones; each of these from the best on,
        equal ones in the order of the plan.
    """

    criterion: Criterion | None
    runs: tuple[RankedRun, ...]


def rank_runs(
    results: CampaignResults,
    verdicts: Sequence[RunVerdict],
    band: tuple[float, float] | None,
) -> Ranking:
    """Put the runs in order.

    Parameters
    ----------
    results : CampaignResults
    verdicts : sequence of RunVerdict
        One a run.
    band : tuple of float, optional
        Lowest and highest density aimed at.
    """
    chosen = criterion_values(results, (one.run_id for one in verdicts), band)
    criterion, values = (None, {}) if chosen is None else chosen
    sign = 1 if criterion is not None and criterion.is_distance else -1

    def place(verdict: RunVerdict) -> tuple[int, bool, float]:
        value = values.get(verdict.run_id)
        return _ORDER.index(verdict.decision), value is None, sign * (value or 0.0)

    return Ranking(
        criterion,
        tuple(
            RankedRun(
                rank,
                verdict,
                _means(results, verdict.run_id),
                _deltas(results, verdict.run_id, verdict.baseline),
                values.get(verdict.run_id),
            )
            for rank, verdict in enumerate(sorted(verdicts, key=place), start=1)
        ),
    )


def _means(results: CampaignResults, run_id: str) -> dict[str, float]:
    means = {name: mean_figure(results, run_id, name) for name in RUN_FIGURES}
    return {name: mean for name, mean in means.items() if mean is not None}


def _deltas(results: CampaignResults, run_id: str, baseline: str | None) -> dict[str, float]:
    if baseline is None or baseline == run_id:
        return {}
    pairs = {name: shared_mean(results, run_id, baseline, name) for name in RUN_FIGURES}
    return {name: pair[0] - pair[1] for name, pair in pairs.items() if pair is not None}
