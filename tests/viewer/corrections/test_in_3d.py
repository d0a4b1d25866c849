"""In 3D the voxel is corrected that the canvas draws under the mouse."""

from __future__ import annotations

import numpy as np
import pytest
from qtpy.QtCore import QPoint, Qt

from napari_nx46.viewer.look.three_d import ANGLES
from napari_nx46.viewer.look.three_d_panel import PAINTING_HINT
from tests.live.corrections.test_ray import nearest_box
from tests.viewer.corrections.painting import CONTROL, SHIFT, component_at

ONE_WINDOW = True
VOLUMES = ("p3d", "p2d")
ALONG_Z = {"view_direction": (1.0, 0.0, 0.0), "up_direction": (0.0, -1.0, 0.0)}
SCALE = (2.0, 1.0, 0.5)
AROUND = 0.15 * np.concatenate([np.zeros((1, 3)), np.eye(3), -np.eye(3)])
"""What is seen at a voxel's middle and around it is seen for certain at a whole pixel."""


@pytest.fixture
def in_3d(painting):
    """Return the window with all its layers in 3D."""
    painting.viewer.dims.ndisplay = 3
    painting.opened.wait_until(
        lambda: painting.session.view.three_d and painting.session.figures.fragment_exact
    )
    yield painting
    painting.corrections.stop_painting()
    painting.viewer.dims.ndisplay = 2
    painting.opened.wait_until_exact()


def direction_in_voxels(painting):
    return np.array(painting.viewer.scene.camera.view_direction) / painting.opened.layer.scale


def seen(painting, mask, count=3):
    """Return voxels of a mask that nothing is in front of, and places in them, apart from others.

    The first are at the ends of the volume, with places near its faces.
    """
    direction = direction_in_voxels(painting)
    voxels = np.random.default_rng(1).permutation(np.argwhere(mask))
    is_outer = (voxels == 0).any(axis=1)
    found = {}
    for candidates, enough in ((voxels[is_outer], count), (voxels[~is_outer], 2 * count)):
        for voxel in candidates:
            place, at = voxel - 0.3 * (voxel == 0), tuple(voxel.tolist())
            places = (place + around for around in AROUND)
            if all(nearest_box(mask, one, direction)[0] == at for one in places):
                found[at] = place
            if len(found) == enough:
                break
        assert len(found) == enough
    return found


def place_with_scale(painting):
    """Have the fragment lie where a layer with voxels of unequal sides does."""
    ground = painting.viewer.add_image(
        np.zeros((2, 2, 2), np.uint8), scale=SCALE, translate=(5, -3, 7), visible=False
    )
    painting.opened.viewer_session.placing.follow(ground, (0, 1, 2))
    painting.viewer.fit_to_view(layers=[painting.opened.layer])


@pytest.mark.parametrize(("view", "scaled"), [(ALONG_Z, False), (ANGLES, True)])
def test_a_press_paints_the_voxel_that_is_drawn_there(in_3d, view, scaled):
    if scaled:
        place_with_scale(in_3d)
    look_from(in_3d.viewer, view)
    mask = in_3d.session.whole_mask()
    in_3d.corrections.paint(1)
    in_3d.corrections.layer.brush_size = 1
    expected = np.zeros_like(mask)
    for voxel, place in seen(in_3d, mask).items():
        in_3d.click_at(in_3d.pixel_in_3d(in_3d.opened.layer, place))
        expected[voxel] = 1
        np.testing.assert_array_equal(in_3d.labels(), expected)


def test_on_the_surface_too_the_voxel_that_is_drawn_there_is_painted(painting):
    three_d, opened = painting.opened.viewer_session.three_d, painting.opened
    three_d.show(True)
    opened.wait_until(lambda: three_d.state.is_current and "mask in 3D" in painting.viewer.layers)
    mask = painting.session.whole_mask()
    painting.corrections.paint(1)
    painting.corrections.layer.brush_size = 1
    expected = np.zeros_like(mask)
    for voxel, place in seen(painting, mask).items():
        painting.click_at(painting.pixel_in_3d(painting.viewer.layers["mask in 3D"], place))
        expected[voxel] = 1
        np.testing.assert_array_equal(painting.labels(), expected)
    # The surface is opaque: what is drawn before it is not seen.
    layers = painting.viewer.layers
    assert layers.index("corrections") > max(map(layers.index, ("mask in 3D", "probability plane")))
    three_d.show(False)
    opened.wait_until_exact()


@pytest.mark.parametrize("painting_before", [True, False])
def test_in_3d_the_brush_goes_on_and_afterwards_all_is_as_before(painting, painting_before):
    opened, viewer = painting.opened, painting.viewer
    three_d, note = opened.viewer_session.three_d, opened.panel.three_d_panel.note
    painting.corrections.paint(2)
    painting.drag((10, 10), (10, 30))
    if not painting_before:
        painting.corrections.stop_painting()
        viewer.layers.selection = {opened.layer}

    def state():
        layer = painting.corrections.layer
        selected = viewer.layers.selection
        return painting.corrections.painting, layer.mode, layer.visible, set(selected)

    before = state()
    three_d.show(True)
    opened.wait_until(lambda: three_d.state.is_current and "mask in 3D" in viewer.layers)
    assert state() == before
    assert (PAINTING_HINT in note.text()) == painting_before
    erased, angles = painting.session.present_corrections.erased, viewer.scene.camera.angles
    surface, middle = viewer.layers["mask in 3D"], painting.canvas.rect().center()
    places = seen(painting, painting.session.whole_mask()).values()
    first, *_, last = (painting.pixel_in_3d(surface, place) for place in places)
    painting.drag_at(first, last)
    assert (painting.session.present_corrections.erased > erased) == painting_before
    assert (viewer.scene.camera.angles == angles) == painting_before
    opened.qtbot.keyPress(painting.canvas, Qt.Key.Key_Space)
    angles = viewer.scene.camera.angles
    painting.drag_at(middle, middle + QPoint(60, 20))
    opened.qtbot.keyRelease(painting.canvas, Qt.Key.Key_Space)
    assert viewer.scene.camera.angles != angles
    three_d.show(False)
    assert state() == before
    painting.corrections.stop_painting()
    opened.wait_until_exact()


def test_the_component_that_is_drawn_there_is_taken(in_3d):
    look_from(in_3d.viewer, ANGLES)
    in_3d.session.change(quantile=0.97)
    in_3d.opened.wait_until(lambda: in_3d.session.figures.fragment_exact)
    mask = in_3d.session.whole_mask()
    voxel, place = next(iter(seen(in_3d, mask, count=1).items()))
    in_3d.click_at(in_3d.pixel_in_3d(in_3d.opened.layer, place), CONTROL | SHIFT)
    in_3d.opened.wait_until(lambda: in_3d.session.present_corrections.erased > 0)
    np.testing.assert_array_equal(in_3d.labels() == 2, component_at(mask, voxel))
    in_3d.opened.wait_until(lambda: in_3d.session.figures.fragment_exact)
    np.testing.assert_array_equal(in_3d.session.whole_mask(), in_3d.expected())


@pytest.mark.parametrize("label", [1, 2])
def test_a_fast_stroke_has_no_gaps_and_one_undo_takes_it_back(in_3d, label):
    viewer, session = in_3d.viewer, in_3d.session
    look_from(viewer, ALONG_Z)
    angles = viewer.scene.camera.angles
    mask = session.whole_mask()
    in_3d.corrections.paint(label)
    in_3d.corrections.layer.brush_size = 1
    row, first, last = 11, 2, 44
    ends = (in_3d.pixel_in_3d(in_3d.opened.layer, (0, row, x)) for x in (first, last))
    in_3d.drag_at(*ends)
    assert in_3d.corrections.painting == label
    assert viewer.scene.camera.angles == angles
    expected = np.zeros_like(mask)
    for x in range(first, last + 1):
        z = np.flatnonzero(mask[:, row, x])
        expected[z[:1], row, x] = label
    assert expected.any()
    np.testing.assert_array_equal(in_3d.labels(), expected)
    in_3d.opened.qtbot.keyClick(in_3d.canvas, Qt.Key.Key_Z, CONTROL)
    assert session.present_corrections.is_empty


def look_from(viewer, view):
    """Have the camera look along a direction, or by angles."""
    if view is ALONG_Z:
        viewer.scene.camera.set_view_direction(**view)
    else:
        viewer.scene.camera.angles = view
