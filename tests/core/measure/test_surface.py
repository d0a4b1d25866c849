"""The surface of a mask: closed, of the right size and place, with each component known."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy import ndimage

from napari_nx46.core.measure.surface import surface_of
from napari_nx46.voxels.workers import Cancelled


def ball(shape, centre, radius):
    distance = np.linalg.norm(np.indices(shape).T - np.array(centre), axis=-1).T
    return (distance <= radius).astype(np.uint8)


def enclosed(mesh):
    """Return the volume within a closed surface, by the divergence theorem."""
    a, b, c = (mesh.vertices[mesh.faces[:, corner]].astype(float) for corner in range(3))
    return abs(np.einsum("ij,ij->i", a, np.cross(b, c)).sum()) / 6


def times_of_edges(mesh):
    """Return how many triangles each edge belongs to."""
    pairs = np.concatenate([mesh.faces[:, [0, 1]], mesh.faces[:, [1, 2]], mesh.faces[:, [2, 0]]])
    return set(Counter(map(tuple, np.sort(pairs, axis=1))).values())


@pytest.mark.parametrize("most_faces", [50_000, 2_000])
def test_a_ball_is_a_closed_surface_of_its_volume_at_its_place(most_faces):
    centre, radius = (30, 26, 34), 18
    mask = ball((64, 60, 66), centre, radius)
    mesh = surface_of(mask, most_faces=most_faces)
    assert 0 < len(mesh.faces) <= most_faces * 1.05
    assert (mesh.cell == 1) == (most_faces == 50_000)
    assert times_of_edges(mesh) == {2}
    assert enclosed(mesh) == pytest.approx(mask.sum(), rel=0.06)
    np.testing.assert_allclose(mesh.vertices.mean(axis=0), centre, atol=0.4)
    radii = np.linalg.norm(mesh.vertices - centre, axis=1)
    assert np.all(np.abs(radii - radius) < mesh.cell + 1)
    np.testing.assert_allclose(np.linalg.norm(mesh.normals, axis=1), 1, atol=1e-4)
    outwards = np.einsum("ij,ij->i", mesh.normals, mesh.vertices - np.array(centre))
    assert np.all(outwards > 0)
    assert set(mesh.ranks) == {0}


@pytest.mark.parametrize("most_faces", [50_000, 1_500])
def test_the_vertices_of_each_component_have_its_rank_by_size(most_faces):
    shape = (40, 40, 90)
    small, large = ((20, 20, 14), 8), ((20, 20, 62), 17)
    mask = ball(shape, *small) | ball(shape, *large)
    mesh = surface_of(mask, most_faces=most_faces)
    assert mesh.components == 2
    near_small = mesh.vertices[:, 2] < 33
    np.testing.assert_array_equal(mesh.ranks, near_small.astype(int))


@settings(max_examples=30, deadline=None)
@given(
    arrays.arrays(
        np.uint8,
        arrays.array_shapes(min_dims=3, max_dims=3, max_side=9),
        elements=st.integers(0, 1),
    ),
    st.sampled_from([20, 200, 50_000]),
)
def test_any_mask_has_a_surface_within_its_volume(mask, most_faces):
    mesh = surface_of(mask, most_faces=most_faces)
    assert mesh.shape == mask.shape
    assert mesh.components == ndimage.label(mask, np.ones((3, 3, 3)))[1]
    assert (len(mesh.faces) > 0) == bool(mask.any())
    assert len(mesh.vertices) == len(mesh.normals) == len(mesh.ranks)
    if mask.any():
        assert mesh.faces.min() >= 0
        assert mesh.faces.max() < len(mesh.vertices)
        assert mesh.vertices.min() >= -0.5
        assert np.all(mesh.vertices.max(axis=0) <= np.array(mask.shape) - 0.5)
        assert 0 <= mesh.ranks.min() <= mesh.ranks.max() < mesh.components


def test_thin_sheets_stay_in_large_cells():
    mask = np.zeros((96, 96, 96), np.uint8)
    mask[:, :, 10::20] = mask[:, :, 11::20] = 1
    mesh = surface_of(mask, most_faces=8_000)
    assert mesh.cell > 3
    assert 0 < len(mesh.faces) <= 8_400
    for x in range(10, 96, 20):
        assert np.any(np.abs(mesh.vertices[:, 2] - x) < mesh.cell)


def test_it_stops_when_nobody_waits_and_takes_no_other_arrays():
    mask = ball((20, 20, 20), (10, 10, 10), 5)
    with pytest.raises(Cancelled):
        surface_of(mask, cancelled=lambda: True)
    with pytest.raises(ValueError, match="uint8"):
        surface_of(mask.astype(float))
