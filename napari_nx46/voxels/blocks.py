"""What the core reads: array-likes along (z, y, x), and the blocks that are cut from them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise, product
from typing import Protocol

import numpy as np
import numpy.typing as npt

Block = tuple[slice, slice, slice]
"""A box of a volume: start and stop along z, y and x, step 1, within the volume."""

FloatVolume = npt.NDArray[np.float32]
"""``(Z, Y, X)`` float32."""

Mask = npt.NDArray[np.uint8]
"""``(Z, Y, X)`` uint8: 0 background, 1 foreground."""

AnyMask = npt.NDArray[np.uint8] | npt.NDArray[np.bool_]
"""A mask in which what is not 0 is foreground."""

OpenFaces = tuple[tuple[bool, bool], tuple[bool, bool], tuple[bool, bool]]
"""For each axis, whether the volume goes on before and beyond a block."""

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
class FragmentVolumes:
    """The volumes of one fragment that its score can be made from.

    Parameters
    ----------
    p3d, p2d : VolumeLike, optional
        The two paths, ``(Z, Y, X)``; uint8 and uint16 stand for p*255 and p*65535, float16,
        float32 and float64 hold p itself. The same object for both where there is one source.
    models : mapping of str to VolumeLike
        Further probability volumes by name.
    image : VolumeLike, optional
        The CT image, of any real type.

    Raises
    ------
    ValueError
        If there is none, a volume is not three-dimensional, is empty, has another dtype, or the
        shapes differ.
    """

    p3d: VolumeLike | None
    p2d: VolumeLike | None
    models: Mapping[str, VolumeLike] = field(default_factory=dict)
    image: VolumeLike | None = None

    def __post_init__(self) -> None:
        volumes = self._all()
        if not volumes:
            raise ValueError("expected at least one volume, found none")
        for name, volume in volumes.items():
            _check_volume(name, volume)
        shapes = {name: volume.shape for name, volume in volumes.items()}
        (first, shape), *others = shapes.items()
        for name, other in others:
            if other != shape:
                raise ValueError(f"{first} has shape {shape}, but {name} {other}")

    @property
    def shape(self) -> tuple[int, int, int]:
        """Voxels along z, y and x."""
        z, y, x = next(iter(self._all().values())).shape
        return z, y, x

    @property
    def probabilities(self) -> dict[str, VolumeLike]:
        """The distinct probability volumes by name: p3d, p2d, then the models in ascending order.

        A single source, which both paths read, is listed once, as ``p3d``.
        """
        volumes = {} if self.p3d is None else {"p3d": self.p3d}
        if self.p2d is not None and self.p2d is not self.p3d:
            volumes["p2d"] = self.p2d
        return volumes | {name: self.models[name] for name in sorted(self.models)}

    def _all(self) -> dict[str, VolumeLike]:
        images = {} if self.image is None else {"image": self.image}
        return self.probabilities | images


def _check_volume(name: str, volume: VolumeLike) -> None:
    if len(volume.shape) != 3 or 0 in volume.shape:
        raise ValueError(
            f"{name}: expected a (Z, Y, X) volume with voxels, found shape {volume.shape}"
        )
    if name != "image" and volume.dtype.name not in PROBABILITY_DTYPES:
        raise ValueError(
            f"{name}: expected one of {', '.join(PROBABILITY_DTYPES)}, found {volume.dtype.name}"
        )


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


def widened(block: Block, halo: tuple[int, int, int], shape: tuple[int, int, int]) -> Block:
    """Return a block with a halo of so many voxels around it, as far as the volume goes."""
    z, y, x = (
        slice(max(0, extent.start - more), min(length, extent.stop + more))
        for extent, more, length in zip(block, halo, shape, strict=True)
    )
    return z, y, x


def within(block: Block, outer: Block) -> Block:
    """Return a block of a volume as a block of an array that holds just `outer`."""
    z, y, x = (
        slice(extent.start - around.start, extent.stop - around.start)
        for extent, around in zip(block, outer, strict=True)
    )
    return z, y, x


def placed(block: Block, outer: Block) -> Block:
    """Return a block of an array that holds just `outer` as a block of the volume."""
    z, y, x = (
        slice(part.start + around.start, part.stop + around.start)
        for part, around in zip(block, outer, strict=True)
    )
    return z, y, x


def intersection(block: Block, other: Block) -> Block:
    """Return what two blocks that overlap have in common."""
    z, y, x = (
        slice(max(a.start, b.start), min(a.stop, b.stop)) for a, b in zip(block, other, strict=True)
    )
    return z, y, x


def hull(blocks: Iterable[Block]) -> Block:
    """Return the smallest block that has all of some blocks, at least one."""
    z, y, x = (
        slice(min(one.start for one in along), max(one.stop for one in along))
        for along in zip(*blocks, strict=True)
    )
    return z, y, x


def open_faces(block: Block, shape: tuple[int, int, int]) -> OpenFaces:
    """Return for each axis whether the volume goes on before and beyond a block."""
    z, y, x = (
        (extent.start > 0, extent.stop < length)
        for extent, length in zip(block, shape, strict=True)
    )
    return z, y, x


def cells_of(block: Block, side: int) -> Iterator[Block]:
    """Cut a block into the parts that lie in the same boxes of this side from the origin.

    Yields
    ------
    tuple of slice
        In raster order, as a block of an array that holds just `block`.
    """
    cuts = [
        [extent.start, *range((extent.start // side + 1) * side, extent.stop, side), extent.stop]
        for extent in block
    ]
    extents = [[slice(*ends) for ends in pairwise(cut)] for cut in cuts]
    for z, y, x in product(*extents):
        yield within((z, y, x), block)


def octants_of(shape: tuple[int, ...], parts: tuple[int, int, int] = (2, 2, 2)) -> list[Block]:
    """Cut a volume into contiguous octants.

    Parameters
    ----------
    shape : tuple of int
        (Z, Y, X).
    parts : tuple of int
        Parts of each axis. Their lengths differ by at most one, the larger ones first.

    Returns
    -------
    list of tuple of slice
        In raster order, without those that have an axis of length 0.
    """
    axes = [_cut(length, count) for length, count in zip(shape, parts, strict=True)]
    return [(z, y, x) for z, y, x in product(*axes)]


def _cut(length: int, parts: int) -> list[slice]:
    size, larger = divmod(length, parts)
    bounds = [part * size + min(part, larger) for part in range(parts + 1)]
    return [slice(a, b) for a, b in pairwise(bounds) if a < b]
