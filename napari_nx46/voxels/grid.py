"""A volume cut into tiles of equal size."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

from napari_nx46.voxels.blocks import Block

__all__ = ["Grid"]


@dataclass(frozen=True)
class Grid:
    """The tiles of a volume, numbered in raster order.

    Parameters
    ----------
    shape : tuple of int
        Voxels of the volume along z, y and x.
    tile : tuple of int
        Voxels of a tile; those at the high ends are cut off by the volume.

    Raises
    ------
    ValueError
        If a length is not above 0.

    Examples
    --------
    >>> grid = Grid((5, 4, 4), (3, 4, 4))
    >>> len(grid), grid.block(1)
    (2, (slice(3, 5, None), slice(0, 4, None), slice(0, 4, None)))
    """

    shape: tuple[int, int, int]
    tile: tuple[int, int, int]

    def __post_init__(self) -> None:
        if min(*self.shape, *self.tile) < 1:
            raise ValueError(
                f"expected a volume and tiles with voxels, found {self.shape} and {self.tile}"
            )

    @property
    def counts(self) -> tuple[int, int, int]:
        """Number of tiles along z, y and x."""
        z, y, x = (-(-length // size) for length, size in zip(self.shape, self.tile, strict=True))
        return z, y, x

    def __len__(self) -> int:
        """Return the number of tiles."""
        return math.prod(self.counts)

    def place(self, tile: int) -> tuple[int, int, int]:
        """Return the place of a tile among the tiles along z, y and x."""
        rest, x = divmod(tile, self.counts[2])
        z, y = divmod(rest, self.counts[1])
        return z, y, x

    def tile_at(self, place: tuple[int, int, int]) -> int | None:
        """Return the tile at a place, None outside the volume."""
        if not all(0 <= at < count for at, count in zip(place, self.counts, strict=True)):
            return None
        return (place[0] * self.counts[1] + place[1]) * self.counts[2] + place[2]

    def block(self, tile: int) -> Block:
        """Return the box of a tile.

        Raises
        ------
        ValueError
            If there is no such tile.
        """
        if not 0 <= tile < len(self):
            raise ValueError(f"expected a tile from 0 to {len(self) - 1}, found {tile}")
        z, y, x = (
            slice(at * size, min((at + 1) * size, length))
            for at, size, length in zip(self.place(tile), self.tile, self.shape, strict=True)
        )
        return z, y, x

    def overlapping(self, block: Block) -> Iterator[int]:
        """Yield the tiles that a box has voxels of, in raster order."""
        ranges = (
            range(extent.start // size, -(-extent.stop // size))
            for extent, size in zip(block, self.tile, strict=True)
        )
        for place in product(*ranges):
            z, y, x = place
            yield (z * self.counts[1] + y) * self.counts[2] + x
