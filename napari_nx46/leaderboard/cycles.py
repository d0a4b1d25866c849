"""A closed way beside the place of a loop, to show what the loop is.

The voxels of a mask within a box, its faces between them and the squares of four voxels are a
complex. A tree of shortest ways leads from the voxel that is nearest to the place to all others;
each edge outside of it closes one way, and each square makes the sum of its edges zero. Taking the
closed ways from the longest to the shortest, over F2, those that no square eliminates are a basis
of the holes in the box (as by Erickson and Whittlesey 2005, "Greedy optimal homotopy and homology
generators"); the shortest of them is the answer.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from napari_nx46.leaderboard.loops import eliminated_by

__all__ = ["REACHES", "cycle_around"]

Ints = npt.NDArray[np.int32]
Indices = npt.NDArray[np.int64]
Mask = npt.NDArray[np.uint8]

REACHES = (6, 12, 24, 48, 96, 192)
"""Voxels around the place that are looked at, the fewest first."""

MOST_VOXELS = 1_000_000
"""No more of the mask are looked at: they take half a gigabyte."""


def cycle_around(mask: Mask, place: tuple[int, int, int]) -> Ints:
    """Find a short closed way in a mask beside a place, which nothing in the mask nearby fills.

    Parameters
    ----------
    mask : ndarray of uint8
        (Z, Y, X).
    place : tuple of int
        (z, y, x).

    Returns
    -------
    ndarray of int32
        (N, 3): voxels in the order of the way, each with a face in common with the next one and
        the last with the first. It is looked for within the smallest of `REACHES` that holds one;
        empty if none does, or where that would be too much to look at.
    """
    for reach in REACHES:
        box = tuple(slice(max(at - reach, 0), at + reach + 1) for at in place)
        if np.count_nonzero(mask[box]) > MOST_VOXELS:
            break
        origin = np.array([axis.start for axis in box])
        way = _shortest_cycle(np.pad(mask[box], 1), np.array(place) - origin + 1)
        if len(way):
            found: Ints = (way + (origin - 1)).astype(np.int32)
            return found
    return np.zeros((0, 3), np.int32)


def _shortest_cycle(mask: Mask, place: Indices) -> Indices:
    """Return the shortest closed way that no squares fill, in the nearest component with one."""
    from napari_nx46.leaderboard.kernels.rings import shortest_tree

    whole = np.ascontiguousarray(mask)
    left = whole.copy()
    while len(voxels := np.argwhere(left)):
        nearest = voxels[np.square(voxels - place).sum(axis=1).argmin()]
        root = int(np.ravel_multi_index(tuple(nearest), whole.shape))
        length, before = shortest_tree(whole, root)
        way = _cycle_in_tree(whole, length, before)
        if len(way):
            return way
        left[length.reshape(whole.shape) >= 0] = 0
    return np.zeros((0, 3), np.int64)


def _cycle_in_tree(mask: Mask, length: Ints, before: Ints) -> Indices:
    """Return the shortest closed way along a tree of shortest ways that no squares fill."""
    steps = [int(step) for step in (np.array(mask.strides) // mask.itemsize)]
    inside = np.flatnonzero(length >= 0)
    number, edges = _numbered_edges(length, before, inside, steps)
    relations = _squares(length, number, inside, steps)
    left = np.setdiff1d(np.arange(1, len(edges) + 1), eliminated_by(relations, len(edges)))
    if not left.size:
        return np.zeros((0, 3), np.int64)
    here, there = edges[left[0] - 1].tolist()
    ways = [_way_to_root(before, voxel) for voxel in (here, there)]
    while len(ways[0]) > 1 and len(ways[1]) > 1 and ways[0][-2] == ways[1][-2]:
        ways = [way[:-1] for way in ways]
    flat = np.array(ways[0] + ways[1][-2::-1])
    return np.stack(np.unravel_index(flat, mask.shape), axis=1)


def _numbered_edges(
    length: Ints, before: Ints, inside: Indices, steps: list[int]
) -> tuple[Indices, Indices]:
    """Return the number of each edge by direction and first voxel, and the edges outside the tree.

    Numbers begin at 1, by the length of the closed way; 0 is an edge of the tree.
    """
    found = []
    for direction, step in enumerate(steps):
        here = inside[length[inside + step] >= 0]
        is_free = (before[here + step] != here) & (before[here] != here + step)
        here = here[is_free]
        found.append(np.stack((here, here + step, np.full(here.size, direction)), axis=1))
    edges = np.concatenate(found)
    edges = edges[np.argsort(length[edges[:, 0]] + length[edges[:, 1]], kind="stable")]
    number = np.zeros((len(steps), length.size), np.int64)
    number[edges[:, 2], edges[:, 0]] = np.arange(1, len(edges) + 1)
    return number, edges[:, :2]


def _squares(length: Ints, number: Indices, inside: Indices, steps: list[int]) -> Ints:
    """Return the numbers of the edges of each square of four voxels, (N, 4)."""
    found = [np.zeros((0, 4), np.int64)]
    for a, b in ((0, 1), (0, 2), (1, 2)):
        down, right = steps[a], steps[b]
        here = inside[length[inside + down] >= 0]
        here = here[(length[here + right] >= 0) & (length[here + down + right] >= 0)]
        sides = (number[a, here], number[a, here + right], number[b, here], number[b, here + down])
        found.append(np.stack(sides, axis=1))
    return np.concatenate(found).astype(np.int32)


def _way_to_root(before: Ints, voxel: int) -> list[int]:
    way = [voxel]
    while before[way[-1]] >= 0:
        way.append(int(before[way[-1]]))
    return way
