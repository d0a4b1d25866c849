"""An export beside a session."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from napari_nx46.data.fragments import DataSet
from napari_nx46.run.export.export import RunResult, export
from napari_nx46.run.export.manifest import RunOptions
from napari_nx46.run.job import Progress, Report, Work
from napari_nx46.run.pipelines import PipelineSet
from napari_nx46.setting import Setting
from napari_nx46.voxels.corrections.corrections import Corrections
from napari_nx46.voxels.workers import CancelCheck, Workers


def export_work(
    dataset: DataSet,
    accepted: Mapping[str, Setting],
    target: Path,
    options: RunOptions,
    *,
    corrections: Mapping[str, Corrections] | None = None,
    threads: int = 2,
    memory_budget: int | None = None,
    workspace: Path | None = None,
) -> Work[RunResult]:
    """Return the work of a job that exports accepted settings; it reports slices.

    Cancelled before it has ended, the old archive stays as it was.

    Parameters
    ----------
    dataset : DataSet
    accepted : mapping
        Setting by image_id, as it is now.
    target : Path
        The archive.
    options : RunOptions
    corrections : mapping of str to Corrections, optional
        What was corrected by hand when that was accepted, by image_id.
    threads : int
        That compute at a time.
    memory_budget : int, optional
        Bytes for one fragment's volumes and score.
    workspace : Path, optional
        In which the owner keeps the export as a run.
    """
    accepted, corrections = dict(accepted), dict(corrections or {})
    total = sum(dataset[image_id].shape[0] for image_id in accepted)

    def work(cancelled: CancelCheck, report: Report) -> RunResult:
        slices: dict[str, int] = {}

        def progress(image_id: str, done: int, of: int) -> None:
            slices[image_id] = done
            report(Progress(sum(slices.values()), total))

        workers = Workers(threads)
        pipelines = PipelineSet(dataset, workers=workers, memory_budget=memory_budget)
        try:
            return export(
                *(pipelines, accepted, target, options, progress, cancelled),
                corrections=corrections,
                work=workspace,
            )
        finally:
            workers.close()

    return work
