"""SurfaceDice against the distance transform that defines it."""

from __future__ import annotations

import math
from itertools import permutations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from scipy.spatial import ConvexHull

from napari_nx46.leaderboard import surface_dice
from napari_nx46.leaderboard.surface_areas import area_of_code
from tests.leaderboard.strategies import MIDDLE, mask_pairs

SPACINGS = [(1.0, 1.0, 1.0), (2.0, 1.0, 0.5), (0.7, 1.3, 1.0)]


def codes_of(mask):
    """Return the code of each corner of the voxel grid, (Z + 1, Y + 1, X + 1)."""
    padded = np.pad(mask, 1).astype(np.int64)
    depth, height, width = (n + 1 for n in mask.shape)
    return sum(
        padded[z : z + depth, y : y + height, x : x + width] << (4 * z + 2 * y + x)
        for z, y, x in np.ndindex(2, 2, 2)
    )


def slow_surface_dice(prediction, label, tolerance, spacing):
    codes = [codes_of(mask) for mask in (prediction, label)]
    surfaces = [(code != 0) & (code != 255) for code in codes]
    if not all(surface.any() for surface in surfaces):
        return float(prediction.any() == label.any())
    near = total = 0.0
    for code, surface, other in zip(codes, surfaces, surfaces[::-1], strict=True):
        areas = area_of_code(spacing)[code[surface]]
        distances = ndimage.distance_transform_edt(~other, sampling=spacing)[surface]
        near += areas[distances <= tolerance].sum()
        total += areas.sum()
    return near / total


def hull_area(code):
    """Return the area inside the cube of the hulls of what the code cuts off.

    For each component: the hull of its voxels and of the middles of the edges that leave it.
    """
    cube = np.array([code >> bit & 1 for bit in range(8)], bool).reshape(2, 2, 2)
    labelled, count = ndimage.label(cube if cube.sum() <= 4 else ~cube)
    area = 0.0
    for component in range(1, count + 1):
        inside = np.argwhere(labelled == component)
        neighbours = [(v, np.abs(v - unit)) for v in inside for unit in np.eye(3, dtype=int)]
        middles = [(v + n) / 2 for v, n in neighbours if labelled[tuple(n)] != component]
        hull = ConvexHull(np.vstack([inside, middles]))
        for facet in hull.points[hull.simplices]:
            if not any((facet[:, axis] == side).all() for axis in range(3) for side in (0, 1)):
                area += np.linalg.norm(np.cross(facet[1] - facet[0], facet[2] - facet[0])) / 2
    return area


@settings(max_examples=60)
@given(
    mask_pairs(MIDDLE),
    st.sampled_from([0.0, 0.6, 1.0, 1.5, 2.0, 3.5, 9.0]),
    st.sampled_from(SPACINGS),
)
def test_the_share_is_that_of_the_distance_transform(pair, tolerance, spacing):
    fast = surface_dice(*pair, tolerance=tolerance, spacing=spacing)
    assert fast == pytest.approx(slow_surface_dice(*pair, tolerance, spacing), abs=1e-12)


def test_a_plane_has_the_area_of_its_faces_in_any_spacing():
    areas = area_of_code((2.0, 3.0, 5.0))
    assert areas[[0b00001111, 0b00110011, 0b01010101]] == pytest.approx([15.0, 10.0, 6.0])


def test_a_single_voxel_is_a_regular_octahedron():
    corners = codes_of(np.ones((1, 1, 1), bool))
    assert area_of_code((1.0, 1.0, 1.0))[corners].sum() == pytest.approx(math.sqrt(3))


def test_the_areas_are_those_of_hulls_but_for_the_twisted_hexagons():
    areas = area_of_code((1.0, 1.0, 1.0))
    hulls = np.array([0.0, *(hull_area(code) for code in range(1, 255)), 0.0])
    twisted = ~np.isclose(areas, hulls, rtol=0, atol=1e-12)
    # Four voxels in a path that is not flat: 12 paths to the left and 12 to the right.
    assert twisted.sum() == 24
    assert areas[twisted] == pytest.approx(math.sqrt(3) / 2 + math.sqrt(2) / 2, abs=1e-15)
    assert (hulls[twisted] < areas[twisted]).all()


def test_each_kind_of_neighbourhood_has_the_area_of_the_definition():
    triangle, rectangle = math.sqrt(3) / 8, math.sqrt(2) / 2
    expected = {
        0b00000001: triangle,
        0b00000011: rectangle,
        0b00000110: 2 * triangle,
        0b00000111: 3 * triangle + 1 / 2,
        0b00001111: 1.0,
        0b00010110: 3 * triangle,
        0b00010111: 6 * triangle,
        0b00011000: 2 * triangle,
        0b00011001: rectangle + triangle,
        0b00011011: rectangle + 4 * triangle,
        0b00011110: 4 * triangle + 1 / 2,
        0b00111100: 2 * rectangle,
        0b01101001: 4 * triangle,
    }
    areas = area_of_code((1.0, 1.0, 1.0))
    assert [areas[code] for code in expected] == pytest.approx(list(expected.values()), abs=1e-15)


@pytest.mark.parametrize("spacing", SPACINGS)
def test_areas_keep_under_the_symmetries_of_the_cube(spacing):
    cubes = np.arange(256)[:, None] >> np.arange(8) & 1
    areas = area_of_code(spacing)
    places = np.arange(8).reshape(2, 2, 2)
    for axes, flips in product(permutations(range(3)), product((1, -1), repeat=3)):
        moved = places.transpose(axes)[tuple(slice(None, None, flip) for flip in flips)].ravel()
        stretched = area_of_code(tuple(spacing[axis] for axis in axes))
        assert stretched[cubes[:, moved] @ (1 << np.arange(8))] == pytest.approx(areas, abs=1e-14)


def test_only_what_has_foreground_and_background_has_an_area():
    areas = area_of_code((1.0, 1.0, 1.0))
    assert areas[0] == areas[255] == 0
    assert (areas[1:255] > 0).all()


def test_areas_do_not_depend_on_which_side_is_the_foreground():
    areas = area_of_code((0.5, 2.0, 3.0))
    assert (areas == areas[::-1]).all()


def test_the_area_of_a_ball_is_nearly_that_of_a_sphere():
    z, y, x = np.ogrid[-12:13, -12:13, -12:13]
    ball = z**2 + y**2 + x**2 <= 100
    area = area_of_code((1.0, 1.0, 1.0))[codes_of(ball)].sum()
    assert area == pytest.approx(4 * math.pi * 100, rel=0.12)


def test_parallel_planes_agree_up_to_the_tolerance_and_not_beyond():
    masks = np.zeros((2, 12, 9, 9), bool)
    masks[0, 3] = masks[1, 5] = True
    assert surface_dice(*masks, tolerance=2.0) == 1.0
    assert surface_dice(*masks, tolerance=1.99) < 0.75


@pytest.mark.parametrize(("first", "second", "expected"), [(0, 0, 1.0), (0, 1, 0.0), (1, 0, 0.0)])
def test_empty_masks_agree_with_empty_masks_alone(first, second, expected):
    masks = [np.full((3, 4, 5), bool(value)) for value in (first, second)]
    assert surface_dice(*masks) == expected
