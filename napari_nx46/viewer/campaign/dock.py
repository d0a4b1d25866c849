"""The dock in which campaigns are begun and watched, and their runs taken up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtWidgets import QWidget

from napari_nx46.campaign.execute.background import Campaigns
from napari_nx46.campaign.verdicts.rules import Rules
from napari_nx46.viewer.campaign.panel import CampaignPanel
from napari_nx46.viewer.qt.main_thread import MainThreadPoster
from napari_nx46.viewer.widgets.layout import VerticalScrollArea, WrappedLabel
from napari_nx46.viewer.window.session_dock import SessionDock
from napari_nx46.viewer.window.viewer_session import ViewerSession

if TYPE_CHECKING:
    from napari_nx46.viewer.tune.panel import TunePanel

NOT_KEPT = "Campaigns of these data cannot be kept. Open data of your own to run one."


class CampaignDock(SessionDock):
    """Run many settings over all fragments, and take up the best."""

    title = "Campaign"

    def make_panel(self, viewer_session: ViewerSession) -> QWidget:
        """Return the panel of a session."""
        if viewer_session.workspace is None:
            return WrappedLabel(NOT_KEPT)
        scroll = VerticalScrollArea()
        campaigns = Campaigns(
            viewer_session.workspace,
            MainThreadPoster(scroll),
            Rules(band=viewer_session.session.band),
        )
        # Qt holds the method weakly: the panel, which goes with the scroll area, keeps its object.
        scroll.destroyed.connect(campaigns.close)
        scroll.setWidget(CampaignPanel(campaigns, viewer_session, self._tune_panel))
        return scroll

    @property
    def campaign_panel(self) -> CampaignPanel | None:
        """The controls of the session, while there is one whose campaigns are kept."""
        return None if self.panel is None else self.panel.findChild(CampaignPanel)

    def _tune_panel(self) -> TunePanel | None:
        return None if self._tune is None else self._tune.panel
