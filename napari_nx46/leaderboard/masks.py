"""Two volumes from a caller -> two boolean masks that can be compared."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from napari_nx46.leaderboard.bits import Mask
from napari_nx46.leaderboard.results import VoxelOverlap
from napari_nx46.voxels.overlap import overlap

__all__ = ["LabelMask", "MaskPair", "binarise", "voxel_overlap"]

_AXES = ("Z", "Y", "X")


@dataclass(frozen=True, slots=True, eq=False)
class MaskPair:
    """The foreground of prediction and label after the ignored voxels are taken out.

    Parameters
    ----------
    prediction, label : ndarray of bool
        (Z, Y, X), of one shape.
    """

    prediction: Mask
    label: Mask


@dataclass(frozen=True, slots=True, eq=False)
class LabelMask:
    """The foreground of a label, and which voxels of it count.

    Parameters
    ----------
    foreground : ndarray of bool
        (Z, Y, X).
    kept : ndarray of bool, optional
        (Z, Y, X): the voxels that are not ignored; None where all are kept.
    """

    foreground: Mask
    kept: Mask | None

    @classmethod
    def of(cls, label: npt.ArrayLike, ignore_label: int | None = 2) -> LabelMask:
        """Return the mask of a label; parameters and errors are those of `binarise`."""
        true = _checked("label", label)
        foreground = _foreground(true)
        if ignore_label is None or true.dtype == np.bool_:
            return cls(foreground, None)
        kept = true != ignore_label
        return cls(np.logical_and(foreground, kept, out=foreground), kept)

    def pair(self, prediction: npt.ArrayLike) -> MaskPair:
        """Return a prediction's mask beside that of the label; errors are those of `binarise`."""
        predicted = _checked("prediction", prediction)
        if predicted.shape != self.foreground.shape:
            raise ValueError(
                f"prediction and label must have one shape (Z, Y, X), got {predicted.shape} "
                f"and {self.foreground.shape}"
            )
        mask = _foreground(predicted)
        if self.kept is not None:
            np.logical_and(mask, self.kept, out=mask)
        return MaskPair(mask, self.foreground)


def binarise(
    prediction: npt.ArrayLike, label: npt.ArrayLike, ignore_label: int | None = 2
) -> MaskPair:
    """Set ignored voxels to background in both volumes and keep what is not zero.

    Parameters
    ----------
    prediction, label : array_like
        (Z, Y, X) of one shape; boolean, integer or floating point. NaN counts as background.
    ignore_label : int or None
        Label value to ignore; None ignores nothing.

    Returns
    -------
    MaskPair
        New arrays; the arguments are left as they are.

    Raises
    ------
    ValueError
        If an array is not three-dimensional, has an empty axis or a type that is no number, or
        if the shapes differ.
    """
    predicted = _checked("prediction", prediction)
    return LabelMask.of(label, ignore_label).pair(predicted)


def voxel_overlap(pair: MaskPair) -> VoxelOverlap:
    """Count the voxels on which the prediction (A) and the label (B) agree and differ.

    Parameters
    ----------
    pair : MaskPair

    Returns
    -------
    VoxelOverlap
    """
    counts = overlap(pair.prediction, pair.label)
    return VoxelOverlap(counts.both, counts.only_a, counts.only_b)


def _checked(name: str, volume: npt.ArrayLike) -> npt.NDArray[np.generic]:
    array = np.asarray(volume)
    if array.dtype.kind not in "buif":
        raise ValueError(
            f"{name} must be boolean, integer or floating point, got dtype {array.dtype}"
        )
    if array.ndim != 3:
        raise ValueError(f"{name} must be a (Z, Y, X) volume, got shape {array.shape}")
    for axis, length in zip(_AXES, array.shape, strict=True):
        if length == 0:
            raise ValueError(f"{name} has an empty {axis} axis, got shape {array.shape}")
    return array


def _foreground(array: npt.NDArray[np.generic]) -> Mask:
    mask: Mask = np.not_equal(array, 0)
    if array.dtype.kind == "f":
        np.logical_and(mask, np.equal(array, array), out=mask)  # NaN is not equal to itself
    return mask
