"""Components of a mask, held as runs: rows of consecutive voxels along x.

A surface has far fewer runs than voxels, and needs no volume of labels. The kernels free the GIL: a
window stays alive while they work.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from napari_nx46.voxels.blocks import Block, Mask, OpenFaces, block_shape
from napari_nx46.voxels.tiles import INLINE_VOXELS, SLICES_PER_TILE
from napari_nx46.voxels.workers import Workers, tiles_of

CLOSED: OpenFaces = ((False, False), (False, False), (False, False))
"""The faces of a whole fragment."""

ALL_FACES: OpenFaces = ((True, True), (True, True), (True, True))

CONNECTIVITIES = (6, 18, 26)

Labels = npt.NDArray[np.int32]
"""``(Z, Y, X)`` int32: 0, or the number of what a voxel belongs to, from 1."""


@dataclass(frozen=True, eq=False, slots=True)
class Runs:
    """The runs of a mask's foreground, or of its background, in raster order.

    Parameters
    ----------
    shape : tuple of int
        Of the mask, (Z, Y, X).
    row_starts : (Z * Y + 1,) array of int64
        Number of the first run of each row, and at the end the number of runs.
    first, stop : (n,) array of int32
        The first voxel of each run along x, and the one after its last.
    """

    shape: tuple[int, int, int]
    row_starts: npt.NDArray[np.int64]
    first: npt.NDArray[np.int32]
    stop: npt.NDArray[np.int32]

    def rows(self) -> npt.NDArray[np.int64]:
        """Return the row ``z * Y + y`` of each run, (n,) int64."""
        return np.repeat(np.arange(self.row_starts.size - 1), np.diff(self.row_starts))

    def of_slices(self, tile: slice) -> Runs:
        """Return the runs of consecutive slices, as of a mask that holds just these."""
        _, height, width = self.shape
        starts = self.row_starts[tile.start * height : tile.stop * height + 1]
        there = slice(starts[0], starts[-1])
        shape = (tile.stop - tile.start, height, width)
        return Runs(shape, starts - starts[0], self.first[there], self.stop[there])


@dataclass(frozen=True, eq=False, slots=True)
class Components:
    """Runs, and the component that each belongs to.

    Parameters
    ----------
    runs : Runs
    component : (n,) array of int32
        The component of each run; components are numbered from 0 in raster order of their
        first voxels.
    count : int
        Number of components.
    """

    runs: Runs
    component: npt.NDArray[np.int32]
    count: int

    def sizes(self) -> npt.NDArray[np.int64]:
        """Return the number of voxels of each component, (count,) int64."""
        from napari_nx46.voxels.compiled_spans import add_sizes

        sizes = np.zeros(self.count, np.int64)
        add_sizes(self.runs.first, self.runs.stop, self.component, sizes)
        return sizes

    def boxes(self) -> npt.NDArray[np.int64]:
        """Return the box of each component, (count, 3, 2) int64.

        Its first voxel, and the one after its last, along z, y and x.
        """
        from napari_nx46.voxels.compiled_spans import measure_boxes

        runs = self.runs
        boxes = np.empty((self.count, 3, 2), np.int64)
        boxes[..., 0] = max(runs.shape)
        boxes[..., 1] = 0
        measure_boxes(runs.rows(), runs.first, runs.stop, self.component, runs.shape[1], boxes)
        return boxes

    def overlapping(self, mask: Mask, workers: Workers | None = None) -> npt.NDArray[np.bool_]:
        """Return True for each component, (count,) bool, that has a voxel of a mask.

        Raises
        ------
        ValueError
            If `mask` is no (Z, Y, X) uint8 array of the components' shape.
        """
        from napari_nx46.voxels.compiled_spans import gather_flags, mark_overlaps

        runs, voxels = self.runs, checked_mask(mask, self.runs.shape)
        found = np.empty(self.component.size, np.bool_)
        for_slices(
            lambda z: mark_overlaps(
                voxels, z.start, z.stop, runs.row_starts, runs.first, runs.stop, found
            ),
            runs.shape,
            workers,
        )
        overlapping = np.zeros(self.count, np.bool_)
        gather_flags(self.component, found, overlapping)
        return overlapping

    def touching(self, faces: OpenFaces) -> npt.NDArray[np.bool_]:
        """Return True for each component, (count,) bool, that touches a face marked True."""
        from napari_nx46.voxels.compiled_spans import mark_ends

        depth, height, width = self.runs.shape
        touching = np.zeros(self.count, np.bool_)
        if self.count == 0:
            return touching
        starts = self.runs.row_starts
        begin = starts[:-1].reshape(depth, height)
        end = starts[1:].reshape(depth, height)
        (z_low, z_high), (y_low, y_high), (x_low, x_high) = faces
        for is_marked, rows in (
            (z_low, np.s_[0, :]),
            (z_high, np.s_[-1, :]),
            (y_low, np.s_[:, 0]),
            (y_high, np.s_[:, -1]),
        ):
            if is_marked:
                for low, high in zip(begin[rows], end[rows], strict=True):
                    touching[self.component[low:high]] = True
        if x_low or x_high:
            runs = self.runs
            mark_ends(x_low, x_high, width, runs.first, runs.stop, self.component, touching)
        return touching

    def paint(
        self,
        chosen: npt.NDArray[np.bool_],
        value: int,
        mask: Mask,
        workers: Workers | None = None,
    ) -> None:
        """Write a value over the voxels of the chosen components, in place.

        Parameters
        ----------
        chosen : (count,) array of bool
        value : int
            0 or 1.
        mask : (Z, Y, X) array of uint8
        workers : Workers, optional
        """
        from napari_nx46.voxels.compiled_spans import paint_runs

        runs = self.runs
        for_slices(
            lambda z: paint_runs(
                z.start,
                z.stop,
                runs.row_starts,
                runs.first,
                runs.stop,
                self.component,
                chosen,
                value,
                mask,
            ),
            runs.shape,
            workers,
        )

    def alone(self, number: int, box: Block) -> Mask:
        """Return the mask of one component, by its number from 0, in a box that holds all of it.

        Returns
        -------
        (Z, Y, X) array of uint8, {0, 1}
            Of the box's shape.
        """
        from napari_nx46.voxels.compiled_spans import paint_alone

        runs = self.runs
        alone = np.zeros(block_shape(box), np.uint8)
        corner = np.array([extent.start for extent in box], np.int64)
        paint_alone(
            corner,
            runs.shape[1],
            runs.row_starts,
            runs.first,
            runs.stop,
            self.component,
            number,
            alone,
        )
        return alone

    def labels(
        self,
        numbers: npt.NDArray[np.int32],
        within: Mask,
        workers: Workers | None = None,
    ) -> Labels:
        """Return each component's number at its voxels within a mask, and 0 elsewhere.

        Parameters
        ----------
        numbers : (count,) array of int32
            0 for a component that is left out.
        within : (Z, Y, X) array of uint8
        workers : Workers, optional

        Returns
        -------
        (Z, Y, X) array of int32
        """
        from napari_nx46.voxels.compiled_spans import paint_numbers

        runs = self.runs
        labels = np.zeros(runs.shape, np.int32)
        for_slices(
            lambda z: paint_numbers(
                z.start,
                z.stop,
                runs.row_starts,
                runs.first,
                runs.stop,
                self.component,
                numbers,
                within,
                labels,
            ),
            runs.shape,
            workers,
        )
        return labels


def checked_mask(mask: Mask, shape: tuple[int, ...] | None = None) -> Mask:
    """Return a mask in C order.

    Raises
    ------
    ValueError
        If it is no (Z, Y, X) uint8 array, or not of the shape asked for.
    """
    if mask.ndim != 3 or mask.dtype != np.uint8:
        raise ValueError(
            f"expected a mask (Z, Y, X) of uint8, found shape {mask.shape} of {mask.dtype}"
        )
    if shape is not None and mask.shape != shape:
        raise ValueError(f"expected masks of equal shape, found {shape} and {mask.shape}")
    return np.ascontiguousarray(mask)


def for_slices(
    work: Callable[[slice], None], shape: tuple[int, ...], workers: Workers | None
) -> None:
    """Do work on all slices of a volume, tile by tile, on the workers where there are some.

    A thin block is shared by the workers too: the preview of a slice waits for it.
    """
    if workers is None or math.prod(shape) <= INLINE_VOXELS:
        work(slice(0, shape[0]))
    else:
        share = math.ceil(shape[0] / workers.count)
        workers.map(work, tiles_of(shape[0], min(share, SLICES_PER_TILE)))


def find_runs(mask: Mask, *, background: bool = False, workers: Workers | None = None) -> Runs:
    """Return the runs of a mask's foreground or background.

    Parameters
    ----------
    mask : (Z, Y, X) array of uint8, {0, 1}
    background : bool
        Whether to find the runs of 0 instead of those of 1.
    workers : Workers, optional

    Returns
    -------
    Runs

    Raises
    ------
    ValueError
        If the mask is no (Z, Y, X) uint8 array.
    """
    from napari_nx46.voxels.compiled_spans import count_runs, write_runs

    voxels = checked_mask(mask)
    depth, height, width = voxels.shape
    row_starts = np.zeros(depth * height + 1, np.int64)
    if voxels.size:
        counts = row_starts[1:]
        for_slices(
            lambda z: count_runs(voxels, background, z.start, z.stop, counts), voxels.shape, workers
        )
        np.cumsum(counts, out=counts)
    first = np.empty(row_starts[-1], np.int32)
    stop = np.empty(row_starts[-1], np.int32)
    if first.size:

        def write_tile(z: slice) -> None:
            packed = np.packbits(voxels[z], axis=-1, bitorder="little")
            write_runs(packed, background, z.start, width, row_starts, first, stop)

        for_slices(write_tile, voxels.shape, workers)
    return Runs((depth, height, width), row_starts, first, stop)


def foreground_runs(mask: npt.NDArray[np.generic], workers: Workers | None = None) -> Runs:
    """Return the runs of a mask of any type, in which what is not 0 is foreground."""
    return find_runs(np.not_equal(mask, 0).view(np.uint8), workers=workers)


def find_components(
    mask: Mask,
    connectivity: int,
    *,
    background: bool = False,
    workers: Workers | None = None,
) -> Components:
    """Return the connected components of a mask's foreground or background.

    Parameters
    ----------
    mask : (Z, Y, X) array of uint8, {0, 1}
    connectivity : {6, 18, 26}
        Whether voxels are connected by faces, also edges, also corners.
    background : bool
        Whether to find the components of 0 instead of those of 1.
    workers : Workers, optional
        Threads to share the work; the result does not depend on them.

    Returns
    -------
    Components
        Numbered in raster order of their first voxels.

    Raises
    ------
    ValueError
        If the mask is no (Z, Y, X) uint8 array, or for another connectivity.
    """
    return components_of(
        find_runs(mask, background=background, workers=workers), connectivity, workers
    )


def components_of(runs: Runs, connectivity: int, workers: Workers | None = None) -> Components:
    """Return the connected components of runs; see `find_components`.

    Parameters
    ----------
    runs : Runs
    connectivity : {6, 18, 26}
    workers : Workers, optional

    Raises
    ------
    ValueError
        For another connectivity.
    """
    from napari_nx46.voxels.compiled_spans import join_slice_before, join_slices, number_components

    if connectivity not in CONNECTIVITIES:
        raise ValueError(f"expected a connectivity of {CONNECTIVITIES}, found {connectivity}")
    parent = np.empty(runs.first.size, np.int64)
    component = np.empty(runs.first.size, np.int32)
    if not runs.first.size:
        return Components(runs, component, 0)
    height = runs.shape[1]
    reach = int(connectivity)  # kernels would be compiled for an enumeration by itself
    seams: list[int] = []

    def join_tile(z: slice) -> None:
        seams.append(z.start)
        join_slices(z.start, z.stop, height, reach, runs.row_starts, runs.first, runs.stop, parent)

    for_slices(join_tile, runs.shape, workers)
    for z in sorted(seams)[1:]:
        join_slice_before(z, height, reach, runs.row_starts, runs.first, runs.stop, parent)
    return Components(runs, component, number_components(parent, component))
