"""The mouse wheel over a dock scrolls it, and changes no value in it."""

from __future__ import annotations

import pytest
from qtpy.QtWidgets import (
    QAbstractSlider,
    QAbstractSpinBox,
    QComboBox,
    QScrollArea,
    QScrollBar,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)
from superqt import QLabeledDoubleRangeSlider, QLabeledSlider, QRangeSlider

from napari_nx46.viewer.widgets.layout import VerticalScrollArea
from napari_nx46.viewer.window.docks import DOCKS, open_dock
from tests.viewer.wheel import turn_wheel, value_of

VOLUMES = ("p3d", "p2d")
SMALL = (1000, 700)


def guarded(widget):
    """Return the controls within the scroll areas of a widget."""
    kinds = (QAbstractSlider, QAbstractSpinBox, QComboBox)
    areas = [widget] if isinstance(widget, QScrollArea) else widget.findChildren(QScrollArea)
    found = [one for area in areas for kind in kinds for one in area.widget().findChildren(kind)]
    return [one for one in found if not isinstance(one, QScrollBar)]


def off_their_ends(controls):
    """Give controls values from which the wheel could move them either way."""
    for control in controls:
        if isinstance(control, QComboBox):
            control.setCurrentIndex(control.count() // 2)


@pytest.mark.parametrize("notches", [-1, 1])
def test_no_control_of_any_dock_takes_the_wheel(shown, notches):
    for section in (*shown.panel.knob_panel.sections.values(), shown.panel.knob_panel.more):
        section.expand()
    shown.dock.docks_button.window().resize(*SMALL)
    docks = [shown.dock, *(open_dock(shown.viewer, entry) for entry in DOCKS)]
    shown.qtbot.wait(100)
    controls = [control for dock in docks for control in guarded(dock)]
    assert len(controls) > 40
    before = [value_of(control) for control in controls]
    setting = shown.session.setting
    for control in controls:
        turn_wheel(control, notches)
        control.setFocus()
        turn_wheel(control, notches)
    assert [value_of(control) for control in controls] == before
    assert shown.session.setting == setting


def test_the_dock_scrolls_with_the_mouse_over_a_control(shown):
    shown.viewer.window.resize(*SMALL)
    shown.qtbot.wait(100)
    bar = shown.panel.scroll.verticalScrollBar()
    assert bar.maximum() > 200
    for control in (
        shown.panel.knobs["quantile"].slider,
        shown.panel.knobs["quantile"].spin_box,
        shown.panel.domain_box,
        shown.panel.overlay_panel.opacity_slider,
    ):
        bar.setValue(0)
        turn_wheel(control)
        assert bar.value() > 0


@pytest.mark.parametrize(
    "make", [QSpinBox, QLabeledSlider, QRangeSlider, QLabeledDoubleRangeSlider], ids=str
)
def test_what_is_added_later_is_guarded_too(qtbot, make):
    area = VerticalScrollArea()
    qtbot.addWidget(area)
    area.resize(200, 100)
    content = QWidget()
    layout = QVBoxLayout(content)
    area.setWidget(content)
    area.show()
    qtbot.waitExposed(area)
    page = QWidget(content)
    layout.addWidget(page)
    qtbot.wait(10)
    control = make(parent=page)
    if isinstance(control, QAbstractSlider):
        control.setRange(0, 100)
    control.setValue((20, 60) if "Range" in make.__name__ else 20)
    filler = QWidget()
    filler.setFixedHeight(500)
    QVBoxLayout(page).addWidget(control)
    layout.addWidget(filler)
    qtbot.wait(10)
    before = control.value()
    parts = [one for one in guarded(area) if one.isVisible()]
    assert parts
    for part in parts:
        area.verticalScrollBar().setValue(0)
        turn_wheel(part)
        assert area.verticalScrollBar().value() > 0
    assert control.value() == before
