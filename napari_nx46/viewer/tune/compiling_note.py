"""The line of the dock that says how far compiling is."""

from __future__ import annotations

from napari_nx46.live.session import Session
from napari_nx46.viewer.messages.plain_text import PlainLabel

__all__ = ["CompilingNote"]


class CompilingNote(PlainLabel):
    """Says how many kernels are compiled while some are missing; hidden otherwise.

    Parameters
    ----------
    session : Session
    """

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.setWordWrap(True)
        self.setToolTip("Until then NumPy draws, clean-up is not previewed, and no score is shown.")
        self.hide()
        session.compiling_changed.connect(self.show_progress)

    def show_progress(self, done: int, total: int) -> None:
        """Show how much is compiled; hide when all is."""
        self.setText(f"compiling, once on this machine: {done} of {total}")
        self.setVisible(done < total)
