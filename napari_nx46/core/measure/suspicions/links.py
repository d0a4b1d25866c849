"""Pieces of a mask, and which of them touch."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from napari_nx46.voxels.spans import Components, Runs

__all__ = ["Links", "linked_pieces"]

Indices = npt.NDArray[np.int64]

Links = tuple[Indices, npt.NDArray[np.int32]]
"""``starts`` and ``neighbours``, as `compiled_pieces.parts_without` takes them."""


def linked_pieces(runs: Runs, group: Indices) -> tuple[Components, Links]:
    """Return what is 26-connected within a group of runs, and which of these pieces touch.

    Parameters
    ----------
    runs : Runs
    group : (n,) array of int64
        The group of each run.
    """
    from napari_nx46.core.measure.suspicions.compiled_pieces import graph_of_links, link_runs
    from napari_nx46.voxels.compiled_spans import number_components

    parent = np.arange(group.size)
    links = link_runs(runs.row_starts, runs.first, runs.stop, runs.shape[1], group, parent)
    piece = np.empty(group.size, np.int32)
    count = number_components(parent, piece)
    return Components(runs, piece, count), graph_of_links(links, piece, count)
