"""The dock that lists the errors of what is tuned in its window."""

from __future__ import annotations

from qtpy.QtWidgets import QWidget

from napari_nx46.viewer.errors.panel import ErrorPanel
from napari_nx46.viewer.widgets.layout import VerticalScrollArea
from napari_nx46.viewer.window.session_dock import SessionDock
from napari_nx46.viewer.window.viewer_session import ViewerSession

__all__ = ["ErrorsDock"]

DOCK_NAME = "Errors"


class ErrorsDock(SessionDock):
    """See where the score is lost: every error, what it costs, and what would mend it."""

    title = DOCK_NAME

    def make_panel(self, viewer_session: ViewerSession) -> QWidget:
        """Return the errors of a session."""
        scroll = VerticalScrollArea()
        scroll.setWidget(ErrorPanel(viewer_session.error_tools))
        return scroll

    @property
    def error_panel(self) -> ErrorPanel | None:
        """The controls of the session, while there is one."""
        return None if self.panel is None else self.panel.findChild(ErrorPanel)
