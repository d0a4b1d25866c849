"""Bits of 64-bit words."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from napari_nx46.voxels.compiling.kernel import helper, kernel

__all__ = ["count_bits_of_word", "count_set_bits", "lowest_bit"]

Words = npt.NDArray[np.uint64]

_ONE, _TWO, _FOUR = np.uint64(1), np.uint64(2), np.uint64(4)
_SINGLES = np.uint64(0x5555555555555555)
_PAIRS = np.uint64(0x3333333333333333)
_NIBBLES = np.uint64(0x0F0F0F0F0F0F0F0F)
_BYTES = np.uint64(0x0101010101010101)
_TOP_BYTE = np.uint64(56)


@helper
def count_bits_of_word(word: np.uint64) -> int:
    """Return the number of set bits of a word: in pairs, in fours, in bytes, then their sum."""
    pairs = word - (word >> _ONE & _SINGLES)
    fours = (pairs & _PAIRS) + (pairs >> _TWO & _PAIRS)
    eights = (fours + (fours >> _FOUR)) & _NIBBLES
    return int(eights * _BYTES >> _TOP_BYTE)


@kernel("(u8[::1],)")
def count_set_bits(words: Words) -> int:
    """Return the number of set bits of a row of words (N,)."""
    total = 0
    for word in words:
        total += count_bits_of_word(word)
    return total


@helper
def lowest_bit(word: np.uint64) -> int:
    """Return the index of the lowest set bit of a word that is not zero."""
    return count_bits_of_word(~word & (word - _ONE))
