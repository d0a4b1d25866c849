"""Which dataset of an HDF5 file is meant, and what it says of its axes and voxels.

Only hard links are followed: a soft or external link may lead anywhere.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from napari_nx46.files.naming import first_few, printable
from napari_nx46.files.volumes.origin import Origin
from napari_nx46.files.volumes.placement import Placement

USUAL_NAMES = ("exported_data", "predictions")
"""Of the datasets that ilastik and 3D U-Net write."""

HDF5_SUFFIXES = (".h5", ".hdf5", ".hdf")
_FEWEST_AXES, _MOST_AXES = 3, 5
_MOST_OBJECTS, _MOST_DEPTH = 10_000, 16
_MOST_ATTRIBUTE_BYTES = 2**16
_AXIS_TAGS, _VOXEL_SIZE = "axistags", "element_size_um"


def split_path(path: Path) -> tuple[Path, str | None]:
    """Return the HDF5 file of a path, and what follows it: the path of a dataset in the file.

    Parameters
    ----------
    path : Path
        Such as ``a.h5/predictions``; any path without a file on its way is returned as it is.
    """
    for parent in path.parents:
        if parent.suffix.lower() in HDF5_SUFFIXES and parent.is_file():
            return parent, path.relative_to(parent).as_posix()
    return path, None


def chosen_dataset(origin: Origin, file: Any, path: str | None) -> Any:
    """Return the dataset at a path, or the only one that can be a volume.

    Parameters
    ----------
    origin : Origin
        The file, for messages.
    file : h5py.File
    path : str or None

    Raises
    ------
    VolumeError
        If there is none, several, or a link on the way leads elsewhere.
    """
    import h5py

    if path is not None:
        node: Any = file
        for part in path.split("/"):
            if not isinstance(node, h5py.Group) or not isinstance(
                node.get(part, getlink=True), h5py.HardLink
            ):
                raise origin.error(f"no dataset {printable(path)}", _listed(file))
            node = node[part]
        if not isinstance(node, h5py.Dataset):
            raise origin.error(f"a group at {printable(path)}", _listed(file))
        return node
    found = list(_volumes(file))
    usual = [one for one in found if one.name.rpartition("/")[2] in USUAL_NAMES]
    chosen = usual if len(usual) == 1 else found
    if len(chosen) != 1:
        raise origin.error(f"{len(found)} datasets of three to five axes", _listed(file))
    return chosen[0]


def axis_names(dataset: Any) -> tuple[str, ...] | None:
    """Return the names that ilastik, or the scales of HDF5, give the axes of a dataset."""
    text = _attribute(dataset, _AXIS_TAGS)
    if isinstance(text, str | bytes):
        try:
            names = tuple(str(axis["key"]) for axis in json.loads(text)["axes"])
        except (ValueError, TypeError, LookupError, RecursionError):
            return None
        return names
    labels = tuple(str(axis.label) for axis in dataset.dims)
    return labels if all(labels) else None


def placement_of(dataset: Any) -> Placement | None:
    """Return the size of the voxels along (z, y, x), where a dataset says it in micrometres."""
    sizes = _attribute(dataset, _VOXEL_SIZE)
    try:
        return (
            None if sizes is None else Placement.of(np.asarray(sizes, float).tolist(), units="µm")
        )
    except (TypeError, ValueError):
        return None


def _attribute(dataset: Any, name: str) -> Any:
    """Return an attribute of bounded size, if there is one."""
    import h5py

    if name not in dataset.attrs:
        return None
    if h5py.h5a.open(dataset.id, name.encode()).get_storage_size() > _MOST_ATTRIBUTE_BYTES:
        return None
    return dataset.attrs[name]


def _volumes(group: Any) -> Iterator[Any]:
    """Yield the datasets below a group that can be volumes, each once."""
    import h5py

    left, seen = [(group, 0)], set[int]()
    while left and len(seen) < _MOST_OBJECTS:
        node, depth = left.pop()
        address = h5py.h5o.get_info(node.id).addr
        if address in seen:
            continue
        seen.add(address)
        if isinstance(node, h5py.Dataset):
            if _FEWEST_AXES <= len(node.shape or ()) <= _MOST_AXES:
                yield node
        elif isinstance(node, h5py.Group) and depth < _MOST_DEPTH:
            names = [name for name in node if _is_hard(node, name)]
            left += [(node[name], depth + 1) for name in reversed(names)]


def _is_hard(group: Any, name: str) -> bool:
    import h5py

    return isinstance(group.get(name, getlink=True), h5py.HardLink)


def _listed(file: Any) -> str:
    """Return in words what there is to choose from."""
    names = [printable(one.name.lstrip("/")) for one in _volumes(file)]
    return f"the path of one, as FILE/PATH; there are {first_few(names) or 'none'}"
