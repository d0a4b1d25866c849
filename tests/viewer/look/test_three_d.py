"""The mask in 3D: on and off again without a trace, following the sliders meanwhile."""

from __future__ import annotations

import gc
import threading

import numpy as np
import psutil
import pytest
from napari.layers import Surface
from qtpy.QtCore import QObject, Qt
from qtpy.QtWidgets import QApplication

from napari_nx46.viewer.canvas.access import Canvas
from napari_nx46.viewer.canvas.surface_layers import (
    COMPONENT_COLORS,
    SURFACE_NAME,
    unseen_side,
)
from tests.viewer.soak import give_free_memory_back, living
from tests.viewer.windows import Opened

VOLUMES = ("p3d", "p2d", "test_images")
TIMES = 50
SMALL = (640, 480)
"""Of a window that paints fast."""
MOST_MEGABYTES_MORE = 60
"""napari itself grows by up to 0.25 MB for each image layer that it draws in 3D and in 2D again."""
MOST_OBJECTS_MORE = 10


def three_d(opened):
    return opened.viewer_session.three_d


def state_of(viewer):
    """Return what a user sees of a viewer."""
    camera, dims, layers = viewer.scene.camera, viewer.dims, viewer.layers
    return (
        [(layer.name, layer.visible, layer.opacity) for layer in layers],
        {layer.name for layer in layers.selection},
        layers.selection.active and layers.selection.active.name,
        (camera.zoom, camera.center, camera.angles),
        (dims.ndisplay, dims.order, dims.point, dims.current_step),
    )


def switch_on(opened: Opened):
    three_d(opened).show(True)
    opened.wait_until(lambda: len(three_d(opened).own_layers) == 2)
    opened.wait_until(lambda: three_d(opened).state.is_current)


def switch_off(opened):
    three_d(opened).show(False)
    assert three_d(opened).own_layers == ()


@pytest.mark.parametrize("order", [(0, 1, 2), (1, 0, 2)])
def test_the_button_shows_the_mask_in_3d_and_afterwards_all_is_as_before(shown, order):
    viewer, panel = shown.viewer, shown.panel.three_d_panel
    viewer.dims.order = order
    viewer.dims.set_current_step(order[0], 3)
    viewer.layers["probability p2d"].visible = True
    viewer.layers.selection = {viewer.layers["CT image"], viewer.layers["probability p3d"]}
    viewer.scene.camera.zoom *= 1.7
    viewer.scene.camera.center = (0, 11, 13)
    shown.qtbot.wait(50)
    before = state_of(viewer)
    assert panel.note.isHidden()
    shown.panel.scroll.ensureWidgetVisible(panel.button)
    shown.click(panel.button)
    shown.wait_until(lambda: three_d(shown).state.is_current)
    shown.wait_until(lambda: len(three_d(shown).own_layers) == 2)
    assert viewer.dims.ndisplay == 3
    assert {layer.name for layer in viewer.layers if layer.visible} == {SURFACE_NAME, "CT plane"}
    assert {layer.name for layer in viewer.layers.selection} == {"CT image", "probability p3d"}
    assert "component" in panel.note.text()
    shown.qtbot.wait(50)
    shown.click(panel.button)
    assert state_of(viewer) == before
    assert panel.note.isHidden()
    assert viewer.scene.camera.center == (0, 11, 13)


def test_components_are_painted_in_their_colours_and_the_surface_follows(shown):
    switch_on(shown)
    shown.qtbot.wait(100)
    picture = shown.viewer.screenshot(canvas_only=True, flash=False)[..., :3].astype(float)
    largest = np.array([int(COMPONENT_COLORS[0][k : k + 2], 16) for k in (1, 3, 5)], float)
    bright = picture[picture.max(axis=-1) > 60]
    alike = bright @ largest / np.linalg.norm(bright, axis=1) / np.linalg.norm(largest)
    assert np.count_nonzero(alike > 0.999) > 100
    layer = shown.viewer.layers[SURFACE_NAME]
    faces = len(layer.faces)
    states = []
    three_d(shown).state_changed.connect(states.append)
    shown.session.change(quantile=0.8)
    assert layer.opacity < 1  # of the setting before
    assert "≈" in shown.panel.three_d_panel.note.text()
    shown.wait_until(lambda: three_d(shown).state.is_current)
    assert layer.opacity == 1
    assert len(layer.faces) != faces
    switch_off(shown)


def test_only_what_cannot_be_seen_is_left_out_however_the_volume_is_turned(shown):
    viewer = shown.viewer
    shown.session.change(quantile=0.5)
    switch_on(shown)
    viewer.layers["CT plane"].visible = False
    surface, canvas = viewer.layers[SURFACE_NAME], Canvas(viewer)
    camera = viewer.scene.camera

    def picture():
        QApplication.processEvents()
        return viewer.screenshot(canvas_only=True, flash=False)[..., :3].astype(int)

    for order, orientation in (
        ((0, 1, 2), camera.orientation),
        ((1, 0, 2), camera.orientation),
        ((0, 1, 2), ("away", *camera.orientation[1:])),
    ):
        viewer.dims.order, camera.orientation = order, orientation
        drawn = picture()
        assert drawn.any()
        side = unseen_side(surface, viewer)
        canvas.leave_out(surface, None)
        difference = np.abs(picture() - drawn).max(axis=-1)
        assert np.count_nonzero(difference > 40) <= 0.002 * np.count_nonzero(drawn)
        canvas.leave_out(surface, "front" if side == "back" else "back")
        assert np.count_nonzero(np.abs(picture() - drawn).max(axis=-1) > 40) > 100
        canvas.leave_out(surface, side)
    switch_off(shown)


def test_the_plane_is_drawn_as_the_slice_and_moves(shown):
    switch_on(shown)
    viewer = shown.viewer
    viewer.layers[SURFACE_NAME].visible = False
    panel = shown.panel.three_d_panel
    # Looked at from before the first slice, as in 2D.
    viewer.scene.camera.angles = (0, 0, 0)
    image = shown.session.fragment.image.read()
    panel.position_slider.setValue(2)
    drawn = viewer.layers["CT plane"]
    shown.wait_until(lambda: np.all(drawn.vertices[:, 0] == 2))
    shown.qtbot.wait(100)
    picture = viewer.screenshot(canvas_only=True, flash=False)[..., :3].astype(float)
    assert np.ptp(picture, axis=-1).max() <= 1  # grey
    rows, columns = np.nonzero(picture.max(axis=-1))
    seen = picture[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1, 0]
    flipped = {
        (up, left): _likeness(seen[::up, ::left], image[2]) for up in (1, -1) for left in (1, -1)
    }
    assert max(flipped, key=flipped.get) == (1, 1)
    assert flipped[1, 1] > 0.8
    panel.axis_box.setCurrentIndex(2)
    panel.axis_box.activated.emit(2)
    shown.wait_until(lambda: np.ptp(drawn.vertices[:, 2]) == 0)
    middle = image.shape[2] // 2
    assert drawn.vertices[0, 2] == middle
    np.testing.assert_allclose(drawn.texture[..., 0], image[:, :, middle] / 255, atol=1e-6)
    switch_off(shown)


def _likeness(seen, picture):
    """Return the correlation of what is painted with a picture of fewer pixels."""
    rows = (np.arange(picture.shape[0]) + 0.5) * seen.shape[0] / picture.shape[0]
    columns = (np.arange(picture.shape[1]) + 0.5) * seen.shape[1] / picture.shape[1]
    sampled = seen[np.ix_(rows.astype(int), columns.astype(int))]
    return np.corrcoef(sampled.ravel(), picture.ravel())[0, 1]


@pytest.mark.parametrize("how", ["napari's button", "layer deleted", "dock closed"])
def test_it_ends_with_what_it_shows(shown, how):
    before = state_of(shown.viewer)
    switch_on(shown)
    bench = shown.viewer_session
    if how == "napari's button":
        shown.viewer.dims.ndisplay = 2
    elif how == "layer deleted":
        shown.viewer.layers.remove(shown.viewer.layers[SURFACE_NAME])
    else:
        shown.viewer.window.remove_dock_widget(shown.dock)
    shown.wait_until(lambda: not bench.three_d.shown)
    after = state_of(shown.viewer)
    assert after[3:] == before[3:]
    if how != "dock closed":
        assert after == before
        assert not shown.panel.three_d_panel.button.isChecked()


def test_it_goes_on_with_another_fragment(shown):
    switch_on(shown)
    shown.session.step_fragment(1)
    assert three_d(shown).shown
    shown.wait_until(lambda: len(three_d(shown).own_layers) == 2)
    shown.wait_until(lambda: three_d(shown).state.is_current)
    assert three_d(shown).state.result.shape == shown.session.fragment.shape
    switch_off(shown)
    assert shown.viewer.dims.ndisplay == 2
    assert shown.layer.visible


@pytest.mark.slow
def test_on_and_off_many_times_nothing_grows(shown):
    key = (Qt.Key.Key_H, Qt.KeyboardModifier.ShiftModifier)

    def switch_by_key():
        shown.qtbot.keyClick(shown.panel.overlay_panel.visible_box, *key)
        QApplication.processEvents()

    shown.viewer.window.resize(*SMALL)
    shown.session.show_fragment("c")
    shown.wait_until_exact()
    switch_on(shown)
    switch_off(shown)
    before, held = state_of(shown.viewer), None
    for time in range(TIMES):
        switch_by_key()
        assert three_d(shown).shown
        shown.wait_until(lambda: len(three_d(shown).own_layers) == 2)
        shown.viewer.scene.camera.angles = (time, 30, 40)
        QApplication.processEvents()
        switch_by_key()
        assert state_of(shown.viewer) == before
        if time == 4:
            held = _held(shown)
    after = _held(shown)
    print(f"after 5 times: {held}, after {TIMES}: {after}")
    assert living(Surface) == []
    assert after[1] <= held[1]
    assert after[2] - held[2] <= MOST_OBJECTS_MORE
    assert after[0] - held[0] <= MOST_MEGABYTES_MORE


def _held(shown):
    shown.qtbot.wait(200)
    gc.collect()
    give_free_memory_back()
    window = shown.viewer.window._qt_window
    return (
        psutil.Process().memory_info().rss / 2**20,
        threading.active_count(),
        len(window.findChildren(QObject)),
    )
