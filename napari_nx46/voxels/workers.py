"""Threads that work through tiles, and stop between tiles when they are asked to."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

Result = TypeVar("Result")

_POLL_SECONDS = 0.005

CancelCheck = Callable[[], bool]
"""Returns whether work is to be given up; called between its parts."""


class Cancelled(Exception):
    """The work was given up because nobody waits for it any more."""


def never() -> bool:
    """Return False: the default of every `cancelled` argument."""
    return False


@contextmanager
def alone(lock: threading.Lock, cancelled: CancelCheck = never) -> Iterator[None]:
    """Hold a lock while the context is open; stop waiting for it when the work is cancelled.

    Parameters
    ----------
    lock : Lock
        Held while something is computed that others wait for.
    cancelled : callable
        Called while another thread has the lock.

    Raises
    ------
    Cancelled
        If `cancelled` returned True before the lock was free.
    """
    while not lock.acquire(timeout=_POLL_SECONDS):
        if cancelled():
            raise Cancelled
    try:
        yield
    finally:
        lock.release()


class Workers:
    """A fixed number of threads for kernels that free the GIL.

    Parameters
    ----------
    count : int
        Number of threads; with 1 the work is done in the caller's own.
    """

    def __init__(self, count: int) -> None:
        if count < 1:
            raise ValueError(f"expected at least one worker, found {count}")
        self.count = count
        self._pool = ThreadPoolExecutor(count, thread_name_prefix="nx46") if count > 1 else None
        self._thread = threading.local()

    def map(
        self,
        function: Callable[[slice], Result],
        tiles: Iterable[slice],
        cancelled: Callable[[], bool] = never,
    ) -> list[Result]:
        """Apply a function to every tile and return the results in the tiles' order.

        A call from within a tile computes in the thread of that tile: waiting for threads that all
        wait would never end.

        Raises
        ------
        Cancelled
            As soon as `cancelled` returns True, or the workers were closed; tiles that were begun
            are finished first.
        Exception
            What `function` raised first. No further tile is begun then.
        """
        given_up = threading.Event()

        def guarded(tile: slice) -> Result:
            if given_up.is_set() or cancelled():
                raise Cancelled
            try:
                return function(tile)
            except BaseException:
                given_up.set()
                raise

        tiles = list(tiles)
        if self._pool is None or len(tiles) == 1 or self._is_inside:
            return [guarded(tile) for tile in tiles]

        def in_a_thread(tile: slice) -> Result:
            self._thread.inside = True
            return guarded(tile)

        pool = self._pool
        try:
            return _results([_submitted(pool, in_a_thread, tile) for tile in tiles])
        finally:
            given_up.set()  # if this thread was interrupted: nobody waits for the other tiles

    @property
    def _is_inside(self) -> bool:
        """Whether the calling thread is one of the pool, at work on a tile."""
        return getattr(self._thread, "inside", False)

    def close(self) -> None:
        """End the threads; what is computing is given up between two tiles."""
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)


def _submitted(
    pool: ThreadPoolExecutor, function: Callable[[slice], Result], tile: slice
) -> Future[Result]:
    """Hand a tile to the threads; return a cancelled future if they have been ended."""
    try:
        return pool.submit(function, tile)
    except RuntimeError:
        refused: Future[Result] = Future()
        refused.cancel()
        return refused


def _results(futures: Sequence[Future[Result]]) -> list[Result]:
    """Wait for all tiles, and return their results or raise the first error."""
    errors = [error for error in map(_error_of, futures) if error is not None]
    if errors:
        # Tiles are given up because another one failed: that error explains it.
        raise next((error for error in errors if not isinstance(error, Cancelled)), errors[0])
    return [future.result() for future in futures]


def _error_of(future: Future[Result]) -> BaseException | None:
    try:
        return future.exception()
    except CancelledError:
        return Cancelled()


def tiles_of(length: int, size: int) -> list[slice]:
    """Cut ``0..length`` into consecutive tiles of at most `size`."""
    return [slice(start, min(start + size, length)) for start in range(0, length, size)]
