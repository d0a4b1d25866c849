"""What of the foreground that one mask gains on another is true surface, and what repeats itself.

A mask may gain foreground because it finds more of a surface, or because it lets structures of the
scan or of the network through: streaks that stand at the same place in slice after slice. Here

- a voxel is *gained* if it is foreground of the mask and not of the baseline's mask;
- a voxel is *near* if its centre lies within the leaderboard's tolerance (2 voxels, Euclidean) of
  the centre of a voxel that the label has as surface;
- a gained voxel is *repeated* if it is not near and belongs to a straight run of at least N gained
  voxels along z, at the same (y, x);
- what is neither near nor repeated is *scattered*.

Voxels that the label ignores are background of both masks, and end a run. Without a label no voxel
is known to be near, so that repeated ones may be surface that runs along z.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from napari_nx46.core.measure.label_bits import IGNORED, SURFACE
from napari_nx46.leaderboard.parameters import COMPETITION
from napari_nx46.leaderboard.surface_dice import dilated
from napari_nx46.voxels.blocks import Mask
from napari_nx46.voxels.packed import Words, pack
from napari_nx46.voxels.workers import CancelCheck, Cancelled, never

__all__ = ["SHORTEST_REPEAT", "GainedForeground", "PackedLabel", "gained_foreground"]

SHORTEST_REPEAT = 8
"""Slices over which gained foreground counts as repeated, by default."""

Slice = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class GainedForeground:
    """Voxel counts of one mask against the baseline's.

    Parameters
    ----------
    gained, lost : int
        Foreground of the mask alone, and of the baseline's alone.
    repeated : int
        Gained, not near, in a straight run along z.
    near : int, optional
        Gained and near; None without a label, as are the next two.
    baseline : int
        Foreground of the baseline's mask.
    lost_near, baseline_near : int, optional
        Lost and near, foreground of the baseline's mask and near.
    shortest_repeat : int
        Slices that a straight run has at least.
    """

    gained: int
    lost: int
    repeated: int
    near: int | None
    baseline: int
    lost_near: int | None
    baseline_near: int | None
    shortest_repeat: int = SHORTEST_REPEAT

    @property
    def scattered(self) -> int:
        """Gained, neither near nor repeated."""
        return self.gained - self.repeated - (self.near or 0)


@dataclass(frozen=True, slots=True, eq=False)
class PackedLabel:
    """A label, one bit a voxel, in words as `voxels.packed.pack` makes them without a margin.

    Parameters
    ----------
    judged : (Z, Y, W) array of uint64
        Voxels that the label does not ignore.
    near : (Z, Y, W) array of uint64
        Voxels that are near.
    """

    judged: Words
    near: Words

    @classmethod
    def of(cls, label: Mask, tolerance: float = COMPETITION.tolerance) -> PackedLabel:
        """Pack a label.

        Parameters
        ----------
        label : (Z, Y, X) array of uint8
            0 background, 1 surface, 2 ignore.
        tolerance : float
            Distance up to which a voxel is near, in voxels.
        """
        surface = pack(label == SURFACE).words
        return cls(pack(label != IGNORED).words, dilated(surface, tolerance, (1.0, 1.0, 1.0)))


def gained_foreground(
    mask: Words,
    baseline: Words,
    columns: int,
    label: PackedLabel | None = None,
    *,
    shortest_repeat: int = SHORTEST_REPEAT,
    cancelled: CancelCheck = never,
) -> GainedForeground:
    """Count what a mask gains on the baseline's, by what it is.

    Parameters
    ----------
    mask, baseline : (Z, Y, W) array of uint64
        As `voxels.packed.pack` packs a mask without a margin.
    columns : int
        X, the voxels of a row.
    label : PackedLabel, optional
    shortest_repeat : int
        Slices that gained foreground has to run straight along z to count as repeated.
    cancelled : callable
        Asked before every slice.

    Raises
    ------
    ValueError
        If the shapes differ.
    Cancelled
        If `cancelled` returned True.
    """
    _check_shapes(mask, baseline, label)
    counter = _Counter(mask.shape[1], columns, shortest_repeat)
    everywhere = np.ones((mask.shape[1], columns), np.bool_)
    for z in range(len(mask)):
        if cancelled():
            raise Cancelled
        counter.add(
            _unpacked(mask[z], columns),
            _unpacked(baseline[z], columns),
            everywhere if label is None else _unpacked(label.judged[z], columns),
            ~everywhere if label is None else _unpacked(label.near[z], columns),
        )
    return counter.result(with_label=label is not None)


class _Counter:
    """Counts slice by slice, in ascending z.

    Parameters
    ----------
    rows, columns : int
    shortest_repeat : int
    """

    def __init__(self, rows: int, columns: int, shortest_repeat: int) -> None:
        self._shortest = shortest_repeat
        self._length = np.zeros((rows, columns), np.int32)
        """Slices of the run of gained voxels that ends at each (y, x), up to now."""
        self._far = np.zeros((rows, columns), np.int32)
        """Those of them that are not near."""
        self._repeated = 0
        self._sums = dict.fromkeys(
            ("gained", "near", "lost", "lost_near", "baseline", "baseline_near"), 0
        )

    def add(self, mask: Slice, baseline: Slice, judged: Slice, near: Slice) -> None:
        baseline = baseline & judged
        gained = mask & judged & ~baseline
        lost = baseline & ~mask
        for name, voxels in (("gained", gained), ("lost", lost), ("baseline", baseline)):
            self._sums[name] += int(np.count_nonzero(voxels))
            near_name = "near" if name == "gained" else f"{name}_near"
            self._sums[near_name] += int(np.count_nonzero(voxels & near))
        self._end_runs(~gained)
        self._length += gained
        self._far += gained & ~near

    def _end_runs(self, at: Slice) -> None:
        self._repeated += int(self._far[at & (self._length >= self._shortest)].sum())
        self._length[at] = 0
        self._far[at] = 0

    def result(self, *, with_label: bool) -> GainedForeground:
        self._end_runs(np.ones(self._length.shape, np.bool_))
        sums = self._sums
        return GainedForeground(
            gained=sums["gained"],
            lost=sums["lost"],
            repeated=self._repeated,
            near=sums["near"] if with_label else None,
            baseline=sums["baseline"],
            lost_near=sums["lost_near"] if with_label else None,
            baseline_near=sums["baseline_near"] if with_label else None,
            shortest_repeat=self._shortest,
        )


def _check_shapes(mask: Words, baseline: Words, label: PackedLabel | None) -> None:
    packed = [mask, baseline, *(() if label is None else (label.judged, label.near))]
    shapes = {words.shape for words in packed}
    if len(shapes) > 1:
        raise ValueError(f"expected packed masks of one shape (Z, Y, W), found {sorted(shapes)}")


def _unpacked(words: Words, columns: int) -> Slice:
    """Return one packed slice as (Y, X) bool."""
    octets = words.astype("<u8", copy=False).view(np.uint8)
    bits = np.unpackbits(octets, axis=-1, count=columns, bitorder="little")
    voxels: Slice = bits.view(np.bool_)
    return voxels
