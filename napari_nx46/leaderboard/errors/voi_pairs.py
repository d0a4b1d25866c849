"""What each pair of components adds to the variation of information, and where they meet.

For the pair (i, j) of a component of the prediction and one of the label, with n_ij of all N
voxels, ``n_ij / N * log2(n_j / n_ij)`` are its split bits and ``n_ij / N * log2(n_i / n_ij)`` its
merge bits. Either component may be the background of its mask. All split bits sum to H(P | G), all
merge bits to H(G | P).

Where a pair can be mended by changing rows of the table, what that gains is exact: with
``f(n) = n * log2(n)`` the split is ``sum over j of f(n_j)`` and the merge ``sum over i of f(n_i)``,
both less the sum of all ``f(n_ij)``, and divided by N.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from napari_nx46.leaderboard.components import first_runs, outer_components
from napari_nx46.leaderboard.errors.runs import first_voxels, runs_without, stretches_of
from napari_nx46.leaderboard.results import VariationOfInformation
from napari_nx46.leaderboard.voi import Contingency, Stretches
from napari_nx46.voxels.spans import Components, Runs

__all__ = ["NO_COMPONENT", "VoiPairs", "find_pairs", "runs_alone", "shared_runs"]

Ints = npt.NDArray[np.int32]
Counts = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

NO_COMPONENT = -1
"""Stands for the background."""


@dataclass(frozen=True, slots=True, eq=False)
class VoiPairs:
    """Pairs of a predicted and a true component that share voxels, one a row.

    Parameters
    ----------
    voi : VariationOfInformation
    total : int
        Voxels that are foreground in at least one mask.
    predicted, true : ndarray of int32
        (M,): component of the prediction and of the label; `NO_COMPONENT` for the background.
    voxels : ndarray of int64
        (M,): voxels that they share.
    split_bits, merge_bits : ndarray of float64
        (M,): what the pair adds to split and merge.
    cut_gain : ndarray of float64
        (M,): points gained if the shared voxels were a component of the prediction on their own;
        NaN where the predicted component does not overlap two components of the label.
    join_gain : ndarray of float64
        (M,): points gained if the predicted component were one with `join_with`; NaN for the
        largest one in a component of the label.
    join_with : ndarray of int32
        (M,): the predicted component that shares most voxels with the same component of the label.
    place : ndarray of int32
        (M, 3): of a pair with mainly merge bits, where the predicted component leads from this
        component of the label to the nearest other one, else its first voxel outside of the label;
        of one with mainly split bits likewise, with prediction and label exchanged. If there is no
        such voxel, and where one is the background, the first voxel that they share.
    first_p, first_g : ndarray of int32
        (components, 3): the first voxel of each component of prediction and label.
    components : tuple of Components
        Of prediction and label.
    """

    voi: VariationOfInformation
    total: int
    predicted: Ints
    true: Ints
    voxels: Counts
    split_bits: Floats
    merge_bits: Floats
    cut_gain: Floats
    join_gain: Floats
    join_with: Ints
    place: Ints
    first_p: Ints
    first_g: Ints
    components: tuple[Components, Components]

    def shares(self, weight: float) -> Floats:
        """Return the points that each pair costs, (M,); they sum to ``weight * (1 - value)``."""
        bits = self.split_bits + self.merge_bits
        whole = self.voi.split + self.voi.merge
        shares: Floats = weight * (1 - self.voi.value) * bits / (whole if whole > 0 else 1.0)
        return shares


def find_pairs(counts: Contingency, alpha: float, weight: float, reach: int = 3) -> VoiPairs:
    """Find what each pair of components adds to the variation of information.

    Parameters
    ----------
    counts : Contingency
    alpha : float
        Weight of the variation of information in its score.
    weight : float
        Of the VOI score in the leaderboard score.
    reach : {1, 2, 3}
        Along how many axes a step may lead inside a component.

    Returns
    -------
    VoiPairs
    """
    alone_p, alone_g = np.flatnonzero(counts.only_p), np.flatnonzero(counts.only_g)
    predicted = np.concatenate((counts.of_p, alone_p, np.full(alone_g.size, NO_COMPONENT)))
    true = np.concatenate((counts.of_g, np.full(alone_p.size, NO_COMPONENT), alone_g))
    voxels = np.concatenate((counts.shared, counts.only_p[alone_p], counts.only_g[alone_g]))
    # The background comes last, where the index -1 finds it.
    rows = np.append(counts.size_p, counts.background_p)
    columns = np.append(counts.size_g, counts.background_g)
    total = counts.total
    voi = counts.variation(alpha)
    points = _Points(voi, alpha, weight, max(total, 1))
    cut_gain, join_gain, join_with = _row_changes(counts, points, predicted.size)
    place = _places(counts, alone_p, alone_g, reach)
    return VoiPairs(
        voi,
        total,
        predicted.astype(np.int32),
        true.astype(np.int32),
        voxels,
        voxels * np.log2(columns[true] / voxels) / max(total, 1),
        voxels * np.log2(rows[predicted] / voxels) / max(total, 1),
        cut_gain,
        join_gain,
        join_with,
        place,
        first_voxels(counts.predicted.runs, first_runs(counts.predicted)),
        first_voxels(counts.true.runs, first_runs(counts.true)),
        (counts.predicted, counts.true),
    )


# ---- gains ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Points:
    """From changes of the variation of information, in bits times N, to points."""

    voi: VariationOfInformation
    alpha: float
    weight: float
    total: int

    def gained(self, change: Floats) -> Floats:
        bits = self.voi.split + self.voi.merge + change / self.total
        gained: Floats = self.weight * (1.0 / (1.0 + self.alpha * bits) - self.voi.value)
        return gained


def _row_changes(counts: Contingency, points: _Points, pairs: int) -> tuple[Floats, Floats, Ints]:
    """Return what cutting and joining gains for each pair, and with which component to join."""
    cut_gain, join_gain = np.full(pairs, np.nan), np.full(pairs, np.nan)
    join_with = np.full(pairs, NO_COMPONENT, np.int32)
    of_p, of_g, shared = counts.of_p, counts.of_g, counts.shared
    partners = np.bincount(of_p, minlength=counts.predicted.count)
    cut = np.flatnonzero(partners[of_p] >= 2)
    whole, part = counts.size_p[of_p[cut]], shared[cut]
    cut_gain[cut] = points.gained(_f(whole - part) + _f(part) - _f(whole))
    by_column = np.lexsort((of_p, -shared, of_g))
    _, first = np.unique(of_g[by_column], return_index=True)
    largest = np.zeros(counts.true.count, np.int64)
    largest[of_g[by_column[first]]] = of_p[by_column[first]]
    join = np.flatnonzero(largest[of_g] != of_p)
    if join.size:
        other = largest[of_g[join]]
        join_with[join] = other
        join_gain[join] = points.gained(_joining(counts, of_p[join], other))
    return cut_gain, join_gain, join_with


def _joining(counts: Contingency, rows: Counts, others: Counts) -> Floats:
    """Return by how much split plus merge, times N, changes if two rows become one."""
    from napari_nx46.leaderboard.kernels.joins import joined_information

    count = counts.predicted.count
    pairs, position = np.unique(rows * count + others, return_inverse=True)
    row, other = np.divmod(pairs, count)
    starts = np.append(0, np.cumsum(np.bincount(counts.of_p, minlength=count)))
    both = joined_information(row, other, starts, counts.of_g, counts.shared, counts.only_p)
    a, b = counts.size_p[row], counts.size_p[other]
    change: Floats = (_f(a + b) - _f(a) - _f(b) - 2 * both)[position]
    return change


def _f(counts: Counts) -> Floats:
    """Return ``n * log2(n)``, 0 for n = 0."""
    information: Floats = counts.astype(np.float64) * np.log2(np.maximum(counts, 1))
    return information


# ---- places --------------------------------------------------------------------------------


def _places(counts: Contingency, alone_p: Counts, alone_g: Counts, reach: int) -> Ints:
    """Return the place of each pair: shared ones, then those of one mask alone."""
    runs, pair = shared_runs(counts.predicted.runs, counts.true.runs, counts.stretches)
    place = _firsts(runs, pair, counts.shared.size)
    places = [place]
    masks = (counts.predicted, counts.true)
    bits_of_merge = counts.size_p[counts.of_p] >= counts.size_g[counts.of_g]
    for side, alone in enumerate((alone_p, alone_g)):
        mask, other = masks[side], masks[1 - side]
        rest, owner = runs_alone(mask, other)
        ways = _meetings(counts, side, runs, pair, reach)
        numbers = np.full(mask.count, -1, np.int32)
        numbers[alone] = np.arange(alone.size)
        label = numbers[owner]
        first = _firsts(rest, label, alone.size)
        number = numbers[(counts.of_p, counts.of_g)[side]]
        is_mainly_here = bits_of_merge == (side == 0)
        has_rest = is_mainly_here & (number >= 0)
        place[has_rest] = first[number[has_rest]]
        is_met = is_mainly_here & (ways[:, 0] >= 0)
        place[is_met] = ways[is_met]
        places.append(first)
    return np.concatenate(places)


def _meetings(counts: Contingency, side: int, runs: Runs, pair: Ints, reach: int) -> Ints:
    """Return where each pair meets another one inside its component of a mask, (M, 3), or -1."""
    from napari_nx46.leaderboard.kernels.ways import meeting_voxels

    mask = (counts.predicted, counts.true)[side]
    of_mask = (counts.of_p, counts.of_g)[side]
    partners = np.bincount(of_mask, minlength=mask.count)
    met = np.full((of_mask.size, 3), -1, np.int32)
    if not (partners >= 2).any():
        return met
    voxel = meeting_voxels(
        runs.shape,
        reach,
        mask.runs.row_starts,
        mask.runs.first,
        mask.runs.stop,
        (partners >= 2)[mask.component],
        (counts.stretches.run_p, counts.stretches.run_g)[side],
        runs.first,
        runs.stop,
        pair,
        of_mask.size,
    )
    found = voxel >= 0
    met[found] = np.stack(np.unravel_index(voxel[found], runs.shape), axis=1)
    return met


def shared_runs(predicted: Runs, true: Runs, stretches: Stretches) -> tuple[Runs, Ints]:
    """Return the stretches of voxels that two components share as runs, and the pair of each."""
    runs = stretches_of(predicted, true, stretches.run_p, stretches.run_g, stretches.length)
    return runs, stretches.pair.astype(np.int32)


def runs_alone(mask: Components, other: Components) -> tuple[Runs, Ints]:
    """Return what a mask has and another one lacks, and the component that each run lies in."""
    rest = runs_without(mask.runs, other.runs)
    every = Components(rest, np.arange(rest.first.size, dtype=np.int32), rest.first.size)
    return rest, outer_components(every, mask)


def _firsts(runs: Runs, label: Ints, count: int) -> Ints:
    """Return the first voxel of each label, (count, 3)."""
    first = np.zeros(count, np.int64)
    chosen = np.flatnonzero(label >= 0)[::-1]
    first[label[chosen]] = chosen
    return first_voxels(runs, first)
