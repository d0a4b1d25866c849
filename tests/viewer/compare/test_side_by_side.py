"""Two masks are shown side by side, and the viewer is as it was before when they are not."""

from __future__ import annotations

import numpy as np
import pytest
from qtpy.QtCore import Qt

from napari_nx46.live.masks.choices import LIVE
from tests.viewer.compare.comparing import Comparing
from tests.viewer.windows import MASK_RGB

VOLUMES = ("p3d", "p2d")


def state_of(viewer):
    """Return what a user sees of a viewer's layers, grid and camera."""
    grid, camera = viewer.canvas.grid, viewer.scene.camera
    return (
        [(layer.name, layer.visible, layer.opacity) for layer in viewer.layers],
        (grid.enabled, grid.stride, grid.shape, grid.spacing),
        (camera.zoom, camera.center, viewer.dims.ndisplay),
    )


def beside(opened):
    return opened.viewer_session.side_by_side


def right_layers(opened):
    return [layer for layer in opened.viewer.layers if layer.name.endswith("(right)")]


def drawn_halves(opened):
    """Return whether mask is painted at all, left and right, from what the window shows."""
    picture = opened.viewer.screenshot(canvas_only=True, flash=False)[..., :3]
    is_mask = np.all(picture == MASK_RGB, axis=-1)
    half = is_mask.shape[1] // 2
    return int(is_mask[:, :half].sum()), int(is_mask[:, half:].sum())


def test_two_masks_stand_side_by_side_and_the_viewer_is_as_before_afterwards(shown):
    comparing = Comparing(shown)
    panel = comparing.panel.difference_panel
    comparing.press(Qt.Key.Key_U, Qt.KeyboardModifier.ShiftModifier)
    assert not beside(shown).shown  # there is one mask only
    comparing.pin_quantiles(A=0.7, B=0.9)
    shown.session.change(quantile=0.8)
    shown.wait_until_exact()
    shown.viewer_session.compare.pair.choose("A", "B")
    shown.viewer.scene.camera.zoom *= 1.5
    shown.viewer.canvas.grid.stride = 3
    before = state_of(shown.viewer)
    shown.qtbot.keyClick(panel.beside_box, Qt.Key.Key_Space)
    assert beside(shown).shown
    grid, layers = shown.viewer.canvas.grid, shown.viewer.layers
    mask = layers["B (right)"]
    cells = {layer.name: grid.position(layers.index(layer), layers) for layer in layers}
    assert cells["surface mask"] == (0, 0)
    assert cells["B (right)"] == (0, 1)
    assert {cells[layer.name] for layer in right_layers(shown)} == {(0, 1)}
    assert {cells[layer.name] for layer in shown.viewer_session.layers if layer.visible} == {(0, 0)}
    assert comparing.flip.name == "A"
    expected = [shown.expected_mask(comparing.pins[letter].setting) for letter in "AB"]
    for layer, whole in zip((shown.layer, mask), expected, strict=True):
        for z in (2, 5):
            shown.viewer.dims.set_current_step(0, z)
            np.testing.assert_array_equal(layer._slice.image.view, whole[z])
    # Other overlays go to the left; the cells stay.
    shown.viewer_session.compare.difference.show(True)
    shown.qtbot.wait(20)
    assert [layer.name for layer in layers][-1] == "B (right)"
    assert grid.position(layers.index(shown.viewer_session.compare.difference.layer), layers) == (
        0,
        0,
    )
    shown.viewer_session.compare.difference.remove()
    # Other masks are chosen, and the sliders move one of them.
    shown.viewer_session.compare.pair.choose("A", LIVE)
    shown.press(shown.panel.knobs["quantile"].slider, Qt.Key.Key_Home)
    shown.wait_until_exact()
    right = layers["live (right)"]._slice.image.view
    np.testing.assert_array_equal(right, shown.expected_mask()[5])
    comparing.press(Qt.Key.Key_U, Qt.KeyboardModifier.ShiftModifier)
    assert not panel.beside_box.isChecked()
    assert state_of(shown.viewer) == before


def test_both_cells_are_painted_and_the_fragment_changes_on_both_sides(shown):
    comparing = Comparing(shown)
    comparing.pin_quantiles(A=0.6)
    shown.session.change(quantile=0.9)
    shown.wait_until_exact()
    shown.show_mask_alone()
    beside(shown).show(True)
    shown.qtbot.wait(100)
    left, right = drawn_halves(shown)
    assert 0 < left < right
    before = state_of(shown.viewer)[1]
    shown.click(shown.panel.fragment_panel.next_button)
    comparing.wait_for_masks("A")
    shown.wait_until_exact()
    shown.qtbot.wait(50)
    assert state_of(shown.viewer)[1][0] == before[0]
    mask = shown.viewer.layers["A (right)"]
    expected = shown.expected_mask(comparing.pins["A"].setting)[shown.session.view.slice_index]
    np.testing.assert_array_equal(mask._slice.image.view, expected)
    # Deleting the mask on the right ends it.
    shown.viewer.layers.remove(mask)
    shown.wait_until(lambda: not beside(shown).shown)
    assert right_layers(shown) == []
    assert not shown.viewer.canvas.grid.enabled


@pytest.mark.parametrize("how", ["tune dock", "other data", "unpinned", "grid", "3D"])
def test_it_ends_with_what_it_shows(opened, how, one_fragment):
    comparing = Comparing(opened)
    comparing.pin_quantiles(A=0.7)
    before = state_of(opened.viewer)[1]
    if how == "3D":
        opened.viewer.dims.ndisplay = 3
    beside(opened).show(True)
    assert opened.viewer.canvas.grid.enabled
    if how == "tune dock":
        opened.viewer.window.remove_dock_widget(opened.dock)
    elif how == "other data":
        opened.dock.open_paths(one_fragment)
    elif how == "unpinned":
        comparing.pins.unpin("A")
    elif how == "grid":
        opened.viewer.canvas.grid.enabled = False  # as napari's own button does
        assert not beside(opened).shown
    else:
        assert opened.viewer.dims.ndisplay == 3
        beside(opened).show(False)
    assert right_layers(opened) == []
    assert state_of(opened.viewer)[1] == before
