"""Sliders, spin boxes, resets and the domain reach the session, and figures follow."""

from __future__ import annotations

import numpy as np
import pytest
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest

from napari_nx46.setting import Domain, Setting
from tests.viewer.windows import handle_center

VOLUMES = ("p3d", "p2d")
SLIDERS = ("quantile", "blend", "z_radius")
WIDEST_DOCK = 335


def test_each_slider_moves_by_the_arrow_keys(opened):
    for name, knob in sliders(opened):
        before = getattr(opened.session.setting, name)
        position = knob.slider.value()
        opened.press(knob.slider, Qt.Key.Key_Right, 2)
        expected = knob.scale.positions[position + 2]
        assert getattr(opened.session.setting, name) == expected > before
        assert knob.spin_box.value() == pytest.approx(expected)
        opened.press(knob.slider, Qt.Key.Key_Left)
        assert getattr(opened.session.setting, name) == knob.scale.positions[position + 1]
        opened.press(knob.slider, Qt.Key.Key_Home)
        assert getattr(opened.session.setting, name) == knob.scale.positions[0]
        opened.press(knob.slider, Qt.Key.Key_End)
        assert getattr(opened.session.setting, name) == knob.scale.positions[-1]
    setting = opened.session.setting
    assert (setting.quantile, setting.blend, setting.z_radius) == (0.999, 1.0, 8)
    assert isinstance(setting.z_radius, int)


def sliders(opened):
    return [(name, opened.panel.knobs[name]) for name in SLIDERS]


def test_the_quantile_slider_is_finer_near_one(opened):
    positions = np.asarray(opened.panel.knobs["quantile"].scale.positions)
    steps = np.diff(positions)
    assert (positions[0], positions[-1]) == (0.5, 0.999)
    assert np.all(steps > 0)
    assert steps[-1] < steps[0] / 10


def test_a_slider_is_dragged_with_the_mouse(shown):
    slider = shown.panel.knobs["quantile"].slider
    shown.panel.scroll.ensureWidgetVisible(slider)
    before = shown.session.setting.quantile
    start = handle_center(slider)
    QTest.mousePress(slider, Qt.MouseButton.LeftButton, pos=start)
    for distance in range(2, 42, 4):
        QTest.mouseMove(slider, start - QPoint(distance, 0))
    QTest.mouseRelease(slider, Qt.MouseButton.LeftButton, pos=start - QPoint(40, 0))
    assert shown.session.setting.quantile < before
    assert shown.session.setting.quantile == slider_value(shown, "quantile")


def slider_value(opened, name):
    knob = opened.panel.knobs[name]
    return knob.scale.positions[knob.slider.value()]


def test_a_spin_box_takes_exact_values_that_no_slider_step_has(opened):
    knob = opened.panel.knobs["quantile"]
    opened.type_into(knob.spin_box, "0.9137")
    assert opened.session.setting.quantile == 0.9137
    assert knob.slider.value() == knob.scale.nearest(0.9137)
    opened.type_into(opened.panel.knobs["blend"].spin_box, "0.125")
    opened.type_into(opened.panel.knobs["z_radius"].spin_box, "5")
    assert opened.session.setting == Setting(quantile=0.9137, blend=0.125, z_radius=5)


def test_the_mask_follows_a_spin_box_at_once(opened):
    opened.type_into(opened.panel.knobs["quantile"].spin_box, "0.6")
    opened.type_into(opened.panel.knobs["z_radius"].spin_box, "0")
    opened.wait_until_exact()
    np.testing.assert_array_equal(np.asarray(opened.layer.data), opened.expected_mask())


def test_the_reset_button_goes_back_to_the_default(opened):
    for name, knob in sliders(opened):
        opened.press(knob.slider, Qt.Key.Key_Home)
        assert getattr(opened.session.setting, name) != getattr(Setting(), name)
        opened.press(knob.reset_button, Qt.Key.Key_Space)
        assert getattr(opened.session.setting, name) == getattr(Setting(), name)
        assert knob.value == pytest.approx(getattr(Setting(), name))
    # Both were moved along with the quantile, or pushed by it.
    assert opened.session.setting == Setting(low_quantile=opened.session.setting.low_quantile)


def test_the_domain_is_chosen_with_the_keyboard(opened):
    box = opened.panel.domain_box
    found = [opened.session.setting.domain]
    for _ in range(len(Domain) - 1):
        opened.press(box, Qt.Key.Key_Down)
        found.append(opened.session.setting.domain)
        opened.wait_until_exact()
        z = opened.session.view.slice_index
        np.testing.assert_array_equal(opened.layer.data[z], opened.expected_mask()[z])
    assert found == list(Domain)
    assert opened.session.setting.block is None


def test_a_setting_changed_by_a_script_is_shown_by_all_knobs(opened):
    opened.session.change(quantile=0.8, blend=0.31, z_radius=4, domain=Domain.SLICE)
    values = {name: knob.value for name, knob in sliders(opened)}
    assert values == {"quantile": 0.8, "blend": 0.31, "z_radius": 4}
    assert slider_value(opened, "z_radius") == 4
    assert opened.panel.domain_box.currentText() == "Each slice"


def test_the_knobs_fit_the_dock_with_all_groups_open_in_either_theme(shown):
    panel = shown.panel.knob_panel
    shown.session.change(rule="adaptive", smallest_object=100)
    for section in (*panel.sections.values(), panel.more):
        section.expand()
    for theme in ("dark", "light"):
        shown.viewer.theme = theme
        shown.viewer.window.resize(1024, 700)
        shown.qtbot.wait(50)
        shown.panel.scroll.updateGeometry()
        assert shown.dock.minimumSizeHint().width() <= WIDEST_DOCK
        assert shown.panel.scroll.widget().width() <= shown.panel.scroll.viewport().width()
        for control in panel.controls.values():
            if control.isVisible():
                content = shown.panel.scroll.widget()
                place = control.rect().translated(control.mapTo(content, QPoint()))
                assert content.rect().contains(place), control
        for knob in panel.knobs.values():
            label = knob.title_label
            if label.isVisible():
                assert label.width() >= label.minimumSizeHint().width(), label.text()


def test_a_clean_up_knob_changes_the_mask_that_is_shown(opened):
    before = np.asarray(opened.layer.data)
    opened.type_into(opened.panel.knobs["border"].spin_box, "2")
    opened.wait_until_exact()
    mask = np.asarray(opened.layer.data)
    inner = (slice(2, -2),) * 3
    np.testing.assert_array_equal(mask[inner], before[inner])
    assert mask.sum() == before[inner].sum() < before.sum()
