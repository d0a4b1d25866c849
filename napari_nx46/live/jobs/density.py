"""Solving for a density beside a session."""

from __future__ import annotations

from napari_nx46.live.session import Session
from napari_nx46.run.density import DensitySolution, DensityTarget, solve_density
from napari_nx46.run.job import Progress, Report, Work
from napari_nx46.run.pipelines import PipelineSet
from napari_nx46.voxels.workers import CancelCheck, Workers


def density_work(
    session: Session,
    target: DensityTarget,
    *,
    shared: bool = False,
) -> Work[DensitySolution]:
    """Return the work of a job that finds the threshold at which masks have a density.

    It begins from the setting of the sliders as they stand now; the solution is not applied.

    Parameters
    ----------
    session : Session
        Gives the setting and the fragments, and how many threads and how much memory there are.
    target : DensityTarget
    shared : bool
        One threshold for all fragments; otherwise that of the fragment which is shown.
    """
    dataset, setting = session.dataset, session.setting
    threads, memory = session.workers.count, session.memory_budget
    image_ids = dataset.image_ids if shared else (session.fragment.image_id,)

    def work(cancelled: CancelCheck, report: Report) -> DensitySolution:
        workers = Workers(threads)
        pipelines = PipelineSet(dataset, workers=workers, memory_budget=memory)
        try:
            return solve_density(
                pipelines,
                image_ids,
                setting,
                target,
                shared=shared,
                cancelled=cancelled,
                progress=lambda share: report(Progress(share, 1.0)),
            )
        finally:
            pipelines.release()
            workers.close()

    return work
