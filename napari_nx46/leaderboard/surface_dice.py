"""SurfaceDice: which share of two surfaces lies within a tolerance of the other one.

The definition is that of Nikolov et al. (2021, "Clinically applicable segmentation of head and
neck anatomy for radiotherapy", J. Med. Internet Res. 23(7), e26151). The surface of a mask is the
set of those corners of the voxel grid that have both foreground and background among their 8
voxels, what lies outside the volume being background. Each surface corner stands for the
marching-cubes area around it. With ``A(S)`` the area of a surface and ``A(S | T)`` the area of the
corners of S that have a corner of T within the tolerance (Euclidean),

    SurfaceDice = (A(P | G) + A(G | P)) / (A(P) + A(G)).

The definition measures distances by a Euclidean distance transform. For a fixed tolerance one bit
for each corner is enough: T is *dilated* by the ball of the tolerance, 64 corners a word, and a
corner of S is near if it lies in the dilated T. As an area depends on the 8 voxels alone, the
areas are summed as counts of the 256 neighbourhoods, in integers, and so in no order.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from napari_nx46.leaderboard.bits import Mask
from napari_nx46.leaderboard.surface_areas import area_of_code
from napari_nx46.voxels.packed import Words, pack, shift_down, shift_up

__all__ = ["Spacing", "Surface", "SurfaceComparison", "compare_surfaces", "dilated", "surface_dice"]

Spacing = tuple[float, float, float]


@dataclass(frozen=True, slots=True, eq=False)
class Surface:
    """The surface corners of a (Z, Y, X) mask.

    Parameters
    ----------
    low, high : ndarray of uint64
        (Z + 2, Y + 2, W): the voxels below and above each corner of a row, with a margin.
    corners : ndarray of uint64
        (Z + 1, Y + 1, W): the corners, X + 1 a row, that lie on the surface.
    """

    low: Words
    high: Words
    corners: Words


@dataclass(frozen=True, slots=True, eq=False)
class SurfaceComparison:
    """The surfaces of two masks; index 0 is the prediction, 1 the label.

    Parameters
    ----------
    value : float
        SurfaceDice.
    surfaces : tuple of Surface
    missed : tuple of ndarray of uint64
        (Z + 1, Y + 1, W): the corners of each surface that are far from the other one.
    areas : tuple of float
        Of the whole surfaces, in the unit of the spacing squared.
    columns : int
        Corners a row, X + 1.
    """

    value: float
    surfaces: tuple[Surface, Surface]
    missed: tuple[Words, Words]
    areas: tuple[float, float]
    columns: int


def surface_dice(
    prediction: Mask,
    label: Mask,
    *,
    tolerance: float = 2.0,
    spacing: Spacing = (1.0, 1.0, 1.0),
) -> float:
    """Compare the surfaces of two masks.

    Parameters
    ----------
    prediction, label : ndarray of bool
        (Z, Y, X) of one shape.
    tolerance : float
        Distance up to which surfaces agree, in the unit of `spacing`.
    spacing : tuple of float
        Edge lengths of a voxel along (Z, Y, X).

    Returns
    -------
    float
        In [0, 1]. Two empty masks: 1.0; exactly one empty: 0.0.
    """
    return compare_surfaces(prediction, label, tolerance=tolerance, spacing=spacing).value


def compare_surfaces(
    prediction: Mask,
    label: Mask,
    *,
    tolerance: float = 2.0,
    spacing: Spacing = (1.0, 1.0, 1.0),
) -> SurfaceComparison:
    """Find the parts of two masks' surfaces that are far from the other one.

    Parameters
    ----------
    prediction, label, tolerance, spacing
        As for `surface_dice`.

    Returns
    -------
    SurfaceComparison
    """
    surfaces = _surface(prediction), _surface(label)
    areas = area_of_code(spacing)
    missed, total, close = [], [], []
    for surface, other in (surfaces, surfaces[::-1]):
        near = dilated(other.corners, tolerance, spacing)
        area, near_area = _areas(surface, near) @ areas
        missed.append(surface.corners & ~near)
        total.append(float(area))
        close.append(float(near_area))
    empty = [not surface.corners.any() for surface in surfaces]
    value = float(empty[0] == empty[1]) if any(empty) else sum(close) / sum(total)
    return SurfaceComparison(
        value, surfaces, (missed[0], missed[1]), (total[0], total[1]), prediction.shape[2] + 1
    )


def _surface(mask: Mask) -> Surface:
    """Find the corners of a mask that have both foreground and background around them."""
    planes, rows, columns = mask.shape
    packed = pack(mask, width=columns + 1).words
    high = np.zeros((planes + 2, rows + 2, packed.shape[2]), np.uint64)
    high[1:-1, 1:-1] = packed
    low = shift_up(high)
    some = _rows_around(low | high, np.bitwise_or)
    full = _rows_around(low & high, np.bitwise_and)
    return Surface(low, high, some & ~full)


def _rows_around(voxels: Words, combine: np.ufunc) -> Words:
    """Combine the four voxel rows around each row of corners."""
    pairs = combine(voxels[:, :-1], voxels[:, 1:])
    words: Words = combine(pairs[:-1], pairs[1:])
    return words


def _areas(surface: Surface, near: Words) -> np.ndarray[tuple[int, int], np.dtype[np.int64]]:
    """Return (2, 256): how many corners have each code, and how many of them are near."""
    from napari_nx46.leaderboard.kernels.surface import count_codes

    counts = np.zeros((2, 256), np.int64)
    count_codes(surface.low, surface.high, surface.corners, near, counts)
    return counts


def dilated(corners: Words, tolerance: float, spacing: Spacing) -> Words:
    """Return the corners, or voxels, that have one of the given ones within the tolerance.

    The ball is a set of lines along X. So each row is first widened by the half length of a line,
    and then laid over the row where that line goes.

    Parameters
    ----------
    corners : ndarray of uint64
        (Z, Y, W), as `voxels.packed.pack` packs a mask without a margin.
    tolerance : float
        Euclidean distance, in the unit of `spacing`.
    spacing : tuple of float
        Distances between neighbours along (Z, Y, X).

    Returns
    -------
    ndarray of uint64
        (Z, Y, W); bits behind the end of a row may be set.
    """
    dilated = np.zeros_like(corners)
    by_half_length: dict[int, list[tuple[int, int]]] = {}
    for offset, half_length in _lines_of_ball(corners.shape, tolerance, spacing):
        by_half_length.setdefault(half_length, []).append(offset)
    widened = corners
    for half_length in range(max(by_half_length) + 1):
        if half_length > 0:
            widened = widened | shift_up(widened) | shift_down(widened)
        for plane, row in by_half_length.get(half_length, ()):
            target = dilated[_moved(plane), _moved(row)]
            np.bitwise_or(target, widened[_moved(-plane), _moved(-row)], out=target)
    return dilated


def _lines_of_ball(
    shape: tuple[int, ...], tolerance: float, spacing: Spacing
) -> list[tuple[tuple[int, int], int]]:
    """Return the offsets (plane, row) of the ball's lines along X with their half lengths."""
    depth, height, width = spacing
    reach = [
        min(int(tolerance / edge) + 1, corners)
        for edge, corners in zip(spacing, (shape[0] - 1, shape[1] - 1, shape[2] * 64), strict=True)
    ]
    lines = []
    for plane in range(-reach[0], reach[0] + 1):
        for row in range(-reach[1], reach[1] + 1):
            across = (plane * depth) ** 2 + (row * height) ** 2
            inside = [
                x for x in range(reach[2] + 1) if math.sqrt(across + (x * width) ** 2) <= tolerance
            ]
            if inside:
                lines.append(((plane, row), inside[-1]))
    return lines


def _moved(offset: int) -> slice:
    """Return the part of an axis that still lies on it after moving by ``-offset``."""
    return slice(offset, None) if offset >= 0 else slice(None, offset)
