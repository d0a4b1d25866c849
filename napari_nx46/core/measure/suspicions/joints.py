"""Joints: the narrow places that hold two large parts together."""

from __future__ import annotations

import itertools

import numpy as np
import numpy.typing as npt

from napari_nx46.core.measure.suspicions.links import Links, linked_pieces
from napari_nx46.core.measure.suspicions.places import Held, Places, places_of, voxels_of
from napari_nx46.voxels.blocks import Mask
from napari_nx46.voxels.spans import Runs, find_runs
from napari_nx46.voxels.workers import Workers

__all__ = ["joined_parts"]

Indices = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

_Pairs = dict[tuple[int, int], list[int]]
"""The narrow pieces that touch both of two parts, ascending, by the numbers of these."""


def joined_parts(
    mask: Mask, narrow: Mask, bridges: Places, smallest: int, *, workers: Workers | None = None
) -> Held:
    """Find which large parts of a mask without its narrow places these places join.

    Parameters
    ----------
    mask : (Z, Y, X) array of uint8, {0, 1}
    narrow : (Z, Y, X) array of uint8, {0, 1}
        Narrow places; all within the mask.
    bridges : Places
        A pair all of whose joints have voxels of one of them is left out.
    smallest : int
        Voxels of a large part.
    workers : Workers, optional

    Returns
    -------
    Held
        In raster order of the parts' first voxels.
    """
    runs, is_narrow = _merged(
        find_runs(np.greater(mask, narrow).view(np.uint8), workers=workers),
        find_runs(narrow, workers=workers),
    )
    pieces, links = linked_pieces(runs, is_narrow.astype(np.int64))
    sizes = pieces.sizes()
    of_joint = np.zeros(pieces.count, np.bool_)
    of_joint[pieces.component[is_narrow]] = True
    flat, owner = voxels_of(pieces, of_joint)
    pairs = _pairs(links, of_joint, ~of_joint & (sizes >= smallest))
    held = _bridges_at(bridges, flat, owner)
    kept = {
        pair: joints
        for pair, joints in pairs.items()
        if not set.intersection(*(held.get(joint, set()) for joint in joints))
    }
    both = np.array(list(kept), np.int64).reshape(-1, 2)
    smaller = sizes[both].min(axis=1)
    places = _joints_of_pairs(mask.shape, flat, owner, list(kept.values()))
    return Held(places, smaller, 2 * smaller / sizes[both].sum(axis=1))


def _merged(one: Runs, other: Runs) -> tuple[Runs, Flags]:
    """Return the runs of two masks without a common voxel, and which are the second one's."""
    row = np.concatenate((one.rows(), other.rows()))
    first = np.concatenate((one.first, other.first))
    order = np.lexsort((first, row))
    stop = np.concatenate((one.stop, other.stop))[order]
    runs = Runs(one.shape, one.row_starts + other.row_starts, first[order], stop)
    return runs, order >= one.first.size


def _pairs(links: Links, of_joint: Flags, large: Flags) -> _Pairs:
    """Return which pieces that are joints touch which two large pieces, in order."""
    starts, neighbours = links
    joint = np.repeat(np.arange(of_joint.size), np.diff(starts))
    some = of_joint[joint] & large[neighbours]
    touching = np.unique(np.stack((joint[some], neighbours[some]), axis=1), axis=0)
    pairs: _Pairs = {}
    for number, group in itertools.groupby(touching.tolist(), key=lambda one: int(one[0])):
        for pair in itertools.combinations([part for _, part in group], 2):
            pairs.setdefault(pair, []).append(number)
    return dict(sorted(pairs.items()))


def _bridges_at(
    bridges: Places, flat: Indices, owner: npt.NDArray[np.int32]
) -> dict[int, set[int]]:
    """Return which bridges have voxels of each joint; `flat` ascends."""
    number = np.repeat(np.arange(len(bridges)), bridges.sizes())
    at = np.searchsorted(flat, bridges.flat)
    there = at < flat.size
    there[there] = flat[at[there]] == bridges.flat[there]
    found: dict[int, set[int]] = {}
    for joint, bridge in np.unique((owner[at[there]], number[there]), axis=1).T.tolist():
        found.setdefault(joint, set()).add(bridge)
    return found


def _joints_of_pairs(
    shape: tuple[int, int, int],
    flat: Indices,
    owner: npt.NDArray[np.int32],
    joints: list[list[int]],
) -> Places:
    """Return the voxels of all joints of each pair."""
    numbers, place = np.unique(owner, return_inverse=True)
    each = places_of(shape, flat, place, numbers.size)
    every = np.array(list(itertools.chain(*joints)), np.int64)
    chosen = each.chosen(np.searchsorted(numbers, every))
    pair = np.repeat(np.arange(len(joints)), [len(one) for one in joints])
    of_voxel = np.repeat(pair, chosen.sizes())
    order = np.argsort(chosen.flat, kind="stable")
    return places_of(shape, chosen.flat[order], of_voxel[order], len(joints))
