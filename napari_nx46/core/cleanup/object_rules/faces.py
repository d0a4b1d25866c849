"""Removal of objects by their size and extent, and by how many faces of the fragment they reach.

What lies inside a fragment and is small is no sheet; in an edge or a corner a small piece may be
what the fragment has of a large one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from napari_nx46.core.cleanup.arguments import require_at_least_zero
from napari_nx46.core.cleanup.objects import remove_components
from napari_nx46.core.cleanup.place import Place
from napari_nx46.voxels.blocks import Mask
from napari_nx46.voxels.piece_rules import Measures, PieceRule
from napari_nx46.voxels.spans import checked_mask, find_components
from napari_nx46.voxels.workers import Workers

__all__ = ["FacesRule", "SpanRule", "remove_incomplete_sheets", "remove_objects_by_faces"]

EDGE = 2
"""An object that reaches faces on so many axes lies in an edge or a corner."""


@dataclass(frozen=True)
class FacesRule(PieceRule):
    """What `remove_objects_by_faces` leaves.

    Parameters
    ----------
    connectivity, background, smallest, flag
        As of every `PieceRule`.
    limits : three int
        Voxels that an object must have inside, at a face, and in an edge or a corner.
    margin : int
        An object that begins or ends less than so many voxels from a face reaches it.
    """

    limits: tuple[int, int, int] = (0, 0, 0)
    margin: int = 0

    needs_boxes: ClassVar[bool] = True

    def stays(self, measures: Measures, shape: tuple[int, int, int]) -> npt.NDArray[np.bool_]:
        """Return for each component whether it stays, (n,) bool."""
        axes = np.minimum(_axes_reached(measures.boxes, shape, self.margin), EDGE)
        needed = np.array(self.limits, np.int64)[axes]
        return super().stays(measures, shape) & (measures.sizes >= needed)


@dataclass(frozen=True)
class SpanRule(PieceRule):
    """What `remove_incomplete_sheets` leaves.

    Parameters
    ----------
    connectivity, background, smallest, flag
        As of every `PieceRule`.
    span : float
        Share of the volume that an object must have along its main axis.
    margin : int
        An object that begins or ends less than so many voxels from a face reaches it.
    """

    span: float = 0.0
    margin: int = 0

    needs_boxes: ClassVar[bool] = True

    def stays(self, measures: Measures, shape: tuple[int, int, int]) -> npt.NDArray[np.bool_]:
        """Return for each component whether it stays, (n,) bool."""
        sides = measures.boxes[..., 1] - measures.boxes[..., 0]
        main = np.argmax(sides, axis=1)
        needed = self.span * np.array(shape, np.float64)[main]
        is_long = sides[np.arange(len(main)), main] >= needed
        is_cut = _axes_reached(measures.boxes, shape, self.margin) >= EDGE
        staying: npt.NDArray[np.bool_] = super().stays(measures, shape) & (is_long | is_cut)
        return staying


def _axes_reached(
    boxes: npt.NDArray[np.int64], shape: tuple[int, int, int], margin: int
) -> npt.NDArray[np.int64]:
    """Return on how many axes each box comes within `margin` voxels of a face, (count,)."""
    is_near = (boxes[..., 0] < margin) | (boxes[..., 1] > np.array(shape, np.int64) - margin)
    reached: npt.NDArray[np.int64] = np.count_nonzero(is_near, axis=1)
    return reached


def remove_objects_by_faces(
    mask: Mask,
    smallest: tuple[int, int, int],
    edge_margin: int,
    connectivity: int = 26,
    *,
    place: Place | None = None,
    workers: Workers | None = None,
) -> Mask:
    """Remove objects that are too small for where they lie.

    On how many axes does an object's box begin less than `edge_margin` voxels from a face of the
    fragment, or end so? On none it needs ``smallest[0]`` voxels to stay, on one ``smallest[1]``, on
    two or three, in an edge or a corner, ``smallest[2]``. Part of the twenty-fourth-place solution,
    which found real sheets of 300 to 400 voxels in corners where inside it asked for 5,000 (+0.002;
    its own thresholds are not published).

    Reach: the whole fragment. It needs nothing of each object but its number of voxels and its box,
    which can be summed and widened over the tiles of a fragment: a table of those decides.

    Parameters
    ----------
    mask : (Z, Y, X) array of uint8, {0, 1}
    smallest : three int
        Voxels that an object must have inside, at a face, and in an edge or a corner.
    edge_margin : int
        0 lets no object reach a face.
    connectivity : {6, 18, 26}
    place : Place, optional
        By default the mask is all of its fragment.
    workers : Workers, optional
        Threads to share the work; the result does not depend on them.

    Returns
    -------
    (Z, Y, X) array of uint8, {0, 1}
        At most the mask itself, in a new array.

    Raises
    ------
    ValueError
        If the mask is no (Z, Y, X) uint8 array, a knob is below 0, or for another connectivity.

    Examples
    --------
    >>> mask = np.zeros((3, 5, 5), np.uint8)
    >>> mask[1, 0, :2] = mask[1, 2:4, 2] = 1
    >>> remove_objects_by_faces(mask, (3, 3, 2), edge_margin=1)[1, 0]
    array([1, 1, 0, 0, 0], dtype=uint8)
    """
    inside, at_face, in_edge = smallest
    require_at_least_zero(
        smallest_object=inside, edge_min=at_face, corner_min=in_edge, edge_margin=edge_margin
    )
    kept = checked_mask(mask).copy()
    there = place or Place.whole(mask)
    components = find_components(kept, connectivity, workers=workers)
    rule = FacesRule(connectivity, limits=smallest, margin=edge_margin)
    unwanted = ~rule.stays(there.measures(components), there.shape)
    remove_components(kept, components, unwanted, there.known, there.open_faces, workers)
    return kept


def remove_incomplete_sheets(
    mask: Mask,
    span: float,
    edge_margin: int = 0,
    connectivity: int = 26,
    *,
    place: Place | None = None,
    workers: Workers | None = None,
) -> Mask:
    """Remove objects that span too little of the fragment.

    An object's main axis is the one along which its box is longest (of equal ones z first, then y).
    It goes if its box is shorter there than `span` times the fragment, unless it reaches faces on
    two axes (see `remove_objects_by_faces`). The twenty-fourth-place solution removes incomplete
    sheets by their main direction (+0.001); which, and how much they must span, is not published.

    Reach: the whole fragment. A table of each object's box decides, as in
    `remove_objects_by_faces`.

    Parameters
    ----------
    mask : (Z, Y, X) array of uint8, {0, 1}
    span : float
        Share of the fragment, 0 to 1.
    edge_margin : int
        0 lets no object reach a face.
    connectivity : {6, 18, 26}
    place : Place, optional
        By default the mask is all of its fragment.
    workers : Workers, optional
        Threads to share the work; the result does not depend on them.

    Returns
    -------
    (Z, Y, X) array of uint8, {0, 1}
        At most the mask itself, in a new array.

    Raises
    ------
    ValueError
        If the mask is no (Z, Y, X) uint8 array, a knob is below 0, or for another connectivity.

    Examples
    --------
    >>> mask = np.zeros((1, 3, 8), np.uint8)
    >>> mask[0, 0, :6] = mask[0, 2, :3] = 1
    >>> remove_incomplete_sheets(mask, span=0.5)[0, :, 0]
    array([1, 0, 0], dtype=uint8)
    """
    require_at_least_zero(edge_margin=edge_margin, span=span)
    kept = checked_mask(mask).copy()
    there = place or Place.whole(mask)
    components = find_components(kept, connectivity, workers=workers)
    rule = SpanRule(connectivity, span=span, margin=edge_margin)
    unwanted = ~rule.stays(there.measures(components), there.shape)
    remove_components(kept, components, unwanted, there.known, there.open_faces, workers)
    return kept
