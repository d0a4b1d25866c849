"""Compiles the kernels of the leaderboard score off the owner's thread."""

from __future__ import annotations

import threading
from collections.abc import Callable

from napari_nx46 import leaderboard
from napari_nx46.voxels.ending import close_at_exit


class ScoreWarmUp:
    """Compiles the kernels of the leaderboard score in a thread of its own.

    Parameters
    ----------
    wait_first : callable
        Called in that thread before it compiles: what draws the mask is compiled before what
        scores it.
    ready : callable
        Called in that thread when all is compiled, unless it was closed.
    report : callable
        Called in that thread with a name, how many kernels are compiled, and how many there are,
        unless all are on disk.
    coming : callable
        Returns whether other processes are compiling: while they are, their code is waited for.
    ended : callable
        Called in that thread when nothing is compiled any more.
    """

    def __init__(
        self,
        wait_first: Callable[[], object],
        ready: Callable[[], None],
        report: Callable[[str, int, int], None] = lambda _name, _done, _total: None,
        coming: Callable[[], bool] = lambda: False,
        ended: Callable[[], None] = lambda: None,
    ) -> None:
        self._report_end = ended
        self._report = report
        self._coming = coming
        self._wait_first = wait_first
        self._ready = ready
        self._closed = threading.Event()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._compile, name="nx46-compile-score")
        close_at_exit(self.close)

    def start(self) -> None:
        """Begin to compile; do nothing if that was begun already."""
        if self._thread.ident is None:
            self._thread.start()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until it has ended; return False if that took too long, or it was never started.

        Should it have failed, the next score compiles, or fails, by itself.
        """
        return self._ended.wait(timeout)

    def close(self) -> None:
        """Report nothing any more, and stop after the kernel that is being compiled."""
        self._closed.set()

    def _compile(self) -> None:
        try:
            self._wait_first()
            if not self._closed.is_set():
                leaderboard.warm_up(self._report, self._closed.is_set, self._coming)
            if not self._closed.is_set():
                self._ready()
        finally:
            self._ended.set()
            self._report_end()
