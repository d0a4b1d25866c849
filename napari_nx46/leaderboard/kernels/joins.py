"""What joining two rows of a table of counts changes."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from napari_nx46.voxels.compiling.kernel import helper, kernel

__all__ = ["joined_information"]

Counts = npt.NDArray[np.int64]


@helper
def _gain(a: int, b: int) -> float:
    """Return ``f(a + b) - f(a) - f(b)`` with ``f(n) = n * log2(n)``, both at least 1."""
    total = a + b
    return float(total * math.log2(total) - a * math.log2(a) - b * math.log2(b))


@kernel("(i8[::1], i8[::1], i8[::1], i8[::1], i8[::1], i8[::1])")
def joined_information(
    rows: Counts, others: Counts, starts: Counts, columns: Counts, counts: Counts, rest: Counts
) -> npt.NDArray[np.float64]:
    """Sum ``f(a + b) - f(a) - f(b)`` over the columns in which two rows both have counts a and b.

    Parameters
    ----------
    rows, others : ndarray of int64
        (K,): the pairs of rows.
    starts : ndarray of int64
        (R + 1,): where each row begins.
    columns, counts : ndarray of int64
        (M,): the entries of the rows, by ascending column; counts are at least 1.
    rest : ndarray of int64
        (R,): the counts of one more column, 0 where there is none.

    Returns
    -------
    ndarray of float64
        (K,).
    """
    sums = np.zeros(rows.size, np.float64)
    for pair in range(rows.size):
        short, long = rows[pair], others[pair]
        if starts[short + 1] - starts[short] > starts[long + 1] - starts[long]:
            short, long = long, short
        low, end = starts[long], starts[long + 1]
        for entry in range(starts[short], starts[short + 1]):
            low += np.searchsorted(columns[low:end], columns[entry])
            if low == end:
                break
            if columns[low] == columns[entry]:
                sums[pair] += _gain(counts[low], counts[entry])
        if rest[short] > 0 and rest[long] > 0:
            sums[pair] += _gain(rest[short], rest[long])
    return sums
