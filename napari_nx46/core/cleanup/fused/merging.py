"""Which parts of a watershed belong together: borders that are as deep as the parts themselves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from napari_nx46.voxels.blocks import FloatVolume
from napari_nx46.voxels.spans import Labels

__all__ = ["Borders", "merged_parts"]

SALIENCE = 0.75
"""A border this deep, as a share of the shallower part's depth, is no neck."""

FEWEST_PAIRS, MOST_PAIRS = 20, 60
"""Voxel pairs of a border that may be opened: wider ones run along two sheets."""

LARGEST_SHARE = 0.15
"""Of the mask, that merged parts may not reach."""

DEPTH_PERCENTILE = 90


@dataclass(frozen=True, eq=False)
class Borders:
    """The borders between parts, by the faces of their voxels.

    Parameters
    ----------
    parts : (n, 2) array of int64
        The numbers of the parts on either side, the lower one first.
    pairs : (n,) array of int64
        How many pairs of neighbouring voxels each has.
    depths : (n,) array of float64
        Mean over the pairs of the smaller distance to the background.
    """

    parts: npt.NDArray[np.int64]
    pairs: npt.NDArray[np.int64]
    depths: npt.NDArray[np.float64]

    @classmethod
    def of(cls, labels: Labels, distances: FloatVolume) -> Borders:
        """Return the borders of parts, 0 being none."""
        base = int(labels.max()) + 1
        keys, least = [], []
        for axis in range(3):
            before = (slice(None),) * axis + (slice(None, -1),)
            after = (slice(None),) * axis + (slice(1, None),)
            here, there = labels[before], labels[after]
            is_border = (here != there) & (here > 0) & (there > 0)
            low = np.minimum(here[is_border], there[is_border]).astype(np.int64)
            keys.append(low * base + np.maximum(here[is_border], there[is_border]))
            least.append(np.minimum(distances[before][is_border], distances[after][is_border]))
        found, which = np.unique(np.concatenate(keys), return_inverse=True)
        pairs = np.bincount(which, minlength=found.size)
        sums = np.bincount(which, weights=np.concatenate(least), minlength=found.size)
        sides = np.stack([found // base, found % base], axis=1)
        return cls(sides, pairs, sums / np.maximum(pairs, 1))


def merged_parts(labels: Labels, distances: FloatVolume) -> Labels:
    """Merge parts across borders that are no necks.

    A border of 20 to 60 pairs of voxels is opened if the mean of its depths is at least 0.75 times
    the shallower part's depth, the 90th percentile of its distances; the deepest borders first, and
    never to 15 % of the mask.

    Parameters
    ----------
    labels : (Z, Y, X) array of int32
        Parts numbered from 1, and 0.
    distances : (Z, Y, X) array of float32
        To the background.

    Returns
    -------
    (Z, Y, X) array of int32
        Each part has the lowest number of those that it was merged with.
    """
    from scipy.ndimage import labeled_comprehension

    count = int(labels.max())
    sizes = np.bincount(labels.ravel(), minlength=count + 1).astype(np.int64)
    most = LARGEST_SHARE * sizes[1:].sum()
    depths = np.zeros(count + 1, np.float64)
    depths[1:] = labeled_comprehension(
        distances,
        labels,
        np.arange(1, count + 1),
        lambda values: np.percentile(values, DEPTH_PERCENTILE),
        float,
        0.0,
    )
    borders = Borders.of(labels, distances)
    is_open = (borders.pairs >= FEWEST_PAIRS) & (borders.pairs <= MOST_PAIRS)
    is_open &= borders.depths >= SALIENCE * depths[borders.parts].min(axis=1)
    parent = np.arange(count + 1)
    for border in np.argsort(-borders.depths, kind="stable"):
        if not is_open[border]:
            continue
        first, second = (_root(parent, int(part)) for part in borders.parts[border])
        if first != second and sizes[first] + sizes[second] < most:
            low, high = sorted((first, second))
            parent[high] = low
            sizes[low] += sizes[high]
    roots = np.array([_root(parent, part) for part in range(count + 1)], np.int32)
    merged: Labels = roots[labels]
    return merged


def _root(parent: npt.NDArray[np.int64], part: int) -> int:
    while parent[part] != part:
        parent[part] = parent[parent[part]]
        part = int(parent[part])
    return part
