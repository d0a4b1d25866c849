"""Closing what has threads before the interpreter waits for them, at the end of the program."""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import MethodType
from weakref import WeakMethod

__all__ = ["close_at_exit"]


def close_at_exit(close: Callable[[], object]) -> None:
    """Have a method called when the program ends, before its threads are waited for.

    Whoever has threads of its own calls this where it makes them. The threads must not be daemons:
    such threads still run, in compiled code or in Qt, while both are taken down, and that ends the
    process with a segmentation fault. What is no daemon is waited for, without end if it waits for
    something itself; so it is closed first.

    Parameters
    ----------
    close : bound method
        Of an object that may be gone by then. It must not wait, and may be called a second time.

    Examples
    --------
    >>> import threading
    >>> class Waiting:
    ...     def __init__(self):
    ...         self._closed = threading.Event()
    ...         threading.Thread(target=self._closed.wait).start()
    ...         close_at_exit(self.close)
    ...
    ...     def close(self):
    ...         self._closed.set()
    >>> Waiting().close()
    """
    if not isinstance(close, MethodType):
        raise TypeError(f"found {close!r}, expected a method of an object")
    # `atexit` calls its functions after the threads have been waited for. This is how
    # concurrent.futures, which was imported before, learns that the program ends.
    threading._register_atexit(_call, WeakMethod(close))  # type: ignore[attr-defined]


def _call(method: WeakMethod[Callable[[], object]]) -> None:
    close = method()
    if close is not None:
        close()
