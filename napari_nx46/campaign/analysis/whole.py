"""Everything that is reported of a campaign, put together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from napari_nx46.campaign.analysis.density_curve import DensityCurve, density_curve
from napari_nx46.campaign.analysis.knob_shares import KnobShares, knob_shares
from napari_nx46.campaign.analysis.lost_recall import LostSlice, lost_slices
from napari_nx46.campaign.analysis.ranking import Ranking, rank_runs
from napari_nx46.campaign.analysis.stability import Stability, stability
from napari_nx46.campaign.records.results import CampaignResults
from napari_nx46.campaign.verdicts.figures import fragments_with
from napari_nx46.campaign.verdicts.gains import FragmentGain
from napari_nx46.campaign.verdicts.rules import (
    BestRun,
    Rules,
    RunVerdict,
    baseline_of,
    best_run,
    judge,
)
from napari_nx46.setting import DEFAULT_BAND

__all__ = ["CampaignAnalysis", "analyse"]

_SCORES = ("leaderboard_score", "dice", "density")


@dataclass(frozen=True, slots=True)
class CampaignAnalysis:
    """What came of a campaign, and what drove it.

    Parameters
    ----------
    results : CampaignResults
    rules : Rules
    verdicts : tuple of RunVerdict
        In the order of the plan.
    baseline : str, optional
        Its run_id.
    best : BestRun, optional
    ranking : Ranking
    score_name : str
        The figure whose variance and spread are reported: ``leaderboard_score`` where there is any,
        else ``dice`` to the label, else ``density``.
    curve : DensityCurve
    shares : KnobShares, optional
    stability : Stability
    lost : tuple of LostSlice
        Of the best run and of the baseline.
    gains : tuple of FragmentGain
        Of the best run against the baseline; empty where the masks were not computed.
    """

    results: CampaignResults
    rules: Rules
    verdicts: tuple[RunVerdict, ...]
    baseline: str | None
    best: BestRun | None
    ranking: Ranking
    score_name: str
    curve: DensityCurve
    shares: KnobShares | None
    stability: Stability
    lost: tuple[LostSlice, ...]
    gains: tuple[FragmentGain, ...] = ()

    @property
    def reported_runs(self) -> tuple[str, ...]:
        """The run_ids whose slices are shown: the best run's and the baseline's, each once."""
        best = None if self.best is None else self.best.run_id
        return tuple(dict.fromkeys(one for one in (best, self.baseline) if one is not None))


def analyse(
    results: CampaignResults, rules: Rules = Rules(), gains: Sequence[FragmentGain] = ()
) -> CampaignAnalysis:
    """Analyse a campaign as it stands.

    Parameters
    ----------
    results : CampaignResults
    rules : Rules
    gains : sequence of FragmentGain
        From `measure_gains` of the best run against the baseline, if it was asked for.
    """
    verdicts = judge(results, rules)
    baseline = baseline_of(results, rules)
    best = best_run(results, verdicts, rules.band)
    score_name = _score_name(results)
    reported = dict.fromkeys(
        one for one in (None if best is None else best.run_id, baseline) if one is not None
    )
    return CampaignAnalysis(
        results=results,
        rules=rules,
        verdicts=verdicts,
        baseline=baseline,
        best=best,
        ranking=rank_runs(results, verdicts, rules.band),
        score_name=score_name,
        curve=density_curve(results),
        shares=knob_shares(results, score_name, rules.band or DEFAULT_BAND),
        stability=stability(results, score_name),
        lost=tuple(one for run_id in reported for one in lost_slices(results, run_id)),
        gains=tuple(gains),
    )


def _score_name(results: CampaignResults) -> str:
    for name in _SCORES:
        if any(fragments_with(results, run.run_id, name) for run in results.plan.runs):
            return name
    return _SCORES[0]
