"""Zarr v2 / v3 arrays and OME-Zarr images as voxels.

A Zarr folder is a tree of files that strangers may have written. It is read through a store that
serves no file outside the folder, and only with codecs that decode numbers: one of the usual
codecs unpickles what it reads.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import numpy as np

from napari_nx46.files.axes import StoredAxes, find_axes
from napari_nx46.files.channels import Channels
from napari_nx46.files.indexing import Box, box_shape
from napari_nx46.files.origin import MAX_DECODED_BYTES, Origin, VolumeError
from napari_nx46.files.stamps import Stamps

if TYPE_CHECKING:
    from zarr import Group
    from zarr.types import AnyArray

_NUMBER_CODECS = frozenset(
    {
        *("bytes", "transpose", "sharding_indexed", "delta", "shuffle", "astype", "packbits"),
        *("fixedscaleoffset", "quantize", "bitround"),
        *("blosc", "zlib", "gzip", "bz2", "lzma", "lz4", "zstd"),
        *("crc32", "crc32c", "adler32", "fletcher32"),
    }
)
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
    zlib.error,
)
"""What Zarr and its codecs raise at damaged metadata and chunks."""


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

    from napari_nx46.files.zarr_store import ContainedStore

    try:
        store = ContainedStore(origin.path.resolve(), read_only=True, stamps=stamps)
        node = zarr.open(store=store, mode="r")
        if isinstance(node, zarr.Group):
            level = _full_resolution(origin, node)
            array = zarr.open_array(store=store, path=level.path, mode="r")
            axes = level.axes or (_FIRST_OME_AXES if array.ndim == len(_FIRST_OME_AXES) else None)
        else:
            array, axes = node, _dimension_names(node)
        return _channels(origin, array, axes)
    except VolumeError:
        raise
    except _DAMAGE as error:
        raise origin.error(f"a damaged Zarr folder ({error})", "a readable one") from error


class ZarrSource:
    """Voxels of a Zarr array; chunks are read and decoded when they are asked for.

    Parameters
    ----------
    origin : Origin
        The folder.
    array : zarr.Array
        The array.
    axes : StoredAxes
        Its axes.
    channel : int
        The channel, counted from 0.
    """

    def __init__(self, origin: Origin, array: AnyArray, axes: StoredAxes, channel: int) -> None:
        self.shape = axes.shape
        self.dtype = np.dtype(array.dtype).newbyteorder("=")
        self._origin = origin
        self._array = array
        self._axes = axes
        self._channel = channel

    def read_box(self, box: Box) -> np.ndarray:
        """Read a box; see `VoxelSource.read_box`."""
        try:
            block = np.asarray(self._array[self._axes.index(self._channel, box)])
        except VolumeError:
            raise
        except _DAMAGE as error:
            place = ", ".join(f"{part.start}:{part.stop}" for part in box)
            raise self._origin.error(
                f"damaged data in (z, y, x) = [{place}] ({error})", "readable chunks"
            ) from error
        return np.array(block.reshape(box_shape(box)), dtype=self.dtype, order="C")

    def release(self) -> None:
        """Do nothing: nothing is kept."""


@dataclass(frozen=True, slots=True)
class _Level:
    """One resolution of an OME-Zarr image: its path in the group, and the names of its axes."""

    path: str
    axes: tuple[str, ...] | None


def _full_resolution(origin: Origin, group: Group) -> _Level:
    """Return the first, which is the finest, resolution of an OME-Zarr image."""
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
    datasets = image.get("datasets") if isinstance(image, Mapping) else None
    first = datasets[0] if isinstance(datasets, list) and datasets else None
    path = first.get("path") if isinstance(first, Mapping) else None
    if not isinstance(path, str) or not _stays_inside(path):
        raise origin.error(
            f"path {path!r} of the full resolution", "a relative path within the folder"
        )
    return _Level(path, _axis_names(origin, image.get("axes")))


def _stays_inside(path: str) -> bool:
    """Tell whether a path from metadata names something below its folder."""
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


def _channels(origin: Origin, array: AnyArray, names: tuple[str, ...] | None) -> Channels:
    """Return the channels of an array after checking everything that it declares."""
    _check_codecs(origin, array)
    dtype = np.dtype(array.dtype)
    if dtype.hasobject or dtype.kind not in "biuf":
        raise origin.error(f"elements of type {dtype}", "integers or real numbers")
    chunk = math.prod(array.shards or array.chunks) * dtype.itemsize
    if chunk > MAX_DECODED_BYTES:
        raise origin.error(f"chunks of {chunk} bytes", f"at most {MAX_DECODED_BYTES} bytes each")
    axes = find_axes(origin, array.shape, names)
    return Channels(axes.channels, partial(ZarrSource, origin, array, axes))


def _check_codecs(origin: Origin, array: AnyArray) -> None:
    """Check that decoding a chunk runs nothing but codecs for numbers."""
    unknown = sorted(set(_codecs(array.metadata.to_dict())) - _NUMBER_CODECS)
    if unknown:
        raise origin.error(
            f"codec {', '.join(unknown)}", "codecs for numbers, such as blosc, gzip or zstd"
        )


def _codecs(metadata: Mapping[str, object]) -> Iterator[str]:
    """Yield the name of every codec in the metadata of an array, nested ones too."""
    for key in ("compressor", "filters", "codecs", "index_codecs"):
        entry = metadata.get(key)
        for codec in entry if isinstance(entry, list | tuple) else (entry,):
            if codec is None:
                continue
            described = codec if isinstance(codec, Mapping) else {}
            name = described.get("id", described.get("name", type(codec).__name__))
            yield str(name).removeprefix("numcodecs.")
            configuration = described.get("configuration")
            if isinstance(configuration, Mapping):
                yield from _codecs(configuration)
