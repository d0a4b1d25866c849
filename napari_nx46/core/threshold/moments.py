"""The standard deviation of scores from exact sums, which do not depend on any order."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from napari_nx46.voxels.blocks import FloatVolume

__all__ = ["Moments"]

_EXPONENTS = 256
_MANTISSA_BITS = 23
_HALF_BITS = 24
_LOWEST_EXPONENT = 149
"""Every float32 is a multiple of 2**-149."""
_AT_A_TIME = 1 << 24
"""So many numbers below 2**24 have a sum that float64 holds."""

Sums = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False, slots=True)
class Moments:
    """How many scores there are, and the sums of them and of their squares.

    Parameters
    ----------
    count : int
    sums : (3, 256) array of int64
        By the scores' exponent bits: the sum of the mantissas as whole numbers, and of the lower
        24 bits and the rest of their squares.

    Examples
    --------
    >>> import numpy as np
    >>> scores = np.array([0.25, 0.75], np.float32)
    >>> (Moments.of(scores[:1]) + Moments.of(scores[1:])).deviation
    0.25
    """

    count: int
    sums: Sums

    @classmethod
    def none(cls) -> Moments:
        """Return the moments of no scores."""
        return cls(0, np.zeros((3, _EXPONENTS), np.int64))

    @classmethod
    def of(cls, score: FloatVolume) -> Moments:
        """Return the moments of an array of scores, float32 from 0 on."""
        sums = np.zeros((3, _EXPONENTS), np.int64)
        bits = np.ascontiguousarray(score).view(np.uint32).ravel()
        for start in range(0, bits.size, _AT_A_TIME):
            sums += _sums(bits[start : start + _AT_A_TIME])
        return cls(bits.size, sums)

    def __add__(self, other: Moments) -> Moments:
        return Moments(self.count + other.count, self.sums + other.sums)

    @property
    def deviation(self) -> float:
        """The standard deviation, rounded once: the square root of the exact variance in float64.

        Raises
        ------
        ValueError
            If there are no scores.
        """
        if self.count < 1:
            raise ValueError("a deviation needs at least one score")
        total = squares = 0
        for exponent in np.flatnonzero(self.sums[0]).tolist():
            shift = max(exponent, 1) - 1
            mantissas, low, high = self.sums[:, exponent].tolist()
            total += mantissas << shift
            squares += (low + (high << _HALF_BITS)) << 2 * shift
        variance = Fraction(self.count * squares - total**2, self.count**2 << 2 * _LOWEST_EXPONENT)
        return math.sqrt(variance)


def _sums(bits: npt.NDArray[np.uint32]) -> Sums:
    """Return the sums over at most `_AT_A_TIME` scores. Each is exact, if in float64."""
    exponents = (bits >> _MANTISSA_BITS) & np.uint32(_EXPONENTS - 1)
    mantissas = bits & np.uint32((1 << _MANTISSA_BITS) - 1)
    mantissas |= (exponents > 0).astype(np.uint32) << _MANTISSA_BITS
    squares = mantissas.astype(np.uint64) ** 2
    halves = squares & np.uint64((1 << _HALF_BITS) - 1), squares >> np.uint64(_HALF_BITS)
    by_exponent = exponents.astype(np.intp)
    found = [np.bincount(by_exponent, weights, _EXPONENTS) for weights in (mantissas, *halves)]
    return np.array(found).astype(np.int64)
