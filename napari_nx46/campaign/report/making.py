"""From a campaign's results to its report in a folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from napari_nx46.campaign.analysis.whole import CampaignAnalysis, analyse
from napari_nx46.campaign.records.results import CampaignResults
from napari_nx46.campaign.report.sections import report_of
from napari_nx46.campaign.report.writing import report_targets, write_report
from napari_nx46.campaign.verdicts.gains import FragmentGain, measure_gains
from napari_nx46.campaign.verdicts.rules import Rules, baseline_of, best_run, judge
from napari_nx46.run.export.targets import check_targets
from napari_nx46.run.findings.gained import SHORTEST_REPEAT
from napari_nx46.run.pipelines import PipelineSet
from napari_nx46.voxels.workers import CancelCheck, never

__all__ = ["make_report"]


def make_report(
    results: CampaignResults,
    rules: Rules,
    folder: Path,
    pipelines: PipelineSet | None = None,
    *,
    shortest_repeat: int = SHORTEST_REPEAT,
    progress: Callable[[float], None] = lambda _share: None,
    cancelled: CancelCheck = never,
) -> CampaignAnalysis:
    """Judge and analyse a campaign, and write its report.

    Parameters
    ----------
    results : CampaignResults
    rules : Rules
    folder : Path
        Made if it is missing; see `write_report`.
    pipelines : PipelineSet, optional
        Of the campaign's data: then the masks of the best run and of the baseline are computed to
        say what the gained foreground is.
    shortest_repeat : int
        Slices over which gained foreground counts as repeated; see `findings.gained`.
    progress : callable
        Called with the share that is done, in [0, 1].
    cancelled : callable
        Asked between tiles and slices.

    Returns
    -------
    CampaignAnalysis
        What the report says.

    Raises
    ------
    WriteError
        If the folder cannot be written to, or a volume of the data is there.
    FragmentError
        If the data are not those of the campaign.
    VolumeError
        If a volume is damaged.
    Cancelled
        If `cancelled` returned True; nothing was written.
    """
    gains: tuple[FragmentGain, ...] = ()
    if pipelines is not None:
        check_targets(pipelines.dataset, report_targets(folder))
        gains = _gains(results, rules, pipelines, shortest_repeat, progress, cancelled)
    analysis = analyse(results, rules, gains)
    write_report(report_of(analysis), folder)
    return analysis


def _gains(
    results: CampaignResults,
    rules: Rules,
    pipelines: PipelineSet,
    shortest_repeat: int,
    progress: Callable[[float], None],
    cancelled: CancelCheck,
) -> tuple[FragmentGain, ...]:
    """Return what the best run gains on the baseline; nothing where they are the same."""
    best = best_run(results, judge(results, rules), rules.band)
    baseline = baseline_of(results, rules)
    if best is None or baseline is None or best.run_id == baseline:
        return ()
    return measure_gains(
        results,
        best.run_id,
        baseline,
        pipelines,
        shortest_repeat=shortest_repeat,
        progress=progress,
        cancelled=cancelled,
    )
