"""Zarr v2 / v3 arrays and OME-Zarr images as voxels.

A Zarr folder is a tree of files that strangers may have written. The Zarr library reads its
metadata, through a store that serves no file outside the folder. The chunks are read and decoded
by `ZarrArray`, which knows how large they may be.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import numpy as np

from napari_nx46.files.memory import check_piece
from napari_nx46.files.volumes.axes import StoredAxes, find_axes
from napari_nx46.files.volumes.channels import Channels
from napari_nx46.files.volumes.indexing import Box, box_shape
from napari_nx46.files.volumes.origin import Origin, VolumeError
from napari_nx46.files.volumes.placement import Placement
from napari_nx46.files.volumes.stamps import Stamps
from napari_nx46.files.volumes.zarr.array import ZarrArray
from napari_nx46.files.volumes.zarr.codecs import ChunkError, CodecError
from napari_nx46.files.volumes.zarr.levels import Levels, check_chunks, has_array
from napari_nx46.files.volumes.zarr.placement import placement_of_image

if TYPE_CHECKING:
    from zarr import Group
    from zarr.types import AnyArray

_SMALL_CHUNK, _MOST_SMALL_CHUNKS = 2**10, 2**16
_FIRST_OME_AXES = ("t", "c", "z", "y", "x")
"""The axes of OME-Zarr images before version 0.3, which did not name them."""

_DAMAGE = (
    ValueError,
    TypeError,
    LookupError,
    ArithmeticError,
    AttributeError,
    AssertionError,
    RuntimeError,
    EOFError,
    OSError,
)
"""What Zarr raises at damaged metadata."""


def open_zarr(origin: Origin, stamps: Stamps | None = None) -> Channels:
    """Open a Zarr array or OME-Zarr image as voxels; only metadata are read.

    Parameters
    ----------
    origin : Origin
        The folder.
    stamps : Stamps, optional
        Takes the stamp of every file that is read, now and later.

    Returns
    -------
    Channels
        The array; of an OME-Zarr image the first, which is the full resolution.

    Raises
    ------
    VolumeError
        If it is no Zarr folder, is damaged, leads outside itself, needs a codec that is not
        allowed, or has other axes than those of a volume; see `find_axes`.
    """
    import zarr

    from napari_nx46.files.volumes.zarr.store import ContainedStore

    try:
        root = origin.path.resolve()
        stamps = stamps or Stamps(origin)
        store = ContainedStore(root, read_only=True, stamps=stamps)

        def open_level(path: str) -> ZarrArray | None:
            if not has_array(root, path):
                return None
            array = zarr.open_array(store=store, path=path, mode="r")
            return _checked(origin, array, root, stamps)

        node = zarr.open(store=store, mode="r")
        if isinstance(node, zarr.Group):
            image = _image_of(origin, node)
            array = Levels(origin, image.paths, open_level).first()
            oldest = len(array.shape) == len(_FIRST_OME_AXES)
            names = image.axes or (_FIRST_OME_AXES if oldest else None)
            placement = image.placement
        else:
            placement = None
            array, names = _checked(origin, node, root, stamps), _dimension_names(node)
            check_chunks(origin, array)
        axes = find_axes(origin, array.shape, names)
        _check_chunk_count(origin, array, axes)
        return Channels(axes.channels, partial(ZarrReader, origin, array, axes), placement)
    except VolumeError:
        raise
    except _DAMAGE as error:
        raise origin.error(f"a damaged Zarr folder ({error})", "a readable one") from error


class ZarrReader:
    """Voxels of a Zarr array; chunks are read and decoded when they are asked for.

    Parameters
    ----------
    origin : Origin
        The folder.
    array : ZarrArray
        The array.
    axes : StoredAxes
        Its axes.
    channel : int
        The channel, counted from 0.
    """

    def __init__(self, origin: Origin, array: ZarrArray, axes: StoredAxes, channel: int) -> None:
        self.shape = axes.shape
        self.dtype = array.dtype
        self.piece_bytes = array.piece_bytes
        self._origin = origin
        self._array = array
        self._axes = axes
        self._channel = channel

    def read_box(self, box: Box) -> np.ndarray:
        """Read a box; see `VolumeReader.read_box`."""
        try:
            block = self._array.read(self._axes.index(self._channel, box))
        except ChunkError as error:
            place = ", ".join(f"{part.start}:{part.stop}" for part in box)
            raise self._origin.error(
                f"damaged data in (z, y, x) = [{place}] ({error})", "readable chunks"
            ) from error
        return block.reshape(box_shape(box))

    def release(self) -> None:
        """Do nothing: nothing is kept."""


@dataclass(frozen=True, slots=True)
class _Image:
    """An OME-Zarr image: the paths of its resolutions, names of its axes, and its voxels' size."""

    paths: tuple[str, ...]
    axes: tuple[str, ...] | None
    placement: Placement | None


def _image_of(origin: Origin, group: Group) -> _Image:
    """Return the first image of an OME-Zarr group."""
    attributes: Mapping[str, object] = group.attrs.asdict()
    # Version 0.5 keeps under "ome" what version 0.4 keeps at the top.
    newer = attributes.get("ome")
    holder = newer if isinstance(newer, Mapping) else attributes
    images = holder.get("multiscales")
    if not isinstance(images, list) or not images:
        members = ", ".join(sorted(name for name, _ in group.members())[:10]) or "nothing"
        raise origin.error(
            f"a Zarr group without multiscales, with {members} in it",
            "a Zarr array or an OME-Zarr image; open the folder of one array",
        )
    image = images[0]
    if not isinstance(image, Mapping):
        raise origin.error(f"an image described by {image!r:.100}", "an OME-Zarr image")
    first, *others = _paths(image.get("datasets")) or (None,)
    if first is None:
        raise origin.error(
            f"path {image.get('datasets')!r:.100} of the full resolution",
            "a relative path within the folder",
        )
    inside = (path for path in others if path is not None)
    names = _axis_names(origin, image.get("axes"))
    return _Image((first, *inside), names, placement_of_image(image))


def _paths(datasets: object) -> list[str | None]:
    """Return where the resolutions of an image lie; None for one that is not in its folder."""
    if not isinstance(datasets, list):
        return []
    paths = (entry.get("path") if isinstance(entry, Mapping) else None for entry in datasets)
    return [path if isinstance(path, str) and _stays_inside(path) else None for path in paths]


def _stays_inside(path: str) -> bool:
    """Return whether a path from metadata names something below its folder."""
    parts = PurePosixPath(path).parts
    return (
        bool(parts)
        and ".." not in parts
        and not path.startswith("/")
        and not any(character in path for character in "\\:\0")
    )


def _axis_names(origin: Origin, axes: object) -> tuple[str, ...] | None:
    """Return the names of axes as OME-Zarr lists them, if it does."""
    if not isinstance(axes, list):
        return None
    names = [axis.get("name") if isinstance(axis, Mapping) else axis for axis in axes]
    if not all(isinstance(name, str) for name in names):
        raise origin.error(f"axes named {names!r:.100}", "axes (z, y, x), after t and c at most")
    return tuple(map(str, names))


def _dimension_names(array: AnyArray) -> tuple[str, ...] | None:
    """Return the names that an array gives its axes, as Zarr v3 or xarray write them."""
    names = array.metadata.to_dict().get("dimension_names")
    if names is None:
        names = array.attrs.get("_ARRAY_DIMENSIONS")
    return tuple(map(str, names)) if isinstance(names, list | tuple) else None


def _checked(origin: Origin, array: AnyArray, root: Path, stamps: Stamps) -> ZarrArray:
    """Return an array after checking everything that it declares."""
    dtype = np.dtype(array.dtype)
    if dtype.hasobject or dtype.kind not in "biuf":
        raise origin.error(f"elements of type {dtype}", "integers or real numbers")
    try:
        checked = ZarrArray(root, array, stamps)
    except CodecError as error:
        raise origin.error(str(error), "codecs for numbers, such as blosc, gzip or zstd") from error
    check_piece(origin, "chunks", checked.piece_bytes)
    return checked


def _check_chunk_count(origin: Origin, array: ZarrArray, axes: StoredAxes) -> None:
    """Check that a slice is not cut into so many tiny chunks that reading it takes minutes."""
    plane = axes.space[-2:]
    voxels = math.prod(array.piece[axis] for axis in plane)
    chunks = math.prod(-(-array.shape[axis] // array.piece[axis]) for axis in plane)
    if voxels < _SMALL_CHUNK and chunks > _MOST_SMALL_CHUNKS:
        raise origin.error(
            f"chunks of shape {array.piece}, {chunks} of them in a slice",
            f"at most {_MOST_SMALL_CHUNKS} chunks a slice, or at least {_SMALL_CHUNK} voxels of "
            "a slice in each",
        )
