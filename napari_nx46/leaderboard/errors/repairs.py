"""Repairs of errors that are defined exactly, and what they gain, measured."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from napari_nx46.leaderboard.errors.explanation import Explanation
from napari_nx46.leaderboard.errors.features import Fate
from napari_nx46.leaderboard.errors.table import PARTS
from napari_nx46.leaderboard.results import MatchCounts
from napari_nx46.leaderboard.score import score
from napari_nx46.voxels.packed import unpack
from napari_nx46.voxels.workers import never

__all__ = ["Repair", "measured_repair", "repair_of"]

Ints = npt.NDArray[np.int32]
Edit = Literal["add", "remove"]


@dataclass(frozen=True, slots=True)
class Repair:
    """A repair that was made, and what came of it.

    Parameters
    ----------
    edit : {"add", "remove"}
        What was done to the prediction.
    voxels : int
        How many voxels of it were changed.
    gain : float
        Points that the whole score gains: measured, and negative where it loses some.
    counts : tuple of MatchCounts
        Matched and all features afterwards, by dimension.
    """

    edit: Edit
    voxels: int
    gain: float
    counts: tuple[MatchCounts, MatchCounts, MatchCounts]


def repair_of(found: Explanation, item: int) -> tuple[Edit, Ints] | None:
    """Return the voxels whose adding or removing mends an item.

    An island is removed, a missed sheet added; what fills a hole or a cavity is added to the
    prediction, or removed from it where it is the prediction that fills one.

    Parameters
    ----------
    found : Explanation
    item : int
        Row of `Explanation.items`.

    Returns
    -------
    tuple of (str, ndarray of int32), optional
        "add" or "remove", and (N, 3) voxels; None for items whose repair is not defined exactly.
    """
    items = found.items
    if PARTS[items.part[item]] != "topology":
        return None
    row = int(items.row[item])
    side, fate = int(found.topology.side[row]), Fate(found.topology.features.fate[row])
    voxels = found.voxels_of(item)
    if fate == Fate.ALONE:
        return ("add" if side else "remove"), voxels
    if fate != Fate.FILLED:
        return None
    if items.dimension[item] == 2:
        voxels = voxels[unpack(found.masks[1 - side])[tuple(voxels.T)] != 0]
    return ("remove" if side else "add"), voxels


def measured_repair(
    found: Explanation,
    item: int,
    *,
    cancelled: Callable[[], bool] = never,
    workers: int = 2,
) -> Repair | None:
    """Repair one item of a copy of the prediction, and compute the whole score again.

    Parameters
    ----------
    found : Explanation
    item : int
        Row of `Explanation.items`.
    cancelled, workers
        As for `score`.

    Returns
    -------
    Repair, optional
        None for items whose repair is not defined exactly; see `repair_of`.

    Raises
    ------
    Cancelled
        If `cancelled` returned True.
    """
    repair = repair_of(found, item)
    if repair is None:
        return None
    edit, voxels = repair
    prediction, label = (unpack(mask) for mask in found.masks)
    before = prediction[tuple(voxels.T)]
    prediction[tuple(voxels.T)] = edit == "add"
    after = score(
        prediction,
        label,
        parameters=replace(found.parameters, ignore_label=None),  # ignored voxels are left out
        cancelled=cancelled,
        workers=workers,
    )
    components, loops, cavities = (dimension.counts for dimension in after.topo.dimensions)
    return Repair(
        edit,
        int(np.count_nonzero(before != (edit == "add"))),
        after.value - found.score.value,
        (components, loops, cavities),
    )
