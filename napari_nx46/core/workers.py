"""Threads that work through tiles, and stop between tiles when they are told to."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Result = TypeVar("Result")


CancelCheck = Callable[[], bool]
"""Tells whether work is to be given up; asked between its parts."""


class Cancelled(Exception):
    """The work was given up because nobody waits for it any more."""


def never() -> bool:
    """Tell that the work is still wanted: the default of every `cancelled` argument."""
    return False


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

    def map(
        self,
        function: Callable[[slice], Result],
        tiles: Iterable[slice],
        cancelled: Callable[[], bool] = never,
    ) -> list[Result]:
        """Apply a function to every tile and return the results in the tiles' order.

        Raises
        ------
        Cancelled
            As soon as `cancelled` returns True; tiles that were begun are finished first.
        """

        def guarded(tile: slice) -> Result:
            if cancelled():
                raise Cancelled
            return function(tile)

        tiles = list(tiles)
        if self._pool is None or len(tiles) == 1:
            return [guarded(tile) for tile in tiles]
        futures = [self._pool.submit(guarded, tile) for tile in tiles]
        failures = [failure for failure in (future.exception() for future in futures) if failure]
        if failures:
            raise failures[0]
        return [future.result() for future in futures]

    def close(self) -> None:
        """End the threads."""
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)


def tiles_of(length: int, size: int) -> list[slice]:
    """Cut ``0..length`` into consecutive tiles of at most `size`."""
    return [slice(start, min(start + size, length)) for start in range(0, length, size)]
