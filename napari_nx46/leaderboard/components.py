"""Runs and connected components of a packed mask, by name."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from napari_nx46.voxels.packed import Words

__all__ = ["LabelledRuns", "Runs", "label_runs", "runs_of", "sizes_of"]

Ints = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True, eq=False)
class Runs:
    """The runs of a (Z, Y, X) mask: its maximal stretches of voxels along X.

    Parameters
    ----------
    shape : tuple of int
        (Z, Y, X).
    first : ndarray of int32
        (Z * Y + 1,): the runs of row ``r = z * Y + y`` are ``first[r]`` to ``first[r + 1] - 1``.
    start, stop : ndarray of int32
        (N,): each run holds the voxels ``start <= x < stop``.
    """

    shape: tuple[int, int, int]
    first: Ints
    start: Ints
    stop: Ints

    def rows(self) -> Ints:
        """Return the row ``z * Y + y`` of each run, (N,) int32."""
        rows = np.arange(self.first.size - 1, dtype=np.int32)
        return np.repeat(rows, np.diff(self.first))

    def lengths(self) -> Ints:
        """Return the number of voxels of each run, (N,) int32."""
        return self.stop - self.start


@dataclass(frozen=True, slots=True, eq=False)
class LabelledRuns:
    """The connected components of a mask.

    Parameters
    ----------
    runs : Runs
    label : ndarray of int32
        (N,): the component of each run, from 0.
    count : int
        Number of components.
    """

    runs: Runs
    label: Ints
    count: int


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
    first, start, stop = extract_runs(flat, columns)
    return Runs((planes, rows, columns), first, start, stop)


def label_runs(runs: Runs, connectivity: int) -> LabelledRuns:
    """Find the connected components of a mask from its runs.

    Parameters
    ----------
    runs : Runs
    connectivity : {6, 18, 26}

    Returns
    -------
    LabelledRuns
    """
    from napari_nx46.leaderboard.kernels.runs import components

    planes, rows, _ = runs.shape
    label, count = components(runs.first, runs.start, runs.stop, planes, rows, connectivity)
    return LabelledRuns(runs, label, count)


def sizes_of(labelled: LabelledRuns) -> npt.NDArray[np.int64]:
    """Return the number of voxels of each component, (count,) int64."""
    sizes = np.zeros(labelled.count, np.int64)
    np.add.at(sizes, labelled.label, labelled.runs.lengths())
    return sizes
