"""Closing a window: asking before, where something runs in it, and at the end of the program."""

from __future__ import annotations

import atexit
from typing import Protocol, runtime_checkable
from weakref import ref

from qtpy.compat import isalive
from qtpy.QtCore import QCoreApplication, QEvent, QObject, QThread
from qtpy.QtWidgets import QMainWindow, QWidget

from napari_nx46.viewer.messages.plain_text import confirm


@runtime_checkable
class Running(Protocol):
    """A widget that something may run in."""

    def what_runs(self) -> str:
        """Return what runs, in a few words; nothing where nothing does."""


class ClosingGuard(QObject):
    """Asks before a window is closed by its user while something runs in it.

    A script that closes the window outside of an event loop is not asked.

    Parameters
    ----------
    window : QMainWindow
    """

    def __init__(self, window: QMainWindow) -> None:
        super().__init__(window)
        window.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Keep the window open if its user says so."""
        if event.type() != QEvent.Type.Close or not self._is_users(event):
            return False
        running = running_in(self.parent())
        if not running or confirm(self.parent(), "Close the window?", _question(running)):
            return False
        event.ignore()
        return True

    def _is_users(self, event: QEvent) -> bool:
        return bool(event.spontaneous()) or QThread.currentThread().loopLevel() > 0


def guard_closing(widget: QWidget) -> None:
    """Have the main window that a widget is in ask before it is closed; once is enough."""
    parent = widget.parentWidget()
    while parent is not None and not isinstance(parent, QMainWindow):
        parent = parent.parentWidget()
    if parent is not None and parent.findChild(ClosingGuard) is None:
        ClosingGuard(parent)


def delete_at_exit(widget: QWidget) -> None:
    """Have the window that a widget is in deleted at the end of the program, if it is left then.

    PyQt6 itself would delete it while going through the table of all its wrappers. Every slot and
    event filter that is called meanwhile changes that table, and the process ends with a
    segmentation fault, the likelier the more is in the window.
    """
    atexit.register(_delete_window_of, ref(widget))


def _delete_window_of(reference: ref[QWidget]) -> None:
    widget = reference()
    if widget is None or not isalive(widget):
        return
    window = widget.window()
    window.close()
    window.deleteLater()
    # A window that is closed without an event loop waits to be deleted, too.
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


def running_in(window: QWidget) -> list[str]:
    """Return what runs in a window, in a few words each."""
    widgets = [widget for widget in window.findChildren(QWidget) if isinstance(widget, Running)]
    return [words for widget in widgets if (words := widget.what_runs())]


def _question(running: list[str]) -> str:
    lines = "\n".join(f"• {words}" for words in running)
    return f"This still runs, and would be cancelled:\n{lines}\nClose the window all the same?"
