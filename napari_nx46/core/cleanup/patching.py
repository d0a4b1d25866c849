"""Patch the holes of sheets, where that makes them no less like a disc."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from napari_nx46.core.cleanup.arguments import require_at_least_zero
from napari_nx46.voxels.blocks import Block, Mask, cells_of, whole_block
from napari_nx46.voxels.spans import Components, Labels, checked_mask, find_components
from napari_nx46.voxels.workers import Workers, tiles_of

__all__ = ["patch_holes"]

RUNS_PER_TILE = 1 << 15
SHEETS_PER_TILE = 1 << 12
RUNS_OF_LARGE_SHEET = 1 << 12
"""From here on a sheet is worth a call of its own."""

Indices = npt.NDArray[np.int64]
Window = npt.NDArray[np.int32]


@dataclass(frozen=True, eq=False, slots=True)
class _Sheets:
    """The 26-connected components of a mask, each with its runs and its box.

    Parameters
    ----------
    components : Components
    rows : (n,) array of int64
        The row ``z * Y + y`` of each run.
    order, offsets : (n,) and (count + 1,) arrays of int64
        The runs sheet by sheet, and where each sheet's begin.
    boxes : (count, 3, 2) array of int64
        First voxel, and the one after the last, along z, y and x.
    """

    components: Components
    rows: Indices
    order: Indices
    offsets: Indices
    boxes: Indices

    @classmethod
    def of(cls, components: Components) -> _Sheets:
        """Group the runs of components."""
        from napari_nx46.core.cleanup.compiled_patching import group_runs

        runs, count = components.runs, components.count
        rows = runs.rows()
        offsets = np.zeros(count + 1, np.int64)
        order = np.empty(rows.size, np.int64)
        group_runs(components.component, offsets, order)
        return cls(components, rows, order, offsets, components.boxes())

    def runs_of(self, sheet: int) -> Indices:
        """Return the runs of one sheet."""
        return self.order[self.offsets[sheet] : self.offsets[sheet + 1]]

    def views(self, largest_side: int, workers: Workers | None) -> list[_View]:
        """Return the sheets that have holes to patch, in raster order."""
        sides = self.boxes[..., 1] - self.boxes[..., 0]
        axes = np.argmin(sides, axis=1)
        # What encloses a pixel is at least three pixels wide either way.
        roomy = np.flatnonzero(np.sort(sides, axis=1)[:, 1] >= 3)
        holed = self._screened(roomy, axes[roomy], largest_side, workers)
        views = (self._view(int(sheet), int(axes[sheet]), largest_side) for sheet in holed)
        return [view for view in views if view.offsets.size > 1]

    def _screened(
        self, sheets: Indices, axes: Indices, largest_side: int, workers: Workers | None
    ) -> Indices:
        """Return the sheets that are large, or have holes: noise has very many small ones."""
        from napari_nx46.core.cleanup.compiled_patching import screen_sheets

        runs = self.components.runs
        kept = np.diff(self.offsets)[sheets] > RUNS_OF_LARGE_SHEET
        small = np.flatnonzero(~kept)

        def screen(tile: slice) -> None:
            has_holes = np.zeros(small[tile].size, np.bool_)
            screen_sheets(
                sheets[small[tile]],
                axes[small[tile]],
                self.boxes,
                self.offsets,
                self.order,
                self.rows,
                runs.first,
                runs.stop,
                runs.shape[1],
                largest_side,
                has_holes,
            )
            kept[small[tile]] = has_holes

        (workers or Workers(1)).map(screen, tiles_of(small.size, SHEETS_PER_TILE))
        return sheets[kept]

    def _view(self, sheet: int, axis: int, largest_side: int) -> _View:
        from napari_nx46.core.cleanup.compiled_patching import find_holes, project

        runs, box = self.components.runs, self.boxes[sheet]
        across = np.delete(box, axis, axis=0)
        bottom = np.full(across[:, 1] - across[:, 0], -1, np.int32)
        top = bottom.copy()
        project(
            self.runs_of(sheet),
            self.rows,
            runs.first,
            runs.stop,
            runs.shape[1],
            axis,
            box,
            bottom,
            top,
        )
        corner = int(across[0, 0]), int(across[1, 0])
        return _View(sheet, axis, corner, bottom, top, *find_holes(bottom, largest_side))

    def euler_number(self, sheet: int, labels: Labels, workers: Workers | None) -> int:
        """Return the Euler number of a sheet, its voxels joined by faces."""
        from napari_nx46.core.cleanup.compiled_patching import euler_number

        runs, order = self.components.runs, self.runs_of(sheet)

        def of_runs(tile: slice) -> int:
            return int(
                euler_number(order[tile], self.rows, runs.first, runs.stop, labels, sheet + 1)
            )

        return sum((workers or Workers(1)).map(of_runs, tiles_of(order.size, RUNS_PER_TILE)))


@dataclass(frozen=True, eq=False, slots=True)
class _View:
    """A sheet looked at along one axis, and the holes that are seen in it.

    Parameters
    ----------
    sheet : int
        From 0.
    axis : int
        0, 1 or 2: along which it is looked at.
    corner : tuple of int
        Where the window begins along the two other axes.
    bottom, top : (rows, columns) array of int32
        Lowest and highest voxel of the sheet in each column, -1 where it has none.
    pixels, offsets : array of int64
        The pixels of the holes, ``row * columns + column``, and where each hole's begin.
    """

    sheet: int
    axis: int
    corner: tuple[int, int]
    bottom: Window
    top: Window
    pixels: Indices
    offsets: Indices

    def holes(self) -> Iterator[Indices]:
        """Yield the pixels of each hole, in raster order of their first pixels."""
        for begin, end in zip(self.offsets[:-1], self.offsets[1:], strict=True):
            yield self.pixels[begin:end]

    def patch(self, pixels: Indices) -> Window:
        """Return the lowest and highest voxel of the patch in each column of a hole, (n, 2)."""
        from napari_nx46.core.cleanup.compiled_patching import overlap_columns, span_columns

        spanned = np.empty((pixels.size, 2), np.int32)
        span_columns(self.bottom, self.top, pixels, spanned)
        patch = np.empty_like(spanned)
        overlap_columns(self.bottom, self.top, pixels, spanned, patch)
        return patch


def patch_holes(
    mask: Mask,
    largest_side: int,
    *,
    side: int = 0,
    block: Block | None = None,
    workers: Workers | None = None,
) -> Mask:
    """Patch the holes of sheets, unless a sheet's Euler number gets worse by it.

    A *sheet* is a 26-connected component, viewed along the axis in which its bounding box is
    shortest (of equal ones z first, then y). Its *holes* are the background components of that
    projection, connected by edges (4), that do not touch the border of its bounding box and are
    nowhere wider than `largest_side`.

    A hole's *patch* has at each of its pixels the lowest and the highest voxel of the four nearest
    columns of the sheet along the pixel's row and column (up, down, left, right), averaged by the
    inverse of their distances in float64 and rounded half up, and all between them. Then each
    column of the patch is extended, all at once, to reach the depths of the four beside it, so
    that they are face-connected.

    A patch is kept if it neither overlaps nor touches (26) another sheet, and the sheet's Euler
    number chi, connected by faces (6), does not move away from that of a disc: ``|1 - chi|`` must
    not grow. Sheets are taken in raster order of their first voxels and holes of their first
    pixels, each with the patches kept before in place.

    Reach: the whole fragment, or with a side the boxes.

    Parameters
    ----------
    mask : (Z, Y, X) array of uint8, {0, 1}
    largest_side : int
        The longest side, in voxels, that the bounding box of a hole may have; 0 patches none.
    side : int
        If not 0, the fragment is cut into boxes of this side from its origin, and each is patched
        as if there were no other.
    block : Block, optional
        Where the mask lies in its fragment; by default at its origin.
    workers : Workers, optional
        Threads to share the work; the result does not depend on them.

    Returns
    -------
    (Z, Y, X) array of uint8, {0, 1}
        At least the mask itself, in a new array.

    Raises
    ------
    ValueError
        If the mask is no (Z, Y, X) uint8 array, or `largest_side` or `side` is below 0.

    Examples
    --------
    >>> sheet = np.ones((1, 5, 5), np.uint8)
    >>> sheet[0, 2, 2:4] = 0
    >>> int(patch_holes(sheet, 1).sum()), int(patch_holes(sheet, 2).sum())
    (23, 25)
    """
    require_at_least_zero(largest_side=largest_side, side=side)
    patched = checked_mask(mask).copy()
    if largest_side == 0:
        return patched
    if side == 0:
        return _patch(patched, largest_side, workers)
    for box in cells_of(block or whole_block(patched.shape), side):
        patched[box] = _patch(patched[box].copy(), largest_side, workers)
    return patched


def _patch(patched: Mask, largest_side: int, workers: Workers | None) -> Mask:
    """Patch the holes in a mask, in place."""
    sheets = _Sheets.of(find_components(patched, 26, workers=workers))
    views = sheets.views(largest_side, workers)
    if not views:
        return patched
    numbers = np.arange(1, sheets.components.count + 1, dtype=np.int32)
    labels = sheets.components.labels(numbers, patched, workers)
    for view in views:
        euler = sheets.euler_number(view.sheet, labels, workers)
        _patch_sheet(view, euler, labels, patched)
    return patched


def _patch_sheet(view: _View, euler: int, labels: Labels, mask: Mask) -> None:
    """Patch the holes of one sheet, in place, in the labels and in the mask."""
    from napari_nx46.core.cleanup.compiled_patching import apply_patch, write_patch

    width = view.bottom.shape[1]
    for pixels in view.holes():
        patch = view.patch(pixels)
        where = view.axis, view.corner, width, pixels, patch
        is_kept, euler = apply_patch(labels, view.sheet + 1, *where, euler)
        if is_kept:
            write_patch(mask, 1, *where)
