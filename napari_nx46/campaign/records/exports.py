"""Checking the exports of a campaign's runs, and keeping the best run's archive."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from napari_nx46.campaign.records.results import CampaignResults, PlannedRun
from napari_nx46.campaign.records.store import CampaignStore
from napari_nx46.campaign.verdicts.judging import judge_and_keep
from napari_nx46.campaign.verdicts.rules import Decision, Rules, best_accepted, judge
from napari_nx46.files.staging import staging_folder
from napari_nx46.files.submission.writing import SubmissionError
from napari_nx46.run.export.export import RunResult, export, exported_run, same_setting
from napari_nx46.run.export.manifest import RunOptions
from napari_nx46.run.export.manifest_reading import file_sha256
from napari_nx46.run.judge.kept_exports import delete_export, register_export
from napari_nx46.run.pipelines import PipelineSet
from napari_nx46.setting import DEFAULT_BAND
from napari_nx46.voxels.workers import CancelCheck

__all__ = ["ExportCheck", "ExportChecker"]

ARCHIVE_NAME = "submission.zip"


@dataclass(frozen=True, slots=True)
class ExportCheck:
    """The export of one run.

    Parameters
    ----------
    run_id : str
    number, total : int
        Which check it is, and how many there are as far as is known.
    fault : str, optional
        Why it is not valid.
    """

    run_id: str
    number: int
    total: int
    fault: str | None = None


class ExportChecker:
    """Makes the archives of the runs that no other rule rejects, and keeps that of the best one.

    The others are made in a folder that is gone afterwards; only what was found stays.

    Parameters
    ----------
    store : CampaignStore
    campaign_id : int
    pipelines : PipelineSet
        Of the campaign's data.
    rules : Rules
    folder : Path
        Where the archive of the best run is kept.
    """

    def __init__(
        self,
        store: CampaignStore,
        campaign_id: int,
        pipelines: PipelineSet,
        rules: Rules,
        folder: Path,
    ) -> None:
        self._store = store
        self._campaign_id = campaign_id
        self._pipelines = pipelines
        self._rules = rules
        self._folder = folder

    def check(self, notify: Callable[[ExportCheck], None], cancelled: CancelCheck) -> None:
        """Check what was not checked before, the best run first.

        Parameters
        ----------
        notify : callable
            Called after each check.
        cancelled : callable
            Asked between slices.

        Raises
        ------
        Cancelled
            If `cancelled` returned True; what was found is kept.
        WriteError
            If an archive cannot be written, e.g. the disk is full.
        WorkspaceError
            If what was found cannot be kept.
        """
        best, refused = self._best(), 0
        while best is not None and not self._is_kept(best):
            fault = self._checked(best, True, cancelled)
            notify(ExportCheck(best.run_id, refused + 1, refused + 1, fault))
            if fault is None:
                break
            refused += 1
            best = self._best()  # the next one: this one is rejected now
        unchecked = self._unchecked()
        for number, run in enumerate(unchecked, start=1):
            fault = self._checked(run, False, cancelled)
            notify(ExportCheck(run.run_id, number, len(unchecked), fault))

    def _best(self) -> PlannedRun | None:
        results = self._results()
        verdicts = judge_and_keep(self._store, results, self._rules)
        best = best_accepted(results, verdicts, self._rules.band)
        runs = {run.run_id: run for run in results.plan.runs}
        return None if best is None else runs[best.run_id]

    def _is_kept(self, run: PlannedRun) -> bool:
        archive = self._folder / ARCHIVE_NAME
        known = self._store.outcomes(self._campaign_id)[run.run_id]
        return (
            known.exported_run is not None
            and archive.is_file()
            and file_sha256(archive) == known.archive_sha256
        )

    def _unchecked(self) -> list[PlannedRun]:
        """Return the runs that no rule rejects and whose export was not checked."""
        results = self._results()
        accepted = {
            verdict.run_id
            for verdict in judge(results, self._rules)
            if verdict.decision is Decision.ACCEPTED
        }
        return [
            run
            for run in results.plan.runs
            if run.run_id in accepted and run.run_id not in results.export_faults
        ]

    def _results(self) -> CampaignResults:
        return self._store.results(self._campaign_id, with_slices=False)

    def _checked(self, run: PlannedRun, is_best: bool, cancelled: CancelCheck) -> str | None:
        """Make an archive, keep what was found of it, and return its fault."""
        if is_best:
            self._folder.mkdir(parents=True, exist_ok=True)
            return self._made(run, self._folder / ARCHIVE_NAME, cancelled, keep=True)
        with staging_folder(self._folder.parent) as made:
            return self._made(run, made / ARCHIVE_NAME, cancelled, keep=False)

    def _made(
        self, run: PlannedRun, archive: Path, cancelled: CancelCheck, *, keep: bool
    ) -> str | None:
        options = RunOptions(tag=run.run_id, band=self._rules.band or DEFAULT_BAND)
        settings = same_setting(self._pipelines.dataset, run.setting)
        known = self._store.outcomes(self._campaign_id)[run.run_id]
        found = replace(known, checked=True, fault=None, archive_sha256=None, exported_run=None)
        try:
            made = export(
                *(self._pipelines, settings, archive, options),
                cancelled=cancelled,
                work=self._store.workspace.path if keep else None,
            )
        except SubmissionError as error:
            found = replace(found, fault=str(error))
        else:
            fault = self._fault_of(run, made)
            found = replace(found, fault=fault, archive_sha256=made.archive_sha256)
            if keep and fault is None:
                kept = register_export(self._store.workspace, made, options)
                found = replace(found, exported_run=kept.id)
            elif keep:
                delete_export(self._store.workspace, exported_run(made, options))
        self._store.set_outcomes(self._campaign_id, [found])
        return found.fault

    def _fault_of(self, run: PlannedRun, made: RunResult) -> str | None:
        """Return what is wrong if the masks of an archive are not those that were measured."""
        measured = self._store.mask_digests(self._campaign_id, run.run_id)
        exported = {member.image_id: member.mask_sha256 for member in made.members}
        if measured == exported:
            return None
        others = sorted(
            one for one in {*measured, *exported} if measured.get(one) != exported.get(one)
        )
        return f"the masks of {', '.join(others)} are not those that were measured"
