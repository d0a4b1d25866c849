"""What is drawn of the selected error: its voxels, the sheet beside it, the way between them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from napari_nx46.leaderboard import Explanation
from napari_nx46.leaderboard.errors.runs import voxels_in
from napari_nx46.live.arrays.volume import LazyVolume, Voxels
from napari_nx46.live.derived.of_session import SessionValue
from napari_nx46.live.errors.browser import ErrorBrowser
from napari_nx46.live.errors.listing import Listing
from napari_nx46.live.errors.pieces import LABEL, PREDICTION, component_beside
from napari_nx46.voxels.blocks import Block, block_shape, whole_block
from napari_nx46.voxels.workers import CancelCheck

__all__ = ["ItemClass", "ItemPicture", "Pictures", "lazy_picture", "picture_of"]

Ints = npt.NDArray[np.int32]

_NONE = np.zeros((0, 3), np.int32)


class ItemClass(IntEnum):
    """What a voxel is to the selected error."""

    NONE = 0
    OTHER = 1
    ITEM = 2
    WAY = 3


@dataclass(frozen=True, slots=True, eq=False)
class ItemPicture:
    """The voxels of an item by class, in ascending z.

    Parameters
    ----------
    shape : tuple of int
        (Z, Y, X) of the fragment.
    voxels : (N, 3) array of int32
    classes : (N,) array of uint8
        `ItemClass`.
    """

    shape: tuple[int, int, int]
    voxels: Ints
    classes: npt.NDArray[np.uint8]

    @property
    def box(self) -> Block:
        """The box around the voxels; one voxel where there are none."""
        if not len(self.voxels):
            return (slice(0, 1), slice(0, 1), slice(0, 1))
        low, high = self.voxels.min(axis=0).tolist(), self.voxels.max(axis=0).tolist()
        z, y, x = (slice(a, b + 1) for a, b in zip(low, high, strict=True))
        return z, y, x

    def block(self, block: Block) -> Voxels:
        """Return the classes of a block."""
        picture = np.zeros(block_shape(block), np.uint8)
        z, y, x = block
        first, last = np.searchsorted(self.voxels[:, 0], (z.start, z.stop)).tolist()
        some = self.voxels[first:last] - np.array([z.start, y.start, x.start], np.int32)
        inside = ((some >= 0) & (some < picture.shape)).all(axis=1)
        picture[tuple(some[inside].T)] = self.classes[first:last][inside]
        return picture


def picture_of(listing: Listing, row: int, shape: tuple[int, int, int]) -> ItemPicture:
    """Return the picture of a row of a listing.

    Parameters
    ----------
    listing : Listing
    row : int
    shape : tuple of int
        Of the fragment; corners of a surface at its far faces are drawn on its last voxels.
    """
    item, way = listing.voxels_of(row), listing.way_of(row)
    other = _other_sheet(listing, row, item, way)
    if listing.explanation is not None:
        way = np.concatenate([way, *listing.explanation.joints_of(row)])
    # Later ones win where voxels are in several: ways and joints are narrow, and must be seen.
    parts = ((other, ItemClass.OTHER), (item, ItemClass.ITEM), (way, ItemClass.WAY))
    voxels = np.minimum(np.concatenate([part for part, _ in parts]), np.array(shape) - 1)
    classes = np.repeat([int(kind) for _, kind in parts], [len(part) for part, _ in parts])
    order = np.argsort(voxels[:, 0], kind="stable")
    return ItemPicture(shape, voxels[order].astype(np.int32), classes[order].astype(np.uint8))


def lazy_picture(picture: ItemPicture, box: Block | None = None) -> LazyVolume:
    """Return a picture as a volume for a layer: of the whole fragment, or of a box of it."""
    within = whole_block(picture.shape) if box is None else box
    origin = [axis.start for axis in within]

    def read(block: Block) -> Voxels:
        z, y, x = (
            slice(axis.start + start, axis.stop + start)
            for axis, start in zip(block, origin, strict=True)
        )
        return picture.block((z, y, x))

    return LazyVolume(
        block_shape(within), read, lambda: picture.block(within), highest=max(ItemClass)
    )


class Pictures(SessionValue[tuple[Listing, int], ItemPicture]):
    """The picture of the item that is selected in a browser.

    Parameters
    ----------
    browser : ErrorBrowser
    """

    def __init__(self, browser: ErrorBrowser) -> None:
        self._browser = browser
        super().__init__(browser.session, keep=1, rest_seconds=0.0, priority=0)
        browser.selected_changed.connect(self.touch)

    def key(self) -> tuple[Listing, int] | None:
        """Return the list and the row; None where nothing is selected."""
        listing, row = self._browser.state.result, self._browser.selected
        return None if listing is None or row is None else (listing, row)

    def prepare(self, key: tuple[Listing, int]) -> Callable[[CancelCheck], ItemPicture]:
        """Return the function that collects the voxels."""
        shape = self.session.fragment.shape
        return lambda _cancelled: picture_of(*key, shape)

    def close(self) -> None:
        """Follow the browser no longer."""
        self._browser.selected_changed.disconnect(self.touch, missing_ok=True)
        super().close()


def _other_sheet(listing: Listing, row: int, item: Ints, way: Ints) -> Ints:
    """Return what an item is merged with or split from, or of a loop the mask around it."""
    explanation = listing.explanation
    if explanation is None:
        return _NONE
    if listing.tone_of(row) == "loop":
        return explanation.cycle_of(row)
    if len(way):
        side = LABEL if listing.side_of(row) == "label" else PREDICTION
        octant = listing.octants[listing.table.octant[row]]
        return component_beside(explanation, side, octant, item, way)
    kind = listing.kind_of(row)
    if listing.side_of(row) != "both" or not kind.startswith("VOI"):
        return _NONE
    return _rest_of_component(explanation, int(listing.table.row[row]), kind, item)


def _rest_of_component(explanation: Explanation, pair: int, kind: str, item: Ints) -> Ints:
    """Return the component that a pair is too small a part of, without the pair's voxels."""
    voi = explanation.voi
    side = PREDICTION if kind == "VOI merge" else LABEL
    number = (voi.predicted, voi.true)[side][pair]
    components = voi.components[side]
    whole = voxels_in(components.runs, components.component == number)
    flat = [np.ravel_multi_index(tuple(one.T), components.runs.shape) for one in (whole, item)]
    return whole[~np.isin(flat[0], flat[1], assume_unique=True)]
