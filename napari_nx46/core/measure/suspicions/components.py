"""The shape of each component of a mask: holes, cavities and thickness."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from napari_nx46.core.measure.suspicions.places import Places, places_of, voxels_of
from napari_nx46.voxels.blocks import Mask
from napari_nx46.voxels.spans import (
    ALL_FACES,
    Components,
    Labels,
    checked_mask,
    find_components,
)
from napari_nx46.voxels.workers import CancelCheck, Cancelled, Workers, never, tiles_of

__all__ = [
    "REACH",
    "ComponentShapes",
    "Volume",
    "measure_components",
    "measured_volume",
]

Indices = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

REACH = 8
"""Voxels up to which the distance to the background is measured."""

SLICES_PER_TILE = 16


@dataclass(frozen=True, slots=True, eq=False)
class Volume:
    """A mask with what all that is suspicious is found from.

    Parameters
    ----------
    mask : (Z, Y, X) array of uint8, {0, 1}
    components : Components
        26-connected.
    labels : (Z, Y, X) array of int32
        The number of each voxel's component, from 1; 0 for background.
    squares : (Z, Y, X) array of uint8
        Squared distance to the nearest background voxel, at most `REACH` squared; 0 for background.
        What lies beyond the faces is no background.
    """

    mask: Mask
    components: Components
    labels: Labels
    squares: Mask

    def places(self) -> Places:
        """Return the voxels of each component."""
        return places_of(self.mask.shape, *voxels_of(self.components), self.components.count)


@dataclass(frozen=True, slots=True, eq=False)
class ComponentShapes:
    """The shape of each 26-connected component, in raster order of their first voxels.

    A flat sheet of papyrus has no tunnel, no cavity and the thickness of the others.

    Parameters
    ----------
    size : (n,) array of int64
        Voxels.
    pieces : (n,) array of int64
        6-connected components of it.
    cavities : (n,) array of int64
        26-connected components of the background that it encloses; none reaches a face.
    euler_number : (n,) array of int64
        Pieces - tunnels + cavities, its voxels connected by faces (6).
    thickness : (n,) array of float64
        Median over its ridge of twice the distance to the background, in voxels. The ridge are
        the voxels that are as far from the background as each of their 26 neighbours, or farther.
    median_thickness : float
        The same over the ridges of all components; 0.0 for an empty mask.
    """

    size: Indices
    pieces: Indices
    cavities: Indices
    euler_number: Indices
    thickness: Floats
    median_thickness: float

    @property
    def tunnels(self) -> Indices:
        """Holes through each component, (n,) int64."""
        return self.pieces + self.cavities - self.euler_number


def measured_volume(
    mask: Mask, *, workers: Workers | None = None, cancelled: CancelCheck = never
) -> Volume:
    """Label a mask and measure its distances.

    Parameters
    ----------
    mask : (Z, Y, X) array of uint8, {0, 1}
    workers : Workers, optional
        Threads to share the work.
    cancelled : callable
        Asked between tiles.

    Raises
    ------
    ValueError
        If the mask is no (Z, Y, X) uint8 array.
    Cancelled
        If `cancelled` returned True.
    """
    from napari_nx46.core.measure.suspicions.compiled_shapes import square_distances

    voxels = checked_mask(mask)
    components = find_components(voxels, 26, workers=workers)
    if cancelled():
        raise Cancelled
    numbers = np.arange(1, components.count + 1, dtype=np.int32)
    labels = components.labels(numbers, voxels, workers)
    squares, offsets = np.empty_like(voxels), _offsets()
    (workers or Workers(1)).map(
        lambda tile: square_distances(voxels, offsets, REACH, tile.start, tile.stop, squares),
        tiles_of(len(voxels), SLICES_PER_TILE),
        cancelled,
    )
    return Volume(voxels, components, labels, squares)


def measure_components(
    volume: Volume, *, workers: Workers | None = None, cancelled: CancelCheck = never
) -> ComponentShapes:
    """Measure the shape of each component.

    Parameters
    ----------
    volume : Volume
    workers, cancelled
        See `measured_volume`.

    Raises
    ------
    Cancelled
        If `cancelled` returned True.
    """
    mask, components, labels = volume.mask, volume.components, volume.labels
    euler = _euler_numbers(volume, workers, cancelled)
    ridge = _ridge(volume, workers, cancelled)
    thickness = 2 * np.sqrt(volume.squares.ravel()[ridge], dtype=np.float64)
    return ComponentShapes(
        size=components.sizes(),
        pieces=_counts(find_components(mask, 6, workers=workers), labels, components.count),
        cavities=_cavities(mask, labels, components.count, workers),
        euler_number=euler,
        thickness=_medians(thickness, labels.ravel()[ridge] - 1, components.count),
        median_thickness=float(np.median(thickness)) if ridge.size else 0.0,
    )


def _euler_numbers(volume: Volume, workers: Workers | None, cancelled: CancelCheck) -> Indices:
    """Return the Euler number of each component, its voxels connected by faces (6)."""
    from napari_nx46.core.measure.suspicions.compiled_shapes import add_euler_numbers

    mask, labels, count = volume.mask, volume.labels, volume.components.count

    def add(tile: slice) -> Indices:
        numbers = np.zeros(count + 1, np.int64)
        add_euler_numbers(mask, labels, tile.start, tile.stop, numbers)
        return numbers

    threads = workers or Workers(1)
    total = np.zeros(count + 1, np.int64)
    for numbers in threads.map(add, tiles_of(len(mask), SLICES_PER_TILE), cancelled):
        total += numbers
    return total[1:]


def _offsets() -> Indices:
    """Return the offsets shorter than `REACH`, with their squared lengths, the shortest first."""
    steps = np.indices((2 * REACH - 1,) * 3).reshape(3, -1).T - (REACH - 1)
    squares = np.square(steps).sum(axis=1)
    table = np.column_stack((squares, steps))[(squares > 0) & (squares < REACH**2)]
    return np.ascontiguousarray(table[np.argsort(table[:, 0], kind="stable")], np.int64)


def _ridge(volume: Volume, workers: Workers | None, cancelled: CancelCheck) -> Indices:
    """Return the ridge's voxels as flat indices."""
    from napari_nx46.core.measure.suspicions.compiled_shapes import find_ridge

    tiles = tiles_of(len(volume.squares), SLICES_PER_TILE)
    parts = (workers or Workers(1)).map(
        lambda tile: find_ridge(volume.squares, tile.start, tile.stop), tiles, cancelled
    )
    return np.concatenate([np.zeros(0, np.int64), *parts])


def _medians(values: Floats, owner: Labels, count: int) -> Floats:
    """Return the median of the values of each owner, each of which has one."""
    ordered = values[np.lexsort((values, owner))]
    sizes = np.bincount(owner, minlength=count)
    first = np.cumsum(sizes) - sizes
    medians: Floats = (ordered[first + (sizes - 1) // 2] + ordered[first + sizes // 2]) / 2
    return medians


def _first_voxels(components: Components) -> Indices:
    """Return the first voxel of each component in raster order, as a flat index."""
    runs = components.runs
    _, first = np.unique(components.component, return_index=True)
    voxels: Indices = runs.rows()[first] * runs.shape[2] + runs.first[first]
    return voxels


def _counts(parts: Components, labels: Labels, count: int) -> Indices:
    """Return how many parts lie in each label."""
    owner = labels.ravel()[_first_voxels(parts)]
    counts: Indices = np.bincount(owner, minlength=count + 1)[1:].astype(np.int64)
    return counts


def _cavities(mask: Mask, labels: Labels, count: int, workers: Workers | None) -> Indices:
    """Return how many cavities each component encloses.

    Before the first voxel of a cavity lies the component around it: all that comes before is
    outside of the cavity, and connected.
    """
    hollows = find_components(mask, 26, background=True, workers=workers)
    inside = ~hollows.touching(ALL_FACES)
    above = _first_voxels(hollows)[inside] - math.prod(mask.shape[1:])
    counts: Indices = np.bincount(labels.ravel()[above], minlength=count + 1)[1:].astype(np.int64)
    return counts
