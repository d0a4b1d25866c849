"""How every kernel of the leaderboard score is compiled."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, cast

import numba

__all__ = ["kernel"]

Function = TypeVar("Function", bound=Callable[..., object])


def kernel(function: Function) -> Function:
    """Compile a function that releases the GIL and is cached on disk.

    Never parallel: numba's own threads may not be started from two threads at a time, so the
    callers run kernels side by side in a thread pool instead.

    Parameters
    ----------
    function : callable

    Returns
    -------
    callable
        The compiled dispatcher, under the type of `function`.
    """
    return cast(Function, numba.njit(cache=True, nogil=True)(function))
