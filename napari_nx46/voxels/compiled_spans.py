"""Kernels on runs: where they lie, which are connected, and voxels written from them.

All free the GIL, so that a window stays alive while they work; those that take a range of slices
write nothing that belongs to another range.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from napari_nx46.voxels.blocks import Mask
from napari_nx46.voxels.compiling.kernel import helper, kernel
from napari_nx46.voxels.union_find import find_root

Positions = npt.NDArray[np.int32]
Indices = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


@kernel("(u1[:,:,::1], b1, i8, i8, i8[::1])")
def count_runs(mask: Mask, background: bool, low: int, high: int, counts: Indices) -> None:
    """Count the runs in each row of the slices from `low` to `high`."""
    _, height, width = mask.shape
    for z in range(low, high):
        for y in range(height):
            row = mask[z, y]
            changes = 0
            for x in range(1, width):
                changes += (row[x] != 0) != (row[x - 1] != 0)
            ends = ((row[0] != 0) != background) + ((row[width - 1] != 0) != background)
            counts[z * height + y] = (changes + ends) // 2


@helper
def _find_edges(
    packed_row: npt.NDArray[np.uint8], background: bool, width: int, edges: Positions
) -> None:
    """Write where the runs of a row begin and stop, one after the other."""
    flip = 0xFF if background else 0
    last_bits = 0xFF >> (8 * packed_row.size - width)
    count = 0
    before = 0
    for number in range(packed_row.size):
        bits = packed_row[number] ^ flip
        if number == packed_row.size - 1:
            bits &= last_bits
        changes = (bits ^ (bits << 1 | before)) & 0xFF
        before = bits >> 7
        if changes != 0:
            for bit in range(8):
                # Written in any case, and counted where it is one: no branch to mispredict.
                edges[count] = 8 * number + bit
                count += changes >> bit & 1
    if before != 0:
        edges[count] = width


@kernel("(u1[:,:,::1], b1, i8, i8, i8[::1], i4[::1], i4[::1])")
def write_runs(
    packed: npt.NDArray[np.uint8],
    background: bool,
    low: int,
    width: int,
    row_starts: Indices,
    first: Positions,
    stop: Positions,
) -> None:
    """Write where the runs of the slices from `low` on begin and stop.

    Their voxels are given packed along x, eight in a byte, the first in the lowest bit.
    """
    height = packed.shape[1]
    edges = np.empty(width + 2, np.int32)
    for slice_number in range(packed.shape[0]):
        for y in range(height):
            row = (low + slice_number) * height + y
            run, run_end = row_starts[row], row_starts[row + 1]
            if run < run_end:
                _find_edges(packed[slice_number, y], background, width, edges)
            for edge in range(run_end - run):
                first[run + edge] = edges[2 * edge]
                stop[run + edge] = edges[2 * edge + 1]


@helper
def _join_rows(
    first: Positions,
    stop: Positions,
    row_starts: Indices,
    row: int,
    other_row: int,
    reach: int,
    parent: Indices,
) -> None:
    """Join the runs of two rows that overlap, or come within `reach` of it, along x."""
    run, run_end = row_starts[row], row_starts[row + 1]
    other, other_end = row_starts[other_row], row_starts[other_row + 1]
    while run < run_end and other < other_end:
        meet = first[run] < stop[other] + reach and first[other] < stop[run] + reach
        if meet and parent[run] != parent[other]:
            # The lowest run stands for all, whatever the order in which they are joined.
            root, other_root = find_root(parent, run), find_root(parent, other)
            parent[max(root, other_root)] = min(root, other_root)
        if stop[run] < stop[other]:
            run += 1
        else:
            other += 1


@kernel("(i8, i8, i8, i8[::1], i4[::1], i4[::1], i8[::1])")
def join_slice_before(
    z: int,
    height: int,
    connectivity: int,
    row_starts: Indices,
    first: Positions,
    stop: Positions,
    parent: Indices,
) -> None:
    """Join the runs of slice `z` with those of the slice before it."""
    straight = 0 if connectivity == 6 else 1
    diagonal = 1 if connectivity == 26 else 0
    for y in range(height):
        row, below = z * height + y, (z - 1) * height + y
        _join_rows(first, stop, row_starts, row, below, straight, parent)
        if connectivity > 6:
            if y > 0:
                _join_rows(first, stop, row_starts, row, below - 1, diagonal, parent)
            if y + 1 < height:
                _join_rows(first, stop, row_starts, row, below + 1, diagonal, parent)


@kernel("(i8, i8, i8, i8, i8[::1], i4[::1], i4[::1], i8[::1])")
def join_slices(
    low: int,
    high: int,
    height: int,
    connectivity: int,
    row_starts: Indices,
    first: Positions,
    stop: Positions,
    parent: Indices,
) -> None:
    """Join the runs of the slices from `low` to `high` among each other."""
    straight = 0 if connectivity == 6 else 1
    for run in range(row_starts[low * height], row_starts[high * height]):
        parent[run] = run
    for z in range(low, high):
        for y in range(1, height):
            row = z * height + y
            _join_rows(first, stop, row_starts, row, row - 1, straight, parent)
        if z > low:
            join_slice_before(z, height, connectivity, row_starts, first, stop, parent)


@kernel("(i8[::1], i4[::1])")
def number_components(parent: Indices, component: Positions) -> int:
    """Give the components numbers from 0, in the order of their first runs; return how many."""
    count = 0
    for run in range(parent.size):
        # A parent comes before its run, so that it has its number already.
        if parent[run] == run:
            component[run] = count
            count += 1
        else:
            component[run] = component[parent[run]]
    return count


@kernel("(i4[::1], i4[::1], i4[::1], i8[::1])")
def add_sizes(first: Positions, stop: Positions, component: Positions, sizes: Indices) -> None:
    """Add the voxels of every run to its component's size."""
    for run in range(component.size):
        sizes[component[run]] += stop[run] - first[run]


@kernel("(i8[::1], i4[::1], i4[::1], i4[::1], i8, i8[:,:,::1])")
def measure_boxes(
    rows: Indices,
    first: Positions,
    stop: Positions,
    component: Positions,
    height: int,
    boxes: Indices,
) -> None:
    """Widen each component's box, that is empty at first, to hold all of its runs."""
    for run in range(component.size):
        box = boxes[component[run]]
        z, y = rows[run] // height, rows[run] % height
        box[0, 0], box[0, 1] = min(box[0, 0], z), max(box[0, 1], z + 1)
        box[1, 0], box[1, 1] = min(box[1, 0], y), max(box[1, 1], y + 1)
        box[2, 0] = min(box[2, 0], first[run])
        box[2, 1] = max(box[2, 1], stop[run])


@kernel("(u1[:,:,::1], i8, i8, i8[::1], i4[::1], i4[::1], b1[::1])")
def mark_overlaps(
    mask: Mask,
    low: int,
    high: int,
    row_starts: Indices,
    first: Positions,
    stop: Positions,
    overlaps: Flags,
) -> None:
    """Mark the runs of the slices from `low` to `high` that have a voxel of a mask."""
    height = mask.shape[1]
    for z in range(low, high):
        for y in range(height):
            row = mask[z, y]
            for run in range(row_starts[z * height + y], row_starts[z * height + y + 1]):
                found = False
                for x in range(first[run], stop[run]):
                    if row[x] != 0:
                        found = True
                        break
                overlaps[run] = found


@kernel("(i4[::1], b1[::1], b1[::1])")
def gather_flags(component: Positions, flags: Flags, gathered: Flags) -> None:
    """Mark the components that have a marked run."""
    for run in range(component.size):
        if flags[run]:
            gathered[component[run]] = True


@kernel("(b1, b1, i8, i4[::1], i4[::1], i4[::1], b1[::1])")
def mark_ends(
    low_face: bool,
    high_face: bool,
    width: int,
    first: Positions,
    stop: Positions,
    component: Positions,
    touching: Flags,
) -> None:
    """Mark the components with a run that begins or stops at a face across x."""
    for run in range(component.size):
        if (low_face and first[run] == 0) or (high_face and stop[run] == width):
            touching[component[run]] = True


@kernel("(i8, i8, i8[::1], i4[::1], i4[::1], i4[::1], b1[::1], i8, u1[:,:,::1])")
def paint_runs(
    low: int,
    high: int,
    row_starts: Indices,
    first: Positions,
    stop: Positions,
    component: Positions,
    chosen: Flags,
    value: int,
    mask: Mask,
) -> None:
    """Write a value over the chosen components' voxels in the slices from `low` to `high`."""
    height = mask.shape[1]
    for z in range(low, high):
        for y in range(height):
            row = mask[z, y]
            for run in range(row_starts[z * height + y], row_starts[z * height + y + 1]):
                if chosen[component[run]]:
                    row[first[run] : stop[run]] = value


@kernel("(i8[::1], i8, i8[::1], i4[::1], i4[::1], i4[::1], i8, u1[:,:,::1])")
def paint_alone(
    corner: Indices,
    height: int,
    row_starts: Indices,
    first: Positions,
    stop: Positions,
    component: Positions,
    number: int,
    alone: Mask,
) -> None:
    """Write 1 over the voxels of one component in a box, which begins at a corner."""
    depth, rows, _ = alone.shape
    for z in range(depth):
        for y in range(rows):
            row, place = alone[z, y], (corner[0] + z) * height + corner[1] + y
            for run in range(row_starts[place], row_starts[place + 1]):
                if component[run] == number:
                    row[first[run] - corner[2] : stop[run] - corner[2]] = 1


@kernel("(i8, i8, i8[::1], i4[::1], i4[::1], i4[::1], i4[::1], u1[:,:,::1], i4[:,:,::1])")
def paint_numbers(
    low: int,
    high: int,
    row_starts: Indices,
    first: Positions,
    stop: Positions,
    component: Positions,
    numbers: Positions,
    within: Mask,
    labels: Positions,
) -> None:
    """Write each component's number over its voxels that lie within a mask."""
    height = labels.shape[1]
    for z in range(low, high):
        for y in range(height):
            row, allowed = labels[z, y], within[z, y]
            for run in range(row_starts[z * height + y], row_starts[z * height + y + 1]):
                number = numbers[component[run]]
                if number > 0:
                    for x in range(first[run], stop[run]):
                        if allowed[x] != 0:
                            row[x] = number
