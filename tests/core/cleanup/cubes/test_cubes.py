"""Cubes are plugged as the rule says, code by code and all at once."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from napari_nx46.core.cleanup.cubes.cubes import plug_cubes, plug_cubes_in_raster_order
from napari_nx46.core.cleanup.cubes.table import first_place_table, plug_table
from napari_nx46.voxels.workers import Workers
from tests.voxels.mask_cases import masks, noise_mask

FIRST_PLACE = (
    "105>251 107>251 109>253 111>239 122>127 124>127 150>223 151>223 182>247 183>247 189>253"
    " 190>254 218>223 231>247 235>251 237>253 249>253"
)
"""The codes for which the published table is another one than the rule's."""


def cube_of(code):
    """Return the cube of a code, bit by bit with x fastest."""
    return np.array([code >> bit & 1 for bit in range(8)], np.uint8).reshape(2, 2, 2)


def code_of(cube):
    """Return the code of a cube."""
    return int((cube.ravel() << np.arange(8)).sum())


def is_connected(cube):
    """Return whether the voxels of a cube are connected by faces, or there are none."""
    return ndimage.label(cube)[1] <= 1


def defined_code(code):
    """Return what a cube becomes: try all ways of adding the fewest voxels."""
    empty = [bit for bit in range(8) if not code >> bit & 1]
    for count in range(len(empty) + 1):
        results = [
            code | sum(1 << bit for bit in added) for added in itertools.combinations(empty, count)
        ]
        fitting = [
            result
            for result in results
            if is_connected(cube_of(result)) and is_connected(1 - cube_of(result))
        ]
        if fitting:
            return min(fitting)
    raise AssertionError(f"nothing plugs {code}")


def defined_pass(mask):
    """Plug every cube of a mask on its own, and add what any of them adds."""
    plugged, table = mask.copy(), plug_table()
    for corner in np.ndindex(*(max(0, length - 1) for length in mask.shape)):
        here = tuple(slice(start, start + 2) for start in corner)
        plugged[here] |= cube_of(int(table[code_of(mask[here])]))
    return plugged


def defined_raster(mask, passes):
    """Plug cube after cube in place, as the first-place solution does."""
    near = ndimage.binary_dilation(mask, np.ones((3, 3, 3)))
    plugged, table = mask.copy(), first_place_table()
    for _ in range(passes):
        for corner in np.argwhere(near):
            here = tuple(slice(start, start + 2) for start in corner)
            if plugged[here].shape == (2, 2, 2):
                plugged[here] = cube_of(int(table[code_of(plugged[here])]))
    return plugged


def test_the_table_is_that_of_the_rule():
    assert [int(code) for code in plug_table()] == [defined_code(code) for code in range(256)]
    assert np.count_nonzero(plug_table() != np.arange(256)) == 128


def test_the_table_of_the_first_place_differs_where_it_was_published_to():
    expected = plug_table().copy()
    for pair in FIRST_PLACE.split():
        code, becomes = pair.split(">")
        assert expected[int(code)] != int(becomes)
        expected[int(code)] = int(becomes)
    np.testing.assert_array_equal(first_place_table(), expected)


@settings(max_examples=30, deadline=None)
@given(mask=masks(deepest=5), passes=st.integers(0, 4))
def test_plugging_equals_the_definition(mask, passes):
    expected = mask
    for _ in range(passes):
        expected = defined_pass(expected)
    found = plug_cubes(mask, passes)
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, expected)


@settings(max_examples=30, deadline=None)
@given(mask=masks(deepest=5), passes=st.integers(0, 3))
def test_plugging_in_raster_order_equals_the_published_loop(mask, passes):
    np.testing.assert_array_equal(
        plug_cubes_in_raster_order(mask, passes), defined_raster(mask, passes)
    )


def test_plugging_on_many_tiles_equals_plugging_on_one():
    mask = noise_mask(48, (70, 200, 130), 0.4, 0.7)
    threads = Workers(2)
    found = plug_cubes(mask, 3, workers=threads)
    threads.close()
    slabs = [plug_cubes(mask[max(0, z - 3) : z + 4], 3)[min(z, 3)] for z in range(70)]
    np.testing.assert_array_equal(found, np.stack(slabs))


@pytest.mark.parametrize("plug", [plug_cubes, plug_cubes_in_raster_order])
def test_a_diagonal_tunnel_through_a_sheet_is_plugged(plug):
    holed = np.zeros((6, 5, 6), np.uint8)
    holed[:, 2] = 1
    holed[2, 2, 2] = holed[3, 2, 3] = 0  # they touch by an edge: to faces, two tunnels
    assert plug(holed)[:, 2].sum() > holed[:, 2].sum()
    with pytest.raises(ValueError, match=r"^passes: expected at least 0, found -1"):
        plug(holed, -1)
