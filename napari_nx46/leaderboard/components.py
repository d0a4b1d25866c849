"""Runs of a packed mask; `voxels.spans` has what they are, and their components."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from napari_nx46.voxels.packed import Words
from napari_nx46.voxels.spans import Components, Runs

__all__ = [
    "extents",
    "first_runs",
    "last_runs",
    "outer_components",
    "reach_keys",
    "rows_of",
    "runs_of",
]

Ints = npt.NDArray[np.int32]
Indices = npt.NDArray[np.int64]

_KINDS = 3


def runs_of(words: Words, columns: int) -> Runs:
    """Find the runs of a packed mask.

    Parameters
    ----------
    words : ndarray of uint64
        (Z, Y, W).
    columns : int
        X.

    Returns
    -------
    Runs
    """
    from napari_nx46.leaderboard.kernels.runs import extract_runs

    planes, rows, row_words = words.shape
    flat = np.ascontiguousarray(words).reshape(planes * rows, row_words)
    return Runs((planes, rows, columns), *extract_runs(flat, columns))


def first_runs(components: Components) -> Indices:
    """Return the first run of each component, (count,) int64, ascending."""
    from napari_nx46.leaderboard.kernels.runs import list_first_runs

    return list_first_runs(components.component, components.count)


def last_runs(components: Components) -> Indices:
    """Return the last run of each component, (count,) int64."""
    last = np.zeros(components.count, np.int64)
    # Of several values for one element the last one stays.
    last[components.component] = np.arange(components.component.size)
    return last


def rows_of(runs: Runs, positions: Indices) -> Ints:
    """Return the row ``z * Y + y`` of some of the runs, (N,) int32."""
    from napari_nx46.leaderboard.kernels.runs import rows_at

    return rows_at(runs.row_starts, positions)


def extents(runs: Runs, labels: Ints, count: int) -> Ints:
    """Return the boxes around labelled runs.

    Parameters
    ----------
    runs : Runs
    labels : ndarray of int32
        (N,): of each run, below `count`; -1 for a run that is left out.
    count : int

    Returns
    -------
    ndarray of int32
        (count, 6): z, y, x of the first voxel, and of the one after the last.
    """
    from napari_nx46.leaderboard.kernels.runs import find_extents

    boxes = np.zeros((count, 6), np.int32)
    find_extents(runs.row_starts, runs.first, runs.stop, labels, runs.shape[1], boxes)
    return boxes


def outer_components(inner: Components, outer: Components) -> Ints:
    """Return the component of a mask that each component of a mask within it lies in.

    Parameters
    ----------
    inner, outer : Components
        Of one shape; each voxel of `inner` is one of `outer`.

    Returns
    -------
    ndarray of int32
        (inner.count,).
    """
    from napari_nx46.leaderboard.kernels.runs import find_outer_components

    found = np.zeros(inner.count, np.int32)
    find_outer_components(
        outer.runs.row_starts,
        outer.runs.stop,
        outer.component,
        inner.runs.row_starts,
        inner.runs.first,
        inner.component,
        found,
    )
    return found


def reach_keys(components: Components) -> Indices:
    """Return the first edge, in raster order, that leads into each component from outside.

    Behind plane 0 that is the z-edge to the component's first voxel. A component that begins in
    plane 0 may be reached by a z-edge from further ahead, so its edges there are compared.

    Parameters
    ----------
    components : Components
        6-connected.

    Returns
    -------
    ndarray of int64
        (count,): ``3 * voxel + direction`` of each edge, with the voxel ``(z * Y + y) * X + x`` in
        front of the component and the direction 0, 1, 2 for z, y, x. A component that holds voxel
        0 has -1.
    """
    from napari_nx46.leaderboard.kernels.places import lower_keys

    runs = components.runs
    _, rows, columns = runs.shape
    first = first_runs(components)
    row = rows_of(runs, first).astype(np.int64)
    keys: Indices = ((row - rows) * columns + runs.first[first]) * _KINDS
    in_plane = row < rows
    if in_plane.any():
        keys[in_plane] = np.iinfo(np.int64).max
        lower_keys(runs.shape, runs.row_starts, runs.first, runs.stop, components.component, keys)
        if components.runs.first[0] == 0 and row[0] == 0:
            keys[0] = -1
    return keys
