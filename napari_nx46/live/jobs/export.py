"""An export in the background, with progress, that can be cancelled."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from psygnal import Signal

from napari_nx46.data.fragments import DataSet
from napari_nx46.live.session import Post
from napari_nx46.run.export.export import RunResult, export
from napari_nx46.run.export.manifest import RunOptions
from napari_nx46.run.pipelines import PipelineSet
from napari_nx46.setting import Setting
from napari_nx46.voxels.workers import Cancelled, Workers


class ExportJob:
    """One export of accepted settings.

    Parameters
    ----------
    dataset : DataSet
    accepted : mapping
        Setting by image_id.
    target : Path
        The archive.
    options : RunOptions
    post : callable
        Runs a function later in the owner's thread; there all signals are emitted.
    memory_budget : int, optional
        Bytes for one fragment's volumes and score.
    work : Path, optional
        The workspace in which the owner keeps the export as a run.

    Attributes
    ----------
    target : Path
    options : RunOptions
    progressed : Signal(int, int)
        Slices done, and slices in all.
    finished : Signal(RunResult)
    cancelled : Signal()
    failed : Signal(BaseException)
    """

    progressed = Signal(int, int)
    finished = Signal(RunResult)
    cancelled = Signal()
    failed = Signal(BaseException)

    def __init__(
        self,
        dataset: DataSet,
        accepted: Mapping[str, Setting],
        target: Path,
        options: RunOptions,
        post: Post,
        memory_budget: int | None = None,
        work: Path | None = None,
    ) -> None:
        self.target = target
        self.options = options
        self._dataset = dataset
        self._accepted = dict(accepted)
        self._post = post
        self._memory_budget = memory_budget
        self._work = work
        self._stop = threading.Event()
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="nx46-export")
        self._total = sum(dataset[image_id].shape[0] for image_id in self._accepted)
        self._done: dict[str, int] = {}
        self._telling = threading.Event()

    def start(self) -> None:
        """Begin."""
        self._executor.submit(self._export).add_done_callback(
            lambda future: self._post(lambda: self._finish(future))
        )
        self._executor.shutdown(wait=False)

    def cancel(self) -> None:
        """Stop before the next slice; the old archive stays as it was."""
        self._stop.set()

    def _export(self) -> RunResult:
        workers = Workers(2)
        pipelines = PipelineSet(self._dataset, workers=workers, memory_budget=self._memory_budget)
        try:
            return export(
                pipelines,
                self._accepted,
                self.target,
                self.options,
                self._progress,
                self._stop.is_set,
                work=self._work,
            )
        finally:
            workers.close()

    def _progress(self, image_id: str, done: int, total: int) -> None:
        """Post the progress, unless an earlier one is still on its way: listeners may be slow."""
        self._done[image_id] = done
        if not self._telling.is_set():
            self._telling.set()
            self._post(self._tell_progress)

    def _tell_progress(self) -> None:
        try:
            self.progressed.emit(sum(self._done.values()), self._total)
        finally:
            self._telling.clear()

    def _finish(self, future: Future[RunResult]) -> None:
        error = future.exception()
        if error is None:
            self._tell_progress()  # the last came, perhaps, while an earlier one was told
            self.finished.emit(future.result())
        elif isinstance(error, Cancelled):
            self.cancelled.emit()
        else:
            self.failed.emit(error)
