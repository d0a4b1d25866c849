"""Finding and reading masks, and what belongs to them, in folders and archives."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from napari_nx46.data.fragments import FragmentError, sole_listing
from napari_nx46.files.submission.mask_tiff import Shape
from napari_nx46.files.submission.reading import SubmissionMasks, open_submission
from napari_nx46.files.volumes.opening import Volume
from napari_nx46.files.volumes.origin import Origin
from napari_nx46.voxels.blocks import Mask
from napari_nx46.voxels.workers import CancelCheck, never

__all__ = [
    "KEPT_BYTES",
    "MASK_FOLDERS",
    "MOST_NAMES_TOLD",
    "binary_mask",
    "open_any_submission",
    "read_once",
    "volumes_in",
]

MASK_FOLDERS = ("masks",)
"""Where a run keeps its masks."""
KEPT_BYTES = 2**28
"""Memory for the masks of an archive, a bit a voxel; those beyond it are decoded twice."""
MOST_NAMES_TOLD = 10
"""So many missing fragments are named."""


def volumes_in(folder: Path, inside: Iterable[str] = ()) -> dict[str, Path]:
    """Return the volumes in a folder, or in the first such folder in it, by image_id, ascending.

    Parameters
    ----------
    folder : Path
    inside : iterable of str
        Names of folders.

    Raises
    ------
    FragmentError
        If there is no volume, two files are of one fragment, or a name is one that no fragment can
        have.
    OSError
        If the folder cannot be listed.
    """
    return dict(sorted(sole_listing(folder, inside).files.items()))


def open_any_submission(
    archive: Path, cancelled: CancelCheck = never, keep_bytes: int = KEPT_BYTES
) -> tuple[SubmissionMasks, dict[str, Shape]]:
    """Open an archive of masks {0, 1} or {0, 255}, whichever fragments it holds.

    Parameters
    ----------
    archive : Path
        Hostile until it was found valid.
    cancelled : callable
        Asked before every slice.
    keep_bytes : int
        As for `open_submission`.

    Returns
    -------
    masks : SubmissionMasks
    shapes : dict of str to tuple of int
        (Z, Y, X) by image_id.

    Raises
    ------
    VolumeError
        If it is not valid.
    OSError
        If it cannot be opened.
    Cancelled
        If ``cancelled()`` became True; the one of the files.
    """
    masks = open_submission(archive, keep_bytes=keep_bytes, cancelled=cancelled)
    return masks, {image_id: summary.shape for image_id, summary in masks.summaries.items()}


def read_once(volume: Volume) -> np.ndarray:
    """Read a volume as a whole, and give back what it keeps for further reading.

    Raises
    ------
    VolumeError
        If it cannot be read, has a voxel that is NaN, or has been changed since it was opened.
    """
    voxels = volume.read()
    # NaN is unequal to 0, so it would count as foreground.
    missing = int(np.count_nonzero(np.isnan(voxels))) if voxels.dtype.kind == "f" else 0
    if missing:
        raise Origin(volume.path, volume.image_id).error(f"{missing} voxels of NaN", "numbers")
    volume.release()
    volume.check_unchanged()
    return voxels


def binary_mask(voxels: np.ndarray, image_id: str, path: Path) -> Mask:
    """Return a mask as uint8 {0, 1}; its foreground may have any single value, as 1 or 255.

    Raises
    ------
    FragmentError
        If the foreground has several values, or one that is no number.
    """
    foreground = voxels != 0
    values = voxels[foreground]
    lowest, highest = (values.min(), values.max()) if values.size else (1, 1)
    # A comparison with NaN is False, and a NaN is no value that a mask may have.
    if not (lowest == highest and np.isfinite(lowest)):
        raise FragmentError(
            f"fragment {image_id}: found values from {lowest} to {highest} besides 0 in {path}; "
            "expected a binary mask, whose foreground has a single value"
        )
    mask: Mask = foreground.view(np.uint8)
    return mask
