"""Collecting garbage in the GUI's thread only."""

from __future__ import annotations

import gc

from qtpy.QtCore import QCoreApplication, QObject, QTimer

TICK_MILLISECONDS = 1000
OLDEST = 2
GROWTH = 1.25
"""As in Python, all objects are gone through only once there is a quarter more old ones."""

OWN_ACCORD = 1_000_000
"""So many new objects later Python collects by itself, if the event loop stands still so long."""


class GarbageCollector(QObject):
    """Collects garbage from the event loop, in place of Python's own accord.

    Python collects in whichever thread makes the object that is one too many. Where that is a
    worker thread, objects of Qt and OpenGL that lie in cycles of references end in it, which
    neither allows. And PySide6 lets other threads run while it destroys a widget: a worker that
    collects then goes through wrappers that are half taken apart, and the process crashes.

    Parameters
    ----------
    application : QCoreApplication
        Lives in the thread that is to collect. When its event loop ends, Python collects by itself
        again.

    Attributes
    ----------
    thresholds : tuple of int
        By which Python would collect.
    """

    def __init__(self, application: QCoreApplication) -> None:
        super().__init__(application)
        self.thresholds = gc.get_threshold()
        self._oldest = 0
        self._timer = QTimer(self)
        self._timer.setInterval(TICK_MILLISECONDS)
        self._timer.timeout.connect(self._tick)
        self._timer.start()
        application.aboutToQuit.connect(self._leave_to_python)
        self._take_over()

    def _take_over(self) -> None:
        thresholds = gc.get_threshold()
        if thresholds[0] != OWN_ACCORD:
            self.thresholds = thresholds
            gc.set_threshold(OWN_ACCORD, *thresholds[1:])

    def _leave_to_python(self) -> None:
        gc.collect()
        gc.set_threshold(*self.thresholds)

    def _tick(self) -> None:
        """Collect the generations that Python would collect by now."""
        self._take_over()
        generation = due_generation(gc.get_count(), self.thresholds)
        if generation == OLDEST and len(gc.get_objects(OLDEST)) <= GROWTH * self._oldest:
            generation = OLDEST - 1
        if generation is None:
            return
        gc.collect(generation)
        if generation == OLDEST:
            self._oldest = len(gc.get_objects(OLDEST))


def due_generation(counts: tuple[int, ...], thresholds: tuple[int, ...]) -> int | None:
    """Return the oldest generation whose count, and those of all younger ones, are due, or None.

    Parameters
    ----------
    counts, thresholds : tuple of int
        As `gc.get_count` and `gc.get_threshold` return them. A count is due above its threshold;
        if the first threshold is 0 Python does not collect by itself, and none is.
    """
    due = None
    if thresholds[0] == 0:
        return due
    for generation, (count, threshold) in enumerate(zip(counts, thresholds, strict=True)):
        if count <= threshold:
            break
        due = generation
    return due


def collect_in_gui_thread() -> None:
    """Have garbage collected only in the thread of the application, which is to run already."""
    application = QCoreApplication.instance()
    if application is not None and application.findChild(GarbageCollector) is None:
        GarbageCollector(application)
