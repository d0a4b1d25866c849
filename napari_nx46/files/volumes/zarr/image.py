"""What the metadata of an OME-Zarr group say of its first image."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from napari_nx46.files.naming import printable
from napari_nx46.files.stores.keys import Keys
from napari_nx46.files.volumes.origin import AnyOrigin
from napari_nx46.files.volumes.placement import Placement
from napari_nx46.files.volumes.zarr.placement import placement_of_image

if TYPE_CHECKING:
    from zarr import Group
    from zarr.types import AnyArray

_MOST_LEVELS = 64
_LONGEST_NAME = 255
_MOST_LISTED = 10
_MOST_NAMES = 10_000


@dataclass(frozen=True, slots=True)
class Image:
    """An OME-Zarr image, of which one resolution is read.

    Attributes
    ----------
    path : str
        Of the resolution that is read.
    paths : tuple of str
        Of all that are declared; empty where the one that is read is none of an image.
    axes : tuple of str or None
        Names of the axes.
    placement : Placement or None
        Size and place of the voxels of the resolution.
    """

    path: str
    paths: tuple[str, ...] = ()
    axes: tuple[str, ...] | None = None
    placement: Placement | None = None


def image_of(origin: AnyOrigin, group: Group, keys: Keys, level: str | None) -> Image:
    """Return the first image of a group, or one of its arrays as if it were one.

    Parameters
    ----------
    origin : AnyOrigin
        The store, for messages.
    group : zarr.Group
        Its root.
    keys : Keys
        The store.
    level : str or None
        Path of the resolution that is read, declared or not; None for the full one.

    Raises
    ------
    VolumeError
        If there is no image, or its metadata make no sense.
    """
    attributes: Mapping[str, object] = group.attrs.asdict()
    # Version 0.5 keeps under "ome" what version 0.4 keeps at the top.
    newer = attributes.get("ome")
    holder = newer if isinstance(newer, Mapping) else attributes
    images = holder.get("multiscales")
    if level is not None and not _stays_inside(level):
        raise origin.error(f"level {printable(level)!r}", "a relative path within the store")
    if not isinstance(images, list) or not images:
        if level is not None:
            return Image(level)
        raise origin.error(
            f"a Zarr group without multiscales, with {_members(keys)} in it",
            "a Zarr array or an OME-Zarr image; open one array, by its path or with --level",
        )
    image = images[0]
    if not isinstance(image, Mapping):
        raise origin.error(f"an image described by {image!r:.100}", "an OME-Zarr image")
    datasets = image.get("datasets")
    if isinstance(datasets, list) and len(datasets) > _MOST_LEVELS:
        raise origin.error(f"an image of {len(datasets)} resolutions", f"at most {_MOST_LEVELS}")
    declared = _paths(datasets)
    first = declared[0] if declared else None
    if first is None:
        raise origin.error(
            f"path {datasets!r:.100} of the full resolution",
            "a relative path within the folder",
        )
    path = first if level is None else level
    if path not in declared:
        return Image(path)
    inside = tuple(one for one in declared if one is not None)
    names = _axis_names(origin, image.get("axes"))
    return Image(path, inside, names, placement_of_image(image, declared.index(path)))


def _members(keys: Keys) -> str:
    """Return what is in a store, for a message."""
    names = keys.names("", 2)
    found = {name.partition("/")[0] for name in islice(names or (), _MOST_NAMES)}
    listed = sorted(name for name in found if not name.startswith((".z", "zarr.json")))
    return ", ".join(map(printable, listed[:_MOST_LISTED])) or "nothing"


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
        and max(map(len, parts)) <= _LONGEST_NAME
        and not path.startswith("/")
        and not any(character in path for character in "\\:\0")
    )


def _axis_names(origin: AnyOrigin, axes: object) -> tuple[str, ...] | None:
    """Return the names of axes as OME-Zarr lists them, if it does."""
    if not isinstance(axes, list):
        return None
    names = [axis.get("name") if isinstance(axis, Mapping) else axis for axis in axes]
    if not all(isinstance(name, str) for name in names):
        raise origin.error(f"axes named {names!r:.100}", "axes (z, y, x), after t and c at most")
    return tuple(map(str, names))


def dimension_names(array: AnyArray) -> tuple[str, ...] | None:
    """Return the names that an array gives its axes, as Zarr v3 or xarray write them.

    Parameters
    ----------
    array : zarr.Array
    """
    names = array.metadata.to_dict().get("dimension_names")
    if names is None:
        names = array.attrs.get("_ARRAY_DIMENSIONS")
    return tuple(map(str, names)) if isinstance(names, list | tuple) else None
