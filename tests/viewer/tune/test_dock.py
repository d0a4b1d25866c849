"""The dock: how it opens, its figures, its band, its fragments, its keys, and how it looks."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from qtpy.QtCore import QPoint, Qt
from qtpy.QtGui import QColor
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QAbstractButton, QAbstractSpinBox, QColorDialog, QComboBox, QSlider

from napari_nx46.core.measure.band import BandPosition
from napari_nx46.core.pipeline import FragmentPipeline
from napari_nx46.setting import Group
from napari_nx46.viewer.canvas.overlay import DEFAULT_OPACITY
from napari_nx46.viewer.plugin.preferences import DEFAULT_MASK_COLOR
from napari_nx46.viewer.tune.dock import TuneDock
from napari_nx46.viewer.tune.read_out import POSITION_TEXTS, ROWS
from tests.viewer.windows import Opened

WIDEST_DOCK = 335


def press_in_canvas(opened, key, modifier=Qt.KeyboardModifier.NoModifier):
    QTest.keyClick(opened.viewer.window._qt_viewer.canvas.native, key, modifier)


def test_the_dock_opens_from_the_plugins_menu_and_takes_up_the_layers_that_are_there(
    make_napari_viewer, data_folder, qtbot
):
    viewer = make_napari_viewer()
    viewer.open(str(data_folder), plugin="napari-nx46")
    before = [layer.name for layer in viewer.layers]
    _, dock = viewer.window.add_plugin_dock_widget("napari-nx46", "Tune surface mask")
    assert isinstance(dock, TuneDock)
    opened = Opened(viewer, dock, qtbot)
    opened.wait_until_exact()
    assert [layer.name for layer in viewer.layers] == [*before, "surface mask"]
    np.testing.assert_array_equal(np.asarray(opened.layer.data), opened.expected_mask())
    opened.press(opened.panel.knobs["quantile"].slider, Qt.Key.Key_Home)
    opened.wait_until_exact()
    np.testing.assert_array_equal(np.asarray(opened.layer.data), opened.expected_mask())
    opened.click(opened.panel.fragment_panel.next_button)
    opened.wait_until_exact()
    assert [layer.name for layer in viewer.layers] == [*before, "surface mask"]
    assert viewer.layers["surface mask"].data.shape == viewer.layers["CT image"].data.shape


def test_an_empty_dock_says_what_to_do_and_takes_up_layers_opened_later(
    make_napari_viewer, data_folder, qtbot
):
    viewer = make_napari_viewer()
    _, dock = viewer.window.add_plugin_dock_widget("napari-nx46", "Tune surface mask")
    assert dock.viewer_session is None
    assert "open a data folder" in dock.introduction.text()
    viewer.open(str(data_folder), plugin="napari-nx46")
    qtbot.waitUntil(lambda: dock.viewer_session is not None)
    Opened(viewer, dock, qtbot).wait_until_exact()
    assert [layer.name for layer in viewer.layers].count("probability p3d") == 1


def test_figures_are_marked_until_they_are_exact(opened, monkeypatch):
    read_out = opened.panel.read_out
    labels = (read_out.threshold_label, *read_out.value_labels.values())
    assert not any("≈" in label.text() for label in labels)
    assert all(label.isEnabled() for label in labels)

    release, density = threading.Event(), FragmentPipeline.density

    def held(*arguments):
        assert release.wait(30)
        return density(*arguments)

    monkeypatch.setattr(FragmentPipeline, "density", held)
    opened.press(opened.panel.knobs["z_radius"].slider, Qt.Key.Key_End)
    opened.wait_until(lambda: all(label.text().startswith("≈ ") for label in labels))
    assert not any(label.isEnabled() for label in labels)
    # The preview of the shown slice is there all the while.
    assert opened.session.figures.slice_density == opened.layer.data[4].mean()
    release.set()
    opened.wait_until_exact()
    assert not any("≈" in label.text() for label in labels)
    assert all(label.isEnabled() for label in labels)


def test_the_figures_are_those_of_the_definition(opened):
    opened.session.change(quantile=0.9, z_radius=3)
    opened.wait_until_exact()
    mask, read_out = opened.expected_mask(), opened.panel.read_out
    z = opened.session.view.slice_index
    assert read_out.value_labels["Slice"].text() == f"{mask[z].mean():.4f}"
    assert read_out.value_labels["Fragment"].text() == f"{mask.mean():.4f}"
    assert read_out.threshold_label.text() == f"{opened.session.figures.threshold:.4f}"
    opened.viewer.dims.set_current_step(0, 0)
    opened.wait_until_exact()
    assert read_out.value_labels["Slice"].text() == f"{mask[0].mean():.4f}"


def test_the_density_is_reported_below_in_or_above_the_band(opened):
    for quantile, position in (
        (0.97, BandPosition.BELOW),
        (0.91, BandPosition.IN),
        (0.8, BandPosition.ABOVE),
    ):
        opened.session.change(quantile=quantile)
        opened.wait_until_exact()
        assert opened.panel.read_out.state_labels["Fragment"].text() == POSITION_TEXTS[position]


def test_the_band_is_edited_and_never_turned_over(opened):
    read_out = opened.panel.read_out
    assert opened.session.band == (0.06, 0.12)
    opened.session.change(quantile=0.8)
    opened.wait_until_exact()
    opened.type_into(read_out.band_high, "0.25")
    assert opened.session.band == (0.06, 0.25)
    assert read_out.state_labels["Fragment"].text() == POSITION_TEXTS[BandPosition.IN]
    opened.type_into(read_out.band_low, "0.22")
    assert read_out.state_labels["Fragment"].text() == POSITION_TEXTS[BandPosition.BELOW]
    opened.type_into(read_out.band_low, "0.9")
    assert opened.session.band == (0.22, 0.25)
    assert (read_out.band_low.value(), read_out.band_high.value()) == (0.22, 0.25)


def test_gauges_are_painted_and_show_where_the_density_is(shown):
    gauge = shown.panel.read_out.gauges["Fragment"]

    def length():
        picture = gauge.grab().toImage()
        middle = picture.height() // 2
        colors = [QColor(picture.pixel(x, middle)) for x in range(picture.width())]
        orange = [color.red() > color.blue() + 60 for color in colors]
        return sum(orange) / picture.width()

    lengths = []
    for quantile in (0.97, 0.86):
        shown.session.change(quantile=quantile)
        shown.wait_until_exact()
        lengths.append(length())
    assert lengths[0] == pytest.approx(0.03 / 0.24, abs=0.05)
    assert lengths[1] == pytest.approx(0.14 / 0.24, abs=0.05)


def test_fragments_are_stepped_by_buttons_round_the_end_and_chosen_by_name(opened):
    panel = opened.panel.fragment_panel
    found = []
    for button in (panel.next_button, panel.next_button, panel.next_button, panel.previous_button):
        opened.click(button)
        found.append((opened.session.fragment.image_id, panel.chooser.currentText()))
    assert found == [("b", "b"), ("c", "c"), ("a", "a"), ("c", "c")]
    opened.press(panel.chooser, Qt.Key.Key_Up)
    assert opened.session.fragment.image_id == "b"
    assert panel.title.text() == "data (3 fragments)"
    opened.wait_until_exact()
    np.testing.assert_array_equal(np.asarray(opened.layer.data), opened.expected_mask())


def test_layers_stay_as_visible_as_they_were_when_the_fragment_changes(opened):
    opened.viewer.layers["label"].visible = True
    opened.viewer.layers["CT image"].visible = False
    opened.layer.opacity = 0.25
    opened.click(opened.panel.fragment_panel.next_button)
    visible = {layer.name for layer in opened.viewer.layers if layer.visible}
    assert visible == {"label", "surface mask"}
    assert opened.layer.opacity == 0.25
    opened.layer.opacity = 0.75
    assert opened.panel.overlay_panel.opacity_slider.value() == 75


def test_keys_in_the_canvas_toggle_the_mask_and_step_fragments(shown):
    press_in_canvas(shown, Qt.Key.Key_H)
    assert not shown.layer.visible
    assert not shown.panel.overlay_panel.visible_box.isChecked()
    press_in_canvas(shown, Qt.Key.Key_H)
    assert shown.layer.visible
    assert shown.panel.overlay_panel.visible_box.isChecked()
    press_in_canvas(shown, Qt.Key.Key_N)
    assert shown.session.fragment.image_id == "b"
    press_in_canvas(shown, Qt.Key.Key_N, Qt.KeyboardModifier.ShiftModifier)
    assert shown.session.fragment.image_id == "a"


def test_overlay_controls_change_the_layer_and_follow_it(opened, monkeypatch):
    panel, layer = opened.panel.overlay_panel, opened.layer
    assert (layer.opacity, panel.opacity_slider.value()) == (DEFAULT_OPACITY, 60)
    opened.press(panel.opacity_slider, Qt.Key.Key_Home)
    assert layer.opacity == 0
    layer.opacity = 0.42
    assert panel.opacity_slider.value() == 42
    opened.qtbot.keyClick(panel.visible_box, Qt.Key.Key_Space)
    assert not layer.visible
    layer.visible = True
    assert panel.visible_box.isChecked()
    monkeypatch.setattr(QColorDialog, "getColor", lambda *arguments: QColor("#123456"))
    opened.click(panel.color_button)
    expected = [0x12 / 255, 0x34 / 255, 0x56 / 255, 1]
    np.testing.assert_allclose(layer.colormap.map([1.0])[0], expected, atol=1e-6)
    assert layer.colormap.map([0.0])[0][3] == 0
    assert "#123456" in panel.color_button.styleSheet()
    monkeypatch.setattr(QColorDialog, "getColor", lambda *arguments: QColor())
    opened.click(panel.color_button)
    assert opened.viewer_session.overlay.color == "#123456" != DEFAULT_MASK_COLOR


def test_zooming_and_panning_move_the_visible_block(shown):
    mask = shown.expected_mask()
    camera = shown.viewer.scene.camera
    whole = shown.session.view.plane
    camera.center = (0, 12, 10)
    camera.zoom *= 5
    shown.wait_until(lambda: shown.session.view.block != whole)
    shown.qtbot.wait(100)
    zoomed = shown.session.view.block
    assert 0 < zoomed[2].stop - zoomed[2].start < whole[2].stop
    assert zoomed[2].start <= 10 < zoomed[2].stop
    assert shown.session.figures.block_density == mask[zoomed].mean()
    assert shown.panel.read_out.value_labels["Visible block"].text() == f"{mask[zoomed].mean():.4f}"
    camera.center = (0, 28, 40)
    shown.wait_until(lambda: shown.session.view.block != zoomed)
    shown.qtbot.wait(100)
    panned = shown.session.view.block
    assert panned[2].start > zoomed[2].start
    assert panned[1].start > zoomed[1].start
    assert shown.session.figures.block_density == mask[panned].mean()
    assert shown.session.figures.fragment_density == mask.mean()


def test_the_threshold_of_the_visible_block_follows_the_zoom(shown):
    shown.press(shown.panel.domain_box, Qt.Key.Key_Down, 2)
    camera = shown.viewer.scene.camera
    shown.session.change(quantile=0.9)
    shown.wait_until_exact()
    before = shown.session.figures.threshold
    camera.center = (0, 12, 10)
    camera.zoom *= 5
    shown.wait_until(lambda: shown.session.figures.threshold != before)
    shown.qtbot.wait(100)
    shown.wait_until_exact()
    assert shown.session.setting.block == shown.session.view.extents
    mask = shown.expected_mask()
    z = shown.session.view.slice_index
    np.testing.assert_array_equal(shown.layer.data[z], mask[z])
    np.testing.assert_array_equal(np.asarray(shown.layer.data), mask)


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_the_dock_fits_a_small_window_in_either_theme(open_viewer_session, data_folder, theme):
    shown = open_viewer_session(data_folder, show=True)
    shown.viewer.theme = theme
    shown.viewer.window.resize(900, 560)
    shown.qtbot.wait(50)
    assert shown.dock.minimumSizeHint().width() <= WIDEST_DOCK
    assert shown.panel.minimumSizeHint().width() <= WIDEST_DOCK
    kinds = (QAbstractButton, QAbstractSpinBox, QComboBox, QSlider)
    controls = [widget for kind in kinds for widget in shown.panel.findChildren(kind)]
    assert len(controls) > 20
    scroll = shown.panel.scroll
    for control in filter(lambda widget: widget.isVisible(), controls):
        scrolls = scroll.widget().isAncestorOf(control)
        around = scroll.widget() if scrolls else shown.panel
        place = control.rect().translated(control.mapTo(around, control.rect().topLeft()))
        assert around.rect().contains(place), control
    assert scroll.widget().width() <= scroll.viewport().width()


def test_what_a_group_shows_is_scrolled_to_when_it_is_opened(shown):
    shown.viewer.window.resize(900, 560)
    shown.qtbot.wait(50)
    scroll, sections = shown.panel.scroll, shown.panel.knob_panel.sections

    def is_seen():
        top = section.mapTo(scroll.viewport(), QPoint(0, 0)).y()
        return 0 <= top <= max(0, scroll.viewport().height() - section.height())

    for section in (sections[Group.CLEAN_UP], sections[Group.SMOOTHING]):
        title = section.toggleButton()
        scroll.ensureWidgetVisible(title, 0, 0)
        shown.qtbot.mouseClick(title, Qt.MouseButton.LeftButton)
        assert section.isExpanded()
        shown.wait_until(is_seen)
        shown.qtbot.wait(50)
        assert is_seen()


def test_every_row_of_figures_has_its_labels(opened):
    read_out = opened.panel.read_out
    assert set(read_out.value_labels) == set(read_out.state_labels) == set(ROWS)
    assert all(label.text() not in ("", "–") for label in read_out.value_labels.values())


def test_the_dock_says_how_far_compiling_is_until_it_is_done(opened):
    note, session = opened.panel.compiling_note, opened.viewer_session.session
    assert note.isHidden()
    session.report_compiling("name", 3, 38)
    opened.wait_until(lambda: not note.isHidden())
    assert note.text() == "compiling, once on this machine: 3 of 38"
    session.report_compiling("", 38, 38)
    opened.wait_until(note.isHidden)
