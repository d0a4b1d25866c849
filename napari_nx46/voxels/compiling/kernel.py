"""The decorators that compile a function with numba."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba
from numba.core import sigutils

from napari_nx46.voxels.compiling.code_cache import CodeCache

__all__ = ["declared_types", "helper", "is_kernel", "kernel"]

Function = TypeVar("Function", bound=Callable[..., object])


def kernel(*signatures: str) -> Callable[[Function], Function]:
    """Compile a function that Python calls; it releases the GIL, and its code is kept on disk.

    Never parallel: numba's own threads may not be started from two threads at a time, so the
    callers run kernels side by side in a thread pool instead. Kernels copy arrays element by
    element: a copy to a slice takes numba three seconds to compile, because of its message about
    shapes that differ.

    Parameters
    ----------
    *signatures : str
        The types of the arguments in numba's notation, such as ``"(u8[:,:,::1], i8)"``. They are
        what is compiled beforehand; other types are compiled when they are first met.

    Returns
    -------
    callable
        The decorator. What it returns is numba's dispatcher, under the type of the function.
    """

    def compiled(function: Function) -> Function:
        # What only C code calls is not needed, and takes time to compile.
        dispatcher = numba.njit(nogil=True, no_cfunc_wrapper=True)(function)
        dispatcher._cache = CodeCache(function)  # numba has no public way to choose the cache
        dispatcher.declared_signatures = signatures
        return cast(Function, dispatcher)

    return compiled


def helper(function: Function) -> Function:
    """Compile a function that only kernels call: it becomes part of their code.

    Parameters
    ----------
    function : callable

    Returns
    -------
    callable
        Numba's dispatcher, under the type of the function.
    """
    compiled = numba.njit(nogil=True, no_cfunc_wrapper=True, no_cpython_wrapper=True)(function)
    return cast(Function, compiled)


def is_kernel(value: object) -> bool:
    """Return whether a value was made by `kernel`."""
    return hasattr(value, "declared_signatures")


def declared_types(dispatcher: Any) -> list[tuple[Any, ...]]:
    """Return the numba types of each signature that a kernel declares."""
    return [sigutils.normalize_signature(text)[0] for text in dispatcher.declared_signatures]
