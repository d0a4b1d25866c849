"""Runs as lists, of two masks together, and what lies at them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from napari_nx46.leaderboard.components import last_runs, rows_of
from napari_nx46.voxels.spans import Components, Runs

__all__ = [
    "components_at",
    "first_voxels",
    "last_voxels",
    "run_list",
    "runs_within",
    "runs_without",
    "stretches_of",
    "voxels_in",
]

Indices = npt.NDArray[np.int64]
Ints = npt.NDArray[np.int32]


def run_list(
    runs: Runs, chosen: npt.NDArray[np.bool_] | Indices | slice
) -> tuple[Ints, Ints, Ints]:
    """Return row ``z * Y + y``, first voxel and stop of the chosen runs."""
    row = runs.rows()[chosen].astype(np.int32)
    return row, runs.first[chosen], runs.stop[chosen]


def runs_without(runs: Runs, others: Runs) -> Runs:
    """Return the runs of a mask without the voxels of another one of the same shape."""
    from napari_nx46.leaderboard.kernels.runs import subtract_runs

    row_starts, first, stop = subtract_runs(
        runs.row_starts, runs.first, runs.stop, others.row_starts, others.first, others.stop
    )
    return Runs(runs.shape, row_starts, first, stop)


def runs_within(runs: Runs, others: Runs) -> Runs:
    """Return the runs of the voxels that two masks of the same shape share."""
    from napari_nx46.leaderboard.kernels.runs import overlaps

    a, b, length = overlaps(
        runs.row_starts, runs.first, runs.stop, others.row_starts, others.first, others.stop
    )
    return stretches_of(runs, others, a, b, length)


def stretches_of(runs: Runs, others: Runs, a: Ints, b: Ints, length: Ints) -> Runs:
    """Return stretches of voxels that lie in runs `a` and `b` of two masks as runs."""
    first = np.maximum(runs.first[a], others.first[b])
    before = np.searchsorted(a, runs.row_starts)
    return Runs(runs.shape, before, first, first + length)


def voxels_in(runs: Runs, chosen: npt.NDArray[np.bool_]) -> Ints:
    """Return the voxels (z, y, x) of the chosen runs, (N, 3) int32, in raster order."""
    row, first, stop = run_list(runs, chosen)
    length = (stop - first).astype(np.int64)
    before = np.cumsum(length) - length
    x = np.arange(length.sum()) + np.repeat(first - before, length)
    z, y = np.divmod(np.repeat(row, length), runs.shape[1])
    return np.stack((z, y, x), axis=1).astype(np.int32)


def first_voxels(runs: Runs, positions: Indices) -> Ints:
    """Return the first voxels of some of the runs, (N, 3)."""
    plane, row = np.divmod(rows_of(runs, positions), runs.shape[1])
    return np.stack((plane, row, runs.first[positions]), axis=1).astype(np.int32)


def components_at(components: Components, voxels: Ints) -> Ints:
    """Return the components that voxels lie in."""
    from napari_nx46.leaderboard.kernels.runs import runs_at

    runs = components.runs
    row = voxels[:, 0] * np.int32(runs.shape[1]) + voxels[:, 1]
    x = np.ascontiguousarray(voxels[:, 2])
    found: Ints = components.component[runs_at(runs.row_starts, runs.stop, row, x)]
    return found


def last_voxels(components: Components) -> Ints:
    """Return the last voxel of each component, (count, 3)."""
    runs, last = components.runs, last_runs(components)
    plane, row = np.divmod(rows_of(runs, last), runs.shape[1])
    return np.stack((plane, row, runs.stop[last] - 1), axis=1).astype(np.int32)
