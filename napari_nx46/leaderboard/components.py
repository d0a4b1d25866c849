"""Runs of a packed mask; `voxels.spans` has what they are, and their components."""

from __future__ import annotations

import numpy as np

from napari_nx46.voxels.packed import Words
from napari_nx46.voxels.spans import Runs

__all__ = ["runs_of"]


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
