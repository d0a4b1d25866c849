"""The profile of a mask: figures of every slice, fast enough to follow the sliders at rest.

`measure` has the figures that a run writes to its metrics; here are those that a plot shows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from napari_nx46.core.measure.slices import PERCENTS, score_percentiles
from napari_nx46.voxels.blocks import FloatVolume
from napari_nx46.voxels.euler import euler_numbers_of_slices
from napari_nx46.voxels.overlap import (
    AnyMask,
    Bits,
    Counts,
    Overlap,
    SliceOverlaps,
    bits_of,
    compare_bits,
    count_bits,
)
from napari_nx46.voxels.spans import Components, Runs, foreground_runs
from napari_nx46.voxels.workers import CancelCheck, Workers, never, tiles_of

__all__ = [
    "IGNORED",
    "LabelBits",
    "Percentiles",
    "SliceProfile",
    "percentiles_of_slices",
    "profile_slices",
    "slice_components",
]

IGNORED = 2
"""What a label holds where nobody knows; such voxels count as background, in the mask too."""

SURFACE = 1
SLICES_PER_TILE = 8

Label = npt.NDArray[np.uint8]
Percentiles = tuple[float, float, float, float]
"""The percentiles `measure.PERCENTS` of a slice's scores, in units of probability."""


@dataclass(frozen=True, slots=True)
class SliceProfile:
    """The figures of one slice of a mask, for a plot over z.

    Parameters
    ----------
    z : int
        Index of the slice.
    density : float
        Share of foreground voxels, in [0, 1].
    continuity : float, optional
        Dice coefficient with the slice before it, in [0, 1]; None for the first slice.
    components : int
        Number of 8-connected foreground components.
    largest_share : float
        Share of the slice's foreground that its largest component has, in [0, 1]; 0.0 for an empty
        slice.
    euler_number : int
        Components - holes; foreground 8-connected, background 4-connected.
    percentiles : tuple of float, optional
        `measure.PERCENTS` of the slice's scores; None where no scores were given.
    agreement : Overlap, optional
        The mask (A) against the label (B), ignored voxels being background in both; None without a
        label, and where the label ignores the whole slice.
    recall_loss : float, optional
        Surface voxels that the slice misses, as a share of all surface voxels of the volume: over
        the slices they sum to 1 - recall of the volume. None where `agreement` is.
    ignored : bool
        Whether the label ignores the whole slice.
    """

    z: int
    density: float
    continuity: float | None
    components: int
    largest_share: float
    euler_number: int
    percentiles: Percentiles | None = None
    agreement: Overlap | None = None
    recall_loss: float | None = None
    ignored: bool = False

    @property
    def precision(self) -> float | None:
        """Share of the predicted voxels that are surface; None where `agreement` is."""
        return None if self.agreement is None else self.agreement.precision

    @property
    def recall(self) -> float | None:
        """Share of the surface voxels that are predicted; None where `agreement` is."""
        return None if self.agreement is None else self.agreement.recall

    @property
    def dice(self) -> float | None:
        """Dice coefficient with the label; None where `agreement` is."""
        return None if self.agreement is None else self.agreement.dice


@dataclass(frozen=True, eq=False, slots=True)
class LabelBits:
    """A label packed once, to be compared with many masks.

    Parameters
    ----------
    surface : (Z, Y, ceil(X / 8)) array of uint8
        Where the label is 1.
    judged : (Z, Y, ceil(X / 8)) array of uint8
        Where the label is not 2.
    shape : tuple of int
        (Z, Y, X).
    surface_voxels : int
    """

    surface: Bits
    judged: Bits
    shape: tuple[int, int, int]
    surface_voxels: int

    @classmethod
    def of(cls, label: Label, workers: Workers | None = None) -> LabelBits:
        """Pack a label.

        Parameters
        ----------
        label : (Z, Y, X) array of uint8
            0 background, 1 surface, 2 ignore.
        workers : Workers, optional
            Threads to share the work.

        Raises
        ------
        ValueError
            If the array has no three axes.
        """
        if label.ndim != 3:
            raise ValueError(f"expected a label (Z, Y, X), found shape {label.shape}")
        depth, height, width = label.shape
        surface = np.empty((depth, height, -(-width // 8)), np.uint8)
        judged = np.empty_like(surface)

        def pack(tile: slice) -> None:
            surface[tile] = bits_of(label[tile] == SURFACE)
            judged[tile] = bits_of(label[tile] != IGNORED)

        (workers or Workers(1)).map(pack, tiles_of(depth, SLICES_PER_TILE))
        return cls(surface, judged, (depth, height, width), int(count_bits(surface).sum()))

    def compare(self, mask_bits: Bits, tile: slice) -> SliceOverlaps:
        """Compare consecutive slices of a packed mask (A) with the label's (B)."""
        return compare_bits(mask_bits & self.judged[tile], self.surface[tile])


@dataclass(frozen=True, eq=False, slots=True)
class SliceComponents:
    """The 8-connected components of consecutive slices.

    Parameters
    ----------
    counts : (Z,) array of int64
        How many each slice has.
    largest : (Z,) array of int64
        Voxels of each slice's largest one; 0 where there is none.
    """

    counts: Counts
    largest: Counts


def slice_components(runs: Runs) -> SliceComponents:
    """Find the 8-connected components of every slice on its own.

    Parameters
    ----------
    runs : Runs
        Of the mask's foreground.

    Returns
    -------
    SliceComponents
    """
    from napari_nx46.voxels.compiled_spans import join_slices, number_components

    depth, height, _ = runs.shape
    parent = np.empty(runs.first.size, np.int64)
    component = np.empty(runs.first.size, np.int32)
    for z in range(depth):
        join_slices(z, z + 1, height, 26, runs.row_starts, runs.first, runs.stop, parent)
    count = number_components(parent, component)
    sizes = Components(runs, component, count).sizes()
    slice_of = np.zeros(count, np.int64)
    slice_of[component] = runs.rows() // max(height, 1)
    largest = np.zeros(depth, np.int64)
    np.maximum.at(largest, slice_of, sizes)
    return SliceComponents(np.bincount(slice_of, minlength=depth), largest)


def percentiles_of_slices(
    score: FloatVolume, workers: Workers | None = None, cancelled: CancelCheck = never
) -> list[Percentiles]:
    """Return the percentiles of every slice's scores.

    Parameters
    ----------
    score : (Z, Y, X) array of float32
        No NaN.
    workers : Workers, optional
        Threads to share the work.
    cancelled : callable
        Asked between slices.

    Returns
    -------
    list of tuple of float
        `measure.PERCENTS` of each slice, interpolated linearly in float64.

    Raises
    ------
    Cancelled
        If `cancelled` returned True.
    """

    def of_slice(tile: slice) -> Percentiles:
        p50, p90, p95, p99 = score_percentiles(score[tile], PERCENTS)
        return p50, p90, p95, p99

    return (workers or Workers(1)).map(of_slice, tiles_of(len(score), 1), cancelled)


def profile_slices(
    mask: AnyMask,
    *,
    label: LabelBits | None = None,
    percentiles: Sequence[Percentiles] | None = None,
    runs: Runs | None = None,
    workers: Workers | None = None,
    cancelled: CancelCheck = never,
) -> list[SliceProfile]:
    """Measure every slice of a mask.

    Parameters
    ----------
    mask : (Z, Y, X) array of uint8 or bool
        What is not 0 is foreground.
    label : LabelBits, optional
        Of the same shape.
    percentiles : sequence of tuple of float, optional
        Of every slice's scores, from `percentiles_of_slices`.
    runs : Runs, optional
        Of the mask's foreground, where they were found before.
    workers : Workers, optional
        Threads to share the work.
    cancelled : callable
        Asked between tiles of a few slices.

    Returns
    -------
    list of SliceProfile
        In ascending z.

    Raises
    ------
    ValueError
        If the mask has no three axes or no voxel, or the label, the percentiles or the runs do not
        fit it.
    Cancelled
        If `cancelled` returned True.
    """
    _check_fit(mask, label, percentiles, runs)

    def profile(tile: slice) -> list[SliceProfile]:
        scores = None if percentiles is None else percentiles[tile]
        own_runs = foreground_runs(mask[tile]) if runs is None else runs.of_slices(tile)
        return _profile_tile(mask, tile, own_runs, label, scores)

    tiles = tiles_of(len(mask), SLICES_PER_TILE)
    parts = (workers or Workers(1)).map(profile, tiles, cancelled)
    return [profiled for part in parts for profiled in part]


def _profile_tile(
    mask: AnyMask,
    tile: slice,
    runs: Runs,
    label: LabelBits | None,
    percentiles: Sequence[Percentiles] | None,
) -> list[SliceProfile]:
    """Measure some slices; the one before them is looked at for the continuity."""
    part = mask[tile]
    bits = bits_of(mask[max(tile.start - 1, 0) : tile.stop])
    between = compare_bits(bits[:-1], bits[1:]).dice.tolist()
    # No slice comes before the very first one.
    continuity = between if tile.start else [None, *between]
    own = bits[len(bits) - len(part) :]
    foreground = count_bits(own)
    found = slice_components(runs)
    euler_numbers = euler_numbers_of_slices(part)
    agreements = None if label is None else label.compare(own, tile)
    judged = None if label is None else count_bits(label.judged[tile])
    voxels = part[0].size
    profiles = []
    for index in range(len(part)):
        voxels_in = int(foreground[index])
        ignored = judged is not None and not judged[index]
        agreement = None if agreements is None or ignored else agreements[index]
        profiles.append(
            SliceProfile(
                z=tile.start + index,
                density=voxels_in / voxels,
                continuity=continuity[index],
                components=int(found.counts[index]),
                largest_share=int(found.largest[index]) / voxels_in if voxels_in else 0.0,
                euler_number=int(euler_numbers[index]),
                percentiles=None if percentiles is None else percentiles[index],
                agreement=agreement,
                recall_loss=_recall_loss(agreement, label),
                ignored=ignored,
            )
        )
    return profiles


def _recall_loss(agreement: Overlap | None, label: LabelBits | None) -> float | None:
    if agreement is None or label is None:
        return None
    return agreement.only_b / label.surface_voxels if label.surface_voxels else 0.0


def _check_fit(
    mask: AnyMask,
    label: LabelBits | None,
    percentiles: Sequence[Percentiles] | None,
    runs: Runs | None,
) -> None:
    if mask.ndim != 3 or not mask.size:
        raise ValueError(f"expected a mask (Z, Y, X) with voxels, found shape {mask.shape}")
    if label is not None and label.shape != mask.shape:
        raise ValueError(f"the mask has shape {mask.shape}, the label {label.shape}")
    if percentiles is not None and len(percentiles) != len(mask):
        raise ValueError(f"the mask has {len(mask)} slices, the percentiles {len(percentiles)}")
    if runs is not None and runs.shape != mask.shape:
        raise ValueError(f"the mask has shape {mask.shape}, that of the runs {runs.shape}")
