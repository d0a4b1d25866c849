"""How far two masks agree: voxels in both and in one alone, of each slice and of the whole.

The masks are compared a bit a voxel, so that eight voxels cost as much as one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from napari_nx46.voxels.blocks import AnyMask
from napari_nx46.voxels.workers import Workers, tiles_of

__all__ = [
    "Overlap",
    "SliceOverlaps",
    "bits_of",
    "compare_bits",
    "count_bits",
    "difference",
    "overlap",
    "overlap_by_slice",
]

Bits = npt.NDArray[np.uint8]
"""A mask with eight voxels a byte along x, ``(Z, Y, ceil(X / 8))``; bits beyond X are 0."""
Counts = npt.NDArray[np.int64]
Shares = npt.NDArray[np.float64]

SLICES_PER_TILE = 16


@dataclass(frozen=True, slots=True)
class Overlap:
    """Voxel counts of two masks, A and B.

    Where B is a label, `precision` and `recall` are those of A.

    Parameters
    ----------
    both, only_a, only_b : int
        Voxels in both masks, in A alone, in B alone.
    """

    both: int
    only_a: int
    only_b: int

    @property
    def dice(self) -> float:
        """Dice coefficient, in [0, 1]; 1.0 if both masks are empty."""
        return _share(2 * self.both, 2 * self.both + self.only_a + self.only_b)

    @property
    def iou(self) -> float:
        """Intersection over union, in [0, 1]; 1.0 if both masks are empty."""
        return _share(self.both, self.both + self.only_a + self.only_b)

    @property
    def precision(self) -> float:
        """Share of A that is in B; 1.0 if A is empty."""
        return _share(self.both, self.both + self.only_a)

    @property
    def recall(self) -> float:
        """Share of B that is in A; 1.0 if B is empty."""
        return _share(self.both, self.both + self.only_b)


@dataclass(frozen=True, eq=False, slots=True)
class SliceOverlaps:
    """Voxel counts of two masks, slice by slice.

    Parameters
    ----------
    both, only_a, only_b : (Z,) array of int64
        Voxels of each slice in both masks, in A alone, in B alone.
    """

    both: Counts
    only_a: Counts
    only_b: Counts

    def __len__(self) -> int:
        return int(self.both.size)

    def __getitem__(self, z: int) -> Overlap:
        return Overlap(int(self.both[z]), int(self.only_a[z]), int(self.only_b[z]))

    @property
    def whole(self) -> Overlap:
        """The counts of all slices together."""
        return Overlap(int(self.both.sum()), int(self.only_a.sum()), int(self.only_b.sum()))

    @property
    def dice(self) -> Shares:
        """Dice coefficient of each slice, (Z,) float64; 1.0 where both are empty."""
        return _shares(2 * self.both, 2 * self.both + self.only_a + self.only_b)

    @property
    def iou(self) -> Shares:
        """Intersection over union of each slice, (Z,) float64; 1.0 where both are empty."""
        return _shares(self.both, self.both + self.only_a + self.only_b)

    def worst_slices(self, most: int) -> list[int]:
        """Return the slices with the lowest Dice coefficients, lowest first.

        Of equal ones that with more voxels in one mask alone comes first, then the lower z. Slices
        in which the masks are equal are left out.

        Parameters
        ----------
        most : int
        """
        dice, differing = self.dice, self.only_a + self.only_b
        order = np.lexsort((np.arange(len(dice)), -differing, dice))
        return [int(z) for z in order if differing[z]][:most]


def overlap(mask_a: AnyMask, mask_b: AnyMask) -> Overlap:
    """Count the voxels in which two masks agree and differ.

    Parameters
    ----------
    mask_a, mask_b
        uint8 or bool arrays of equal shape (Z, Y, X), or (Y, X) for single slices; what is not 0
        is foreground.

    Returns
    -------
    Overlap

    Raises
    ------
    ValueError
        If the shapes differ or are not those of volumes or slices.

    Examples
    --------
    >>> a = np.array([[1, 1, 0, 0]], dtype=np.uint8)
    >>> b = np.array([[0, 1, 1, 1]], dtype=np.uint8)
    >>> overlap(a, b)
    Overlap(both=1, only_a=1, only_b=2)
    """
    return overlap_by_slice(mask_a, mask_b).whole


def overlap_by_slice(
    mask_a: AnyMask, mask_b: AnyMask, workers: Workers | None = None
) -> SliceOverlaps:
    """Count the voxels in which two masks agree and differ, slice by slice.

    Parameters
    ----------
    mask_a, mask_b
        As for `overlap`; a single slice counts as a volume of one.
    workers : Workers, optional
        Threads to share the work.

    Returns
    -------
    SliceOverlaps

    Raises
    ------
    ValueError
        As for `overlap`.
    """
    _check_shapes(mask_a.shape, mask_b.shape)
    volume_a, volume_b = as_volume(mask_a), as_volume(mask_b)

    def compare(tile: slice) -> SliceOverlaps:
        return compare_bits(bits_of(volume_a[tile]), bits_of(volume_b[tile]))

    tiles = tiles_of(len(volume_a), SLICES_PER_TILE)
    parts = [compare(tile) for tile in tiles] if workers is None else workers.map(compare, tiles)
    return SliceOverlaps(
        _joined([part.both for part in parts]),
        _joined([part.only_a for part in parts]),
        _joined([part.only_b for part in parts]),
    )


def difference(mask_a: AnyMask, mask_b: AnyMask) -> npt.NDArray[np.uint8]:
    """Return for every voxel which of two masks it is in.

    Parameters
    ----------
    mask_a, mask_b
        uint8 or bool arrays of equal shape; what is not 0 is foreground.

    Returns
    -------
    ndarray of uint8
        Of the masks' shape: 0 in none, 1 only in A, 2 only in B, 3 in both.

    Raises
    ------
    ValueError
        If the shapes differ.

    Examples
    --------
    >>> difference(np.array([0, 1, 0, 1], np.uint8), np.array([0, 0, 1, 1], np.uint8))
    array([0, 1, 2, 3], dtype=uint8)
    """
    if mask_a.shape != mask_b.shape:
        raise ValueError(f"expected masks of equal shape, found {mask_a.shape} and {mask_b.shape}")
    classes = np.not_equal(mask_b, 0).view(np.uint8)
    np.left_shift(classes, 1, out=classes)
    np.bitwise_or(classes, np.not_equal(mask_a, 0).view(np.uint8), out=classes)
    return classes


def bits_of(mask: AnyMask) -> Bits:
    """Pack a mask to eight voxels a byte along x, the first in the highest bit."""
    return np.packbits(mask, axis=-1)


def compare_bits(bits_a: Bits, bits_b: Bits) -> SliceOverlaps:
    """Count the voxels in which two packed masks agree and differ, slice by slice.

    Parameters
    ----------
    bits_a, bits_b : (Z, Y, ceil(X / 8)) array of uint8
        As `bits_of` packs them.

    Returns
    -------
    SliceOverlaps

    Raises
    ------
    ValueError
        If the shapes differ.
    """
    _check_shapes(bits_a.shape, bits_b.shape)
    both = count_bits(np.bitwise_and(bits_a, bits_b))
    return SliceOverlaps(both, count_bits(bits_a) - both, count_bits(bits_b) - both)


def count_bits(packed: npt.NDArray[np.unsignedinteger]) -> Counts:
    """Return the number of set bits of each slice.

    Parameters
    ----------
    packed : (Z, ...) array of unsigned integers

    Returns
    -------
    (Z,) array of int64
    """
    slices, *within_slice = packed.shape
    octets = np.ascontiguousarray(packed).reshape(slices, math.prod(within_slice)).view(np.uint8)
    words = octets.view(np.uint64) if octets.shape[1] % 8 == 0 else octets
    return np.asarray(np.bitwise_count(words).sum(axis=1, dtype=np.int64))


def as_volume(mask: AnyMask) -> AnyMask:
    """Return a single slice as a volume of one, and a volume as it is."""
    return mask[np.newaxis] if mask.ndim == 2 else mask


def _check_shapes(shape_a: tuple[int, ...], shape_b: tuple[int, ...]) -> None:
    if shape_a != shape_b:
        raise ValueError(f"expected masks of equal shape, found {shape_a} and {shape_b}")
    if len(shape_a) not in {2, 3}:
        raise ValueError(f"expected the axes (Z, Y, X) or (Y, X), found shape {shape_a}")


def _joined(parts: list[Counts]) -> Counts:
    return np.concatenate([np.zeros(0, np.int64), *parts])


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 1.0


def _shares(parts: Counts, wholes: Counts) -> Shares:
    return np.divide(parts, wholes, out=np.ones(parts.shape), where=wholes > 0)
