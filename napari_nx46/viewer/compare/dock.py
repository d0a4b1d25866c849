"""The dock in which settings, and the masks of others, are compared."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from napari import current_viewer
from qtpy.QtGui import QDragEnterEvent, QDropEvent
from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_nx46.viewer.compare.difference_panel import DifferencePanel
from napari_nx46.viewer.compare.foreign_panel import ForeignPanel
from napari_nx46.viewer.compare.pin_panel import PinPanel
from napari_nx46.viewer.compare.pin_table import PinTablePanel
from napari_nx46.viewer.messages.notices import notify_warning
from napari_nx46.viewer.widgets.layout import VerticalScrollArea, rule
from napari_nx46.viewer.window.docks import open_dock_of
from napari_nx46.viewer.window.session_dock import SessionDock, is_tuned
from napari_nx46.viewer.window.viewer_session import ViewerSession

if TYPE_CHECKING:
    import napari

DOCK_NAME = "Compare masks"

NOTHING_OPEN = "Open the data that the masks belong to first."


class CompareDock(SessionDock):
    """Pin settings, flip between their masks, and see where masks differ."""

    title = DOCK_NAME

    def __init__(self, napari_viewer: napari.Viewer) -> None:
        super().__init__(napari_viewer)
        self.setAcceptDrops(True)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Take files and folders."""
        if event.mimeData().hasUrls():
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        """Open what was dropped as the masks of others."""
        self.open_masks(url.toLocalFile() for url in event.mimeData().urls() if url.isLocalFile())

    def open_masks(self, paths: Iterable[str]) -> None:
        """Open archives, folders or files of masks, to be compared with those of the session."""
        if self.compare_panel is None:
            notify_warning(NOTHING_OPEN)
        else:
            self.compare_panel.foreign.open(*map(Path, paths))

    def make_panel(self, viewer_session: ViewerSession) -> QWidget:
        """Return the panel of a session."""
        scroll = VerticalScrollArea()
        scroll.setWidget(ComparePanel(viewer_session))
        return scroll

    @property
    def compare_panel(self) -> ComparePanel | None:
        """The controls of the session, while there is one."""
        return None if self.panel is None else self.panel.findChild(ComparePanel)


class ComparePanel(QWidget):
    """All that compares the masks of one session.

    Parameters
    ----------
    viewer_session : ViewerSession
        From now on it computes and measures the masks of its pins.

    Attributes
    ----------
    foreign : ForeignMasks
    pin_panel : PinPanel
    foreign_panel : ForeignPanel
    difference_panel : DifferencePanel
    table_panel : PinTablePanel
    """

    def __init__(self, viewer_session: ViewerSession, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        viewer_session.keep_pins()
        self.foreign = viewer_session.compare.foreign
        self.pin_panel = PinPanel(viewer_session)
        self.foreign_panel = ForeignPanel(viewer_session)
        self.table_panel = PinTablePanel(viewer_session)
        self.difference_panel = DifferencePanel(viewer_session)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 6, 0)
        layout.setSpacing(8)
        layout.addWidget(self.pin_panel)
        layout.addWidget(self.foreign_panel)
        layout.addWidget(rule())
        layout.addWidget(self.difference_panel)
        layout.addWidget(rule())
        layout.addWidget(self.table_panel)
        layout.addStretch(1)


def open_in_current_window(paths: Iterable[Path]) -> bool:
    """Open masks of others in the dock of the window that napari is about to open them in.

    Returns
    -------
    bool
        False if no data are open there.
    """
    viewer = current_viewer()
    if viewer is None or not is_tuned(viewer):
        return False
    open_dock_of(viewer, CompareDock).open_masks(map(str, paths))
    return True
