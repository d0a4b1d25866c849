"""Showing at once that the window works on something and answers nothing meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QApplication

from napari_nx46.viewer.canvas.access import paint_status_bar

if TYPE_CHECKING:
    import napari

__all__ = ["OPENING", "working"]

OPENING = "Opening what is to be tuned …"


@contextmanager
def working(viewer: napari.Viewer, words: str) -> Iterator[None]:
    """Show a busy cursor, and words in the status bar, while something is done in this thread.

    No event of the user is handled before that is done.

    Parameters
    ----------
    viewer : napari.Viewer
    words : str
        What is being done.
    """
    before = viewer.status
    viewer.status = words
    QApplication.setOverrideCursor(Qt.CursorShape.BusyCursor)
    paint_status_bar(viewer)
    try:
        yield
    finally:
        QApplication.restoreOverrideCursor()
        if viewer.status == words:
            viewer.status = before
