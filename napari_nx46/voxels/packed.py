"""Masks packed to 64 voxels a word, with a margin of background around them.

Morphology on words works on 64 voxels at a time. The margin is as wide as the work reaches, so that
no kernel has to treat the faces of the mask apart.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from napari_nx46.voxels.blocks import AnyMask, Mask
from napari_nx46.voxels.workers import tiles_of

__all__ = [
    "PLANES_PER_TILE",
    "PackedMask",
    "Words",
    "pack",
    "plane_tiles",
    "shift_down",
    "shift_up",
    "unpack",
]

Words = npt.NDArray[np.uint64]

BITS = 8
_ONE = np.uint64(1)
_LAST = np.uint64(63)
WORD_BYTES = 8
PLANES_PER_TILE = 16
INLINE_WORDS = 1 << 16
"""Planes of at most so many words together are done at once, in the thread that asks for it."""


@dataclass(frozen=True, eq=False)
class PackedMask:
    """A mask as words.

    Parameters
    ----------
    words : (Z + 2 mz, Y + 2 my, W) array of uint64
        Rows follow each other along X; bit k of word w is the voxel ``x = 64 w + k - 8 mx``, where
        mx is the margin along x in bytes. A row's last word may hold more margin than its first.
    shape : tuple of int
        Voxels of the mask along z, y and x.
    margin : tuple of int
        Planes mz, rows my and bytes mx of margin before the mask.
    """

    words: Words
    shape: tuple[int, int, int]
    margin: tuple[int, int, int]

    def replaced(self, words: Words) -> PackedMask:
        """Return other words of the same layout as a packed mask."""
        return PackedMask(words, self.shape, self.margin)

    def inverted(self) -> PackedMask:
        """Return the complement, whose margin is foreground where it was background."""
        return self.replaced(~self.words)


def pack(mask: AnyMask, margin: tuple[int, int, int] = (0, 0, 0), *, width: int = 0) -> PackedMask:
    """Pack a mask into words.

    Parameters
    ----------
    mask : (Z, Y, X) array of uint8 or bool
        What is not 0 is foreground.
    margin : three int
        Voxels of background that are wanted on either side along z, y and x, at least.
    width : int
        Bits that a row holds within the margin, at least; X by default.

    Returns
    -------
    PackedMask
    """
    depth, height, columns = mask.shape
    planes, rows, margin_bits = margin
    x_bytes = -(-margin_bits // BITS)
    row_words = -(-(max(columns, width) + 2 * BITS * x_bytes) // (BITS * WORD_BYTES))
    words = np.zeros((depth + 2 * planes, height + 2 * rows, row_words), "<u8")
    packed = PackedMask(words, (depth, height, columns), (planes, rows, x_bytes))
    _mask_bytes(packed)[...] = np.packbits(mask, axis=-1, bitorder="little")
    return packed.replaced(words.astype(np.uint64, copy=False))


def unpack(packed: PackedMask) -> Mask:
    """Return the mask without its margin.

    Parameters
    ----------
    packed : PackedMask

    Returns
    -------
    (Z, Y, X) array of uint8, {0, 1}
    """
    little = packed.replaced(packed.words.astype("<u8", copy=False))
    return np.unpackbits(_mask_bytes(little), axis=-1, count=packed.shape[2], bitorder="little")


def shift_up(words: Words) -> Words:
    """Return words whose bit x is bit ``x - 1`` of the argument's row; bit 0 is zero."""
    shifted: Words = words << _ONE
    shifted[..., 1:] |= words[..., :-1] >> _LAST
    return shifted


def shift_down(words: Words) -> Words:
    """Return words whose bit x is bit ``x + 1`` of the argument's row; the last bit is zero."""
    shifted: Words = words >> _ONE
    shifted[..., :-1] |= words[..., 1:] << _LAST
    return shifted


def plane_tiles(words: Words) -> list[slice]:
    """Cut packed planes into tiles for threads, or leave them whole where they are few."""
    planes = words.shape[0]
    return tiles_of(planes, planes if words.size <= INLINE_WORDS else PLANES_PER_TILE)


def _mask_bytes(packed: PackedMask) -> npt.NDArray[np.uint8]:
    """Return a view of the bytes that hold the mask itself, ``(Z, Y, ceil(X / 8))``."""
    depth, height, width = packed.shape
    planes, rows, x_bytes = packed.margin
    every_byte = packed.words.view(np.uint8)
    return every_byte[
        planes : planes + depth,
        rows : rows + height,
        x_bytes : x_bytes - (-width // BITS),
    ]
