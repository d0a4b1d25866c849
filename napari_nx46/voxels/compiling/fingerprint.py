"""A digest of all that a kernel's compiled code depends on."""

from __future__ import annotations

import hashlib
import inspect
import sys
from collections.abc import Callable, Iterator
from functools import cache
from types import CodeType, FunctionType, ModuleType
from typing import Any

from numba.core.dispatcher import Dispatcher

__all__ = ["fingerprint"]


def fingerprint(function: Callable[..., object]) -> bytes:
    """Return the digest of a function, of the functions that it calls, and of their constants.

    Numba itself looks at the file of the function only, and not at the files of what it calls.

    Parameters
    ----------
    function : callable

    Returns
    -------
    bytes
        32 bytes.
    """
    digest = hashlib.sha256()
    for part in _parts(function, set()):
        digest.update(part.encode("utf-8", "backslashreplace") + b"\0")
    return digest.digest()


def _parts(function: Any, seen: set[object]) -> Iterator[str]:
    """Yield what a function consists of; each function once."""
    function = getattr(function, "py_func", function)
    if function in seen:
        return
    seen.add(function)
    yield f"{function.__module__}.{function.__qualname__}"
    yield _source(function.__module__)
    yield from _code_parts(function.__code__)
    for name in function.__code__.co_names:
        value = function.__globals__.get(name)
        if isinstance(value, (Dispatcher, FunctionType)):
            yield from _parts(value, seen)
        elif not isinstance(value, (ModuleType, type)):
            yield f"{name}={value!r}"


def _code_parts(code: CodeType) -> Iterator[str]:
    yield repr((code.co_code, code.co_names, code.co_varnames, code.co_argcount))
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _code_parts(constant)
        else:
            yield repr(constant)


@cache
def _source(module_name: str) -> str:
    """Return the source of a module, in which overloads stand that no name leads to."""
    try:
        return inspect.getsource(sys.modules[module_name])
    except (KeyError, OSError, TypeError):
        return module_name  # frozen, or shipped without its source
