"""A label that many predictions are scored against: what follows from it alone is computed once."""

from __future__ import annotations

from collections.abc import Callable

import numpy.typing as npt

from napari_nx46.leaderboard.betti import DimensionCounts, matches_of, topology_of
from napari_nx46.leaderboard.masks import LabelMask
from napari_nx46.leaderboard.parameters import COMPETITION, Parameters
from napari_nx46.leaderboard.results import LeaderboardScore
from napari_nx46.leaderboard.score import compute_parts, summed_score
from napari_nx46.leaderboard.surface_dice import (
    SurfaceComparison,
    dice_of,
    dilated,
    surface_of,
)
from napari_nx46.leaderboard.topology import topo_score
from napari_nx46.leaderboard.voi import contingency_between, voi_components
from napari_nx46.voxels.blocks import Block, octants_of
from napari_nx46.voxels.packed import pack
from napari_nx46.voxels.workers import never

__all__ = ["PreparedLabel"]


class PreparedLabel:
    """A label prepared for predictions of its fragment; may be asked from several threads.

    Parameters
    ----------
    label : array_like
        (Z, Y, X), as for `score`.
    parameters : Parameters
        The competition's by default.

    Raises
    ------
    ValueError
        If the label is not three-dimensional, has an empty axis or a type that is no number.

    Examples
    --------
    >>> import numpy as np
    >>> from napari_nx46 import leaderboard
    >>> label = np.zeros((8, 8, 8), np.uint8)
    >>> label[3:5] = 1
    >>> prepared = leaderboard.PreparedLabel(label)
    >>> prepared.score(label).value == leaderboard.score(label, label).value
    True
    """

    def __init__(self, label: npt.ArrayLike, parameters: Parameters = COMPETITION) -> None:
        self._parameters = parameters
        self._mask = LabelMask.of(label, parameters.ignore_label)
        foreground = self._mask.foreground
        self._surface = surface_of(foreground)
        self._near = dilated(self._surface.corners, parameters.tolerance, parameters.spacing)
        self._components = voi_components(foreground, parameters.voi_connectivity)
        self._topologies = {
            _corner(box): topology_of(pack(foreground[box]).words, box[2].stop - box[2].start)
            for box in octants_of(foreground.shape, parameters.octants)
        }

    def score(
        self,
        prediction: npt.ArrayLike,
        *,
        cancelled: Callable[[], bool] = never,
        workers: int = 2,
    ) -> LeaderboardScore:
        """Return what `leaderboard.score` returns, in less time.

        Parameters
        ----------
        prediction : array_like
            (Z, Y, X) of the label's shape.
        cancelled : callable, optional
        workers : int
            As for `score`.

        Raises
        ------
        ValueError, Cancelled
            As `score` does.
        """
        parameters, pair = self._parameters, self._mask.pair(prediction)

        def surface() -> float:
            predicted = surface_of(pair.prediction)
            near = dilated(predicted.corners, parameters.tolerance, parameters.spacing)
            missed = predicted.corners & ~self._near, self._surface.corners & ~near
            columns = pair.label.shape[2] + 1
            compared = SurfaceComparison((predicted, self._surface), missed, columns)
            codes = [compared.missed_codes(side) for side in (0, 1)]
            return dice_of(compared, codes, parameters.spacing)[0]

        def octant(box: Block) -> DimensionCounts:
            mask = pair.prediction[box]
            predicted = topology_of(pack(mask).words, mask.shape[2])
            return matches_of(predicted, self._topologies[_corner(box)], mask.shape[2])

        parts = compute_parts(
            pair,
            parameters,
            surface=surface,
            voi=lambda: contingency_between(
                voi_components(pair.prediction, parameters.voi_connectivity), self._components
            ).variation(parameters.voi_alpha),
            octant=octant,
            cancelled=cancelled,
            workers=workers,
        )
        topo = topo_score(parts.octants, parameters.dimension_weights)
        return summed_score(parameters, topo, parts.surface, parts.voi, parts.voxels)


def _corner(box: Block) -> tuple[int, ...]:
    return tuple(extent.start for extent in box)
