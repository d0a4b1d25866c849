"""Solving for a density in the background, with progress, that can be cancelled."""

from __future__ import annotations

import threading
from concurrent.futures import Future, ThreadPoolExecutor

from psygnal import Signal

from napari_nx46.live.session import Post, Session
from napari_nx46.run.density import DensitySolution, DensityTarget, solve_density
from napari_nx46.run.pipelines import PipelineSet
from napari_nx46.setting import Setting
from napari_nx46.voxels.workers import Cancelled, Workers


class DensityJob:
    """Finds the threshold at which a session's masks have a density.

    Parameters
    ----------
    session : Session
        Gives the setting and the fragments; the solution is not applied to it.
    post : callable
        Runs a function later in the owner's thread; there all signals are emitted.
    memory_budget : int, optional
        Bytes for one fragment's volumes and score.

    Attributes
    ----------
    progressed : Signal(float)
        Share of the work done, in [0, 1].
    finished : Signal(DensitySolution)
    cancelled : Signal()
    failed : Signal(BaseException)
    """

    progressed = Signal(float)
    finished = Signal(DensitySolution)
    cancelled = Signal()
    failed = Signal(BaseException)

    def __init__(self, session: Session, post: Post, memory_budget: int | None = None) -> None:
        self._session = session
        self._post = post
        self._memory_budget = memory_budget
        self._stop: threading.Event | None = None

    @property
    def running(self) -> bool:
        """Whether a solution is being looked for."""
        return self._stop is not None

    def start(self, target: DensityTarget, *, shared: bool = False) -> None:
        """Begin, from the setting of the sliders.

        Parameters
        ----------
        target : DensityTarget
        shared : bool
            One threshold for all fragments; otherwise that of the fragment which is shown.

        Raises
        ------
        RuntimeError
            If it is running already.
        """
        if self._stop is not None:
            raise RuntimeError("a density is being solved for already")
        self._stop = stop = threading.Event()
        dataset = self._session.dataset
        image_ids = dataset.image_ids if shared else (self._session.fragment.image_id,)
        executor = ThreadPoolExecutor(1, thread_name_prefix="nx46-density")
        future = executor.submit(
            self._solve, image_ids, self._session.setting, target, shared, stop
        )
        future.add_done_callback(lambda future: self._post(lambda: self._finish(future)))
        executor.shutdown(wait=False)

    def cancel(self) -> None:
        """Stop before the next tile."""
        if self._stop is not None:
            self._stop.set()

    def _solve(
        self,
        image_ids: tuple[str, ...],
        setting: Setting,
        target: DensityTarget,
        shared: bool,
        stop: threading.Event,
    ) -> DensitySolution:
        workers = Workers(2)
        pipelines = PipelineSet(
            self._session.dataset, workers=workers, memory_budget=self._memory_budget
        )
        try:
            return solve_density(
                pipelines,
                image_ids,
                setting,
                target,
                shared=shared,
                cancelled=stop.is_set,
                progress=lambda share: self._post(lambda: self.progressed.emit(share)),
            )
        finally:
            pipelines.release()
            workers.close()

    def _finish(self, future: Future[DensitySolution]) -> None:
        self._stop = None
        error = future.exception()
        if error is None:
            self.finished.emit(future.result())
        elif isinstance(error, Cancelled):
            self.cancelled.emit()
        else:
            self.failed.emit(error)
