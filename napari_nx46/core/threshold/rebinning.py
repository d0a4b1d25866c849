"""The histogram of the scores in bins that an eye can take in."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from napari_nx46.core.threshold.quantile import HIGH_BITS, HIGH_BITS_SHIFT, Counts, ScoreHistogram

__all__ = ["Bins", "edge_bins", "rebinned"]


@dataclass(frozen=True, eq=False, slots=True)
class Bins:
    """How many scores lie between consecutive edges.

    Parameters
    ----------
    edges : (n + 1,) array of float64
        Ascending, in units of probability; a score at an edge belongs to the bin that begins there.
    counts : (n,) array of int64
    """

    edges: npt.NDArray[np.float64]
    counts: Counts


def edge_bins(histogram: ScoreHistogram, most: int) -> Counts:
    """Return the bins of a histogram at which wider, about equally wide bins begin and end.

    Parameters
    ----------
    histogram : ScoreHistogram
    most : int
        At most so many wide bins, at least one.

    Returns
    -------
    (n + 1,) array of int64
        Ascending, from the first bin that has scores to one beyond the last.

    Raises
    ------
    ValueError
        If there are no scores, or less than one bin is asked for.
    """
    if most < 1:
        raise ValueError(f"expected at least one bin, found {most}")
    occupied = np.flatnonzero(histogram.counts)
    if not occupied.size:
        raise ValueError("found no score to show a histogram of")
    ends = np.array([occupied[0], min(occupied[-1] + 1, HIGH_BITS - 1)], np.int64)
    low, high = _lower_edges(ends)
    wanted = np.linspace(low, high, most + 1).astype(np.float32)
    inner = (wanted.view(np.uint32) >> np.uint32(HIGH_BITS_SHIFT)).astype(np.int64)
    return np.unique(np.concatenate([ends, np.clip(inner, *ends)]))


def rebinned(histogram: ScoreHistogram, bins: Counts) -> Bins:
    """Count the scores in wider bins.

    The edges are those of the histogram's own bins, so that the counts are exact.

    Parameters
    ----------
    histogram : ScoreHistogram
    bins : (n + 1,) array of int64
        The bins at which the wide ones begin and end (`edge_bins`).

    Returns
    -------
    Bins
    """
    below = histogram.cumulative - histogram.counts
    return Bins(_lower_edges(bins), np.diff(below[bins]))


def _lower_edges(bins: Counts) -> npt.NDArray[np.float64]:
    """Return the lowest score of some bins."""
    bits = bins.astype(np.uint32) << np.uint32(HIGH_BITS_SHIFT)
    return bits.view(np.float32).astype(np.float64)
