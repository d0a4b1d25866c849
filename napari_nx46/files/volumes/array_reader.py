"""Voxels of an array in memory, or of anything that is indexed like one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from napari_nx46.files.volumes.axes import StoredAxes
from napari_nx46.files.volumes.indexing import Box, box_shape
from napari_nx46.files.volumes.origin import AnyOrigin

_DAMAGE = (
    ArithmeticError,
    AttributeError,
    LookupError,
    MemoryError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
)
"""What an array of any library raises where it cannot be read."""


class ArrayReader:
    """Voxels of an array-like: NumPy, Dask, Zarr, or anything with shape, type and slices.

    Parameters
    ----------
    origin : AnyOrigin
        What messages call it.
    array : array-like
        Indexed by integers and slices, one for each of its axes.
    dtype : numpy.dtype
        Of its elements.
    axes : StoredAxes
        Its axes.
    channel : int
        The channel, counted from 0.
    """

    def __init__(
        self, origin: AnyOrigin, array: Any, dtype: np.dtype, axes: StoredAxes, channel: int
    ) -> None:
        self.shape = axes.shape
        self.dtype = dtype.newbyteorder("=")
        self.piece_bytes = _piece_bytes(array, dtype)
        self._origin = origin
        self._array = array
        self._axes = axes
        self._channel = channel

    @property
    def in_memory(self) -> bool:
        """Whether all voxels are in memory, in the order in which they are computed with."""
        array = self._array
        if not isinstance(array, np.ndarray) or isinstance(array, np.ma.MaskedArray):
            return False
        return self._as_needed(self._whole(array))

    def read_box(self, box: Box) -> np.ndarray:
        """Read a box; where it can be, this is a view of the array, not to be written to."""
        try:
            read = self._array[self._axes.index(self._channel, box)]
            if hasattr(read, "compute"):  # a dask array loses its mask where NumPy converts it
                read = read.compute()
            block = np.asarray(read)
        except _DAMAGE as error:
            place = ", ".join(f"{part.start}:{part.stop}" for part in box)
            raise self._origin.error(
                f"voxels in (z, y, x) = [{place}] that cannot be read "
                f"({type(error).__name__}: {error})",
                "a readable array",
            ) from error
        if np.ma.is_masked(read):
            raise self._origin.error(
                "masked voxels, which have no value", "a value a voxel; fill them: array.filled(0)"
            )
        if block.size != math.prod(box_shape(box)):
            raise self._origin.error(
                f"an array that gives shape {block.shape} where {box_shape(box)} was asked for",
                "an array that is indexed as NumPy's are",
            )
        block = block.reshape(box_shape(box))
        return block if self._as_needed(block) else np.array(block, self.dtype, order="C")

    def release(self) -> None:
        """Do nothing: nothing is kept."""

    def _whole(self, array: np.ndarray) -> np.ndarray:
        z, y, x = (slice(0, size, 1) for size in self.shape)
        whole: np.ndarray = array[self._axes.index(self._channel, (z, y, x))]
        return whole.reshape(self.shape) if whole.size else whole

    def _as_needed(self, block: np.ndarray) -> bool:
        """Return whether kernels can read a block as it is: each is compiled for one layout."""
        flags = block.flags
        return bool(block.dtype == self.dtype and flags.c_contiguous and flags.writeable)


def finest_level(origin: AnyOrigin, array: Any) -> Any:
    """Return the array itself, or of a multiscale one the level of full resolution.

    Parameters
    ----------
    origin : AnyOrigin
        What messages call it.
    array : array-like, or sequence of them
        A sequence of arrays of descending sizes is one array at several resolutions.

    Raises
    ------
    VolumeError
        If a sequence of arrays is not one of descending sizes.
    """
    if not isinstance(array, Sequence):
        return array if hasattr(array, "shape") else np.asarray(array)
    levels = list(array)
    if not levels or not all(hasattr(level, "shape") for level in levels):
        return np.asarray(levels)
    shapes = [tuple(level.shape) for level in levels]
    for finer, coarser in pairwise(shapes):
        if len(finer) != len(coarser) or not math.prod(coarser) < math.prod(finer):
            raise origin.error(
                f"a list of {len(levels)} arrays, of shapes {finer} and {coarser} among them",
                "one array, or its resolutions from the finest to the coarsest; join slices by"
                " numpy.stack",
            )
    return levels[0]


def element_type(origin: AnyOrigin, array: Any) -> np.dtype:
    """Return the type of the elements that an array gives.

    Raises
    ------
    VolumeError
        If they are no numbers.
    """
    try:
        dtype: np.dtype = np.dtype(array.dtype)
    except TypeError:  # the library has types of its own, such as PyTorch
        first = array[tuple(slice(0, 1) for _ in array.shape)]
        dtype = np.asarray(first).dtype
    if dtype.kind not in "biuf":
        raise origin.error(f"elements of type {dtype}", "integers or real numbers")
    return dtype


def _piece_bytes(array: Any, dtype: np.dtype) -> int:
    """Return the bytes that reading any voxel has to hold: a chunk, where there are any."""
    chunks = getattr(array, "chunks", None)
    if not isinstance(chunks, tuple):
        return dtype.itemsize
    sizes: list[int] = [max(one) if isinstance(one, tuple) else one for one in chunks]
    return math.prod(sizes) * dtype.itemsize
