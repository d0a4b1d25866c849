"""The dock with the plots of what is tuned in its window."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtWidgets import QSizePolicy

from napari_nx46.viewer.plots.panel import PlotsPanel
from napari_nx46.viewer.window.session_dock import SessionDock
from napari_nx46.viewer.window.viewer_session import ViewerSession

if TYPE_CHECKING:
    import napari

__all__ = ["PlotsDock"]

DOCK_NAME = "Plots"


class PlotsDock(SessionDock):
    """See why: the score's histogram, the mask's profile, curves against the label, and figures.

    Parameters
    ----------
    napari_viewer : napari.Viewer
        Its window gets the tuning dock, if it has none yet.
    """

    title = DOCK_NAME

    def __init__(self, napari_viewer: napari.Viewer) -> None:
        super().__init__(napari_viewer)
        # Otherwise napari gives the height beside the canvas to an empty space below.
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Expanding)

    def make_panel(self, viewer_session: ViewerSession) -> PlotsPanel:
        """Return the plots of a session."""
        return PlotsPanel(viewer_session)
