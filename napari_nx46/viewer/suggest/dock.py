"""The dock that looks for the best setting of what is tuned in its window."""

from __future__ import annotations

from napari_nx46.viewer.suggest.panel import SuggestPanel
from napari_nx46.viewer.window.session_dock import SessionDock
from napari_nx46.viewer.window.viewer_session import ViewerSession

__all__ = ["SuggestDock"]


class SuggestDock(SessionDock):
    """Look for the best setting, see it come, and what to expect of it.

    Parameters
    ----------
    napari_viewer : napari.Viewer
        Its window gets the tuning dock, if it has none yet.
    """

    title = "Suggest"

    def make_panel(self, viewer_session: ViewerSession) -> SuggestPanel:
        """Return the search of a session."""
        return SuggestPanel(viewer_session)
