"""What was corrected by hand in a store, or in boxes of it, placed in the mask of the whole."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from napari_nx46.files.naming import first_few
from napari_nx46.scale.plan.errors import ApplyError
from napari_nx46.voxels.blocks import Block, Mask, whole_block
from napari_nx46.voxels.corrections.corrections import ADD, Corrections
from napari_nx46.voxels.grid import Grid

if TYPE_CHECKING:
    from napari_nx46.files.volumes.volume import Volume

__all__ = ["NO_CORRECTIONS", "PlacedCorrections", "corrections_path", "place_corrections"]

Corner = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class PlacedCorrections:
    """Corrections of fragments, and where these lie in a mask.

    Parameters
    ----------
    by_fragment : mapping of str to Corrections
    corners : mapping of str to (z, y, x)
        Where each begins, in voxels of the mask; it may begin before the mask and reach beyond.
    """

    by_fragment: Mapping[str, Corrections]
    corners: Mapping[str, Corner]

    def apply(self, mask: Mask, block: Block) -> Mask:
        """Return the mask of a block with all corrections; the one given is not changed."""
        for name, one in self.by_fragment.items():
            within = _moved(block, self.corners[name], one.shape)
            if within is None:
                continue
            part, place = within
            corrected = one.apply(np.ascontiguousarray(mask[place]), part)
            if not np.array_equal(corrected, mask[place]):
                mask = mask.copy()
                mask[place] = corrected
        return mask

    def tiles_added_to(self, grid: Grid) -> set[int]:
        """Return the tiles in which any voxel is added."""
        found: set[int] = set()
        for name, one in self.by_fragment.items():
            z_corner, *others = self.corners[name]
            for z, runs in one.slices.items():
                places, values = runs.voxels(slice(0, one.shape[1]), slice(0, one.shape[2]))
                added = np.stack(np.divmod(places[values == ADD], one.shape[2]), axis=1) + others
                for y, x in np.unique(added // grid.tile[1:], axis=0).tolist():
                    tile = grid.tile_at(((z + z_corner) // grid.tile[0], y, x))
                    found.update(() if tile is None else (tile,))
        return found

    def record(self) -> list[dict[str, object]]:
        """Return what a receipt says of them: a JSON object for each fragment."""
        return [
            {
                "fragment": name,
                "corner": list(self.corners[name]),
                "added": one.added,
                "erased": one.erased,
                "sha256": one.digest,
            }
            for name, one in self.by_fragment.items()
        ]


NO_CORRECTIONS = PlacedCorrections({}, {})


def corrections_path(image: Path) -> Path:
    """Return where the corrections of an image are: ``NAME.zarr.corrections.npz`` beside it."""
    return image.with_name(f"{image.name}.corrections.npz")


def place_corrections(
    found: Mapping[str, Corrections],
    volume: Volume,
    box: tuple[tuple[int, int], ...] | None,
) -> PlacedCorrections:
    """Return corrections of a store, or of boxes of it, in its mask.

    Parameters
    ----------
    found : mapping of str to Corrections
        By image_id: the name of store and level, for the whole of it, or that and the place of a
        box.
    volume : Volume
        The level of the store.
    box : three (start, stop), optional
        The part of it that the mask is made of.

    Raises
    ------
    ApplyError
        If none are of the store, or they do not fit it, or two say different things of a voxel.
    """
    # Workers, which place nothing, start without these.
    from napari_nx46.data.fragments.boxes import Box, box_of, store_id
    from napari_nx46.files.stores.address import name_of
    from napari_nx46.files.volumes.paths import image_id_of

    name = image_id_of(name_of(volume.name if volume.path is None else str(volume.path)))
    shape, level = volume.shape, volume.coarser_level
    whole = store_id(name, level)
    start = tuple(first for first, _ in box) if box is not None else (0, 0, 0)
    chosen: dict[str, Corrections] = {}
    corners: dict[str, Corner] = {}
    for image_id, one in sorted(found.items()):
        place = box_of(image_id)
        if image_id == whole:
            place = Box((0, 0, 0), shape)
        elif place is None or image_id != place.image_id(name, level):
            continue
        beyond = any(last > length for last, length in zip(place.stop, shape, strict=True))
        if one.shape != place.shape or beyond:
            raise ApplyError(
                f"corrections of {image_id}: found shape {one.shape}; expected that of a part of "
                f"{shape}, made at the level that the setting is applied to"
            )
        if not one.is_empty:
            z, y, x = (at - first for at, first in zip(place.start, start, strict=True))
            chosen[image_id], corners[image_id] = one, (z, y, x)
    if found and not chosen and not all(one.is_empty for one in found.values()):
        raise ApplyError(
            f"found corrections of {first_few(sorted(found))}; expected some of {whole}, or of its "
            f"boxes, such as {Box((0, 0, 0), (64, 64, 64)).image_id(name, level)}"
        )
    placed = PlacedCorrections(chosen, corners)
    for fault in _contradictions(placed):
        raise ApplyError(fault)
    return placed


def _contradictions(placed: PlacedCorrections) -> Iterator[str]:
    """Yield where two fragments that overlap say different things."""
    for (first, one), (second, other) in combinations(placed.by_fragment.items(), 2):
        there, here = placed.corners[second], placed.corners[first]
        back = tuple(a - b for a, b in zip(here, there, strict=True))
        shared = _moved(whole_block(other.shape), (back[0], back[1], back[2]), one.shape)
        if shared is None:
            continue
        part, place = shared
        z, y, x = place
        for at in range(z.start, z.stop):
            if at not in other.slices or at - z.start + part[0].start not in one.slices:
                continue
            theirs = other.labels((slice(at, at + 1), y, x))
            mine_at = at - z.start + part[0].start
            mine = one.labels((slice(mine_at, mine_at + 1), *part[1:]))
            odd = np.argwhere((mine != 0) & (theirs != 0) & (mine != theirs))
            if odd.size:
                _, row, column = odd[0].tolist()
                yield (
                    f"corrections of {first} and {second}: one adds and one erases the voxel "
                    f"(z, y, x) = {(mine_at, part[1].start + row, part[2].start + column)} of the "
                    "first; correct one of them"
                )
                return


def _moved(block: Block, corner: Corner, shape: tuple[int, int, int]) -> tuple[Block, Block] | None:
    """Return what a block has of a fragment: in its voxels, and within the block."""
    inside = [
        (max(0, part.start - start), min(length, part.stop - start))
        for part, start, length in zip(block, corner, shape, strict=True)
    ]
    if any(first >= last for first, last in inside):
        return None
    z, y, x = (slice(first, last) for first, last in inside)
    place = (
        slice(part.start + at - outer.start, part.stop + at - outer.start)
        for part, at, outer in zip((z, y, x), corner, block, strict=True)
    )
    place_z, place_y, place_x = place
    return (z, y, x), (place_z, place_y, place_x)
