"""Running a function once the canvas has been drawn."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from qtpy.QtCore import QEvent, QObject, QTimer

from napari_nx46.viewer.canvas.access import Canvas

if TYPE_CHECKING:
    import napari

LONGEST_WAIT_MILLISECONDS = 100
"""A canvas that is hidden, or has nothing new to show, is never drawn."""

REST_MILLISECONDS = 25
"""Within this time a slider that is being dragged sends its next event: drawing that goes first."""


class RunAfterPaint(QObject):
    """Runs the newest function it is given once the canvas has been painted and left in peace.

    Call it like a function. While a slider is dragged, paints follow each other and nothing runs
    between them: what is computed for the whole fragment would take the cores from the drawing.

    Parameters
    ----------
    viewer : napari.Viewer
    parent : QObject, optional
    """

    def __init__(self, viewer: napari.Viewer, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._function: Callable[[], None] | None = None
        self._wait = QTimer(self)
        self._wait.setSingleShot(True)
        self._wait.timeout.connect(self._run)
        canvas = Canvas(viewer).widget
        if canvas is not None:
            canvas.installEventFilter(self)

    def __call__(self, function: Callable[[], None]) -> None:
        """Run a function after the next paint that no other follows at once."""
        self._function = function
        self._wait.start(LONGEST_WAIT_MILLISECONDS)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Notice that the canvas is being painted."""
        if event.type() == QEvent.Type.Paint and self._function is not None:
            self._wait.start(REST_MILLISECONDS)
        return False

    def _run(self) -> None:
        function, self._function = self._function, None
        if function is not None:
            function()
