"""Compile, or load from disk, all that a leaderboard score and the list of its errors need."""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["ERROR_MODULES", "KERNEL_MODULES", "warm_up"]

KERNEL_MODULES = (
    *(
        f"napari_nx46.leaderboard.kernels.{name}"
        for name in ("sweep", "forest", "elimination", "runs", "surface", "places", "words")
    ),
    "napari_nx46.voxels.compiled_spans",
)
"""The modules with the kernels of a score; those that take longest to compile come first."""

ERROR_MODULES = tuple(
    f"napari_nx46.leaderboard.kernels.{name}" for name in ("ways", "joins", "rings", "cuts")
)
"""The modules with further kernels, for the list of what a score has lost."""


def warm_up(
    report: Callable[[str, int, int], None] = lambda _name, _done, _total: None,
    cancelled: Callable[[], bool] = lambda: False,
    coming: Callable[[], bool] = lambda: False,
) -> None:
    """Compile every kernel of the leaderboard score, so that the next one computes at once.

    Takes some five seconds the first time on a machine and less than one afterwards. To be called
    off the GUI thread. Calling it again does no harm.

    Parameters
    ----------
    report : callable
        Called with a name, how many kernels are done, and how many there are, if any is not on
        disk: before each kernel, and at the end.
    cancelled : callable
        Called before each kernel; if it returns True, the rest is left.
    coming : callable
        Returns whether other processes are compiling: while they are, their code is waited for.
    """
    from napari_nx46.voxels.compiling.build import load

    load((*KERNEL_MODULES, *ERROR_MODULES), report, cancelled, coming)
