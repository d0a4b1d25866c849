"""The figures of one slice against its label: quick enough for every move of a slider."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from napari_nx46.leaderboard import (
    COMPETITION,
    Parameters,
    binarise,
    surface_dice,
    voxel_overlap,
)
from napari_nx46.voxels.blocks import Mask
from napari_nx46.voxels.overlap import Overlap


@dataclass(frozen=True)
class SliceScore:
    """How one slice of the mask agrees with its label.

    Parameters
    ----------
    voxels : Overlap, optional
        With precision, recall and Dice; None where the label ignores the whole slice.
    surface_dice : float, optional
        Of the slice taken as a volume one voxel thick; None while its kernels are compiled, and
        where the label ignores the whole slice.
    """

    voxels: Overlap | None
    surface_dice: float | None

    @property
    def ignored(self) -> bool:
        """Whether the label ignores the whole slice."""
        return self.voxels is None


@dataclass(frozen=True, eq=False)
class SliceRequest:
    """A slice to compare.

    Parameters
    ----------
    mask, label : (Z, Y, X) array of uint8
        Of one shape, one voxel thick along one axis.
    with_surface : bool
        Compute SurfaceDice too.
    """

    mask: Mask
    label: npt.NDArray[np.uint8]
    with_surface: bool


def score_slice(request: SliceRequest, parameters: Parameters = COMPETITION) -> SliceScore:
    """Compare one slice of a mask with the same slice of the label.

    Parameters
    ----------
    request : SliceRequest
        With SurfaceDice its kernels are compiled where that has not been done yet.
    parameters : Parameters
        The competition's by default.

    Raises
    ------
    ValueError
        If the shapes differ.
    """
    mask, label, spacing = request.mask, request.label, parameters.spacing
    if mask.shape == label.shape and bool(np.all(label == parameters.ignore_label)):
        return SliceScore(None, None)
    if mask.shape[2] == 1:
        # Rows are packed into words: a slice across x would have rows of a single voxel.
        mask, label = (np.ascontiguousarray(array.transpose(2, 0, 1)) for array in (mask, label))
        spacing = (spacing[2], spacing[0], spacing[1])
    pair = binarise(mask, label, parameters.ignore_label)
    surface = None
    if request.with_surface:
        surface = surface_dice(
            pair.prediction, pair.label, tolerance=parameters.tolerance, spacing=spacing
        )
    return SliceScore(voxel_overlap(pair), surface)
