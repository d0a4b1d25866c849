"""Kernels on the shape of a mask: Euler numbers of its parts, and distances to the background."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from napari_nx46.voxels.blocks import Mask
from napari_nx46.voxels.compiling.kernel import helper, kernel
from napari_nx46.voxels.spans import Labels

Indices = npt.NDArray[np.int64]


@kernel("(u1[:,:,::1], i4[:,:,::1], i8, i8, i8[::1])")
def add_euler_numbers(mask: Mask, labels: Labels, low: int, high: int, numbers: Indices) -> None:
    """Add what the cells of the slices from `low` to `high` give to the Euler number of a label.

    The cells are the vertices, edges, squares and cubes whose voxels are all foreground, with
    the corner that comes first in these slices. A cell counts for the highest label among its
    voxels: labels that are not 0 must not touch each other. What counts for 0 means nothing.
    """
    depth, height, width = mask.shape
    for z in range(low, high):
        for y in range(height):
            for x in range(width):
                if mask[z, y, x] == 0:
                    continue
                for cell in range(8):
                    cz, cy, cx = cell >> 2, cell >> 1 & 1, cell & 1
                    if z + cz >= depth or y + cy >= height or x + cx >= width:
                        continue
                    owner = 0
                    is_full = True
                    for kz in range(cz + 1):
                        for ky in range(cy + 1):
                            for kx in range(cx + 1):
                                is_full &= mask[z + kz, y + ky, x + kx] != 0
                                owner = max(owner, labels[z + kz, y + ky, x + kx])
                    if is_full:
                        numbers[owner] += 1 - 2 * ((cz + cy + cx) & 1)


@kernel("(u1[:,:,::1], i8[:,::1], i8, i8, i8, u1[:,:,::1])")
def square_distances(
    mask: Mask, offsets: Indices, reach: int, low: int, high: int, squares: Mask
) -> None:
    """Write the squared distance of each voxel to the nearest background, at most ``reach**2``.

    Parameters
    ----------
    mask : (Z, Y, X) array of uint8
    offsets : (n, 4) array of int64
        Squared length, dz, dy, dx of all offsets shorter than `reach`, in ascending order.
    reach, low, high : int
        The slices from `low` to `high` are written.
    squares : (Z, Y, X) array of uint8
        Written to; 0 for background. What lies beyond the faces is no background.
    """
    depth, height, width = mask.shape
    first = np.zeros(reach + 1, np.int64)  # the first offset of at least this length
    for length in range(1, reach + 1):
        place = first[length - 1]
        while place < offsets.shape[0] and offsets[place, 0] < length * length:
            place += 1
        first[length] = place
    for z in range(low, high):
        for y in range(height):
            before = 0
            for x in range(width):
                squares[z, y, x] = 0
                if mask[z, y, x] == 0:
                    before = 0
                    continue
                # From voxel to voxel the distance falls by 1 at most.
                at_least = 0
                while (at_least + 2) * (at_least + 2) <= before:
                    at_least += 1
                nearest = reach * reach
                for k in range(first[at_least], offsets.shape[0]):
                    oz, oy, ox = z + offsets[k, 1], y + offsets[k, 2], x + offsets[k, 3]
                    if (
                        oz >= 0
                        and oy >= 0
                        and ox >= 0
                        and oz < depth
                        and oy < height
                        and ox < width
                        and mask[oz, oy, ox] == 0
                    ):
                        nearest = offsets[k, 0]
                        break
                squares[z, y, x] = nearest
                before = nearest


@kernel("(u1[:,:,::1], i8, i8)")
def find_ridge(squares: Mask, low: int, high: int) -> Indices:
    """Return the voxels that are as far from the background as all 26 neighbours, or farther.

    Parameters
    ----------
    squares : (Z, Y, X) array of uint8
        As `square_distances` writes them.
    low, high : int
        Slices to look at, from `low` to `high`.

    Returns
    -------
    (n,) array of int64
        As flat indices, ascending.
    """
    depth, height, width = squares.shape
    count = 0
    for z in range(low, high):
        for y in range(height):
            for x in range(width):
                count += squares[z, y, x] != 0
    found = np.empty(count, np.int64)
    count = 0
    for z in range(low, high):
        for y in range(height):
            for x in range(width):
                own = squares[z, y, x]
                if own == 0:
                    continue
                highest = own
                for oz in range(max(z - 1, 0), min(z + 2, depth)):
                    for oy in range(max(y - 1, 0), min(y + 2, height)):
                        for ox in range(max(x - 1, 0), min(x + 2, width)):
                            highest = max(highest, squares[oz, oy, ox])
                if highest == own:
                    found[count] = (z * height + y) * width + x
                    count += 1
    return found[:count].copy()


@helper
def _cells_of(mask: Mask, closed: Mask, z: int, y: int, x: int) -> int:
    """Return what the cells of a closed mask give of which a voxel is the first one added."""
    depth, height, width = mask.shape
    total = 0
    # Along each axis a cell begins before the voxel, begins at it, or is as thin as it.
    for az in range(3):
        z0, z1 = z - (az == 0), z + (az == 1)
        if z0 < 0 or z1 >= depth:
            continue
        for ay in range(3):
            y0, y1 = y - (ay == 0), y + (ay == 1)
            if y0 < 0 or y1 >= height:
                continue
            for ax in range(3):
                x0, x1 = x - (ax == 0), x + (ax == 1)
                if x0 < 0 or x1 >= width:
                    continue
                counts = True
                for kz in range(z0, z1 + 1):
                    for ky in range(y0, y1 + 1):
                        for kx in range(x0, x1 + 1):
                            is_before = kz < z or (kz == z and (ky < y or (ky == y and kx < x)))
                            counts &= closed[kz, ky, kx] != 0
                            counts &= not (is_before and mask[kz, ky, kx] == 0)
                if counts:
                    total += 1 - 2 * (((az < 2) + (ay < 2) + (ax < 2)) & 1)
    return total


@kernel("(u1[:,:,::1], u1[:,:,::1], i8[::1], i4[::1], i8[::1])")
def add_gains(
    mask: Mask, closed: Mask, flat: Indices, owner: npt.NDArray[np.int32], gains: Indices
) -> None:
    """Add by how much filling each of some places raises the Euler number (connected by faces).

    Parameters
    ----------
    mask, closed : (Z, Y, X) array of uint8
        The mask before and after everything is filled.
    flat : (n,) array of int64
        Voxels of the closed mask that the mask lacks, as flat indices. Places do not touch: all
        voxels that are added within a cell belong to one of them.
    owner : (n,) array of int32
        The place of each voxel.
    gains : (places,) array of int64
        Changed in place.
    """
    _, height, width = mask.shape
    for k in range(flat.size):
        row, x = flat[k] // width, flat[k] % width
        gains[owner[k]] += _cells_of(mask, closed, row // height, row % height, x)
