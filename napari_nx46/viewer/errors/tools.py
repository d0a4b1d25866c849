"""What shows the errors of a session in its viewer, whether their dock is open or not."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from qtpy.QtCore import QObject

from napari_nx46.live.derived.scoring import ScoreFollower
from napari_nx46.live.errors.browser import ErrorBrowser
from napari_nx46.live.errors.picture import Pictures
from napari_nx46.live.errors.what_if import WhatIf
from napari_nx46.live.look.cursor import Voxel
from napari_nx46.live.session import Session
from napari_nx46.viewer.errors.item_overlay import ItemOverlay
from napari_nx46.viewer.errors.made_layers import make_layers
from napari_nx46.viewer.errors.marks import ErrorMarks

if TYPE_CHECKING:
    import napari

    from napari_nx46.viewer.sources.placing import Placing

__all__ = ["ErrorTools"]


class ErrorTools(QObject):
    """The errors of a session, their marks, and going to them.

    Parameters
    ----------
    viewer : napari.Viewer
    session : Session
    scores : ScoreFollower
    placing : Placing
        Says where the fragment lies.
    look_at : callable
        Has the viewer stand at a voxel (z, y, x), and the canvas look at it.
    parent : QObject

    Attributes
    ----------
    browser : ErrorBrowser
    pictures : Pictures
    what_if : WhatIf
    marks : ErrorMarks
    item : ItemOverlay
    followers : tuple
        What may fail, by its signal `failed`.
    owners : tuple
        What has layers of its own.
    """

    browser: ErrorBrowser

    def __init__(
        self,
        viewer: napari.Viewer,
        session: Session,
        scores: ScoreFollower,
        placing: Placing,
        look_at: Callable[[Voxel], None],
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._placing = placing
        self._look_at = look_at
        self.browser = ErrorBrowser(session, scores)
        self.pictures = Pictures(self.browser)
        self.what_if = WhatIf(session, scores, self.browser)
        self.marks = ErrorMarks(viewer, self.browser, placing, self)
        self.item = ItemOverlay(viewer, self.pictures, placing)
        self.followers = (self.browser, self.pictures, self.what_if)
        self.owners = (self.item, self.marks)
        self.browser.visited.connect(self._go_to)
        # A window that is closed deletes its widgets and closes none of them.
        parent.destroyed.connect(self.end)

    def mark(self, wanted: bool) -> None:
        """Draw marks and the selected error's voxels, or neither."""
        self.marks.want(wanted)
        self.item.want(wanted)

    def make_layers(self) -> list[str]:
        """Add ordinary layers of what is listed and selected; return their names."""
        arranged = self.browser.arranged
        if arranged is None:
            return []
        return make_layers(self._viewer, arranged, self.pictures.state.result, self._placing)

    def close(self) -> None:
        """Leave the viewer, and follow the session no longer."""
        self.browser.visited.disconnect(self._go_to, missing_ok=True)
        self.end()
        self.item.close()
        self.marks.close()

    def end(self) -> None:
        """Follow the session no longer; its viewer may be gone already."""
        self.what_if.close()
        self.pictures.close()
        self.browser.close()

    def _go_to(self, row: int) -> None:
        """Show the slice of a place, with the place in the middle of the canvas."""
        listing = self.browser.state.result
        if listing is not None:
            z, y, x = listing.place_of(row)
            self._look_at((z, y, x))
