"""The area of the marching-cubes surface around one corner of the voxel grid.

A corner is surrounded by 8 voxels, whose centres are the vertices of a cube. Which of them are
foreground is the corner's 8-bit *code*: bit ``4 * z + 2 * y + x`` is the voxel (z, y, x). Marching
cubes (Lorensen and Cline 1987, "Marching cubes", SIGGRAPH 21(4)) cuts the cube between foreground
and background. It does not say how to cut where there is a choice. The areas of Nikolov et al.
(2021, "Clinically applicable segmentation of head and neck anatomy for radiotherapy") are those
that the following rule gives:

1. The side with the fewer voxels is cut off: if more than 4 voxels are foreground, foreground and
   background are exchanged.
2. Going around a face of the cube, each stretch of foreground is cut off on its own, by the line
   between the middles of the two edges where it begins and ends. So foreground voxels across the
   diagonal of a face are not joined by it.
3. The lines of all faces close to *polygons*.
4. A polygon of five or six vertices need not be flat, and then its triangulations differ in area.
   The one with the largest area is the surface.

Which triangulation that is, is settled for cubic voxels. Another spacing stretches the triangles.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import pairwise, product

import numpy as np
import numpy.typing as npt

__all__ = ["area_of_code"]

Voxel = tuple[int, int, int]
"""(z, y, x), each 0 or 1."""
Point = tuple[int, int, int]
"""(z, y, x) in half edges of the cube: the sum of the two voxels whose edge it halves."""
Triangle = tuple[Point, Point, Point]
AreaVector = tuple[int, int, int]
"""Normal vector as long as an area, (Z, Y, X), in eighths of a face of the cube."""

_CODES = 256
_EIGHTH = 0.125


@lru_cache(maxsize=8)
def area_of_code(spacing: tuple[float, float, float]) -> npt.NDArray[np.float64]:
    """Return the surface area around a corner for each code.

    Parameters
    ----------
    spacing : tuple of float
        Edge lengths of a voxel along (Z, Y, X).

    Returns
    -------
    ndarray of float64
        (256,): areas in the unit of `spacing` squared; read-only.
    """
    depth, height, width = spacing
    face_areas = height * width * _EIGHTH, depth * width * _EIGHTH, depth * height * _EIGHTH
    areas = np.zeros(_CODES, np.float64)
    for code in range(_CODES // 2):
        exchanged = _CODES - 1 - code
        fewer = code if code.bit_count() <= exchanged.bit_count() else exchanged
        areas[code] = areas[exchanged] = math.fsum(
            math.hypot(*(face * part for face, part in zip(face_areas, vector, strict=True)))
            for vector in _surface(fewer)
        )
    areas.flags.writeable = False
    return areas


def _surface(code: int) -> list[AreaVector]:
    """Return the triangles that cut the foreground of a code off."""
    foreground = {(bit >> 2, bit >> 1 & 1, bit & 1) for bit in range(8) if code >> bit & 1}
    surface: list[AreaVector] = []
    for polygon in _polygons(_lines(foreground)):
        triangulations = (
            [_area_vector(*triangle) for triangle in triangles]
            for triangles in _triangulations(polygon)
        )
        surface += max(triangulations, key=_total_area)
    return surface


def _faces() -> Iterator[list[Voxel]]:
    """Yield the voxels of each face in the sense in which they are seen from outside.

    Two faces go through their common edge in opposite directions.
    """
    for axis, side in product(range(3), (0, 1)):
        face = []
        for second, third in ((0, 0), (1, 0), (1, 1), (0, 1)):
            voxel = [side, side, side]
            voxel[(axis + 1) % 3], voxel[(axis + 2) % 3] = second, third
            face.append((voxel[0], voxel[1], voxel[2]))
        yield face if side else face[::-1]


def _lines(foreground: set[Voxel]) -> dict[Point, Point]:
    """Return the lines that cut the foreground off on all faces, each from its first to its end.

    Where the foreground begins on one face it ends on the next one, so that each point begins one
    line and ends another.
    """
    lines: dict[Point, Point] = {}
    for face in _faces():
        # Beginning outside of the foreground keeps begin and end of each stretch together.
        outside = next((i for i, voxel in enumerate(face) if voxel not in foreground), 0)
        around = [*face[outside:], *face[: outside + 1]]
        begins: list[Point] = []
        ends: list[Point] = []
        for voxel, after in pairwise(around):
            if (voxel in foreground) == (after in foreground):
                continue
            middle = voxel[0] + after[0], voxel[1] + after[1], voxel[2] + after[2]
            (begins if after in foreground else ends).append(middle)
        lines.update(zip(begins, ends, strict=True))
    return lines


def _polygons(lines: Mapping[Point, Point]) -> Iterator[list[Point]]:
    """Follow the lines around each polygon."""
    left = set(lines)
    while left:
        point = min(left)
        polygon = []
        while point in left:
            left.remove(point)
            polygon.append(point)
            point = lines[point]
        yield polygon


def _triangulations(polygon: Sequence[Point]) -> Iterator[list[Triangle]]:
    """Yield every way to cut a polygon along diagonals into triangles.

    Each way has one triangle on the side from the last point to the first one; its third point
    leaves a polygon on either side of it.
    """
    if len(polygon) < 3:
        yield []
        return
    for third in range(1, len(polygon) - 1):
        triangle = (polygon[0], polygon[third], polygon[-1])
        before, after = polygon[: third + 1], polygon[third:]
        for left, right in product(_triangulations(before), _triangulations(after)):
            yield [*left, triangle, *right]


def _area_vector(first: Point, second: Point, third: Point) -> AreaVector:
    a, b, c = (q - p for p, q in zip(first, second, strict=True))
    d, e, f = (q - p for p, q in zip(first, third, strict=True))
    return b * f - c * e, c * d - a * f, a * e - b * d


def _total_area(triangles: Iterable[AreaVector]) -> float:
    return math.fsum(math.hypot(*triangle) for triangle in triangles)
