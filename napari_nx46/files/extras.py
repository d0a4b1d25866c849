"""Libraries that come with an extra of the distribution only."""

from __future__ import annotations

import re
from functools import cache
from importlib.metadata import PackageNotFoundError, requires

__all__ = ["extras_of", "how_to_install"]

_DISTRIBUTION = "napari-nx46"
_OPTIONAL = re.compile(r"([\w.-]+).*;.*\bextra\s*==\s*['\"]([\w-]+)['\"]")
_FOR_DEVELOPERS = frozenset({"all", "checks", "docs", "test", "dev"})


def how_to_install(error: ImportError) -> str | None:
    """Return what to do about a module that is missing, or None if no extra brings it.

    Parameters
    ----------
    error : ImportError

    Examples
    --------
    >>> how_to_install(ModuleNotFoundError("No module named 'optuna'", name="optuna"))
    'this needs optuna; install it with: pip install "napari-nx46[campaign]"'
    """
    if error.name is None:
        return None
    module = error.name.partition(".")[0]
    extras = extras_of(module)
    if not extras:
        return None
    return (
        f'this needs {module}; install it with: pip install "{_DISTRIBUTION}[{",".join(extras)}]"'
    )


def extras_of(module: str) -> tuple[str, ...]:
    """Return the extras that bring a module, in alphabetical order.

    Parameters
    ----------
    module : str
        A top-level module that is named like its distribution.
    """
    return tuple(sorted(_extras_by_module().get(_normalised(module), ())))


@cache
def _extras_by_module() -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    try:
        lines = requires(_DISTRIBUTION) or []
    except PackageNotFoundError:  # run from a folder that is not installed
        return found
    for line in lines:
        optional = _OPTIONAL.match(line)
        if optional is not None and optional[2] not in _FOR_DEVELOPERS:
            found.setdefault(_normalised(optional[1]), set()).add(optional[2])
    return found


def _normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
