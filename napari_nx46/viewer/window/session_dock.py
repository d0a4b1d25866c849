"""Docks that show more of the session that is tuned in their window."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QEvent
from qtpy.QtGui import QShowEvent
from qtpy.QtWidgets import QPushButton, QVBoxLayout, QWidget

from napari_nx46.viewer.messages.plain_text import PlainLabel
from napari_nx46.viewer.tune.dock import TuneDock
from napari_nx46.viewer.window.actions import Action
from napari_nx46.viewer.window.arrangement import TabbedDock
from napari_nx46.viewer.window.docks import entry_of
from napari_nx46.viewer.window.launch import add_dock
from napari_nx46.viewer.window.shortcuts import add_shortcuts
from napari_nx46.viewer.window.viewer_session import ViewerSession

if TYPE_CHECKING:
    import napari


class SessionDock(TabbedDock):
    """A dock beside the one in which the masks are tuned; it follows whatever is open there.

    Subclasses make the panel of a session in `make_panel`. A panel is deleted when its session
    ends, before another one is made.

    Parameters
    ----------
    napari_viewer : napari.Viewer
        Its window gets the tuning dock, if it has none yet.
    """

    title = ""

    def __init__(self, napari_viewer: napari.Viewer) -> None:
        super().__init__(napari_viewer)
        self.panel: QWidget | None = None
        self._tune: TuneDock | None = None
        self.setWindowTitle(self.title)
        self.introduction = self._introduced()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(4, 4, 4, 4)
        layout.addWidget(self.introduction)
        add_shortcuts(self, self._run)
        self._connect(tune_dock_of(self.viewer))

    def make_panel(self, viewer_session: ViewerSession) -> QWidget:
        """Return the widget that shows a session."""
        raise TypeError(f"{type(self).__name__} does not say how it shows a session")

    def showEvent(self, event: QShowEvent) -> None:
        """Follow the tuning dock that is there now: the old one may have been closed."""
        super().showEvent(event)
        self._connect(tune_dock_of(self.viewer))
        self.place_soon()

    def changeEvent(self, event: QEvent) -> None:
        """Follow nothing any more when napari takes the widget out of its dock."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.ParentChange and self.parent() is None:
            self._follow_nothing()

    def _run(self, action: Action) -> None:
        if self._tune is not None:
            self._tune.run(action)

    def _follow_nothing(self) -> None:
        if self._tune is not None:
            self._tune.viewer_session_changed.disconnect(self._show_viewer_session)
            self._tune = None
            self._show_viewer_session(None)

    def _connect(self, tune: TuneDock) -> None:
        if tune is self._tune:
            return
        self._tune = tune
        tune.viewer_session_changed.connect(self._show_viewer_session)
        self._show_viewer_session(tune.viewer_session)

    def _show_viewer_session(self, viewer_session: ViewerSession | None) -> None:
        old, self.panel = self.panel, None
        if old is not None:
            self.layout().removeWidget(old)
            old.hide()
            old.deleteLater()
        self.introduction.setVisible(viewer_session is None)
        if viewer_session is not None:
            self.panel = self.make_panel(viewer_session)
            self.layout().addWidget(self.panel)

    def _introduced(self) -> QWidget:
        """Return what stands here while no data are open: what the dock is for, and what to do."""
        entry = entry_of(type(self))
        words = PlainLabel(
            f"{entry.help} Nothing is open yet: open data in the dock that tunes masks, or choose"
            " File ▸ Open Sample ▸ NX46."
        )
        words.setWordWrap(True)
        self.open_button = QPushButton("Go to where data are opened")
        self.open_button.clicked.connect(self._show_tune_dock)
        introduction = QWidget()
        layout = QVBoxLayout(introduction)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(words)
        layout.addWidget(self.open_button)
        layout.addStretch(1)
        return introduction

    def _show_tune_dock(self) -> None:
        tune = tune_dock_of(self.viewer)
        frame = tune.parentWidget()
        frame.show()
        frame.raise_()
        tune.open_folder_button.setFocus()


def is_tuned(viewer: napari.Viewer) -> bool:
    """Return whether a session is open in a window."""
    dock = _found_tune_dock(viewer)
    return dock is not None and dock.viewer_session is not None


def has_tune_dock(viewer: napari.Viewer) -> bool:
    """Return whether a window has the dock in which masks are tuned."""
    return _found_tune_dock(viewer) is not None


def tune_dock_of(viewer: napari.Viewer) -> TuneDock:
    """Return the dock in which a window's masks are tuned, adding it where there is none."""
    return _found_tune_dock(viewer) or add_dock(viewer)


def _found_tune_dock(viewer: napari.Viewer) -> TuneDock | None:
    docked = viewer.window.dock_widgets.values()
    return next((dock for dock in docked if isinstance(dock, TuneDock)), None)
