"""The loops over voxels, as a pair of twins: plain NumPy, and compiled by numba."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np
import numpy.typing as npt

from napari_nx46.core.threshold.quantile import Counts
from napari_nx46.voxels.blocks import FloatVolume, Mask
from napari_nx46.voxels.workers import CancelCheck, never

PIPELINE_MODULES = ("napari_nx46.core.score.compiled",)
"""The modules whose kernels every mask needs."""

CLEANUP_MODULES = (
    "napari_nx46.core.cleanup.compiled_patching",
    "napari_nx46.core.cleanup.compiled_sheets",
    "napari_nx46.voxels.compiled_spans",
    "napari_nx46.voxels.compiled_pieces",
    "napari_nx46.core.cleanup.compiled_morphology",
    "napari_nx46.core.cleanup.compiled_tunnels",
    "napari_nx46.core.cleanup.compiled_smoothing",
    "napari_nx46.core.filters.compiled_diffusion",
    "napari_nx46.core.filters.compiled_coherence",
    "napari_nx46.core.filters.compiled_sheetness",
    "napari_nx46.core.cleanup.cubes.compiled_cubes",
    "napari_nx46.core.cleanup.repair.compiled_repair",
    "napari_nx46.core.cleanup.sheet_by_sheet.compiled_heights",
)
"""The modules whose kernels hysteresis, clean-up and measures need."""

SUSPICION_MODULES = tuple(
    f"napari_nx46.core.measure.suspicions.{name}" for name in ("compiled_shapes", "compiled_pieces")
)
"""The modules whose kernels find what is suspicious in a mask."""


class Kernels(Protocol):
    """The three loops over voxels; `plain` and `compiled` each are one."""

    def score_tile(
        self,
        p3d: npt.NDArray[np.generic],
        p2d: npt.NDArray[np.generic],
        first: int,
        radius: int,
        blend: float,
        rows: slice,
        score: FloatVolume,
        counts: Counts | None,
    ) -> None:
        """Blend and z-smooth one tile."""

    def count_low_bits(self, score: FloatVolume, high_bits: int, counts: Counts) -> None:
        """Count the low bits of the scores in one bin."""

    def threshold_tile(self, score: FloatVolume, threshold: FloatVolume, mask: Mask) -> None:
        """Threshold one tile slice by slice."""


def plain_kernels() -> Kernels:
    """Return the kernels in NumPy: nothing to compile, several times slower."""
    from napari_nx46.core.score import plain

    return plain


def compiled_kernels() -> Kernels:
    """Return the kernels in numba: compiled at first use, then cached on disk."""
    from napari_nx46.core.score import compiled

    return compiled


def warm_up_cleanup(
    report: Callable[[str, int, int], None] = lambda _name, _done, _total: None,
    cancelled: CancelCheck = never,
    coming: Callable[[], bool] = never,
) -> None:
    """Compile, or load from disk, all that hysteresis and the clean-up steps need.

    Takes some ten seconds the first time on a machine and about one afterwards. To be called off
    the GUI thread. Calling it again does no harm.

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

    load(CLEANUP_MODULES, report, cancelled, coming)
