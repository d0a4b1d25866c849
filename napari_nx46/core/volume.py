"""What the core reads: array-likes along (z, y, x), and the blocks that are cut from them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

Block = tuple[slice, slice, slice]
"""A box of a volume: start and stop along z, y and x, step 1, within the volume."""

PROBABILITY_DTYPES = ("uint8", "uint16", "float16", "float32", "float64")


class VolumeLike(Protocol):
    """A ``(Z, Y, X)`` array-like that reads the block it is asked for: an array or a lazy file."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Voxels along z, y and x."""

    @property
    def dtype(self) -> np.dtype[np.generic]:
        """Type of the voxels."""

    def __getitem__(self, index: Block, /) -> npt.NDArray[np.generic]:
        """Return the voxels of a block."""


@dataclass(frozen=True)
class Sources:
    """The probability volumes of one fragment: the two paths that are blended.

    Parameters
    ----------
    p3d, p2d : VolumeLike
        ``(Z, Y, X)``, of one shape; uint8 and uint16 stand for p*255 and p*65535, float16,
        float32 and float64 hold p itself. The same object for both where there is one source.

    Raises
    ------
    ValueError
        If a volume is not three-dimensional, is empty, has another dtype, or the shapes differ.
    """

    p3d: VolumeLike
    p2d: VolumeLike

    def __post_init__(self) -> None:
        for name, volume in (("p3d", self.p3d), ("p2d", self.p2d)):
            if len(volume.shape) != 3 or 0 in volume.shape:
                raise ValueError(
                    f"{name}: expected a (Z, Y, X) volume with voxels, found shape {volume.shape}"
                )
            if volume.dtype.name not in PROBABILITY_DTYPES:
                raise ValueError(
                    f"{name}: expected one of {', '.join(PROBABILITY_DTYPES)}, "
                    f"found {volume.dtype.name}"
                )
        if self.p3d.shape != self.p2d.shape:
            raise ValueError(f"p3d has shape {self.p3d.shape}, but p2d {self.p2d.shape}")

    @property
    def shape(self) -> tuple[int, int, int]:
        """Voxels along z, y and x."""
        z, y, x = self.p3d.shape
        return z, y, x


def whole_block(shape: tuple[int, int, int]) -> Block:
    """Return the block that covers a volume of this shape."""
    z, y, x = shape
    return slice(0, z), slice(0, y), slice(0, x)


def clipped_block(extents: tuple[tuple[int, int], ...], shape: tuple[int, int, int]) -> Block:
    """Return the part of a block that lies within a volume.

    Parameters
    ----------
    extents : three (start, stop)
        Along z, y and x, in voxels.

    Raises
    ------
    ValueError
        If nothing of the block lies within the volume.
    """
    bounds = [
        (max(0, start), min(stop, length))
        for (start, stop), length in zip(extents, shape, strict=True)
    ]
    if any(start >= stop for start, stop in bounds):
        raise ValueError(f"the block {extents} lies outside the volume of shape {shape}")
    z, y, x = (slice(start, stop) for start, stop in bounds)
    return z, y, x


def block_shape(block: Block) -> tuple[int, int, int]:
    """Return the voxels of a block along z, y and x."""
    z, y, x = (extent.stop - extent.start for extent in block)
    return z, y, x


def slabs(block: Block, thickness: int) -> Iterator[Block]:
    """Cut a block into slabs of at most this many slices, in ascending z."""
    z, y, x = block
    for start in range(z.start, z.stop, thickness):
        yield slice(start, min(start + thickness, z.stop)), y, x
