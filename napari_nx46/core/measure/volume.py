"""What a mask amounts to as a whole: one fragment's figures."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from napari_nx46.core.measure.band import distance_from_band
from napari_nx46.core.measure.label_bits import LabelBits
from napari_nx46.core.measure.slices import SliceMeasures, measure_slices
from napari_nx46.voxels.blocks import AnyMask
from napari_nx46.voxels.euler import euler_number
from napari_nx46.voxels.overlap import Overlap
from napari_nx46.voxels.spans import Runs, components_of, foreground_runs
from napari_nx46.voxels.workers import CancelCheck, Cancelled, Workers, never

__all__ = ["VolumeMetrics", "measure_volume"]

NEIGHBOURS = 26


@dataclass(frozen=True, slots=True)
class VolumeMetrics:
    """The figures of a whole mask.

    Parameters
    ----------
    density : float
        Share of foreground voxels, in [0, 1].
    mean_continuity : float, optional
        Mean over the slices but the first of the Dice coefficient with the slice before; None for
        a single slice.
    components : int
        Number of 26-connected foreground components.
    largest_share : float
        Share of the foreground that the largest component has, in [0, 1]; 0.0 for an empty mask.
    euler_number : int
        Components - tunnels + cavities, where the foreground is connected by faces (6) and the
        background by all neighbours (26), as in the leaderboard score: these components are others
        than those counted by `components`.
    agreement : Overlap, optional
        The mask (A) against the label (B), ignored voxels being background in both; None without a
        label.
    """

    density: float
    mean_continuity: float | None
    components: int
    largest_share: float
    euler_number: int
    agreement: Overlap | None = None

    @property
    def precision(self) -> float | None:
        """Share of the predicted voxels that are surface; None without a label."""
        return None if self.agreement is None else self.agreement.precision

    @property
    def recall(self) -> float | None:
        """Share of the surface voxels that are predicted; None without a label."""
        return None if self.agreement is None else self.agreement.recall

    @property
    def dice(self) -> float | None:
        """Dice coefficient with the label; None without a label."""
        return None if self.agreement is None else self.agreement.dice

    def distance_from(self, band: tuple[float, float]) -> float:
        """Return by how much the density is below (negative) or above a band; 0.0 within it.

        Raises
        ------
        ValueError
            If the band's ends are the wrong way round.
        """
        return distance_from_band(self.density, band)

    def as_record(self) -> dict[str, float]:
        """Return the figures that are known by name, ready for a table."""
        figures: dict[str, float | None] = {
            "density": self.density,
            "mean_continuity": self.mean_continuity,
            "components": self.components,
            "largest_share": self.largest_share,
            "euler_number": self.euler_number,
            "precision": self.precision,
            "recall": self.recall,
            "dice": self.dice,
        }
        return {name: value for name, value in figures.items() if value is not None}


def measure_volume(
    mask: AnyMask,
    *,
    profile: Sequence[SliceMeasures] | None = None,
    label: LabelBits | None = None,
    runs: Runs | None = None,
    workers: Workers | None = None,
    cancelled: CancelCheck = never,
) -> VolumeMetrics:
    """Measure a whole mask.

    Parameters
    ----------
    mask : (Z, Y, X) array of uint8 or bool
        What is not 0 is foreground.
    profile : sequence of SliceMeasures, optional
        Of this mask against this label; it is made where it is not given.
    label : LabelBits, optional
        Of the same shape; for the profile that is made.
    runs : Runs, optional
        Of the mask's foreground, where they were found before.
    workers : Workers, optional
        Threads to share the work.
    cancelled : callable
        Asked between tiles, and between the parts of the work.

    Returns
    -------
    VolumeMetrics

    Raises
    ------
    ValueError
        If the mask has no three axes or no voxel, or the label or the profile does not fit it.
    Cancelled
        If `cancelled` returned True.
    """
    if profile is None:
        profile = measure_slices(mask, label=label, workers=workers, cancelled=cancelled)
    if len(profile) != len(mask):
        raise ValueError(f"the mask has {len(mask)} slices, the profile {len(profile)}")
    euler = euler_number(mask, workers, cancelled)
    if cancelled():
        raise Cancelled
    found = foreground_runs(mask, workers) if runs is None else runs
    sizes = components_of(found, NEIGHBOURS, workers).sizes()
    return _summary(mask, profile, euler, sizes.tolist())


def _summary(
    mask: AnyMask, profile: Sequence[SliceMeasures], euler: int, sizes: Sequence[int]
) -> VolumeMetrics:
    foreground = sum(sizes)
    steps = [figures.continuity for figures in profile if figures.continuity is not None]
    return VolumeMetrics(
        density=foreground / mask.size,
        mean_continuity=math.fsum(steps) / len(steps) if steps else None,
        components=len(sizes),
        largest_share=max(sizes) / foreground if foreground else 0.0,
        euler_number=euler,
        agreement=_whole([figures.agreement for figures in profile]),
    )


def _whole(agreements: Sequence[Overlap | None]) -> Overlap | None:
    """Add up the agreements of all slices."""
    known = [agreement for agreement in agreements if agreement is not None]
    if not known:
        return None
    return Overlap(
        sum(part.both for part in known),
        sum(part.only_a for part in known),
        sum(part.only_b for part in known),
    )
