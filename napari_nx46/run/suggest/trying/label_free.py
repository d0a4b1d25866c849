"""What masks are compared by where nobody has labelled anything: figures that sheets should have.

None of them is a score, and neither is their mean rank, which the search aims at.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from napari_nx46.core.measure.band import distance_from_band
from napari_nx46.core.measure.suspicions.components import measure_components, measured_volume
from napari_nx46.core.threshold.thresholds import Threshold
from napari_nx46.leaderboard.voi import variation_of_information
from napari_nx46.run.suggest.trying.measures import MeasuredMask
from napari_nx46.setting import DEFAULT_BAND, SettingError
from napari_nx46.voxels.blocks import Mask
from napari_nx46.voxels.workers import CancelCheck

__all__ = ["FIGURES", "LabelFree", "RankObjective"]

FEWEST_VOXELS = 1000
"""Of a component whose holes count."""

RAISED = 0.02
"""By how much thresholds are raised, to see whether the mask depends on them."""

NO_SHEET = 1e5
"""Tunnels of a mask without any sheet: a hole in every voxel."""

FIGURES: Mapping[str, tuple[str, bool]] = {
    "tunnels": ("holes through sheets, in 100,000 voxels", False),
    "crumbs": ("pieces of a sheet that only an edge or a corner connects", False),
    "thick": ("share of the voxels that lie deeper than the median thickness", False),
    "continuity": ("Dice coefficient of a slice and the next one", True),
    "stability": ("agreement with the mask of thresholds 0.02 higher, 1 / (1 + 0.3 VOI)", True),
    "density": ("share of foreground, by its distance from the band", False),
}
"""Name of a figure, what it is, and whether more is better."""


class LabelFree:
    """Measures the figures that need no label."""

    of_mask_alone: ClassVar[bool] = False

    def __call__(
        self, measured: MeasuredMask, label: npt.NDArray[np.uint8] | None, cancelled: CancelCheck
    ) -> dict[str, float]:
        """Return `FIGURES` of a mask."""
        mask = measured.mask
        volume = measured_volume(mask, cancelled=cancelled)
        shapes = measure_components(volume, cancelled=cancelled)
        large = shapes.size >= FEWEST_VOXELS
        voxels, sheets = int(shapes.size[large].sum()), int(large.sum())
        foreground = max(int(mask.sum()), 1)
        deep = np.count_nonzero(volume.squares > shapes.median_thickness**2)
        return {
            "tunnels": 1e5 * float(shapes.tunnels[large].sum()) / voxels if sheets else NO_SHEET,
            "crumbs": float((shapes.pieces[large] - 1).sum()) / sheets if sheets else NO_SHEET,
            "thick": deep / foreground,
            "continuity": _continuity(mask),
            "stability": _stability(measured, cancelled),
            "density": float(mask.mean()),
        }


def _continuity(mask: Mask) -> float:
    both = np.count_nonzero(mask[1:] & mask[:-1])
    each = np.count_nonzero(mask[1:]) + np.count_nonzero(mask[:-1])
    return 2 * both / each if each else 0.0


def _stability(measured: MeasuredMask, cancelled: CancelCheck) -> float:
    threshold = measured.threshold
    low = None if threshold.low is None else tuple(one + RAISED for one in threshold.low)
    raised = Threshold(tuple(one + RAISED for one in threshold.values), threshold.exact, low)
    higher = measured.pipeline.whole_mask(measured.setting, raised, cancelled).mask()
    return variation_of_information(measured.mask > 0, higher > 0).value


@dataclass(frozen=True)
class RankObjective:
    """The weighted mean of the ranks that settings have in each figure.

    Parameters
    ----------
    weights : mapping of str to float
        Of `FIGURES`; those that are not in it weigh 1.
    band : tuple of float
        Density aimed at.

    Raises
    ------
    SettingError
        If there is no such figure.
    """

    weights: Mapping[str, float]
    band: tuple[float, float] = DEFAULT_BAND

    def __post_init__(self) -> None:
        unknown = sorted(self.weights.keys() - FIGURES.keys())
        if unknown:
            raise SettingError(
                f"found weights of {', '.join(unknown)}; expected some of {', '.join(FIGURES)}"
            )
        if not any(self._weight(name) > 0 for name in FIGURES):
            raise SettingError("found no weight above 0, expected at least one")

    def __call__(self, means: Sequence[Mapping[str, float]]) -> list[float]:
        """Return 1 for a setting that is best in everything, 0 for one that is worst."""
        from scipy.stats import rankdata

        if not means:
            return []
        total, whole = np.zeros(len(means)), 0.0
        for name, (_, more_is_better) in FIGURES.items():
            values = [one[name] for one in means]
            if name == "density":
                values = [abs(distance_from_band(one, self.band)) for one in values]
            ranks = rankdata(values if more_is_better else [-one for one in values])
            total += self._weight(name) * (ranks - 1) / max(len(means) - 1, 1)
            whole += self._weight(name)
        return [float(one) for one in total / whole]

    def _weight(self, name: str) -> float:
        return self.weights.get(name, 1.0)
