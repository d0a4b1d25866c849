"""Settings are pinned, flipped and put side by side in the Compare dock."""

from __future__ import annotations

import gc

import numpy as np
import pytest
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest

from napari_nx46.live.masks.choices import LIVE
from napari_nx46.setting import Setting
from napari_nx46.viewer.compare.dock import CompareDock
from napari_nx46.viewer.compare.pin_panel import PinPanel
from napari_nx46.viewer.window.docks import open_dock_of
from tests.viewer.compare.comparing import Comparing
from tests.viewer.windows import PATIENCE

VOLUMES = ("p3d", "p2d")


def test_pins_flip_at_a_key_and_show_their_masks_without_computing(shown):
    comparing = Comparing(shown)
    panel, session = comparing.panel.pin_panel, shown.session
    assert not panel.hold_button.isEnabled()
    comparing.pin_quantiles(A=0.7, C=0.9)
    session.change(quantile=0.8)
    shown.wait_until_exact()
    shown.show_mask_alone()
    note = shown.viewer_session.compare.note
    begun, z = session.exact_requests_begun, session.view.slice_index
    quantiles = {"A": 0.7, "C": 0.9, LIVE: 0.8}
    for name, quantile in quantiles.items():
        comparing.press(Qt.Key.Key_K)
        assert comparing.flip.name == name
        expected = shown.expected_mask(session.setting.changed(quantile=quantile))
        np.testing.assert_array_equal(shown.drawn_mask(), expected[z])
        assert note.text == ("" if name == LIVE else f"shown: {name}")
        checked = [n for n, button in panel.show_buttons.items() if button.isChecked()]
        assert checked == [name]
    assert session.exact_requests_begun == begun
    # Other slices come from the pin, too.
    shown.click(panel.show_buttons["A"])
    shown.viewer.dims.set_current_step(0, 1)
    expected = shown.expected_mask(session.setting.changed(quantile=0.7))
    np.testing.assert_array_equal(shown.drawn_mask(), expected[1])
    np.testing.assert_array_equal(np.asarray(shown.layer.data), expected)
    # A held button shows the next one for a while.
    QTest.mousePress(panel.hold_button, Qt.MouseButton.LeftButton)
    assert comparing.flip.name == "C"
    QTest.mouseRelease(panel.hold_button, Qt.MouseButton.LeftButton)
    assert comparing.flip.name == "A"
    # A slider brings the live mask back.
    shown.press(shown.panel.knobs["quantile"].slider, Qt.Key.Key_Home)
    assert comparing.flip.name == LIVE
    assert note.text == ""
    shown.wait_until_exact()
    np.testing.assert_array_equal(shown.drawn_mask(), shown.expected_mask()[1])
    comparing.press(Qt.Key.Key_K)
    comparing.press(Qt.Key.Key_K, Qt.KeyboardModifier.ShiftModifier)
    assert comparing.flip.name == LIVE


def test_keys_pin_and_buttons_load_and_free(opened):
    comparing = Comparing(opened)
    panel, session = comparing.panel.pin_panel, opened.session
    first = session.setting
    comparing.press(Qt.Key.Key_2, Qt.KeyboardModifier.ControlModifier)
    assert comparing.pins["B"].setting == first
    assert panel.load_buttons["B"].isEnabled()
    assert not panel.load_buttons["A"].isEnabled()
    session.change(quantile=0.8, z_radius=1)
    opened.click(panel.load_buttons["B"])
    assert session.setting == first
    assert opened.panel.knobs["quantile"].value == first.quantile
    opened.click(panel.unpin_buttons["B"])
    assert "B" not in comparing.pins
    assert not panel.unpin_buttons["B"].isEnabled()


def test_the_table_says_knobs_metrics_and_deltas_and_marks_what_is_not_there(opened):
    comparing = Comparing(opened)
    panel, session = comparing.panel.table_panel, opened.session
    assert panel.table.isHidden()
    comparing.pin_quantiles(A=0.7, B=0.8)
    comparing.pins.pin("C", Setting(quantile=0.9, hysteresis=True, low_quantile=0.6))
    assert list(panel.table.lines.titles) == ["A", "B", "C ≈"]

    def known():
        return all("components" in pin.metrics.get("a", {}) for pin in comparing.pins)

    opened.wait_until(known)
    texts, metrics = panel.table.texts(), [pin.metrics["a"] for pin in comparing.pins]
    assert texts["Threshold quantile"] == ["0.7", "0.8", "0.9"]
    assert texts["Hysteresis pair"] == ["off", "off", "on"]
    assert "Z-radius" not in texts
    densities = [
        opened.expected_mask(session.setting.changed(quantile=quantile)).mean()
        for quantile in (0.7, 0.8)
    ]
    assert [one["density"] for one in metrics[:2]] == densities
    assert texts["density"][:2] == [f"{density:.6f}" for density in densities]
    assert texts["Δ density"][:2] == ["", f"{densities[1] - densities[0]:+.6f}"]
    assert texts["components"] == [f"{one['components']}" for one in metrics]
    assert panel.table.lines.titles[2] == "C"
    used = comparing.pins.memory_used / 2**20
    assert panel.memory_label.text() == f"Masks of pins: {used:.1f} of at most 256 MB"


def test_fragments_have_masks_of_their_own_and_the_bound_drops_old_ones(opened):
    comparing = Comparing(opened)
    comparing.pin_quantiles(A=0.7)
    comparing.flip.show("A")
    comparing.pins._masks.memory_bytes = comparing.pins.memory_used  # there is room for one
    opened.click(opened.panel.fragment_panel.next_button)
    assert comparing.flip.name == LIVE
    comparing.wait_for_masks("A")
    assert not comparing.pins.has_mask("A", "a")
    assert comparing.pins.memory_used <= comparing.pins.memory_bytes
    comparing.press(Qt.Key.Key_K)
    assert comparing.flip.name == "A"
    expected = opened.expected_mask(opened.session.setting.changed(quantile=0.7))
    np.testing.assert_array_equal(np.asarray(opened.layer.data), expected)


def test_a_pin_is_shown_in_three_dimensions(opened):
    comparing = Comparing(opened)
    comparing.pin_quantiles(A=0.7)
    opened.session.change(quantile=0.9)
    opened.viewer.dims.ndisplay = 3
    opened.wait_until(lambda: opened.session.view.three_d)
    opened.wait_until_exact()
    comparing.press(Qt.Key.Key_K)
    expected = opened.expected_mask(opened.session.setting.changed(quantile=0.7))
    np.testing.assert_array_equal(opened.layer._slice.image.view, expected)
    comparing.press(Qt.Key.Key_K)
    np.testing.assert_array_equal(opened.layer._slice.image.view, opened.expected_mask())


@pytest.mark.parametrize("how", ["compare dock", "tune dock", "window", "other data"])
def test_whatever_is_closed_while_a_pin_is_shown_nothing_stays_behind(
    opened, how, one_fragment, qtbot, send_deferred_deletes, notifications
):
    comparing = Comparing(opened)
    comparing.pin_quantiles(A=0.7)
    comparing.press(Qt.Key.Key_K)
    viewer_session = opened.viewer_session
    if how == "compare dock":
        opened.viewer.window.remove_dock_widget(comparing.dock)
        comparing.dock.deleteLater()
        send_deferred_deletes()
        gc.collect()
        viewer_session.pins.unpin("A")  # says no widget that is gone
        assert viewer_session.compare.flip.name == LIVE
    elif how == "tune dock":
        opened.viewer.window.remove_dock_widget(opened.dock)
        assert comparing.panel is None
    elif how == "window":
        opened.viewer.close()
        send_deferred_deletes()
    else:
        opened.dock.open_paths(one_fragment)
        assert comparing.flip.name == LIVE
        assert not comparing.panel.pin_panel.show_buttons["A"].isEnabled()
        send_deferred_deletes()
        assert comparing.dock.findChildren(PinPanel) == [comparing.panel.pin_panel]
    if how in {"tune dock", "other data"}:
        assert viewer_session.compare.note.text == ""
    if how in {"tune dock", "window"}:
        qtbot.waitUntil(lambda: viewer_session.session._closed, timeout=PATIENCE)
    assert notifications() == []


def test_the_dock_opens_before_there_are_data(make_napari_viewer, one_fragment):
    viewer = make_napari_viewer()
    dock = open_dock_of(viewer, CompareDock)
    assert dock.compare_panel is None
    dock._tune.open_paths(one_fragment)
    assert isinstance(dock, CompareDock)
    assert dock.compare_panel.pin_panel.show_buttons[LIVE].isEnabled()
