"""Waiting, in a worker, until the sliders rest and the kernels are compiled."""

from __future__ import annotations

import time
from collections.abc import Callable

from napari_nx46.voxels.workers import CancelCheck, Cancelled

__all__ = ["wait_for_rest"]

POLL_SECONDS = 0.01


def wait_for_rest(
    wait_until_compiled: Callable[[float], bool], seconds: float, cancelled: CancelCheck
) -> None:
    """Wait so long that a newer request would have come if the sliders moved, and for the kernels.

    Parameters
    ----------
    wait_until_compiled : callable
        Waits at most so many seconds for the kernels; returns whether they are compiled.
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
    while time.monotonic() < rested_at or not wait_until_compiled(POLL_SECONDS):
        if cancelled():
            raise Cancelled
        time.sleep(POLL_SECONDS)
