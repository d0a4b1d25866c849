"""VOI score: how far two masks disagree about what belongs together.

The variation of information (Meila 2007, "Comparing clusterings: an information based
distance", J. Multivariate Analysis 98) of two labellings P and G of the same N voxels is
``H(P | G) + H(G | P)`` with the conditional entropies in bits

    H(P | G) = - sum over i, j of  n_ij / N * log2(n_ij / n_j)

where n_ij voxels carry label i in P and j in G, and n_j carry j in G. Here a labelling is the
connected components of a mask with the background as one more label, and the N voxels are those
that are foreground in at least one mask. The table of all n_ij is sparse: its foreground entries
are found by intersecting the *runs* of the two masks, its background entries are what is left of
each component.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from napari_nx46.leaderboard.bits import Mask
from napari_nx46.leaderboard.components import runs_of
from napari_nx46.leaderboard.results import VariationOfInformation
from napari_nx46.voxels.packed import pack
from napari_nx46.voxels.spans import Components, components_of

__all__ = [
    "Contingency",
    "Stretches",
    "contingency_between",
    "contingency_of",
    "count_shared",
    "variation_of_information",
    "voi_components",
]

Counts = npt.NDArray[np.int64]


Ints = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True, eq=False)
class Stretches:
    """The stretches of voxels that lie in a run of both masks.

    Parameters
    ----------
    run_p, run_g : ndarray of int32
        (N,): the runs of prediction and label.
    length : ndarray of int32
        (N,): voxels.
    pair : ndarray of int64
        (N,): which pair of components they belong to.
    """

    run_p: Ints
    run_g: Ints
    length: Ints
    pair: Counts


@dataclass(frozen=True, slots=True, eq=False)
class Contingency:
    """How many voxels the components of two masks share.

    Parameters
    ----------
    predicted, true : Components
        Of prediction and label.
    size_p, size_g : ndarray of int64
        Their voxels.
    of_p, of_g : ndarray of int64
        (M,): the pairs of components that share voxels, ascending.
    shared : ndarray of int64
        (M,): how many they share.
    only_p, only_g : ndarray of int64
        Voxels of each component that are background in the other mask.
    stretches : Stretches
    """

    predicted: Components
    true: Components
    size_p: Counts
    size_g: Counts
    of_p: Counts
    of_g: Counts
    shared: Counts
    only_p: Counts
    only_g: Counts
    stretches: Stretches

    @property
    def background_p(self) -> int:
        """Voxels that the prediction calls background: those of the label alone."""
        return int(self.only_g.sum())

    @property
    def background_g(self) -> int:
        """Voxels that the label calls background: those of the prediction alone."""
        return int(self.only_p.sum())

    @property
    def total(self) -> int:
        """Voxels that are foreground in at least one mask."""
        return int(self.shared.sum()) + self.background_p + self.background_g

    def variation(self, alpha: float) -> VariationOfInformation:
        """Return the variation of information of the two masks."""
        total = self.total
        if total == 0:
            return VariationOfInformation(1.0, 0.0, 0.0)
        background_p, background_g = np.int64(self.background_p), np.int64(self.background_g)
        split = (
            _information(self.shared, self.size_g[self.of_g])
            + _information(self.only_p, background_g)
            + _information(self.only_g, self.size_g)
        )
        merge = (
            _information(self.shared, self.size_p[self.of_p])
            + _information(self.only_p, self.size_p)
            + _information(self.only_g, background_p)
        )
        split, merge = split / total, merge / total
        return VariationOfInformation(1.0 / (1.0 + alpha * (split + merge)), split, merge)


def variation_of_information(
    prediction: Mask, label: Mask, *, alpha: float = 0.3, connectivity: int = 26
) -> VariationOfInformation:
    """Compare the connected components of two masks.

    Parameters
    ----------
    prediction, label : ndarray of bool
        (Z, Y, X) of one shape.
    alpha : float
        Weight of the variation of information in the score.
    connectivity : {26, 18, 6}
        Which voxels of a mask are neighbours.

    Returns
    -------
    VariationOfInformation
        Split ``H(P | G)``, merge ``H(G | P)`` and ``1 / (1 + alpha * (split + merge))``. Two
        empty masks differ by nothing.
    """
    return contingency_of(prediction, label, connectivity).variation(alpha)


def contingency_of(prediction: Mask, label: Mask, connectivity: int = 26) -> Contingency:
    """Count the voxels that each component of a mask shares with each component of another one.

    Parameters
    ----------
    prediction, label, connectivity
        As for `variation_of_information`.

    Returns
    -------
    Contingency
    """
    return contingency_between(
        voi_components(prediction, connectivity), voi_components(label, connectivity)
    )


def voi_components(mask: Mask, connectivity: int = 26) -> Components:
    """Return the connected components of a mask."""
    return components_of(runs_of(pack(mask).words, mask.shape[2]), connectivity)


def contingency_between(predicted: Components, true: Components) -> Contingency:
    """Count the voxels that each component shares with each component of another mask.

    Parameters
    ----------
    predicted, true : Components
        Of prediction and label.

    Returns
    -------
    Contingency
    """
    size_p = predicted.sizes()
    size_g = true.sizes()
    of_p, of_g, shared, stretches = count_shared(predicted, true)
    only_p = size_p - np.bincount(of_p, shared, predicted.count).astype(np.int64)
    only_g = size_g - np.bincount(of_g, shared, true.count).astype(np.int64)
    return Contingency(
        predicted, true, size_p, size_g, of_p, of_g, shared, only_p, only_g, stretches
    )


def count_shared(
    predicted: Components, true: Components
) -> tuple[Counts, Counts, Counts, Stretches]:
    """Return the pairs of components that share voxels, how many they share, and where."""
    from napari_nx46.leaderboard.kernels.runs import overlaps

    p, g = predicted.runs, true.runs
    run_p, run_g, length = overlaps(p.row_starts, p.first, p.stop, g.row_starts, g.first, g.stop)
    pair = predicted.component[run_p].astype(np.int64) * max(true.count, 1) + true.component[run_g]
    pairs, position = np.unique(pair, return_inverse=True)
    shared = np.bincount(position, length, pairs.size).astype(np.int64)
    of_p, of_g = np.divmod(pairs, max(true.count, 1))
    return of_p, of_g, shared, Stretches(run_p, run_g, length, position)


def _information(counts: Counts, given: Counts | np.int64) -> float:
    """Return the sum of ``count * log2(given / count)`` over the counts that are not zero."""
    present = counts > 0
    counts_present = counts[present]
    given_present = np.broadcast_to(given, counts.shape)[present]
    return float(np.sum(counts_present * np.log2(given_present / counts_present)))
