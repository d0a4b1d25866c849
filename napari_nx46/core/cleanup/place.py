"""Where a mask lies in its fragment."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from napari_nx46.voxels.blocks import Block, Mask, OpenFaces, open_faces, whole_block
from napari_nx46.voxels.piece_rules import Measures
from napari_nx46.voxels.spans import Components

__all__ = ["Place"]


@dataclass(frozen=True, eq=False)
class Place:
    """Where a mask lies in its fragment; on a block, what is known of it.

    Parameters
    ----------
    block : Block
    shape : tuple of int
        Voxels of the whole fragment along z, y and x.
    known : (Z, Y, X) array of uint8, {0, 1}, optional
        The last exact mask of the block. An object that leaves the block has an unknown size and
        extent: it stays, unless `known` has none of its voxels.
    """

    block: Block
    shape: tuple[int, int, int]
    known: Mask | None = None

    @classmethod
    def whole(cls, mask: Mask) -> Place:
        """Return the place of a mask that is all of its fragment."""
        z, y, x = mask.shape
        return cls(whole_block((z, y, x)), (z, y, x))

    @property
    def open_faces(self) -> OpenFaces:
        """For each axis, whether the fragment goes on below and above the block."""
        return open_faces(self.block, self.shape)

    def measures(self, components: Components) -> Measures:
        """Return the sizes of components, and their boxes in the fragment."""
        starts = np.array([extent.start for extent in self.block], np.int64)
        return Measures.of(components.sizes(), boxes=components.boxes() + starts[:, None])
