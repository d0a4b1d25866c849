"""What is measured of a mask: its score against the label."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from threading import Lock
from typing import ClassVar, Protocol

import numpy as np
import numpy.typing as npt

from napari_nx46 import leaderboard
from napari_nx46.core.pipeline import FragmentPipeline
from napari_nx46.core.threshold.thresholds import Threshold
from napari_nx46.run.suggest.trying.places import TriedPlace
from napari_nx46.setting import Setting
from napari_nx46.voxels.blocks import Mask
from napari_nx46.voxels.workers import CancelCheck

__all__ = ["LabelScore", "Measure", "MeasuredMask"]

Label = npt.NDArray[np.uint8]

ONE_OCTANT = leaderboard.Parameters(octants=(1, 1, 1))
"""An octant is counted as one, as it is in the score of its fragment."""

LABELS_KEPT = 16
"""Places whose labels are kept prepared: of a fragment 320 voxels wide that takes 90 MB."""


@dataclass(frozen=True, eq=False, slots=True)
class MeasuredMask:
    """A mask, and how it was made.

    Parameters
    ----------
    mask : (Z, Y, X) array of uint8, {0, 1}
    place : TriedPlace
    pipeline : FragmentPipeline
        Of the place.
    setting : Setting
    threshold : Threshold
        On the place.
    """

    mask: Mask
    place: TriedPlace
    pipeline: FragmentPipeline
    setting: Setting
    threshold: Threshold


class Measure(Protocol):
    """Measures masks.

    Attributes
    ----------
    of_mask_alone : bool
        Whether equal masks have equal figures, however they were made.
    """

    of_mask_alone: ClassVar[bool]

    def __call__(
        self, measured: MeasuredMask, label: Label | None, cancelled: CancelCheck
    ) -> dict[str, float]:
        """Return the figures of a mask by name."""


class LabelScore:
    """The leaderboard score against the label, and its parts; may be asked from several threads."""

    of_mask_alone: ClassVar[bool] = True

    def __init__(self) -> None:
        self._labels: OrderedDict[TriedPlace, leaderboard.PreparedLabel] = OrderedDict()
        self._lock = Lock()

    def __call__(
        self, measured: MeasuredMask, label: Label | None, cancelled: CancelCheck
    ) -> dict[str, float]:
        """Return the score, its three parts, voxel precision and recall, and the density.

        Raises
        ------
        ValueError
            If there is no label.
        """
        if label is None:
            raise ValueError(f"{measured.place.name}: found no label, expected one")
        prepared = self._prepared(measured.place, label)
        found = prepared.score(measured.mask, cancelled=cancelled, workers=1)
        return {
            "score": found.value,
            "topo": found.topo.value,
            "surface_dice": found.surface_dice,
            "voi": found.voi.value,
            "precision": found.voxels.precision,
            "recall": found.voxels.recall,
            "density": float(measured.mask.mean()),
        }

    def _prepared(self, place: TriedPlace, label: Label) -> leaderboard.PreparedLabel:
        with self._lock:
            found = self._labels.get(place)
            if found is None:
                parameters = leaderboard.COMPETITION if place.octant is None else ONE_OCTANT
                found = self._labels[place] = leaderboard.PreparedLabel(label, parameters)
            self._labels.move_to_end(place)
            while len(self._labels) > LABELS_KEPT:
                self._labels.popitem(last=False)
            return found
