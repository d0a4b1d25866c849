"""A mask in a file, an archive or a store, read when it is asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from napari_nx46.data.fragments import FragmentError
from napari_nx46.files.memory import check_whole
from napari_nx46.files.submission.mask_tiff import Shape
from napari_nx46.files.volumes.opening import Volume
from napari_nx46.setting import Setting
from napari_nx46.voxels.blocks import Mask, whole_block
from napari_nx46.voxels.corrections.corrections import Corrections
from napari_nx46.voxels.workers import CancelCheck, never

__all__ = ["StoredMask", "read_once", "volume_mask"]


@dataclass(frozen=True, slots=True)
class StoredMask:
    """A mask that has not been read.

    Parameters
    ----------
    image_id : str
    shape : tuple of int
        (Z, Y, X).
    path : Path, optional
        The volume or archive that it is in.
    voxels : callable
        Returns the voxels as stored, (Z, Y, X) of any type; asks the callable it is given whether
        to go on.
    setting : Setting, optional
        What the mask was made with, where that is known.
    is_binary : bool
        Whether the voxels are uint8 {0, 1}.
    url : str, optional
        Of a store on a server, which has no path.
    """

    image_id: str
    shape: Shape
    path: Path | None
    voxels: Callable[[CancelCheck], np.ndarray]
    setting: Setting | None = None
    is_binary: bool = False
    url: str | None = None

    @property
    def place(self) -> Path | str | None:
        """Where it is: a path or a URL; None of a mask that is computed."""
        return self.path or self.url

    def read(self, cancelled: CancelCheck = never) -> Mask:
        """Return the mask, (Z, Y, X) uint8 {0, 1}.

        Raises
        ------
        FragmentError
            If the foreground has several values, or one that is no number.
        VolumeError
            If it cannot be read, or was changed since it was opened.
        Cancelled
            If ``cancelled()`` became True.
        """
        voxels = self.voxels(cancelled)
        return voxels if self.is_binary else _binary_mask(voxels, self)

    def corrected(self, corrections: Corrections) -> StoredMask:
        """Return the mask that is corrected by hand when it is read.

        Raises
        ------
        FragmentError
            If the corrections are of another shape.
        """
        if corrections.shape != self.shape:
            raise FragmentError(
                f"fragment {self.image_id}: found corrections of shape {corrections.shape}, "
                f"expected {self.shape}, as the mask has"
            )

        def voxels(cancelled: CancelCheck) -> np.ndarray:
            return corrections.apply(self.read(cancelled), whole_block(self.shape))

        return replace(self, voxels=voxels, is_binary=True)


def read_once(volume: Volume) -> np.ndarray:
    """Read a volume as a whole, and give back what it keeps for further reading.

    Raises
    ------
    VolumeError
        If it cannot be read, has a voxel that is NaN, or has been changed since it was opened; or
        is too large to be looked at as a whole.
    """
    check_whole(volume.origin, volume.shape, volume.size * volume.dtype.itemsize)
    voxels = volume.read()
    # NaN is unequal to 0, so it would count as foreground.
    missing = int(np.count_nonzero(np.isnan(voxels))) if voxels.dtype.kind == "f" else 0
    if missing:
        raise volume.origin.error(f"{missing} voxels of NaN", "numbers")
    volume.release()
    volume.check_unchanged()
    return voxels


def volume_mask(image_id: str, volume: Volume) -> StoredMask:
    """Return the mask that a volume holds, not read yet."""
    url = None if volume.path is not None else volume.name
    return StoredMask(
        image_id, volume.shape, volume.path, lambda _cancelled: read_once(volume), url=url
    )


def _binary_mask(voxels: np.ndarray, stored: StoredMask) -> Mask:
    """Return a mask as uint8 {0, 1}; its foreground may have any single value, as 1 or 255."""
    foreground = voxels != 0
    values = voxels[foreground]
    lowest, highest = (values.min(), values.max()) if values.size else (1, 1)
    # A comparison with NaN is False, and a NaN is no value that a mask may have.
    if not (lowest == highest and np.isfinite(lowest)):
        raise FragmentError(
            f"fragment {stored.image_id}: found values from {lowest} to {highest} besides 0 in "
            f"{stored.place}; expected a binary mask, whose foreground has a single value"
        )
    mask: Mask = foreground.view(np.uint8)
    return mask
