"""Rules by which components of a mask stay or change, and what they are given of each.

The same rule decides on the components of an array, and on those of a volume that is cut into
tiles, whose measures are joined from those of their pieces.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar, Self

import numpy as np
import numpy.typing as npt

__all__ = ["Flag", "Measures", "PieceRule"]


class Flag(StrEnum):
    """What a component is asked beside its size."""

    NONE = "none"
    MARKED = "marked"
    """Whether it has a voxel of a second mask."""
    OUTSIDE = "outside"
    """Whether it touches a face of the whole volume."""


@dataclass(frozen=True, eq=False, slots=True)
class Measures:
    """What a rule is given of components.

    Parameters
    ----------
    sizes : (n,) array of int64
        Voxels.
    flags : (n,) array of bool
    boxes : (n, 3, 2) array of int64
        First voxel, and the one after the last, along z, y and x of the volume; empty for a rule
        that does not need them.
    keys : (n,) array of int64
        One more than the place of the first voxel in the volume; empty if it is not asked for.
    """

    sizes: npt.NDArray[np.int64]
    flags: npt.NDArray[np.bool_]
    boxes: npt.NDArray[np.int64]
    keys: npt.NDArray[np.int64]

    @classmethod
    def of(
        cls,
        sizes: npt.NDArray[np.int64],
        flags: npt.NDArray[np.bool_] | None = None,
        boxes: npt.NDArray[np.int64] | None = None,
        keys: npt.NDArray[np.int64] | None = None,
    ) -> Self:
        """Return measures of which some are not needed."""
        return cls(
            sizes,
            np.zeros(sizes.size, np.bool_) if flags is None else flags,
            np.empty((0, 3, 2), np.int64) if boxes is None else boxes,
            np.empty(0, np.int64) if keys is None else keys,
        )

    @classmethod
    def together(cls, parts: Sequence[Measures]) -> Measures:
        """Return the measures of all components of several parts, in order."""
        none = cls.of(np.empty(0, np.int64))
        parts = [none, *parts]
        return cls(
            np.concatenate([part.sizes for part in parts]),
            np.concatenate([part.flags for part in parts]),
            np.concatenate([part.boxes for part in parts]),
            np.concatenate([part.keys for part in parts]),
        )

    def joined(self, component: npt.NDArray[np.int32], count: int) -> Measures:
        """Return the measures of the components that these are pieces of.

        Parameters
        ----------
        component : (n,) array of int32
            The component of each piece, from 0.
        count : int
            Number of components.
        """
        sizes, flags = np.zeros(count, np.int64), np.zeros(count, np.bool_)
        np.add.at(sizes, component, self.sizes)
        flags[component[self.flags]] = True
        boxes = np.empty((count if len(self.boxes) else 0, 3, 2), np.int64)
        if len(boxes):
            boxes[..., 0], boxes[..., 1] = np.iinfo(np.int64).max, 0
            np.minimum.at(boxes[..., 0], component, self.boxes[..., 0])
            np.maximum.at(boxes[..., 1], component, self.boxes[..., 1])
        keys = np.full(count if self.keys.size else 0, np.iinfo(np.int64).max)
        if keys.size:
            np.minimum.at(keys, component, self.keys)
        return Measures(sizes, flags, boxes, keys)

    def of_some(self, chosen: npt.NDArray[np.bool_]) -> Measures:
        """Return the measures of the chosen components, (n,) bool."""
        return Measures(
            self.sizes[chosen],
            self.flags[chosen],
            self.boxes[chosen] if len(self.boxes) else self.boxes,
            self.keys[chosen] if self.keys.size else self.keys,
        )


@dataclass(frozen=True)
class PieceRule:
    """By what a component stays as it is; the others change to background, or to foreground.

    Parameters
    ----------
    connectivity : {6, 18, 26}
        Whether voxels are connected by faces, also edges, also corners.
    background : bool
        Whether it is about components of the background.
    smallest : int
        Voxels that a component must have to stay.
    flag : Flag
        What it must have as well.
    """

    connectivity: int
    background: bool = False
    smallest: int = 0
    flag: Flag = Flag.NONE

    needs_boxes: ClassVar[bool] = False
    """Whether it asks where a component lies."""

    def stays(self, measures: Measures, shape: tuple[int, int, int]) -> npt.NDArray[np.bool_]:
        """Return for each component whether it stays, (n,) bool.

        Parameters
        ----------
        measures : Measures
        shape : tuple of int
            Voxels of the volume along z, y and x.
        """
        staying: npt.NDArray[np.bool_] = measures.sizes >= self.smallest
        return staying if self.flag is Flag.NONE else staying & measures.flags

    @property
    def steps(self) -> int:
        """Along how many axes connected voxels may differ."""
        return {6: 1, 18: 2, 26: 3}[self.connectivity]
