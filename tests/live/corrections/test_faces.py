"""The faces of corrected voxels are those between different labels, each at its place."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from napari_nx46.live.corrections.faces import faces_of
from napari_nx46.voxels.corrections.corrections import Corrections

SHAPES = st.tuples(*[st.integers(1, 4)] * 3)


def defined(labels):
    """Return the middles of all faces with their labels, voxel by voxel."""
    padded = np.pad(labels, 1)
    found = []
    for voxel in np.argwhere(labels):
        for axis in range(3):
            for side in (-1, 1):
                beside = voxel.copy()
                beside[axis] += side
                if padded[tuple(beside + 1)] != labels[tuple(voxel)]:
                    middle = voxel + 0.5 * side * np.eye(3)[axis]
                    found.append((*middle, labels[tuple(voxel)]))
    return sorted(found)


@given(SHAPES.flatmap(lambda shape: arrays(np.uint8, shape, elements=st.integers(0, 2))))
def test_faces_are_those_of_the_definition(labels):
    faces = faces_of(Corrections.of(labels))
    squares = faces.vertices.reshape(-1, 4, 3)
    middles = squares.mean(axis=1)
    assert sorted(
        (*middle, label) for middle, label in zip(middles, faces.labels[::4], strict=True)
    ) == defined(labels)
    np.testing.assert_array_equal(faces.labels, np.repeat(faces.labels[::4], 4))
    # Both triangles of a square have half of its area, and together all of its corners.
    first, second, third = np.moveaxis(faces.vertices[faces.triangles], 1, 0)
    areas = np.linalg.norm(np.cross(second - first, third - first), axis=1) / 2
    np.testing.assert_array_equal(areas, 0.5)
    used = np.unique(faces.triangles.reshape(-1, 6), axis=1) if len(squares) else faces.triangles
    assert set(used.ravel().tolist()) == set(range(len(faces.vertices)))
