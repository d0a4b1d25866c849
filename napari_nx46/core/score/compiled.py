"""The kernels compiled by numba: each equals its twin in `plain`, bit for bit, and frees the GIL.

No kernel uses numba's own threads, whose default layer must not be entered twice at a time:
`pipeline` hands tiles to a thread pool instead.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import types
from numba.extending import overload

from napari_nx46.core.score.plain import Counts, FloatVolume
from napari_nx46.core.threshold.quantile import HIGH_BITS_SHIFT, LOW_BITS_MASK, score_of_bits
from napari_nx46.voxels.compiling.kernel import helper, kernel

Voxels = npt.NDArray[np.generic]
Row = npt.NDArray[np.float64]

_SHIFT = np.uint32(HIGH_BITS_SHIFT)
_MASK = np.uint32(LOW_BITS_MASK)
_EXACT_GRID = 24.0
"""Adding and subtracting it rounds a number of [0, 1] to a multiple of 2**-48."""
_CHUNK = 64
_SCORE_SIGNATURES = tuple(
    f"({p3d}[:,:,::1], {p2d}[:,:,::1], i8, i8, f4, f4, i8, i8, f4[:,:,::1], i8[::1])"
    for p3d, p2d in (("f4", "f4"), ("u1", "u1"), ("f4", "u1"))
)
"""For the types of volume that are met most."""


def score_tile(
    p3d: npt.NDArray[np.generic],
    p2d: npt.NDArray[np.generic],
    first: int,
    radius: int,
    blend: float,
    rows: slice,
    score: FloatVolume,
    counts: Counts | None,
) -> None:
    """Blend and z-smooth one tile; see `plain.score_tile`."""
    weight, rest = np.float32(blend), np.float32(1.0 - blend)
    # There is no next slice for a single one to share sums with.
    compute = _score_slice if score.shape[0] == 1 else _score_tile
    if counts is None:
        counts = np.zeros(0, np.int64)
    compute(p3d, p2d, first, radius, weight, rest, rows.start, rows.stop, score, counts)


def count_low_bits(score: FloatVolume, high_bits: int, counts: Counts) -> None:
    """Count the low bits of the scores in one bin; see `plain.count_low_bits`."""
    lowest = np.float32(score_of_bits(high_bits, 0))
    beyond = np.float32(score_of_bits(high_bits + 1, 0))
    _count_low_bits(score, lowest, beyond, counts)


def threshold_tile(score: FloatVolume, threshold: FloatVolume, mask: npt.NDArray[np.uint8]) -> None:
    """Threshold one tile slice by slice; see `plain.threshold_tile`."""
    _threshold_tile(score, threshold, mask)


def _probability(voxel: Any, scale: Any) -> Any:
    """Stand for the overload below, which numba compiles in its place."""
    raise TypeError("only compiled code calls this")


@overload(_probability, inline="always", strict=False)
def _probability_overload(voxel: Any, scale: Any) -> Any:
    if isinstance(voxel, types.Integer):
        return lambda voxel, scale: np.float32(voxel) / np.float32(scale)
    return lambda voxel, scale: voxel


@helper
def _load_row(voxels: Voxels, scale: np.float32, row: Row) -> bool:
    """Widen one row of voxels to float64 and return whether all are multiples of 2**-48."""
    exact = True
    for x in range(row.size):
        value = np.float64(_probability(voxels[x], scale))
        row[x] = value
        exact &= (value + _EXACT_GRID) - _EXACT_GRID == value
    return exact


@helper
def _add_row(voxels: Voxels, scale: np.float32, total: Row) -> None:
    for x in range(total.size):
        total[x] += np.float64(_probability(voxels[x], scale))


@helper
def _sum_window(rows: Row, start: int, window: int, total: Row) -> None:
    """Sum the rows of the window in ascending z, eight to a pass over `total`."""
    held = rows.shape[0]
    total[:] = 0.0
    row = 0
    while row + 8 <= window:
        a, b = rows[(start + row) % held], rows[(start + row + 1) % held]
        c, d = rows[(start + row + 2) % held], rows[(start + row + 3) % held]
        e, f = rows[(start + row + 4) % held], rows[(start + row + 5) % held]
        g, h = rows[(start + row + 6) % held], rows[(start + row + 7) % held]
        for x in range(total.size):
            total[x] = (((((((total[x] + a[x]) + b[x]) + c[x]) + d[x]) + e[x]) + f[x]) + g[x]) + h[
                x
            ]
        row += 8
    while row < window:
        a = rows[(start + row) % held]
        for x in range(total.size):
            total[x] += a[x]
        row += 1


@helper
def _blend_row(
    total: Row,
    window: float,
    weight: np.float32,
    rest: np.float32,
    voxels: Voxels,
    scale: np.float32,
    score: FloatVolume,
) -> None:
    for x in range(score.size):
        smoothed = np.float32(total[x] / window)
        score[x] = weight * smoothed + rest * np.float32(_probability(voxels[x], scale))


@helper
def _count_high_bits(bits: npt.NDArray[np.uint32], counts: Counts) -> None:
    # An array in memory may be changed by others after it was checked: no count is out of bounds.
    last = np.uint32(counts.size - 1)
    for x in range(bits.size):
        counts[min(bits[x] >> _SHIFT, last)] += 1


@helper
def _scale_of(voxels: Voxels) -> np.float32:
    """Return what integer voxels are divided by; floats do not use it."""
    return np.float32(255.0) if voxels.itemsize == 1 else np.float32(65535.0)


@kernel(*_SCORE_SIGNATURES)
def _score_slice(
    p3d: Voxels,
    p2d: Voxels,
    first: int,
    radius: int,
    weight: np.float32,
    rest: np.float32,
    row_start: int,
    row_stop: int,
    score: FloatVolume,
    counts: Counts,
) -> None:
    """Compute the score of a single slice: sum its window row by row."""
    last = p3d.shape[0] - 1
    window = 2 * radius + 1
    scale3d, scale2d = _scale_of(p3d), _scale_of(p2d)
    total = np.empty(score.shape[2], np.float64)
    for y in range(row_start, row_stop):
        total[:] = 0.0
        for step in range(window):
            _add_row(p3d[min(max(first - radius + step, 0), last), y], scale3d, total)
        _blend_row(total, np.float64(window), weight, rest, p2d[0, y], scale2d, score[0, y])
        if counts.size > 0:
            _count_high_bits(score[0, y].view(np.uint32), counts)


@kernel(*_SCORE_SIGNATURES)
def _score_tile(
    p3d: Voxels,
    p2d: Voxels,
    first: int,
    radius: int,
    weight: np.float32,
    rest: np.float32,
    row_start: int,
    row_stop: int,
    score: FloatVolume,
    counts: Counts,
) -> None:
    """Walk each row of the tile through z with the rows of its window in a ring.

    A sum of at most 17 probabilities that are all multiples of 2**-48 is exact in float64's 53
    bits, so there the running sum equals the sum in ascending z and costs the same for every
    radius. Any float16 or integer source and every float32 of at least 2**-25 is such a multiple;
    a window with a smaller number is summed again in ascending z.
    """
    depth, _, width = score.shape
    last = p3d.shape[0] - 1
    window = 2 * radius + 1
    held = window + 1
    scale3d, scale2d = _scale_of(p3d), _scale_of(p2d)
    rows = np.empty((held, width), np.float64)
    exact = np.empty(held, np.bool_)
    total = np.empty(width, np.float64)
    divisor = np.float64(window)
    for y in range(row_start, row_stop):
        running = False
        for z in range(depth):
            new_rows = window if z == 0 else 1
            for step in range(window - new_rows, window):
                source = min(max(first + z - radius + step, 0), last)
                exact[(z + step) % held] = _load_row(
                    p3d[source, y], scale3d, rows[(z + step) % held]
                )
            incoming = (z + window - 1) % held
            if running and exact[incoming]:
                old, new = rows[(z - 1) % held], rows[incoming]
                for x in range(width):
                    total[x] += new[x] - old[x]
            else:
                _sum_window(rows, z, window, total)
                running = True
                for step in range(window):
                    running &= exact[(z + step) % held]
            _blend_row(total, divisor, weight, rest, p2d[z, y], scale2d, score[z, y])
            if counts.size > 0:
                _count_high_bits(score[z, y].view(np.uint32), counts)


@kernel("(f4[:,:,::1], f4, f4, i8[::1])")
def _count_low_bits(
    score: FloatVolume, lowest: np.float32, beyond: np.float32, counts: Counts
) -> None:
    """Look for the bin chunk by chunk, with comparisons of floats, which vectorise."""
    scores = score.reshape(-1)
    bits = scores.view(np.uint32)
    for start in range(0, scores.size, _CHUNK):
        chunk = scores[start : start + _CHUNK]
        found = False
        for x in range(chunk.size):
            found |= (chunk[x] >= lowest) & (chunk[x] < beyond)
        if found:
            chunk_bits = bits[start : start + _CHUNK]
            for x in range(chunk.size):
                if (chunk[x] >= lowest) & (chunk[x] < beyond):
                    counts[chunk_bits[x] & _MASK] += 1


@kernel("(f4[:,:,::1], f4[::1], u1[:,:,::1])")
def _threshold_tile(
    score: FloatVolume, threshold: FloatVolume, mask: npt.NDArray[np.uint8]
) -> None:
    depth, height, width = score.shape
    for z in range(depth):
        lowest = threshold[z]
        for y in range(height):
            scores, voxels = score[z, y], mask[z, y]
            for x in range(width):
                voxels[x] = np.uint8(1) if scores[x] >= lowest else np.uint8(0)
