"""Compile, or load from disk, all that a leaderboard score needs."""

from __future__ import annotations

__all__ = ["KERNEL_MODULES", "warm_up"]

KERNEL_MODULES = tuple(
    f"napari_nx46.leaderboard.kernels.{name}"
    for name in ("sweep", "elimination", "runs", "first_shared", "surface", "words")
)
"""The modules that have kernels; those that take longest to compile come first."""


def warm_up() -> None:
    """Compile every kernel of the leaderboard score, so that the next score computes at once.

    Takes some five seconds the first time on a machine and less than one afterwards. To be called
    off the GUI thread. Calling it again does no harm.
    """
    from napari_nx46.compiling.build import load

    load(KERNEL_MODULES)
