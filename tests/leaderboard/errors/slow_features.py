"""The unmatched features as they are defined: plain reduction over F2, labelling and walking.

Slow; for volumes of some thousand voxels. Nothing here knows of runs, duality or union-find.
"""

from __future__ import annotations

from collections import Counter
from itertools import product

import numpy as np
from scipy import ndimage

SIX = ndimage.generate_binary_structure(3, 1)
TWENTY_SIX = np.ones((3, 3, 3), bool)
# By dimension: the axes along which a cell extends, in the order of cells at one vertex.
AXES = {0: [()], 1: [(0,), (1,), (2,)], 2: [(1, 2), (0, 2), (0, 1)]}


def corners(cell):
    """Return the vertices of a cell ((z, y, x), axes)."""
    vertex, axes = cell
    steps = [(0, 1) if axis in axes else (0,) for axis in range(3)]
    return [tuple(v + s for v, s in zip(vertex, step, strict=True)) for step in product(*steps)]


def ordered_cells(level, dimension):
    """Return the cells of a dimension with their levels, in the order of the filtration."""
    cells = []
    for vertex in np.ndindex(level.shape):
        for axes in AXES[dimension]:
            if all(vertex[axis] + 1 < level.shape[axis] for axis in axes):
                cell = (vertex, axes)
                cells.append((max(int(level[v]) for v in corners(cell)), cell))
    return sorted(cells, key=lambda item: item[0])  # stable: raster order in each level


def faces(cell):
    vertex, axes = cell
    for axis in axes:
        rest = tuple(other for other in axes if other != axis)
        for step in (0, 1):
            yield tuple(v + step * (k == axis) for k, v in enumerate(vertex)), rest


def pairs(level, dimension):
    """Reduce; return (level, cell) of birth and death of each pair that dies at another level."""
    rows = ordered_cells(level, dimension)
    number = {cell: k for k, (_, cell) in enumerate(rows)}
    reduced = {}
    found = []
    for death in ordered_cells(level, dimension + 1):
        column = 0
        for face in faces(death[1]):
            column ^= 1 << number[face]
        while column and column.bit_length() in reduced:
            column ^= reduced[column.bit_length()]
        if column:
            reduced[column.bit_length()] = column
            birth = rows[column.bit_length() - 1]
            if birth[0] != death[0]:
                found.append((birth, death))
    return found


def levels(own, other):
    """Return the three-level filtration of a mask: 0 in it, 1 in the union, 2 elsewhere."""
    return np.where(own, 0, np.where(other, 1, 2))


def parent_voxel(level, cell, order):
    """Return the vertex of a cell that has its level, the first in an order of steps."""
    vertex, axes = cell
    highest = max(level[v] for v in corners(cell))
    for step in order:
        steps = dict(zip(axes, step, strict=True))
        candidate = tuple(v + steps.get(axis, 0) for axis, v in enumerate(vertex))
        if level[candidate] == highest:
            return candidate
    raise AssertionError


def gap(components, number, ground):
    """Return the voxels between a component and the nearest other one, walking over the ground."""
    region = components == number
    others = (components > 0) & ~region
    for steps in range(ground.size):
        grown = ndimage.binary_dilation(region, SIX)
        if (grown & others).any():
            return steps
        region |= grown & ground
    raise AssertionError


def component_features(own, other):
    """Return (birth, death, fate, size, gap) of the unmatched components, and the matches."""
    level, other_level = levels(own, other), levels(other, own)
    dies = {b[1][0]: d for b, d in pairs(level, 0) if b[0] == 0}
    other_deaths = {d[1] for b, d in pairs(other_level, 0) if b[0] == 0 and d[0] == 2}
    own_deaths = {b[1][0]: d for b, d in pairs((~own).astype(int), 0)}
    labels, _ = ndimage.label(own, SIX)
    union, _ = ndimage.label(own | other, SIX)
    shared = set(union[other])
    found, matched = Counter(), set()
    for birth, (dying_level, edge) in dies.items():
        size = int((labels == labels[birth]).sum())
        death = parent_voxel((~own).astype(int), own_deaths[birth][1], [(1,), (0,)])
        if dying_level == 1:
            between = gap(labels, labels[birth], other & ~own)
            found[birth, death, "JOINED", size, between] += 1
        elif edge in other_deaths:
            matched.add((birth, edge))
        else:
            fate = "UNCOUNTED" if union[birth] in shared else "ALONE"
            found[birth, death, fate, size, 0] += 1
    return found, matched


def loop_features(own, other):
    """Return (square, place voxel, fate, size) of the unmatched loops, and the matched squares."""
    level = levels(own, other)
    pieces, _ = ndimage.label(other & ~own, SIX)
    deaths = [d for b, d in pairs(level, 1) if b[0] == 0]
    other_deaths = {d for b, d in pairs(levels(other, own), 1) if b[0] == 0}
    found, matched = Counter(), set()
    for death in deaths:
        vertex, axes = death[1]
        normal = next(axis for axis in range(3) if axis not in axes)
        square = (*vertex, normal)
        place = parent_voxel(level, death[1], [(1, 1), (1, 0), (0, 1), (0, 0)])
        if death[0] == 1:
            found[square, place, "FILLED", int((pieces == pieces[place]).sum())] += 1
        elif death in other_deaths:
            matched.add(square)
        else:
            found[square, place, "SURVIVES", 0] += 1
    return found, matched


def cavities_of(mask):
    """Return the labelled background and, by last voxel, the number of each cavity."""
    labels, count = ndimage.label(~mask, TWENTY_SIX)
    inner = np.zeros(mask.shape, bool)
    inner[1:-1, 1:-1, 1:-1] = True
    open_ones = set(labels[~inner])
    last = {}
    for number in range(1, count + 1):
        if number not in open_ones:
            last[tuple(int(v) for v in np.argwhere(labels == number)[-1])] = number
    return labels, last


def cavity_features(own, other):
    """Return (last voxel, fate, size) of the unmatched cavities, and the matched last voxels."""
    inside = cavities_of(own | other)[1]

    def last_inside(mask):
        labels, last = cavities_of(mask)
        holds = {}
        for voxel, number in last.items():
            within = [v for v in inside if labels[v] == number]
            holds[voxel] = max(within) if within else None
        return labels, last, holds

    labels, last, holds = last_inside(own)
    others = {voxel for voxel in last_inside(other)[2].values() if voxel is not None}
    found, matched = Counter(), set()
    for voxel, held in holds.items():
        size = int((labels == last[voxel]).sum())
        if held is not None and held in others:
            matched.add(voxel)
        else:
            found[voxel, "FILLED" if held is None else "SURVIVES", size] += 1
    return found, matched
