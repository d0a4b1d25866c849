"""Waiting, in a worker, until the sliders rest and the kernels are compiled."""

from __future__ import annotations

import time

from napari_nx46.core.score import CancelCheck
from napari_nx46.core.workers import Cancelled
from napari_nx46.live.session import Session

__all__ = ["wait_for_rest"]

POLL_SECONDS = 0.01


def wait_for_rest(session: Session, seconds: float, cancelled: CancelCheck) -> None:
    """Wait so long that a newer request would have come if the sliders moved, and for the kernels.

    Parameters
    ----------
    session : Session
        Has been started.
    seconds : float
        For how long no newer request may come.
    cancelled : callable
        Whether one has come.

    Raises
    ------
    Cancelled
        If `cancelled` returned True.
    """
    rested_at = time.monotonic() + seconds
    while time.monotonic() < rested_at or not session.wait_until_compiled(POLL_SECONDS):
        if cancelled():
            raise Cancelled
        time.sleep(POLL_SECONDS)
