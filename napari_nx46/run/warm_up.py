"""Compiles every kernel of the program beforehand."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from napari_nx46.core.score.kernels import (
    CLEANUP_MODULES,
    PIPELINE_MODULES,
    SUSPICION_MODULES,
)
from napari_nx46.leaderboard.warm_up import ERROR_MODULES, KERNEL_MODULES
from napari_nx46.voxels.workers import CancelCheck, never

if TYPE_CHECKING:
    from napari_nx46.voxels.compiling.build import Build

__all__ = ["EVERY_MODULE", "STORE_MODULES", "warm_up"]

STORE_MODULES = ("napari_nx46.voxels.compiled_halving",)
"""The modules whose kernels make the pyramid of an OME-Zarr image."""

EVERY_MODULE = tuple(
    dict.fromkeys(
        (
            *(*PIPELINE_MODULES, *CLEANUP_MODULES, *KERNEL_MODULES),
            *(*ERROR_MODULES, *SUSPICION_MODULES, *STORE_MODULES),
        )
    )
)
"""The modules that have kernels."""


def warm_up(
    report: Callable[[str, int, int], None] = lambda _name, _done, _total: None,
    cancelled: CancelCheck = never,
) -> Build:
    """Compile all kernels that are not on disk, and keep their code there.

    Parameters
    ----------
    report : callable
        Called before each kernel with its name, how many are done, and how many there are.

    cancelled : callable
        Called before each kernel; if it returns True, the rest is left.

    Returns
    -------
    Build
        How many were compiled, how long that took, and where they are kept.
    """
    from napari_nx46.voxels.compiling.build import build

    return build(EVERY_MODULE, report, cancelled)
