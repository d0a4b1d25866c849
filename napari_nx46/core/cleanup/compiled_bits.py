"""What kernels on words of 64 voxels share: neighbours along x, and 64 counters at a time.

A plane is one long row of words here: its margin along x keeps the rows from reaching each other.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from napari_nx46.voxels.compiling.kernel import helper

Row = npt.NDArray[np.uint64]
Counter = tuple[np.uint64, np.uint64, np.uint64, np.uint64]

_ONE = np.uint64(1)
_LAST = np.uint64(63)
_WORD = np.uint64(64)


@helper
def west_of(row: Row, word: int) -> np.uint64:
    """Return the word whose bits are the voxels before those of this word."""
    before: np.uint64 = (row[word] << _ONE) | (row[word - 1] >> _LAST)
    return before


@helper
def east_of(row: Row, word: int) -> np.uint64:
    """Return the word whose bits are the voxels behind those of this word."""
    behind: np.uint64 = (row[word] >> _ONE) | (row[word + 1] << _LAST)
    return behind


@helper
def count(counter: Counter, bits: np.uint64) -> Counter:
    """Add a bit to each of 64 counters; bit k of word n stands for 2**n of counter k."""
    ones, twos, fours, eights = counter
    to_twos = ones & bits
    to_fours = twos & to_twos
    to_eights = fours & to_fours
    return ones ^ bits, twos ^ to_twos, fours ^ to_fours, eights ^ to_eights


@helper
def at_least(counter: Counter, number: int) -> np.uint64:
    """Return the bits whose counters are not below a number from 0 to 15."""
    result = ~np.uint64(0)
    for power in range(4):
        bits = counter[power]
        result = bits & result if number >> power & 1 else bits | result
    return result


@helper
def west_by(row: Row, word: int, step: int) -> np.uint64:
    """Return the word whose bits are the voxels `step` before those of this word, 1 to 63."""
    shift = np.uint64(step)
    before: np.uint64 = (row[word] << shift) | (row[word - 1] >> (_WORD - shift))
    return before


@helper
def east_by(row: Row, word: int, step: int) -> np.uint64:
    """Return the word whose bits are the voxels `step` behind those of this word, 1 to 63."""
    shift = np.uint64(step)
    behind: np.uint64 = (row[word] >> shift) | (row[word + 1] << (_WORD - shift))
    return behind
