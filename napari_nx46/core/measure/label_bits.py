"""A label packed to bits, to be compared with many masks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from napari_nx46.voxels.overlap import Bits, SliceOverlaps, bits_of, compare_bits, count_bits
from napari_nx46.voxels.workers import Workers, tiles_of

__all__ = ["IGNORED", "SURFACE", "LabelBits"]

IGNORED = 2
"""What a label holds where nobody knows; such voxels count as background, in the mask too."""

SURFACE = 1
SLICES_PER_TILE = 8

Label = npt.NDArray[np.uint8]


@dataclass(frozen=True, eq=False, slots=True)
class LabelBits:
    """A label packed once, to be compared with many masks.

    Parameters
    ----------
    surface : (Z, Y, ceil(X / 8)) array of uint8
        Where the label is 1.
    judged : (Z, Y, ceil(X / 8)) array of uint8
        Where the label is not 2.
    shape : tuple of int
        (Z, Y, X).
    surface_voxels : int
    """

    surface: Bits
    judged: Bits
    shape: tuple[int, int, int]
    surface_voxels: int

    @classmethod
    def of(cls, label: Label, workers: Workers | None = None) -> LabelBits:
        """Pack a label.

        Parameters
        ----------
        label : (Z, Y, X) array of uint8
            0 background, 1 surface, 2 ignore.
        workers : Workers, optional
            Threads to share the work.

        Raises
        ------
        ValueError
            If the array has no three axes.
        """
        if label.ndim != 3:
            raise ValueError(f"expected a label (Z, Y, X), found shape {label.shape}")
        depth, height, width = label.shape
        surface = np.empty((depth, height, -(-width // 8)), np.uint8)
        judged = np.empty_like(surface)

        def pack(tile: slice) -> None:
            surface[tile] = bits_of(label[tile] == SURFACE)
            judged[tile] = bits_of(label[tile] != IGNORED)

        (workers or Workers(1)).map(pack, tiles_of(depth, SLICES_PER_TILE))
        return cls(surface, judged, (depth, height, width), int(count_bits(surface).sum()))

    def compare(self, mask_bits: Bits, tile: slice) -> SliceOverlaps:
        """Compare consecutive slices of a packed mask (A) with the label's (B)."""
        return compare_bits(mask_bits & self.judged[tile], self.surface[tile])
