"""How work on a block is cut: into slabs that bound the memory, into tiles for the threads."""

from __future__ import annotations

import math

from napari_nx46.voxels.workers import tiles_of

ROWS_PER_TILE = 16
SLICES_PER_TILE = 16
INLINE_VOXELS = 1 << 19
"""A block of at most so many voxels is done at once, in the thread that asks for it."""
SLAB_VOXELS = 1 << 24
"""Voxels of a slab when a volume is streamed: 64 MiB of score."""


def row_tiles(shape: tuple[int, ...]) -> list[slice]:
    """Cut a block along y, or leave it whole where it is small."""
    return _tiles(shape, 1, ROWS_PER_TILE)


def slice_tiles(shape: tuple[int, ...]) -> list[slice]:
    """Cut a block along z, or leave it whole where it is small."""
    return _tiles(shape, 0, SLICES_PER_TILE)


def slab_thickness(shape: tuple[int, int, int]) -> int:
    """Return how many slices a pass over a volume takes at a time."""
    _, height, width = shape
    return max(1, SLAB_VOXELS // (height * width))


def _tiles(shape: tuple[int, ...], axis: int, size: int) -> list[slice]:
    return tiles_of(shape[axis], shape[axis] if math.prod(shape) <= INLINE_VOXELS else size)
