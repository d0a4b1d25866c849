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

import numpy as np
import numpy.typing as npt

from napari_nx46.leaderboard.bits import Mask
from napari_nx46.leaderboard.components import runs_of
from napari_nx46.leaderboard.results import VariationOfInformation
from napari_nx46.voxels.packed import pack
from napari_nx46.voxels.spans import Components, components_of

__all__ = ["variation_of_information"]

Counts = npt.NDArray[np.int64]


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
    columns = prediction.shape[2]
    predicted = components_of(runs_of(pack(prediction).words, columns), connectivity)
    true = components_of(runs_of(pack(label).words, columns), connectivity)
    size_p = predicted.sizes()
    size_g = true.sizes()
    of_p, of_g, shared = _shared_voxels(predicted, true)

    only_p = size_p - np.bincount(of_p, shared, predicted.count).astype(np.int64)
    only_g = size_g - np.bincount(of_g, shared, true.count).astype(np.int64)
    background_p = only_g.sum()  # voxels that P calls background: those of G alone
    background_g = only_p.sum()
    total = int(shared.sum() + background_p + background_g)
    if total == 0:
        return VariationOfInformation(1.0, 0.0, 0.0)

    split = (
        _information(shared, size_g[of_g])
        + _information(only_p, background_g)
        + _information(only_g, size_g)
    )
    merge = (
        _information(shared, size_p[of_p])
        + _information(only_p, size_p)
        + _information(only_g, background_p)
    )
    split, merge = split / total, merge / total
    return VariationOfInformation(1.0 / (1.0 + alpha * (split + merge)), split, merge)


def _shared_voxels(predicted: Components, true: Components) -> tuple[Counts, Counts, Counts]:
    """Return the pairs of components that share voxels, and how many they share."""
    from napari_nx46.leaderboard.kernels.runs import overlaps

    p, g = predicted.runs, true.runs
    run_p, run_g, length = overlaps(p.row_starts, p.first, p.stop, g.row_starts, g.first, g.stop)
    pair = predicted.component[run_p].astype(np.int64) * max(true.count, 1) + true.component[run_g]
    pairs, position = np.unique(pair, return_inverse=True)
    shared = np.bincount(position, length, pairs.size).astype(np.int64)
    of_p, of_g = np.divmod(pairs, max(true.count, 1))
    return of_p, of_g, shared


def _information(counts: Counts, given: Counts | np.int64) -> float:
    """Return the sum of ``count * log2(given / count)`` over the counts that are not zero."""
    present = counts > 0
    counts_present = counts[present]
    given_present = np.broadcast_to(given, counts.shape)[present]
    return float(np.sum(counts_present * np.log2(given_present / counts_present)))
