"""How napari saves masks: one mask TIFF, written and verified like an archive's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tifffile

from napari_nx46.files.atomic import WriteError, write_beside
from napari_nx46.files.submission.writing import MaskStream, write_mask_file


def write_mask_layer(path: str, data: Any, attributes: dict[str, Any]) -> list[str]:
    """Save a binary layer as a 3D multi-page TIFF with the values {0, 1}.

    Parameters
    ----------
    path : str
        The file; ``.tif`` is added where it is missing.
    data : (Z, Y, X) array-like
        Voxels that are not 0 become 1.
    attributes : dict
        The layer's other attributes; not saved.

    Returns
    -------
    list of str
        The path written.

    Raises
    ------
    WriteError
        If the layer is not three-dimensional or has other values than 0 and one more, or if the
        file cannot be written. (napari would swallow a ValueError, and say something else.)
    """
    target, voxels = _target(path), np.asarray(data)
    if voxels.ndim != 3:
        raise WriteError(target, f"expected a (Z, Y, X) mask, found shape {voxels.shape}")
    values = np.unique(voxels)
    if not _is_mask(values):
        raise WriteError(target, f"expected a mask with 0 and one other value, found {values[:5]}")
    return _write_mask(target, voxels)


def write_labels_layer(path: str, data: Any, attributes: dict[str, Any]) -> list[str]:
    """Save a labels layer: as a surface mask if it is one, else its labels as they are.

    Parameters
    ----------
    path : str
        The file; ``.tif`` is added where it is missing.
    data : array-like of int
    attributes : dict
        The layer's other attributes; not saved.

    Returns
    -------
    list of str
        The path written.

    Raises
    ------
    WriteError
        If the file cannot be written.
    """
    target, labels = _target(path), np.asarray(data)
    if labels.ndim == 3 and _is_mask(np.unique(labels)):
        return _write_mask(target, labels)
    with write_beside(target) as partial:
        tifffile.imwrite(partial, labels, photometric="minisblack", compression="zlib")
        if not np.array_equal(tifffile.imread(partial).reshape(labels.shape), labels):
            raise WriteError(target, "the file does not read back as the layer; save it again")
    return [str(target)]


def _write_mask(target: Path, voxels: npt.NDArray[Any]) -> list[str]:
    mask = (voxels != 0).astype(np.uint8)
    z, y, x = mask.shape
    write_mask_file(target, MaskStream(target.stem, (z, y, x), lambda: iter([mask])))
    return [str(target)]


def _target(path: str) -> Path:
    return Path(path if path.lower().endswith((".tif", ".tiff")) else f"{path}.tif")


def _is_mask(values: npt.NDArray[np.generic]) -> bool:
    return len(values) < 2 or (len(values) == 2 and values[0] == 0)
