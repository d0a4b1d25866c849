"""What a mask and its scores amount to, slice by slice, fast enough to follow a slider."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_nx46.core.measure.label_bits import LabelBits
from napari_nx46.core.threshold.quantile import scores_quantiles
from napari_nx46.voxels.blocks import AnyMask, FloatVolume
from napari_nx46.voxels.euler import euler_numbers_of_slices
from napari_nx46.voxels.overlap import (
    Bits,
    Counts,
    Overlap,
    bits_of,
    compare_bits,
    count_bits,
)
from napari_nx46.voxels.spans import Components, Runs, foreground_runs
from napari_nx46.voxels.workers import CancelCheck, Workers, never, tiles_of

__all__ = [
    "PERCENTS",
    "Percentiles",
    "SliceMeasures",
    "density",
    "measure_slices",
    "percentiles_of_slices",
    "score_percentiles",
    "slice_components",
]

PERCENTS: tuple[float, ...] = (50.0, 90.0, 95.0, 99.0)
"""The percentiles that `SliceMeasures` holds."""

SLICES_PER_TILE = 8

Percentiles = tuple[float, float, float, float]
"""The percentiles `PERCENTS` of a slice's scores, in units of probability."""


@dataclass(frozen=True, slots=True)
class SliceMeasures:
    """The figures of one slice of a mask.

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
        `PERCENTS` of the slice's scores; None where no scores were given.
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


def density(mask: AnyMask) -> float:
    """Return the share of foreground voxels.

    Parameters
    ----------
    mask
        uint8 or bool array of any shape, at least one voxel; what is not 0 is foreground.

    Returns
    -------
    float
        In [0, 1].

    Raises
    ------
    ValueError
        If the mask has no voxel.

    Examples
    --------
    >>> density(np.array([[0, 1], [0, 0]], dtype=np.uint8))
    0.25
    """
    if mask.size == 0:
        raise ValueError(f"the density of a mask without voxels is undefined: shape {mask.shape}")
    return int(np.count_nonzero(mask)) / mask.size


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


def score_percentiles(
    score_slice: NDArray[np.floating[Any]], percents: Sequence[float] = PERCENTS
) -> tuple[float, ...]:
    """Return percentiles of the scores of a slice.

    Parameters
    ----------
    score_slice
        float32 array of shape (Y, X), no NaN.
    percents
        In [0, 100], in any order.

    Returns
    -------
    tuple of float
        One for each of `percents`, interpolated linearly in float64.

    Raises
    ------
    ValueError
        If the array has no voxel or a percentage is out of range.

    Examples
    --------
    >>> score_percentiles(np.array([[0.0, 0.25, 0.5]], dtype=np.float32), (50, 75))
    (0.25, 0.375)
    """
    if score_slice.size == 0:
        raise ValueError(f"percentiles of no scores are undefined: shape {score_slice.shape}")
    return scores_quantiles(score_slice, [percent / 100 for percent in percents])


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
        `PERCENTS` of each slice, interpolated linearly in float64.

    Raises
    ------
    Cancelled
        If `cancelled` returned True.
    """

    def of_slice(tile: slice) -> Percentiles:
        p50, p90, p95, p99 = score_percentiles(score[tile], PERCENTS)
        return p50, p90, p95, p99

    return (workers or Workers(1)).map(of_slice, tiles_of(len(score), 1), cancelled)


def measure_slices(
    mask: AnyMask,
    *,
    label: LabelBits | None = None,
    percentiles: Sequence[Percentiles] | None = None,
    runs: Runs | None = None,
    first_z: int = 0,
    before: AnyMask | None = None,
    workers: Workers | None = None,
    cancelled: CancelCheck = never,
) -> list[SliceMeasures]:
    """Measure every slice of a mask, or of a slab of it.

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
    first_z : int
        Index of the first slice; not 0 for a slab of a larger mask.
    before : (Y, X) array of uint8 or bool, optional
        The slice before the first one, for its continuity.
    workers : Workers, optional
        Threads to share the work.
    cancelled : callable
        Asked between tiles of a few slices.

    Returns
    -------
    list of SliceMeasures
        In ascending z.

    Raises
    ------
    ValueError
        If the mask has no three axes or no voxel, or the label, the percentiles, the runs or the
        slice before do not fit it.
    Cancelled
        If `cancelled` returned True.

    Examples
    --------
    >>> mask = np.array([[[1, 1, 0, 0]], [[0, 1, 0, 1]]], dtype=np.uint8)
    >>> [(one.density, one.continuity, one.components) for one in measure_slices(mask)]
    [(0.5, None, 1), (0.5, 0.5, 2)]
    """
    _check_fit(mask, label, percentiles, runs, before)

    def measure(tile: slice) -> list[SliceMeasures]:
        scores = None if percentiles is None else percentiles[tile]
        own_runs = foreground_runs(mask[tile]) if runs is None else runs.of_slices(tile)
        bits = bits_of(mask[max(tile.start - 1, 0) : tile.stop])
        if tile.start == 0 and before is not None:
            bits = np.concatenate([bits_of(before)[np.newaxis], bits])
        return _measure_tile(mask[tile], bits, own_runs, label, scores, tile, first_z)

    tiles = tiles_of(len(mask), SLICES_PER_TILE)
    parts = (workers or Workers(1)).map(measure, tiles, cancelled)
    return [measured for part in parts for measured in part]


def _measure_tile(
    mask: AnyMask,
    bits: Bits,
    runs: Runs,
    label: LabelBits | None,
    percentiles: Sequence[Percentiles] | None,
    tile: slice,
    first_z: int,
) -> list[SliceMeasures]:
    """Measure some slices; `bits` has the one before them too, where there is one."""
    between: list[float] = compare_bits(bits[:-1], bits[1:]).dice.tolist()
    own = bits[len(bits) - len(mask) :]
    # No slice comes before the very first one.
    continuity = between if len(bits) > len(mask) else [None, *between]
    foreground = count_bits(own)
    found = slice_components(runs)
    euler_numbers = euler_numbers_of_slices(mask)
    agreements = None if label is None else label.compare(own, tile)
    judged = None if label is None else count_bits(label.judged[tile])
    voxels = mask[0].size
    measures = []
    for index in range(len(mask)):
        voxels_in = int(foreground[index])
        ignored = judged is not None and not judged[index]
        agreement = None if agreements is None or ignored else agreements[index]
        measures.append(
            SliceMeasures(
                z=first_z + tile.start + index,
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
    return measures


def _recall_loss(agreement: Overlap | None, label: LabelBits | None) -> float | None:
    if agreement is None or label is None:
        return None
    return agreement.only_b / label.surface_voxels if label.surface_voxels else 0.0


def _check_fit(
    mask: AnyMask,
    label: LabelBits | None,
    percentiles: Sequence[Percentiles] | None,
    runs: Runs | None,
    before: AnyMask | None,
) -> None:
    if mask.ndim != 3 or not mask.size:
        raise ValueError(f"expected a mask (Z, Y, X) with voxels, found shape {mask.shape}")
    if label is not None and label.shape != mask.shape:
        raise ValueError(f"the mask has shape {mask.shape}, the label {label.shape}")
    if percentiles is not None and len(percentiles) != len(mask):
        raise ValueError(f"the mask has {len(mask)} slices, the percentiles {len(percentiles)}")
    if runs is not None and runs.shape != mask.shape:
        raise ValueError(f"the mask has shape {mask.shape}, that of the runs {runs.shape}")
    if before is not None and before.shape != mask.shape[1:]:
        raise ValueError(
            f"the slices have shape {mask.shape[1:]}, the one before them {before.shape}"
        )
