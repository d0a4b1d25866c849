"""What was read last, kept while there is room for it."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from typing import Generic, TypeVar

Value = TypeVar("Value")

_SMALL = 256
"""Bytes that an entry counts for at least, with all that belongs to it."""


class KeptValues(Generic[Value]):
    """The values that were used last, within a number of bytes; safe to use from several threads.

    A value that several threads ask for at once is made once.

    Parameters
    ----------
    limit : int
        Bytes; a value beyond it is not kept.
    size_of : callable
        Returns the bytes of a value.
    """

    def __init__(self, limit: int, size_of: Callable[[Value], int]) -> None:
        self._limit = limit
        self._size_of = size_of
        self._held: OrderedDict[Hashable, Value | None] = OrderedDict()
        self._making: dict[Hashable, Future[Value | None]] = {}
        self._bytes = 0
        self._lock = threading.Lock()

    @property
    def nbytes(self) -> int:
        """Bytes that are kept now."""
        return self._bytes

    def get(self, key: Hashable, make: Callable[[], Value | None]) -> Value | None:
        """Return what belongs to a key, made if it is not there.

        Parameters
        ----------
        key : hashable
        make : callable
            Returns it, or None for what is absent; called in this thread. What it raises is
            raised in every thread that waits for it, and nothing is kept.

        Returns
        -------
        value or None
            Not to be written to.
        """
        with self._lock:
            if key in self._held:
                self._held.move_to_end(key)
                return self._held[key]
            waited = self._making.get(key)
            if waited is None:
                made = self._making[key] = Future()
        if waited is not None:
            return waited.result()
        try:
            found = make()
        except BaseException as error:
            with self._lock:
                del self._making[key]
            made.set_exception(error)
            raise
        with self._lock:
            del self._making[key]
            self._keep(key, found)
        made.set_result(found)
        return found

    def clear(self) -> None:
        """Drop all."""
        with self._lock:
            self._held.clear()
            self._bytes = 0

    def _keep(self, key: Hashable, found: Value | None) -> None:
        size = self._size(found)
        if size > self._limit:
            return
        self._held[key] = found
        self._bytes += size
        while self._bytes > self._limit:
            _, oldest = self._held.popitem(last=False)
            self._bytes -= self._size(oldest)

    def _size(self, found: Value | None) -> int:
        return _SMALL + (0 if found is None else self._size_of(found))
