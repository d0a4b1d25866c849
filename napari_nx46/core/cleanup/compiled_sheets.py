"""Kernels that grow sheets and keep them apart. All free the GIL.

A voxel's *rank* is the number of its sheet, from 1, or that plus the number of sheets if it was
added; 0 where there is no sheet.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from napari_nx46.voxels.blocks import Mask
from napari_nx46.voxels.compiling.kernel import helper, kernel

Positions = npt.NDArray[np.int32]
Indices = npt.NDArray[np.int64]
Ranks = npt.NDArray[np.int32]


@kernel("(i8, i8, i8[::1], i4[::1], i4[::1], i4[:,:,::1], i8[::1])")
def count_unreached(
    low: int,
    high: int,
    row_starts: Indices,
    first: Positions,
    stop: Positions,
    labels: Ranks,
    counts: Indices,
) -> None:
    """Count in each slice from `low` to `high` the voxels of the mask that have no label."""
    height = labels.shape[1]
    for z in range(low, high):
        count = 0
        for y in range(height):
            row = labels[z, y]
            for run in range(row_starts[z * height + y], row_starts[z * height + y + 1]):
                for x in range(first[run], stop[run]):
                    count += row[x] == 0
        counts[z] = count


@kernel("(i4[:,:,::1], i8[::1], u1[:,:,::1], i4[::1], u1[:,:,::1], i4[:,:,::1])")
def rank_numbers(
    numbers: Ranks, corner: Indices, mask: Mask, ranks: Ranks, before: Mask, labels: Ranks
) -> None:
    """Write where a part of a box has a number, and its rank where the box has a mask."""
    depth, height, width = numbers.shape
    for z in range(depth):
        for y in range(height):
            there = z + corner[0], y + corner[1]
            row, allowed, found = before[there], mask[there], labels[there]
            for x in range(width):
                number = numbers[z, y, x]
                if number != 0:
                    row[x + corner[2]] = 1
                    if allowed[x + corner[2]] != 0:
                        found[x + corner[2]] = ranks[number]


@helper
def _lowest_around(labels: Ranks, z: int, y: int, x: int) -> int:
    """Return the lowest label among the 26 neighbours, 0 if none has one."""
    depth, height, width = labels.shape
    lowest = 0
    for near_z in range(max(z - 1, 0), min(z + 2, depth)):
        for near_y in range(max(y - 1, 0), min(y + 2, height)):
            row = labels[near_z, near_y]
            for near_x in range(max(x - 1, 0), min(x + 2, width)):
                label = row[near_x]
                if label > 0 and (lowest == 0 or label < lowest):
                    lowest = label
    return lowest


@kernel("(i8, i8, i8[::1], i4[::1], i4[::1], i4[:,:,::1], i8[::1], i8[::1], i4[::1])")
def find_first_layer(
    low: int,
    high: int,
    row_starts: Indices,
    first: Positions,
    stop: Positions,
    labels: Ranks,
    slice_starts: Indices,
    places: Indices,
    found: Ranks,
) -> None:
    """List the voxels of the mask without a label, and the lowest label beside each."""
    _, height, width = labels.shape
    for z in range(low, high):
        entry = slice_starts[z]
        for y in range(height):
            row = labels[z, y]
            for run in range(row_starts[z * height + y], row_starts[z * height + y + 1]):
                for x in range(first[run], stop[run]):
                    if row[x] == 0:
                        places[entry] = (z * height + y) * width + x
                        found[entry] = _lowest_around(labels, z, y, x)
                        entry += 1


@helper
def _offer(mask: Mask, labels: Ranks, place: int, queue: Indices, queued: int) -> int:
    """Offer the label of a voxel to its neighbours; return how many voxels are queued then.

    What is offered in the layer that is being made stands as a negative label.
    """
    depth, height, width = labels.shape
    x = place % width
    y = place // width % height
    z = place // width // height
    label = labels[z, y, x]
    for near_z in range(max(z - 1, 0), min(z + 2, depth)):
        for near_y in range(max(y - 1, 0), min(y + 2, height)):
            row, allowed = labels[near_z, near_y], mask[near_z, near_y]
            for near_x in range(max(x - 1, 0), min(x + 2, width)):
                if row[near_x] == 0:
                    if allowed[near_x] != 0:
                        row[near_x] = -label
                        queue[queued] = (near_z * height + near_y) * width + near_x
                        queued += 1
                elif 0 > row[near_x] < -label:
                    row[near_x] = -label
    return queued


@helper
def _ask_around(places: Indices, found: Ranks, labels: Ranks, queue: Indices) -> int:
    """Queue the second layer, with its labels negative, and return how many voxels it has.

    Most voxels are in the first layer: it is quicker to ask around those that are not than to
    offer the labels of all that are.
    """
    _, height, width = labels.shape
    flat = labels.reshape(-1)
    queued = 0
    for entry in range(places.size):
        if found[entry] == 0:
            place = places[entry]
            x, y, z = place % width, place // width % height, place // width // height
            label = _lowest_around(labels, z, y, x)
            if label > 0:
                flat[place] = -label
                queue[queued] = place
                queued += 1
    return queued


@kernel("(u1[:,:,::1], i8[::1], i4[::1], i4[:,:,::1], i8)")
def grow_layers(mask: Mask, places: Indices, found: Ranks, labels: Ranks, layers: int) -> None:
    """Give the listed voxels of the first layer their labels, and grow to so many layers."""
    flat = labels.reshape(-1)
    for entry in range(places.size):
        flat[places[entry]] = found[entry]
    if layers < 2:
        return
    queue = np.empty(places.size, np.int64)
    begin, end = 0, _ask_around(places, found, labels, queue)
    layer = 1
    while begin < end:
        layer += 1
        for entry in range(begin, end):
            flat[queue[entry]] = -flat[queue[entry]]
        if layer >= layers:
            return
        queued = end
        for entry in range(begin, end):
            queued = _offer(mask, labels, queue[entry], queue, queued)
        begin, end = end, queued


@kernel("(i8, i8, i8[::1], i4[::1], i4[::1], u1[:,:,::1], i8, i4[:,:,::1], i8[::1])")
def rank_added(
    low: int,
    high: int,
    row_starts: Indices,
    first: Positions,
    stop: Positions,
    unjoined: Mask,
    sheets: int,
    labels: Ranks,
    counts: Indices,
) -> None:
    """Make the labels ranks, and count in each row the segments of equal rank."""
    height = labels.shape[1]
    for z in range(low, high):
        for y in range(height):
            row, before = labels[z, y], unjoined[z, y]
            count = 0
            for run in range(row_starts[z * height + y], row_starts[z * height + y + 1]):
                last = 0
                for x in range(first[run], stop[run]):
                    if row[x] != 0 and before[x] == 0:
                        row[x] += sheets
                    if row[x] != last:
                        last = row[x]
                        count += last != 0
            counts[z * height + y] = count


@kernel(
    "(i8, i8, i8[::1], i4[::1], i4[::1], i4[:,:,::1], i8[::1], i4[::1], i4[::1], i4[::1])",
)
def write_segments(
    low: int,
    high: int,
    row_starts: Indices,
    first: Positions,
    stop: Positions,
    ranks: Ranks,
    segment_starts: Indices,
    segment_first: Positions,
    segment_stop: Positions,
    segment_rank: Ranks,
) -> None:
    """Write where the segments of equal rank begin and stop, and their ranks."""
    height = ranks.shape[1]
    for z in range(low, high):
        for y in range(height):
            row = ranks[z, y]
            segment = segment_starts[z * height + y]
            for run in range(row_starts[z * height + y], row_starts[z * height + y + 1]):
                last = 0
                for x in range(first[run], stop[run]):
                    if row[x] != last:
                        if last != 0:
                            segment_stop[segment] = x
                            segment += 1
                        last = row[x]
                        if last != 0:
                            segment_first[segment] = x
                            segment_rank[segment] = last
                if last != 0:
                    segment_stop[segment] = stop[run]
                    segment += 1


@helper
def _yield_to_row(
    own: int,
    own_end: int,
    near: int,
    near_end: int,
    gap: int,
    sheets: int,
    first: Positions,
    stop: Positions,
    rank: Ranks,
    row: npt.NDArray[np.uint8],
) -> None:
    """Remove the voxels of one row that have one of lower rank and another sheet in a near row."""
    for segment in range(own, own_end):
        while near < near_end and stop[near] + gap <= first[segment]:
            near += 1
        other = near
        while other < near_end and first[other] - gap < stop[segment]:
            is_lower = rank[other] < rank[segment]
            if is_lower and (rank[segment] - rank[other]) % sheets != 0:
                begin = max(first[segment], first[other] - gap)
                end = min(stop[segment], stop[other] + gap)
                row[begin:end] = 0
            other += 1


@kernel("(i8, i8, i8[::1], i4[::1], i4[::1], i4[::1], i8, i8, u1[:,:,::1])")
def remove_near(
    low: int,
    high: int,
    segment_starts: Indices,
    first: Positions,
    stop: Positions,
    rank: Ranks,
    gap: int,
    sheets: int,
    mask: Mask,
) -> None:
    """Remove, in the slices from `low` to `high`, what comes too near to a voxel before it."""
    depth, height, _ = mask.shape
    for z in range(low, high):
        for y in range(height):
            own, own_end = segment_starts[z * height + y], segment_starts[z * height + y + 1]
            if own == own_end:
                continue
            for near_z in range(max(z - gap, 0), min(z + gap + 1, depth)):
                for near_y in range(max(y - gap, 0), min(y + gap + 1, height)):
                    near_row = near_z * height + near_y
                    _yield_to_row(
                        own,
                        own_end,
                        segment_starts[near_row],
                        segment_starts[near_row + 1],
                        gap,
                        sheets,
                        first,
                        stop,
                        rank,
                        mask[z, y],
                    )
