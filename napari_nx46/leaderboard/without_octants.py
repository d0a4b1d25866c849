"""What a score is with each octant ignored by turns, for its error from one fragment."""

from __future__ import annotations

from collections.abc import Callable

import numpy.typing as npt

from napari_nx46.leaderboard.masks import MaskPair, binarise, voxel_overlap
from napari_nx46.leaderboard.parameters import COMPETITION, Parameters
from napari_nx46.leaderboard.results import LeaderboardScore
from napari_nx46.leaderboard.score import summed_score
from napari_nx46.leaderboard.surface_dice import surface_dice
from napari_nx46.leaderboard.topology import match_counts, topo_score
from napari_nx46.leaderboard.voi import variation_of_information
from napari_nx46.voxels.blocks import octants_of
from napari_nx46.voxels.workers import Cancelled, never

__all__ = ["scores_without_octants"]


def scores_without_octants(
    prediction: npt.ArrayLike,
    label: npt.ArrayLike,
    *,
    parameters: Parameters = COMPETITION,
    cancelled: Callable[[], bool] = never,
) -> list[LeaderboardScore]:
    """Return the score of the whole, then those with one octant ignored each.

    The features of an octant do not depend on the others: TopoScore's are matched once.

    Parameters
    ----------
    prediction, label : array_like
        As for `score`.
    parameters : Parameters
        The competition's by default.
    cancelled : callable, optional
        Asked between parts.

    Returns
    -------
    list of LeaderboardScore
        One more than there are octants.

    Raises
    ------
    ValueError, Cancelled
        As `score` does.

    Examples
    --------
    >>> import numpy as np
    >>> from napari_nx46 import leaderboard
    >>> label = np.zeros((8, 8, 8), np.uint8)
    >>> label[3:5] = 1
    >>> {round(one.value, 6) for one in leaderboard.scores_without_octants(label, label)}
    {1.0}
    """
    pair = binarise(prediction, label, parameters.ignore_label)
    boxes = octants_of(pair.label.shape, parameters.octants)
    octants = []
    for box in boxes:
        if cancelled():
            raise Cancelled
        octants.append(match_counts(pair.prediction[box], pair.label[box]))
    found = []
    for left_out in (None, *range(len(boxes))):
        if cancelled():
            raise Cancelled
        masks = pair.prediction, pair.label
        if left_out is not None:
            masks = masks[0].copy(), masks[1].copy()
            for mask in masks:
                mask[boxes[left_out]] = False
        kept = [counts for number, counts in enumerate(octants) if number != left_out]
        found.append(
            summed_score(
                parameters,
                topo_score(kept, parameters.dimension_weights),
                surface_dice(*masks, tolerance=parameters.tolerance, spacing=parameters.spacing),
                variation_of_information(
                    *masks,
                    alpha=parameters.voi_alpha,
                    connectivity=parameters.voi_connectivity,
                ),
                voxel_overlap(MaskPair(*masks)),
            )
        )
    return found
