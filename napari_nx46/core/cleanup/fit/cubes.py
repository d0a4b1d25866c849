"""Where sheets have tunnels: cubes that overlap by half, joined to boxes where they touch."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from napari_nx46.voxels.blocks import Block, Mask
from napari_nx46.voxels.euler import euler_number
from napari_nx46.voxels.spans import find_components
from napari_nx46.voxels.workers import CancelCheck, Cancelled, Workers

__all__ = ["INSIDE", "boxes_with_tunnels", "inside_of"]

SMALLEST = 20
"""Voxels that a component of a cube must have to count."""

TOUCHING = 2
"""Boxes that are no more voxels apart are joined."""

INSIDE = 8
"""So many voxels from the faces of its box, but for those of the volume, nothing is replaced."""


def boxes_with_tunnels(
    mask: Mask, side: int, workers: Workers | None, cancelled: CancelCheck
) -> list[Block]:
    """Return the boxes of joined cubes with a component (26) whose Euler number (6) is below 1.

    Parameters
    ----------
    mask : (Z, Y, X) array of uint8, {0, 1}
    side : int
        Of a cube; the next one begins half a side further on.
    workers : Workers, optional
    cancelled : callable
        Asked before each cube.

    Raises
    ------
    Cancelled
        If `cancelled` returned True.
    """
    boxes: list[Block] = []
    for cube in _cubes(mask.shape, side):
        if cancelled():
            raise Cancelled
        if _has_tunnel(mask[cube].copy(), workers):
            boxes = _joined(boxes, cube)
    return boxes


def inside_of(box: Block, shape: tuple[int, ...]) -> Block:
    """Return the part of a box that is replaced; it may be empty."""
    z, y, x = (_inside(extent, length) for extent, length in zip(box, shape, strict=True))
    return z, y, x


def _inside(extent: slice, length: int) -> slice:
    start = extent.start + (INSIDE if extent.start > 0 else 0)
    stop = extent.stop - (INSIDE if extent.stop < length else 0)
    return slice(start, max(start, stop))


def _cubes(shape: tuple[int, ...], side: int) -> Iterator[Block]:
    step = max(1, side // 2)
    starts = [range(0, max(1, length - side + step), step) for length in shape]
    for corner in product(*starts):
        z, y, x = (
            slice(start, min(start + side, length))
            for start, length in zip(corner, shape, strict=True)
        )
        yield z, y, x


def _has_tunnel(cube: Mask, workers: Workers | None) -> bool:
    components = find_components(cube, 26, workers=workers)
    sizes, boxes = components.sizes(), components.boxes()
    for number in range(components.count):
        if sizes[number] >= SMALLEST:
            z, y, x = (slice(int(start), int(stop)) for start, stop in boxes[number])
            if euler_number(components.alone(number, (z, y, x)), workers) < 1:
                return True
    return False


def _joined(boxes: list[Block], new: Block) -> list[Block]:
    """Return boxes with one more, joined with those that it touches."""
    while touching := [one for one in boxes if _touch(one, new)]:
        boxes = [one for one in boxes if one not in touching]
        z, y, x = (
            slice(min(one.start for one in extents), max(one.stop for one in extents))
            for extents in zip(new, *touching, strict=True)
        )
        new = (z, y, x)
    return [*boxes, new]


def _touch(one: Block, other: Block) -> bool:
    return all(
        a.start <= b.stop + TOUCHING and b.start <= a.stop + TOUCHING
        for a, b in zip(one, other, strict=True)
    )
