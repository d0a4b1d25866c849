"""NumPy's basic indexing for arrays that are read on demand."""

from __future__ import annotations

import operator
from dataclasses import dataclass
from types import EllipsisType
from typing import SupportsIndex

import numpy as np

from napari_nx46.files.volumes.origin import AXES

Shape3D = tuple[int, int, int]
Box = tuple[slice, slice, slice]
"""Three slices in (Z, Y, X), each with start, stop and a step of at least 1, within the volume."""

AxisIndex = SupportsIndex | slice | EllipsisType
Index = AxisIndex | tuple[AxisIndex, ...]


@dataclass(frozen=True, slots=True)
class Selection:
    """What an index asks for: an ascending box, and how to turn it into the answer.

    Attributes
    ----------
    box : tuple of slice
        The voxels to read, in ascending order along every axis.
    flipped : tuple of bool
        Axes that the index walks downwards.
    dropped : tuple of bool
        Axes that the index takes one voxel of, which are not in the answer.
    """

    box: Box
    flipped: tuple[bool, bool, bool]
    dropped: tuple[bool, bool, bool]

    @property
    def box_shape(self) -> Shape3D:
        """Number of voxels of the box along (Z, Y, X)."""
        return box_shape(self.box)

    def arrange(self, block: np.ndarray) -> np.ndarray:
        """Turn the voxels of the box into what NumPy would answer to the index.

        Parameters
        ----------
        block : numpy.ndarray
            The voxels of `box`, of shape `box_shape`.

        Returns
        -------
        numpy.ndarray
            The answer; an array of no axes where all three were dropped.
        """
        steps = tuple(slice(None, None, -1) if down else slice(None) for down in self.flipped)
        axes = tuple(0 if drop else slice(None) for drop in self.dropped)
        return np.ascontiguousarray(block[steps])[(*axes, ...)]


def box_shape(box: Box) -> Shape3D:
    """Return the number of voxels of a box along (Z, Y, X).

    Parameters
    ----------
    box : tuple of slice
        A box as `Box` describes it.

    Returns
    -------
    tuple of int
        Voxels along each axis; 0 for an empty slice.
    """
    z, y, x = (len(range(part.start, part.stop, part.step)) for part in box)
    return z, y, x


def select(index: Index, shape: Shape3D) -> Selection:
    """Resolve an index of NumPy's basic indexing against a shape.

    Parameters
    ----------
    index : int, slice, Ellipsis, or tuple of them
        Negative integers and any step but 0 are allowed. Masks, arrays of positions and
        ``numpy.newaxis`` are not.
    shape : tuple of int
        The shape indexed, (Z, Y, X).

    Returns
    -------
    Selection
        What to read and how to arrange it.

    Raises
    ------
    IndexError
        If the index is not of that kind, has too many axes or is out of bounds.
    """
    parts = _one_for_each_axis(index if isinstance(index, tuple) else (index,))
    z, y, x = (
        _resolve(part, size, axis)
        for axis, (part, size) in enumerate(zip(parts, shape, strict=True))
    )
    return Selection((z[0], y[0], x[0]), (z[1], y[1], x[1]), (z[2], y[2], x[2]))


def _one_for_each_axis(parts: tuple[AxisIndex, ...]) -> list[SupportsIndex | slice]:
    """Fill up an index with full slices, at its ellipsis or at its end."""
    ellipses = [place for place, part in enumerate(parts) if isinstance(part, EllipsisType)]
    if len(ellipses) > 1:
        raise IndexError("an index can only have a single ellipsis ('...')")
    named = [part for part in parts if not isinstance(part, EllipsisType)]
    if len(named) > AXES:
        raise IndexError(
            f"too many indices: a volume has {AXES} axes, but {len(named)} were indexed"
        )
    place = ellipses[0] if ellipses else len(named)
    return [*named[:place], *[slice(None)] * (AXES - len(named)), *named[place:]]


def _resolve(part: SupportsIndex | slice, size: int, axis: int) -> tuple[slice, bool, bool]:
    """Return the ascending slice of one axis, whether it is walked downwards, and dropped."""
    if isinstance(part, slice):
        positions = range(*part.indices(size))
        if not positions:
            return slice(0, 0, 1), False, False
        if positions.step < 0:
            return slice(positions[-1], positions[0] + 1, -positions.step), True, False
        return slice(positions.start, positions[-1] + 1, positions.step), False, False
    position = _as_position(part)
    if not -size <= position < size:
        raise IndexError(f"index {position} is out of bounds for axis {axis} with size {size}")
    position %= size
    return slice(position, position + 1, 1), False, True


def _as_position(part: SupportsIndex) -> int:
    """Return an index's integer, refusing what NumPy would take for a mask or a list."""
    if not isinstance(part, bool | np.bool_):
        try:
            return operator.index(part)
        except TypeError:
            pass
    raise IndexError(f"only integers, slices and ellipses index a volume, not {part!r}")
