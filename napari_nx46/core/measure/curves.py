"""Precision, recall and density over the threshold of the score, from histograms alone.

A threshold at the lower edge of a bin of `quantile.ScoreHistogram` selects whole bins, so that the
counts of voxels are exact there. The edges are 2**-9 of the value apart; a threshold between two of
them is taken at the edge below it.

The curves are those of the plain threshold over whole fragments. Where a hysteresis pair or
clean-up steps follow, they say what the mask was before: whoever shows them must say so.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from napari_nx46.core.measure.label_bits import IGNORED
from napari_nx46.core.threshold.quantile import (
    HIGH_BITS,
    HIGH_BITS_SHIFT,
    Counts,
    ScoreHistogram,
    bin_of_threshold,
    quantile_rank,
    score_of_bits,
)
from napari_nx46.voxels.blocks import FloatVolume
from napari_nx46.voxels.workers import CancelCheck, Workers, never, tiles_of

__all__ = [
    "Curve",
    "LabelledHistogram",
    "density_over_quantiles",
    "labelled_histogram",
    "precision_recall",
    "precision_recall_at",
]

CLASSES = 3
SLICES_PER_TILE = 1

Label = npt.NDArray[np.uint8]
Values = npt.NDArray[np.float64]

_SIGN = np.uint32(1 << 31)


@dataclass(frozen=True, eq=False, slots=True)
class LabelledHistogram:
    """The scores of a fragment, by what the label says of their voxels.

    Parameters
    ----------
    surface, background, ignored : ScoreHistogram
        Where the label is 1, 0 and 2. Ignored voxels count for neither precision nor recall, but
        quantiles are taken over them too, and they are in the density.
    """

    surface: ScoreHistogram
    background: ScoreHistogram
    ignored: ScoreHistogram

    def __add__(self, other: LabelledHistogram) -> LabelledHistogram:
        return LabelledHistogram(
            self.surface + other.surface,
            self.background + other.background,
            self.ignored + other.ignored,
        )

    @property
    def all_scores(self) -> ScoreHistogram:
        """The histogram of all voxels."""
        return self.surface + self.background + self.ignored


@dataclass(frozen=True, eq=False, slots=True)
class Curve:
    """What plain thresholds give.

    Parameters
    ----------
    quantiles : (n,) array of float64
        Share of all scores below each threshold.
    thresholds : (n,) array of float64
        In units of probability, each at the lower edge of a bin.
    precision, recall, dice : (n,) array of float64
        Against the label, in [0, 1]; 1.0 where nothing is predicted, nothing is surface, neither.
    density : (n,) array of float64
        Share of all voxels, ignored ones too, that reach the threshold.
    """

    quantiles: Values
    thresholds: Values
    precision: Values
    recall: Values
    dice: Values
    density: Values


def labelled_histogram(
    score_slabs: Iterable[FloatVolume],
    label_slabs: Iterable[Label],
    *,
    workers: Workers | None = None,
    cancelled: CancelCheck = never,
) -> LabelledHistogram:
    """Count the scores of a fragment by what the label says of their voxels.

    Parameters
    ----------
    score_slabs : iterable of (n, Y, X) array of float32
        Slabs of the score, no NaN, none below 0.
    label_slabs : iterable of (n, Y, X) array of uint8
        The same slabs of the label: 0 background, 1 surface, 2 ignore.
    workers : Workers, optional
        Threads to share the work.
    cancelled : callable
        Asked between slices.

    Returns
    -------
    LabelledHistogram

    Raises
    ------
    ValueError
        If there are more slabs of one than of the other, their shapes differ, or a label holds
        another value.
    Cancelled
        If `cancelled` returned True.
    """
    counts = np.zeros((CLASSES, HIGH_BITS), np.int64)
    for score, label in zip(score_slabs, label_slabs, strict=True):
        _check_slab(score, label)

        def count(tile: slice, score: FloatVolume = score, label: Label = label) -> Counts:
            return _count_classes(score[tile], label[tile])

        tiles = tiles_of(len(score), SLICES_PER_TILE)
        for part in (workers or Workers(1)).map(count, tiles, cancelled):
            counts += part
    background, surface, ignored = (ScoreHistogram(row) for row in counts)
    return LabelledHistogram(surface, background, ignored)


def precision_recall(histogram: LabelledHistogram, quantiles: Sequence[float]) -> Curve:
    """Return the curve at the thresholds of some quantiles.

    Parameters
    ----------
    histogram : LabelledHistogram
    quantiles : sequence of float
        In [0, 1], over the scores of the whole fragment. Each is taken at the lower edge of the
        bin that its lower order statistic lies in; `Curve.quantiles` says where that is.

    Returns
    -------
    Curve

    Raises
    ------
    ValueError
        If there are no scores or a quantile is outside [0, 1].
    """
    return _curve_at_bins(histogram, _bins_of_quantiles(histogram.all_scores, quantiles))


def precision_recall_at(histogram: LabelledHistogram, thresholds: Sequence[float]) -> Curve:
    """Return the curve at some thresholds.

    Parameters
    ----------
    histogram : LabelledHistogram
    thresholds : sequence of float
        In units of probability, at least 0; each is taken at the lower edge of its bin.

    Returns
    -------
    Curve

    Raises
    ------
    ValueError
        If there are no scores or a threshold is not a number at least 0.
    """
    if not all(threshold >= 0 for threshold in thresholds):
        raise ValueError(f"expected thresholds of at least 0, found {list(thresholds)}")
    if not histogram.all_scores.total:
        raise ValueError("a curve needs at least one score")
    bins = np.array([bin_of_threshold(threshold) for threshold in thresholds], np.int64)
    return _curve_at_bins(histogram, np.minimum(bins, HIGH_BITS - 1))


def density_over_quantiles(histogram: ScoreHistogram, quantiles: Sequence[float]) -> Values:
    """Return the density that the thresholds of some quantiles give, without any label.

    It is 1 - quantile but where many scores are equal.

    Parameters
    ----------
    histogram : ScoreHistogram
        Of the whole fragment.
    quantiles : sequence of float
        In [0, 1]; taken as in `precision_recall`.

    Returns
    -------
    (n,) array of float64
        Share of voxels that reach the threshold.

    Raises
    ------
    ValueError
        If there are no scores or a quantile is outside [0, 1].
    """
    bins = _bins_of_quantiles(histogram, quantiles)
    return np.asarray(_from_bin_on(histogram, bins) / histogram.total)


def _bins_of_quantiles(histogram: ScoreHistogram, quantiles: Sequence[float]) -> Counts:
    ranks = [quantile_rank(histogram.total, quantile).lower for quantile in quantiles]
    return np.array([histogram.bin_of_rank(rank) for rank in ranks], np.int64)


def _curve_at_bins(histogram: LabelledHistogram, bins: Counts) -> Curve:
    scores = histogram.all_scores
    true_positive = _from_bin_on(histogram.surface, bins)
    predicted = true_positive + _from_bin_on(histogram.background, bins)
    surface = np.full(bins.shape, histogram.surface.total)
    reaching = _from_bin_on(scores, bins)
    return Curve(
        quantiles=1 - reaching / scores.total,
        thresholds=np.array([score_of_bits(int(number), 0) for number in bins]),
        precision=_shares(true_positive, predicted),
        recall=_shares(true_positive, surface),
        dice=_shares(2 * true_positive, predicted + surface),
        density=reaching / scores.total,
    )


def _from_bin_on(histogram: ScoreHistogram, bins: Counts) -> Counts:
    """Return how many scores lie in each of some bins or in a higher one."""
    below = histogram.cumulative - histogram.counts
    return np.asarray(histogram.total - below[bins])


def _count_classes(score: FloatVolume, label: Label) -> Counts:
    """Return the histogram of the scores of each class, (3, 65536) int64."""
    bits = np.ascontiguousarray(score, np.float32).view(np.uint32)
    numbers = (bits & ~_SIGN) >> np.uint32(HIGH_BITS_SHIFT)  # a zero may have a sign
    numbers += label.astype(np.uint32) * np.uint32(HIGH_BITS)
    counted = np.bincount(numbers.ravel(), minlength=CLASSES * HIGH_BITS)
    return counted.reshape(CLASSES, HIGH_BITS)


def _check_slab(score: FloatVolume, label: Label) -> None:
    if score.shape != label.shape:
        raise ValueError(f"the score has shape {score.shape}, the label {label.shape}")
    if label.size and int(label.max()) > IGNORED:
        raise ValueError(f"expected labels 0, 1 and 2, found {int(label.max())}")


def _shares(parts: Counts, wholes: Counts) -> Values:
    return np.divide(parts, wholes, out=np.ones(parts.shape), where=wholes > 0)
