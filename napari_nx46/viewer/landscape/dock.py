"""The dock with the landscape of the score of what is tuned in its window."""

from __future__ import annotations

from napari_nx46.viewer.landscape.panel import LandscapePanel
from napari_nx46.viewer.window.session_dock import SessionDock
from napari_nx46.viewer.window.viewer_session import ViewerSession

__all__ = ["LandscapeDock"]


class LandscapeDock(SessionDock):
    """See how the exact score changes over one or two knobs, and take the best to the sliders.

    Parameters
    ----------
    napari_viewer : napari.Viewer
        Its window gets the tuning dock, if it has none yet.
    """

    title = "Score landscape"

    def make_panel(self, viewer_session: ViewerSession) -> LandscapePanel:
        """Return the landscapes of a session."""
        return LandscapePanel(viewer_session)
