"""Which parts of which tiles have chunks, as their plain definition says."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from napari_nx46.scale.plan.reach import filled_tiles
from napari_nx46.voxels.grid import Grid

LENGTHS = st.tuples(*(st.integers(1, 20),) * 3)
STARTS = st.tuples(*(st.integers(0, 24),) * 3)
SIDES = st.tuples(*(st.integers(1, 9),) * 3)


@given(
    st.lists(st.lists(st.tuples(STARTS, SIDES), max_size=4), min_size=1, max_size=2),
    *(LENGTHS, st.integers(1, 9), st.tuples(*(st.integers(0, 3),) * 3)),
    st.tuples(*(st.integers(0, 5),) * 3),
)
def test_the_hull_of_what_chunks_reach_in_each_tile(volumes, shape, tile, halo, corner):
    grid = Grid(shape, (tile,) * 3)
    existing, reached = [], np.zeros(shape, bool)
    for boxes in volumes:
        blocks = []
        for start, side in boxes:
            blocks.append(tuple(slice(a, a + b) for a, b in zip(start, side, strict=True)))
            reached[
                tuple(
                    slice(max(0, a - c - h), max(0, a + b - c + h))
                    for a, b, c, h in zip(start, side, corner, halo, strict=True)
                )
            ] = True
        existing.append(blocks)
    expected = {}
    for number in range(len(grid)):
        block = grid.block(number)
        if reached[block].any():
            places = np.argwhere(reached[block])
            ends = zip(block, places.min(0), places.max(0), strict=True)
            expected[number] = tuple(
                slice(int(part.start + low), int(part.start + high) + 1) for part, low, high in ends
            )
    assert filled_tiles(existing, grid, halo, corner) == expected
    assert filled_tiles([*existing, None], grid, halo, corner) == {
        number: grid.block(number) for number in range(len(grid))
    }
