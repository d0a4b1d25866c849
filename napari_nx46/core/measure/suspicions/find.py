"""Everything of a mask that is worth a look, by how suspicious it is."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from napari_nx46.core.measure.suspicions.bridges import find_bridges
from napari_nx46.core.measure.suspicions.components import (
    ComponentShapes,
    Volume,
    measure_components,
    measured_volume,
)
from napari_nx46.core.measure.suspicions.holes import find_all_holes, find_thick_places
from napari_nx46.core.measure.suspicions.places import Places, joined_places
from napari_nx46.core.measure.suspicions.unsure import find_unsure_places
from napari_nx46.voxels.blocks import Mask
from napari_nx46.voxels.workers import CancelCheck, Cancelled, Workers, never

__all__ = ["KINDS", "SMALLEST", "Suspicions", "find_suspicions"]

Indices = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

KINDS = ("sheet with holes", "hole", "thick sheet", "bridge", "joined parts", "unsure place")
"""What is listed, in words."""

SMALLEST = 1000
"""Voxels that a component, or a part of one, must have to be a sheet."""

LARGE_HOLE = 100
"""Voxels of a hole whose suspicion is one half."""

PER_VOXELS = 1000
"""Holes are counted for so many voxels of a sheet."""

Found = tuple[Places, npt.NDArray[np.int32], Floats, npt.NDArray[np.generic]]
"""Of one kind: places, the voxel to look at, suspicion, figure."""


@dataclass(frozen=True, slots=True, eq=False)
class Suspicions:
    """Places of a mask, the most suspicious first; of equal ones the largest, then raster order.

    Suspicions of different kinds say nothing of each other, and none of them is a score.

    Parameters
    ----------
    kind : (n,) array of uint8
        Index into `KINDS`.
    place : (n, 3) array of int32
        The voxel (z, y, x) to look at, one of the item's.
    suspicion : (n,) array of float64
        In [0, 1]:

        - sheet with holes: ``d / (1 + d)`` with d holes a thousand voxels;
        - hole: ``v / (v + 100)`` with v voxels that fill it;
        - thick sheet: 1 - the mask's median thickness / its own;
        - bridge: the smaller part as a share of half the component;
        - joined parts: the smaller part as a share of half of both;
        - unsure place: share of the voxels that a step of the threshold changes.
    figure : (n,) array of float64
        Tunnels and cavities of a sheet or a hole; thickness in voxels; voxels of the smaller
        part; voxels that change.
    places : Places
        The voxels of each: of the whole sheet, of what fills the hole, deeper than a sheet is
        thick, of the bridge, of all joints of the parts, or those that change.
    shapes : ComponentShapes
        Of all components.
    """

    kind: npt.NDArray[np.uint8]
    place: npt.NDArray[np.int32]
    suspicion: Floats
    figure: Floats
    places: Places
    shapes: ComponentShapes

    def __len__(self) -> int:
        return self.kind.size


def find_suspicions(
    mask: Mask,
    layers: Iterable[tuple[Mask, Mask]] = (),
    *,
    smallest: int = SMALLEST,
    workers: Workers | None = None,
    cancelled: CancelCheck = never,
) -> Suspicions:
    """Find what is worth a look in a mask of which no label is known.

    Sheets of papyrus are thin and simply connected. Listed are those that are not, where they are
    not, where a few voxels hold two large parts together, in one place or in several, and where
    another threshold would give another mask.

    Parameters
    ----------
    mask : (Z, Y, X) array of uint8, {0, 1}
    layers : iterable of two masks
        By a threshold below and one above, as `find_unsure_places` takes them; none by default.
    smallest : int
        Components of fewer voxels are no sheets; bridges and joints hold two parts of at
        least so many.
    workers : Workers, optional
        Threads to share the work.
    cancelled : callable
        Asked between the parts of the work.

    Raises
    ------
    ValueError
        If a mask is no (Z, Y, X) uint8 array, or `smallest` is below 1.
    Cancelled
        If `cancelled` returned True.
    """
    volume = measured_volume(mask, workers=workers, cancelled=cancelled)
    shapes = measure_components(volume, workers=workers, cancelled=cancelled)
    parts: list[Found] = [_sheets_with_holes(volume, shapes, smallest)]
    parts.append(_holes(volume.mask, workers, cancelled))
    parts.append(_thick_sheets(volume, shapes.median_thickness, workers))
    if cancelled():
        raise Cancelled
    for held in find_bridges(volume.mask, smallest, workers=workers, cancelled=cancelled):
        parts.append((held.places, held.places.middles(), held.share, held.part))
    unsure, changed = find_unsure_places(volume.mask.shape, layers)
    parts.append((unsure, unsure.middles(), changed, unsure.sizes()))
    return _in_order(volume.mask.shape, parts, shapes)


def _sheets_with_holes(volume: Volume, shapes: ComponentShapes, smallest: int) -> Found:
    """Return the sheets that are not simply connected."""
    holes = shapes.tunnels + shapes.cavities
    chosen = np.flatnonzero((holes > 0) & (shapes.size >= smallest))
    sheets = volume.places().chosen(chosen)
    density = holes[chosen] / shapes.size[chosen] * PER_VOXELS
    return sheets, sheets.middles(), density / (1 + density), holes[chosen]


def _holes(mask: Mask, workers: Workers | None, cancelled: CancelCheck) -> Found:
    holes, gain = find_all_holes(mask, workers=workers, cancelled=cancelled)
    sizes = holes.sizes()
    return holes, holes.middles(), sizes / (sizes + LARGE_HOLE), gain


def _thick_sheets(volume: Volume, median: float, workers: Workers | None) -> Found:
    """Return where the mask is more than twice as thick as its sheets are."""
    thick, thickness = find_thick_places(volume, median, workers=workers)
    place, _ = thick.highest(volume.squares.ravel()[thick.flat])
    return thick, place, 1 - median / thickness, thickness


def _in_order(
    shape: tuple[int, int, int], parts: list[Found], shapes: ComponentShapes
) -> Suspicions:
    """Return the items of all kinds, the most suspicious first."""
    kind = np.repeat(np.arange(len(parts), dtype=np.uint8), [len(part[0]) for part in parts])
    places = joined_places(shape, [part[0] for part in parts])
    place = np.concatenate([part[1] for part in parts])
    suspicion = np.concatenate([part[2] for part in parts])
    figure = np.concatenate([part[3].astype(np.float64) for part in parts])
    order = np.lexsort((*place.T[::-1], kind, -places.sizes(), -suspicion))
    return Suspicions(
        kind[order], place[order], suspicion[order], figure[order], places.chosen(order), shapes
    )
