"""What a mask has wrong at the faces of the chunks that it was computed by, each by itself.

Post-processing chunk by chunk, without voxels of the neighbours, leaves traces: shells along the
faces from which voxels were removed, and objects that end at a face. Neither happens as often in
the middle of the chunks, which is what both are compared with; or with the exact mask, if there is
one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from napari_nx46.files.volumes.volume import Volume
from napari_nx46.scale.plan.errors import ApplyError
from napari_nx46.scale.plan.reach import existing_chunks, filled_tiles
from napari_nx46.voxels.blocks import Block, VolumeLike, block_shape
from napari_nx46.voxels.grid import Grid
from napari_nx46.voxels.workers import CancelCheck, Cancelled, never

__all__ = ["FARTHEST", "Seams", "find_seams"]

FARTHEST = 16
"""Voxels from a face from which on all count as the middle."""

_LARGEST = 800
"""Side of the largest chunks: one is held in memory with its surroundings, and the exact one."""

_SLAB_VOXELS = 1 << 22
"""Of what is counted at a time."""

_SHELL = 0.5
"""A layer with less than this share of the foreground of the middle belongs to a shell."""

Counts = npt.NDArray[np.int64]
Plane = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Seams:
    """What was found at the faces between chunks.

    Parameters
    ----------
    chunk : int
        Side of the chunks.
    voxels, foreground : tuple of int
        By distance from the nearest face, 0 to `FARTHEST`: the last are all that lie farther.
    missing, added : tuple of int, optional
        Likewise, what the exact mask has and this one has not, and the other way round.
    objects, cut : int
        Connected regions on the planes on either side of the faces, and those of them that are on
        one side alone; with an exact mask, regions that reach across a face there, and those of
        them that do not do so here.
    middle_objects, middle_cut : int
        The same on planes through the middle of the chunks.
    """

    chunk: int
    voxels: tuple[int, ...]
    foreground: tuple[int, ...]
    missing: tuple[int, ...] | None
    added: tuple[int, ...] | None
    objects: int
    cut: int
    middle_objects: int
    middle_cut: int

    @property
    def densities(self) -> tuple[float, ...]:
        """Share of foreground by distance from the nearest face."""
        pairs = zip(self.foreground, self.voxels, strict=True)
        return tuple(found / count if count else 0.0 for found, count in pairs)

    @property
    def shell(self) -> int:
        """How many layers from each face on lack half of what the middle has, or more."""
        *near, middle = self.densities
        layers = 0
        while layers < len(near) and near[layers] < _SHELL * middle:
            layers += 1
        return layers

    @property
    def share_cut(self) -> float:
        """Share of the objects at faces that are cut."""
        return self.cut / self.objects if self.objects else 0.0

    @property
    def middle_share_cut(self) -> float:
        """Share of the objects in the middle that end there, as any object does somewhere."""
        return self.middle_cut / self.middle_objects if self.middle_objects else 0.0


class _Tally:
    """Counts that are added chunk by chunk."""

    def __init__(self) -> None:
        self.by_distance: Counts = np.zeros((4, FARTHEST + 1), np.int64)
        self.regions: Counts = np.zeros((2, 2), np.int64)


def find_seams(
    mask: VolumeLike,
    chunk: int,
    exact: VolumeLike | None = None,
    cancelled: CancelCheck = never,
) -> Seams:
    """Count what a mask has wrong at the faces of its chunks.

    Parameters
    ----------
    mask : VolumeLike
        (Z, Y, X); what is above 0 is foreground.
    chunk : int
        Side of the chunks that it was computed by.
    exact : VolumeLike, optional
        The mask as it should be, of the same shape.
    cancelled : callable
        Asked between chunks.

    Returns
    -------
    Seams

    Raises
    ------
    ApplyError
        If the shapes differ, or the chunk is not smaller than the volume along some axis, or too
        large to be held.
    Cancelled
        If `cancelled` returned True.
    """
    z, y, x = mask.shape
    if exact is not None and exact.shape != mask.shape:
        name = exact.name if isinstance(exact, Volume) else "the exact mask"
        raise ApplyError(f"{name}: found shape {exact.shape}, expected {mask.shape} as of the mask")
    if chunk < 2 or chunk >= max(mask.shape):  # noqa: PLR2004
        raise ApplyError(f"--chunk {chunk}: expected chunks of which a volume has several")
    if chunk > _LARGEST:
        raise ApplyError(
            f"--chunk {chunk}: expected at most {_LARGEST}; give the one that was used"
        )
    grid, tally = Grid((z, y, x), (chunk,) * 3), _Tally()
    present = _with_voxels([mask] if exact is None else [mask, exact], grid)
    tally.by_distance[0] = _voxels_by_distance(grid)
    for tile in range(len(grid)) if present is None else present:
        if cancelled():
            raise Cancelled
        _count(mask, exact, grid.block(tile), chunk, tally)
    voxels, foreground, missing, added = (tuple(row) for row in tally.by_distance.tolist())
    (objects, cut), (middle, middle_cut) = tally.regions.tolist()
    return Seams(
        chunk,
        voxels,
        foreground,
        None if exact is None else missing,
        None if exact is None else added,
        objects,
        cut,
        middle,
        middle_cut,
    )


def _with_voxels(masks: Sequence[VolumeLike], grid: Grid) -> Collection[int] | None:
    """Return the chunks that have voxels, or whose neighbours have; None where that is not known.

    Of a store the chunks that exist are listed, and an absent one is background.
    """
    stores = {str(n): mask for n, mask in enumerate(masks) if isinstance(mask, Volume)}
    if len(stores) < len(masks) or any(store.absent_value != 0 for store in stores.values()):
        return None
    existing = existing_chunks(stores)
    if None in existing.values():
        return None
    return filled_tiles(existing.values(), grid, (1, 1, 1))


def _count(
    mask: VolumeLike, exact: VolumeLike | None, block: Block, chunk: int, tally: _Tally
) -> None:
    """Add what a chunk, and its faces towards higher places, have."""
    shape = mask.shape
    wider = tuple(
        slice(part.start, min(part.stop + 1, length))
        for part, length in zip(block, shape, strict=True)
    )
    z, y, x = wider
    there = np.asarray(mask[z, y, x]) > 0
    right = None if exact is None else np.asarray(exact[z, y, x]) > 0
    own = tuple(slice(0, length) for length in block_shape(block))
    tally.by_distance[1:] += _by_distance(
        there[own], None if right is None else right[own], block, shape
    )
    for axis in range(3):
        if block[axis].stop < shape[axis]:
            tally.regions[0] += _regions(there, right, axis, chunk - 1, own)
        middle = chunk // 2
        if middle < own[axis].stop:
            tally.regions[1] += _regions(there, right, axis, middle - 1, own)


Ends = tuple[tuple[bool, bool], ...]


def _ends(block: Block, shape: Sequence[int]) -> tuple[tuple[int, int, int], Ends]:
    """Return the shape of a chunk, and along each axis whether there are chunks on either side."""
    beside = (
        (part.start > 0, part.stop < length) for part, length in zip(block, shape, strict=True)
    )
    return block_shape(block), tuple(beside)


def _voxels_by_distance(grid: Grid) -> Counts:
    """Return how many voxels are how far from the nearest face between chunks."""
    farther = np.ones(FARTHEST + 2, np.int64)  # voxels at this distance or beyond
    for length, side in zip(grid.shape, grid.tile, strict=True):
        starts = range(0, length, side)
        along = [_along(min(side, length - at), at > 0, at + side < length) for at in starts]
        counts = np.bincount(np.concatenate(along), minlength=FARTHEST + 2)
        farther *= np.cumsum(counts[::-1])[::-1]
    return -np.diff(farther)


def _by_distance(there: Plane, right: Plane | None, block: Block, shape: Sequence[int]) -> Counts:
    """Return by distance how many voxels of a chunk are foreground, missing, and added."""
    found = np.zeros((3, FARTHEST + 1), np.int64)
    whole, ends = _ends(block, shape)
    for part in _slabs(whole):
        distance, mine = _distances(whole, ends, part), there[part]
        found[0] += _counted(distance[mine])
        if right is not None:
            found[1] += _counted(distance[right[part] & ~mine])
            found[2] += _counted(distance[mine & ~right[part]])
    return found


def _counted(distances: npt.NDArray[np.uint8]) -> Counts:
    return np.bincount(distances.reshape(-1), minlength=FARTHEST + 1)


def _slabs(shape: tuple[int, int, int]) -> Iterator[slice]:
    """Yield slices of a chunk that are counted at a time."""
    thick = max(1, _SLAB_VOXELS // (shape[1] * shape[2]))
    for start in range(0, shape[0], thick):
        yield slice(start, min(start + thick, shape[0]))


def _distances(shape: tuple[int, int, int], ends: Ends, part: slice) -> npt.NDArray[np.uint8]:
    """Return how far the voxels of slices of a chunk are from the nearest face to another chunk."""
    nearest = np.full((part.stop - part.start, *shape[1:]), FARTHEST, np.uint8)
    for axis, (length, beside) in enumerate(zip(shape, ends, strict=True)):
        along = _along(length, *beside)[part if axis == 0 else slice(None)]
        np.minimum(nearest, along.reshape([-1 if n == axis else 1 for n in range(3)]), out=nearest)
    return nearest


def _along(length: int, below: bool, above: bool) -> npt.NDArray[np.uint8]:
    """Return the distances from the ends of a chunk along an axis beyond which there are others."""
    places = np.minimum(np.arange(length), FARTHEST)
    along = np.full(length, FARTHEST)
    if below:
        along = places
    if above:
        along = np.minimum(along, places[::-1])
    return along.astype(np.uint8)


def _regions(
    mask: npt.NDArray[np.bool_],
    exact: npt.NDArray[np.bool_] | None,
    axis: int,
    place: int,
    own: Sequence[slice],
) -> Counts:
    """Return how many regions two neighbouring planes have, and how many of them are cut."""
    planes = [_plane(mask, axis, at, own) for at in (place, place + 1)]
    if exact is None:
        seen, whole = planes[0] | planes[1], planes[0] & planes[1]
    else:
        before, behind = (_plane(exact, axis, at, own) for at in (place, place + 1))
        seen, whole = before & behind, planes[0] & planes[1]
    labels, count = ndimage.label(seen, np.ones((3, 3)))
    reaching = np.unique(labels[whole & seen])
    return np.array([count, count - np.count_nonzero(reaching)], np.int64)


def _plane(mask: npt.NDArray[np.bool_], axis: int, place: int, own: Sequence[slice]) -> Plane:
    """Return a plane of a chunk, without what is beyond it along the other axes."""
    plane: Plane = mask[tuple(place if n == axis else part for n, part in enumerate(own))]
    return plane


def rows_of(seams: Seams) -> Iterator[tuple[str, ...]]:
    """Yield a row of text for each distance: distance, density, and what differs."""
    names = [*map(str, range(FARTHEST)), f"{FARTHEST} and more"]
    for number, name in enumerate(names):
        row = [name, f"{seams.densities[number]:.6f}"]
        if seams.missing is not None and seams.added is not None:
            row += [f"{seams.missing[number]:,}", f"{seams.added[number]:,}"]
        yield tuple(row)
