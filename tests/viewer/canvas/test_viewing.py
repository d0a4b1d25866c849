"""Positions in a viewer's world and the voxels there, whatever the scale, units and axes."""

from __future__ import annotations

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers import Image

from napari_nx46.viewer.canvas.viewing import go_to, place_in, voxel_at, voxel_shown

SHAPE = (9, 40, 48)


@pytest.fixture
def viewer():
    """Return a model whose world is in micrometres, with other axes before those of volumes."""
    model = ViewerModel()
    model.add_image(np.zeros((2, 1, 1, 1), np.uint8), units=("um",) * 4)
    return model


@pytest.fixture
def layer(viewer):
    """Return a layer whose own unit is another one, and that does not begin at 0."""
    return viewer.add_image(
        np.zeros(SHAPE, np.uint8),
        scale=(2e-3, 1e-3, 0.5e-3),
        translate=(5e-3, 0, 7e-3),
        units=("mm",) * 3,
    )


def world(z, y, x):
    """Return where a voxel of the layer lies in the viewer's world."""
    return 1.0, 5 + 2 * z, float(y), 7 + 0.5 * x


def test_a_voxel_reaches_half_a_voxel_from_its_centre(viewer, layer):
    for voxel in ((0, 0, 0), (8, 39, 47), (3, 20, 11)):
        np.testing.assert_allclose(place_in(layer, viewer.dims, world(*voxel)), voxel, atol=1e-9)
        for away in (-0.49, 0.49):
            position = world(*np.add(voxel, away))
            assert voxel_at(viewer, layer, position, SHAPE) == voxel
    for beyond in ((-0.51, 0, 0), (0, 39.51, 0), (0, 0, 47.51)):
        assert voxel_at(viewer, layer, world(*beyond), SHAPE) is None


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (0, 2, 1, 3), (0, 3, 2, 1)])
@pytest.mark.parametrize("ndisplay", [2, 3])
def test_the_canvas_looks_at_a_voxel_along_the_axes_that_it_shows(viewer, layer, order, ndisplay):
    viewer.dims.order, viewer.dims.ndisplay = order, ndisplay
    voxel = (3, 20, 11)
    go_to(viewer, layer, voxel, look=True)
    assert voxel_shown(viewer, layer, SHAPE) == voxel
    shown = [world(*voxel)[axis] for axis in order[-ndisplay:]]
    assert viewer.scene.camera.center[-ndisplay:] == pytest.approx(shown)


def test_a_layer_of_two_axes_lies_on_the_last_ones(viewer):
    flat = Image(np.zeros((4, 5)), scale=(2e-3, 4e-3), units=("mm",) * 2)
    np.testing.assert_allclose(place_in(flat, viewer.dims, (1, 9, 4, 12)), (2, 3))
