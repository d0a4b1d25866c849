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
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from napari_nx46.leaderboard.bits import Mask
from napari_nx46.leaderboard.surface_areas import area_of_code
from napari_nx46.voxels.packed import Words, pack, shift_down, shift_up

__all__ = [
    "Spacing",
    "Surface",
    "SurfaceComparison",
    "compare_surfaces",
    "dice_of",
    "dilated",
    "surface_dice",
    "surface_of",
]

Spacing = tuple[float, float, float]
Counts = npt.NDArray[np.int64]


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
    surfaces : tuple of Surface
    missed : tuple of ndarray of uint64
        (Z + 1, Y + 1, W): the corners that are farther than the tolerance from the other surface.
    columns : int
        Corners along X.
    """

    surfaces: tuple[Surface, Surface]
    missed: tuple[Words, Words]
    columns: int

    def near_codes(self, side: int) -> Counts:
        """Return how many corners of each code are near the other surface, (256,)."""
        return self._codes(side, self.surfaces[side].corners & ~self.missed[side])

    def missed_codes(self, side: int) -> Counts:
        """Return how many corners of each code are missed, (256,)."""
        return self._codes(side, self.missed[side])

    def _codes(self, side: int, corners: Words) -> Counts:
        from napari_nx46.leaderboard.kernels.surface import count_codes

        counts = np.zeros(256, np.int64)
        count_codes(self.surfaces[side].low, self.surfaces[side].high, corners, counts)
        return counts


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
    surface = compare_surfaces(prediction, label, tolerance=tolerance, spacing=spacing)
    return dice_of(surface, [surface.missed_codes(side) for side in (0, 1)], spacing)[0]


def dice_of(
    surface: SurfaceComparison, missed_codes: Sequence[Counts], spacing: Spacing
) -> tuple[float, tuple[float, float]]:
    """Return SurfaceDice, and the areas of both surfaces.

    Parameters
    ----------
    surface : SurfaceComparison
    missed_codes : sequence of ndarray of int64
        Of prediction and label, how many corners of each code are missed.
    spacing : tuple of float
    """
    areas = area_of_code(spacing)
    near_codes = [surface.near_codes(side) for side in (0, 1)]
    codes = [near + missed for near, missed in zip(near_codes, missed_codes, strict=True)]
    close, total = ([float(of_side @ areas) for of_side in of] for of in (near_codes, codes))
    empty = [not of_side.any() for of_side in codes]
    value = float(empty[0] == empty[1]) if any(empty) else sum(close) / sum(total)
    return value, (total[0], total[1])


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
    predicted, true = surface_of(prediction), surface_of(label)
    near_true = dilated(true.corners, tolerance, spacing)
    near_predicted = dilated(predicted.corners, tolerance, spacing)
    missed = predicted.corners & ~near_true, true.corners & ~near_predicted
    return SurfaceComparison((predicted, true), missed, prediction.shape[2] + 1)


def surface_of(mask: Mask) -> Surface:
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
