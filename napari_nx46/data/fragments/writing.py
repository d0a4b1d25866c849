"""Writing the volumes of a fragment into a data folder."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from napari_nx46.data.fragments.names import FragmentError, checked_image_id, is_plain_name
from napari_nx46.files.atomic import write_together
from napari_nx46.files.naming import printable
from napari_nx46.files.volumes.opening import write_volume

_VOLUME_AXES = 3


def write_data_folder(
    root: str | os.PathLike[str], image_id: str, volumes: Mapping[str, np.ndarray]
) -> None:
    """Write volumes of one fragment into a data folder, all of them or none.

    Every volume is written beside its target, read back and compared; then all take their names.

    Parameters
    ----------
    root : str or path-like
        The data folder; made if it is missing.
    image_id : str
        Name of the fragment.
    volumes : mapping of str to numpy.ndarray
        Name of a folder, e.g. ``p3d``, to the (Z, Y, X) array of real numbers that
        ``root/<folder>/<image_id>.tif`` shall hold, as a multi-page TIFF compressed with zlib.

    Raises
    ------
    FragmentError
        If a name is not plain, or an array is not such a volume.
    WriteError
        If a file cannot be written (an `OSError`).
    VolumeError
        If what was written does not read back equal.
    """
    checked_image_id(image_id)
    for folder, voxels in volumes.items():
        _check_writable(folder, voxels)
    with write_together() as batch:
        for folder, voxels in volumes.items():
            target = Path(root) / folder / f"{image_id}.tif"
            target.parent.mkdir(parents=True, exist_ok=True)
            partial = batch.add(target)
            write_volume(partial, voxels, image_id=image_id)


def _check_writable(folder: str, voxels: np.ndarray) -> None:
    """Check the name of a folder, and that an array can be written as a volume."""
    if not is_plain_name(folder):
        raise FragmentError(f"found folder name {printable(folder)!r}; expected a plain name")
    if voxels.ndim != _VOLUME_AXES or voxels.size == 0 or voxels.dtype.kind not in "iuf":
        raise FragmentError(
            f"{folder}: found an array of shape {voxels.shape} and type {voxels.dtype}; "
            "expected three axes (Z, Y, X), none empty, of integers or real numbers"
        )
