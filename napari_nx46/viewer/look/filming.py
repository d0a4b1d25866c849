"""Filming the canvas: a pass through the slices or a sweep of a slider, step by step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from psygnal import Signal
from qtpy.QtCore import QObject, QTimer

from napari_nx46.files.animation import Frame, write_animation
from napari_nx46.run.job import Job, Progress
from napari_nx46.viewer.messages.notices import notify_error
from napari_nx46.viewer.qt.main_thread import MainThreadPoster
from napari_nx46.viewer.window.viewer_session import ViewerSession

STEP_MILLISECONDS = 20
"""Between two looks whether a step is drawn exactly: the window lives meanwhile."""

LONGEST_WAIT_LOOKS = 500
"""A step that is not exact after so many looks is filmed as it is."""

MOST_FRAMES = 500
MOST_BYTES = 1 << 30
"""Frames are kept in memory until they are written."""

Step = Callable[[], None]


class Filming(QObject):
    """Goes through steps, takes a picture of the canvas after each, and writes them.

    Parameters
    ----------
    viewer_session : ViewerSession
    parent : QObject

    Attributes
    ----------
    progressed : Signal(Progress)
    ended : Signal()
        It is over, in whatever way; what was there before is shown again.
    done : Signal(object)
        The path of the animation.
    cancelled : Signal()
    """

    progressed = Signal(Progress)
    ended = Signal()
    done = Signal(object)
    cancelled = Signal()

    def __init__(self, viewer_session: ViewerSession, parent: QObject) -> None:
        super().__init__(parent)
        self._viewer_session = viewer_session
        self._post = MainThreadPoster(self)
        self._steps: list[Step] = []
        self._restore: Step | None = None
        self._frames: list[Frame] = []
        self._target = Path()
        self._rate = 1.0
        self._looks = 0
        self._count = 0
        self._job: Job[None] | None = None
        self._timer = QTimer(self)
        self._timer.setInterval(STEP_MILLISECONDS)
        self._timer.timeout.connect(self._look)

    @property
    def running(self) -> bool:
        """Whether something is filmed or written."""
        return self._timer.isActive() or self._job is not None

    def film_pass(self, first: int, last: int, step: int, target: Path, rate: float) -> None:
        """Film slices along z from one to another, both included.

        Parameters
        ----------
        first, last, step : int
            The step is positive; the pass may go backwards.
        target : Path
        rate : float
            Frames a second.
        """
        session = self._viewer_session
        before = session.cursor_voxel[0]
        ahead = 1 if last >= first else -1
        slices = range(first, last + ahead, ahead * step)
        steps = [partial(session.go_to_slice, z) for z in slices]
        self._begin(steps, lambda: session.go_to_slice(before), target, rate)

    def film_sweep(self, knob: str, values: Sequence[float], target: Path, rate: float) -> None:
        """Film what a knob does while it goes through values.

        Parameters
        ----------
        knob : str
            A field of the setting.
        values : sequence of float
        target : Path
        rate : float
            Frames a second.
        """
        session = self._viewer_session.session
        before = session.setting
        steps = [partial(session.change, **{knob: value}) for value in values]
        self._begin(steps, lambda: session.apply(before), target, rate)

    def cancel(self) -> None:
        """Stop filming: nothing is written, and what was there before is shown again.

        What was filmed to the end is being written already, which takes a moment.
        """
        if self._timer.isActive():
            self._end_steps()
            self.ended.emit()
            self.cancelled.emit()

    def close(self) -> None:
        """Stop without a word."""
        self._timer.stop()
        if self._job is not None:
            self._job.close()

    def _begin(self, steps: Sequence[Step], restore: Step, target: Path, rate: float) -> None:
        if self.running or not steps:
            return
        self._steps, self._restore = list(steps[:MOST_FRAMES]), restore
        self._count, self._frames = len(self._steps), []
        self._target, self._rate = target, rate
        self._next()
        self._timer.start()

    def _next(self) -> None:
        self._looks = 0
        try:
            self._steps.pop(0)()
        except ValueError as error:
            self._fail(error)

    def _look(self) -> None:
        """Film the step once it is drawn exactly, and go to the next."""
        self._looks += 1
        if not self._viewer_session.session.figures.exact and self._looks < LONGEST_WAIT_LOOKS:
            return
        if self._looks < 2:  # the canvas is painted in between
            return
        viewer = self._viewer_session.viewer
        picture = np.asarray(viewer.screenshot(canvas_only=True, flash=False))[..., :3]
        self._frames.append(np.ascontiguousarray(picture))
        self.progressed.emit(Progress(len(self._frames), self._count))
        if self._steps and sum(frame.nbytes for frame in self._frames) < MOST_BYTES:
            self._next()
        else:
            self._write()

    def _end_steps(self) -> None:
        self._timer.stop()
        self._steps = []
        restore, self._restore = self._restore, None
        if restore is not None:
            restore()

    def _write(self) -> None:
        self._end_steps()
        frames, self._frames = self._frames, []
        target, rate = self._target, self._rate
        self._job = job = Job[None](self._post, "nx46-animation")
        job.ended.connect(self._forget_job)
        job.done.connect(lambda result: self.done.emit(target))
        job.failed.connect(notify_error)
        job.start(lambda cancelled, report: write_animation(frames, target, rate))

    def _forget_job(self) -> None:
        self._job = None
        self.ended.emit()

    def _fail(self, error: BaseException) -> None:
        self._end_steps()
        self.ended.emit()
        notify_error(error)
