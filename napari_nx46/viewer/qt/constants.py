"""Keeping PySide6 6.12 from deallocating None, True and False under Python 3.11.

From Python 3.12 on these constants are immortal (PEP 683). PySide6 6.12.0 is compiled as if they
were so in all versions of Python that it supports: its methods that return nothing return None
without a reference of its own. Before Python 3.12 each such call takes one reference from None, and
the interpreter aborts when none is left ("none_dealloc: deallocating None").
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterable
from importlib.util import find_spec

CONSTANTS = (None, True, False)
MANY_REFERENCES = 1 << 60
"""More than any session takes away, and far from where the count overflows."""

FIRST_WITH_IMMORTAL_CONSTANTS = (3, 12)


def are_mortal(version: tuple[int, ...] = sys.version_info[:3]) -> bool:
    """Return whether this Python counts the references to constants.

    Parameters
    ----------
    version : tuple of int
        Of Python.
    """
    # In builds that trace references, objects begin with something else than the count.
    has_plain_count = sys.implementation.name == "cpython" and not hasattr(sys, "getobjects")
    return has_plain_count and version < FIRST_WITH_IMMORTAL_CONSTANTS


def may_lose_references() -> bool:
    """Return whether the constants are mortal, and a PySide6 is installed that may take them."""
    return are_mortal() and find_spec("PySide6") is not None


def add_references(objects: Iterable[object] = CONSTANTS) -> None:
    """Give mortal objects so many references that they are never deallocated.

    Nothing is done to those that have so many already.
    """
    if not are_mortal():
        return
    for item in objects:
        count = ctypes.c_ssize_t.from_address(id(item))
        if count.value < MANY_REFERENCES:
            count.value += MANY_REFERENCES
