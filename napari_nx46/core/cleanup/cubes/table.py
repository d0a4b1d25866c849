"""What each cube of 2 x 2 x 2 voxels becomes when it is plugged.

The code of a cube is the sum of the bits 1, 2, 4, ... 128 of its foreground voxels, x fastest, then
y, then z.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

import numpy as np
import numpy.typing as npt

__all__ = ["CODES", "CubeTable", "first_place_table", "plug_table"]

CODES = 256

CubeTable = npt.NDArray[np.uint8]
"""``(256,)``: the code that a cube of each code becomes; each has at least the bits it had."""

_NEIGHBOURS = tuple(
    sum(1 << (voxel ^ step) for step in (1, 2, 4)) | 1 << voxel for voxel in range(8)
)
"""Of each voxel of a cube, its own bit and those of its three neighbours by a face."""

_FIRST_PLACE: Mapping[int, int] = {
    105: 251,
    107: 251,
    109: 253,
    111: 239,
    122: 127,
    124: 127,
    150: 223,
    151: 223,
    182: 247,
    183: 247,
    189: 253,
    190: 254,
    218: 223,
    231: 247,
    235: 251,
    237: 253,
    249: 253,
}
"""The codes for which the winner's table differs from the rule."""


@cache
def plug_table() -> CubeTable:
    """Return the table of the rule: the fewest voxels that leave no diagonal contact in the cube.

    A cube whose foreground is connected by faces within it, and whose background is, too, stays as
    it is. Any other gets the fewest further voxels that make both so; of several such results it
    becomes the one with the smallest code. 128 of the 256 codes change.

    Returns
    -------
    (256,) array of uint8
        Not to be written to.

    Examples
    --------
    >>> int(plug_table()[0b0110]), int(plug_table()[0b0011])  # a diagonal pair, a pair by a face
    (7, 3)
    """
    fits = [_is_connected(code) and _is_connected(~code & 0xFF) for code in range(CODES)]
    larger = [
        [other for other in range(CODES) if fits[other] and other & code == code]
        for code in range(CODES)
    ]
    table = np.array([min(found, key=lambda c: (c.bit_count(), c)) for found in larger], np.uint8)
    table.setflags(write=False)
    return table


@cache
def first_place_table() -> CubeTable:
    """Return the table of the first-place solution: the rule's but for 17 codes.

    Returns
    -------
    (256,) array of uint8
        Not to be written to.
    """
    table = plug_table().copy()
    for code, becomes in _FIRST_PLACE.items():
        table[code] = becomes
    table.setflags(write=False)
    return table


def _is_connected(code: int) -> bool:
    """Return whether the voxels of a code are connected by faces, or there are none."""
    reached = code & -code
    while True:
        wider = reached
        for voxel in range(8):
            if reached >> voxel & 1:
                wider |= _NEIGHBOURS[voxel] & code
        if wider == reached:
            return reached == code
        reached = wider
