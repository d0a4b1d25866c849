"""The panel of all knobs, alone on a session without a window."""

from __future__ import annotations

from enum import Enum
from itertools import pairwise

import numpy as np
import pytest
from qtpy.QtCore import QPoint, Qt
from qtpy.QtWidgets import QAbstractButton, QAbstractSpinBox, QApplication, QComboBox, QSlider

from napari_nx46.data.fragments import open_data, write_data_folder
from napari_nx46.live.session import Session
from napari_nx46.setting import (
    GROUPS,
    Domain,
    Group,
    ScoreFrom,
    Setting,
    ThresholdRule,
    described_knobs,
    knob_applies,
    moved,
    preset,
)
from napari_nx46.viewer.tune.knob_panel import KnobPanel, Section
from napari_nx46.viewer.tune.knobs import (
    CHOICE_TEXTS,
    Choice,
    Knob,
    Switch,
    choice_text,
    knob_scale,
)
from napari_nx46.viewer.tune.volumes_panel import VOLUMES_KNOBS
from tests.viewer.tune.conftest import MODEL, SHAPE

WIDEST_PANEL = 312
KNOBS = described_knobs(Setting)


EVERYTHING_ON = {
    "ced_steps": 5,
    "sheet_fit": True,
    "temperatures": {MODEL: 2.0},
    "averaging": "power",
    "ct_gate": "mask",
    "smooth": "diffusion",
    "sheetness": "gate",
    "border": 1,
    "plug_cubes": "cubes",
    "per_sheet": True,
    "gap_fill": 1,
    "median_passes": 1,
    "edge_margin": 1,
}
"""What brings every knob of the clean-up into sight."""


def is_offered(panel, name):
    """Return whether a control is not hidden, though its section may be closed."""
    return not panel.controls[name].isHidden()


def test_every_knob_has_the_control_of_its_type_in_the_section_of_its_group(panel_and_session):
    panel, _ = panel_and_session
    assert list(panel.controls) == list(KNOBS)
    assert list(panel.sections) == list(GROUPS)
    for name, knob in KNOBS.items():
        value, control = getattr(Setting(), name), panel.controls[name]
        if name not in VOLUMES_KNOBS:
            kinds = {bool: Switch, int: Knob, float: Knob}
            kind = Choice if isinstance(value, Enum) else kinds[type(value)]
            assert type(control) is kind, name
        assert panel.sections[knob.group].isAncestorOf(control)
        assert panel.more.isAncestorOf(control) is knob.advanced, name
    assert set(panel.knobs) == {name for name in KNOBS if type(panel.controls[name]) is Knob}


def test_score_and_threshold_are_open_at_first(panel_and_session):
    panel, _ = panel_and_session
    is_open = {group: section.isExpanded() for group, section in panel.sections.items()}
    assert {group for group, opened in is_open.items() if opened} == {Group.SCORE, Group.THRESHOLD}
    assert not panel.more.isExpanded()


def test_every_value_of_an_enumeration_has_a_text_of_its_own():
    kinds = {type(value) for _, value in Setting() if isinstance(value, Enum)}
    assert set(CHOICE_TEXTS) == kinds
    for kind in kinds:
        texts = [choice_text(value) for value in kind]
        assert len(set(texts)) == len(texts) == len(CHOICE_TEXTS[kind])


@pytest.mark.parametrize(
    "name", [name for name in KNOBS if type(getattr(Setting(), name)) in (int, float)]
)
def test_a_slider_and_its_spin_box_take_what_the_setting_takes(name):
    scale = knob_scale(name)
    is_whole = isinstance(getattr(Setting(), name), int)
    assert (scale.decimals == 0) is is_whole
    assert np.all(np.diff(scale.positions) > 0)
    assert scale.lowest <= scale.positions[0] < scale.positions[-1] <= scale.highest
    default = getattr(Setting(), name)
    assert scale.positions[scale.nearest(default)] == pytest.approx(default)
    for end in (scale.lowest, scale.highest):
        assert getattr(moved(Setting(), **{name: scale.typed(end)}), name) == end
    for outside in (scale.lowest - 1, scale.highest + 1):
        with pytest.raises(ValueError, match=name):
            Setting().changed(**{name: scale.typed(outside)})


def test_the_nearest_position_is_found_between_beside_and_beyond_all(panel_and_session):
    scale = knob_scale("smallest_object")
    assert scale.positions[:5] == (0, 10, 20, 50, 100)
    assert 20_000 in scale.positions
    for value, nearest in ((-3, 0), (4, 0), (6, 10), (34, 20), (36, 50), (9_999_999, 1_000_000)):
        assert scale.positions[scale.nearest(value)] == nearest


def test_each_slider_moves_its_own_knob_and_no_other(panel_and_session, qtbot):
    panel, session = panel_and_session
    for name, knob in panel.knobs.items():
        session.apply(Setting())
        position = knob.slider.value()
        qtbot.keyClick(knob.slider, Qt.Key.Key_Right)
        value = getattr(session.setting, name)
        assert value == knob.scale.positions[position + 1] > getattr(Setting(), name)
        assert type(value) is type(getattr(Setting(), name))
        assert session.setting == Setting().changed(**{name: value})
        knob.reset_button.click()
        assert session.setting == Setting()


def test_spin_boxes_take_values_that_no_slider_step_has(panel_and_session, qtbot):
    panel, session = panel_and_session
    for name, text in (("smallest_object", "137"), ("adaptive_gain", "4.25"), ("border", "1")):
        spin_box = panel.knobs[name].spin_box
        spin_box.selectAll()
        qtbot.keyClicks(spin_box, text)
        qtbot.keyClick(spin_box, Qt.Key.Key_Return)
        assert getattr(session.setting, name) == float(text)
    assert panel.knobs["border"].spin_box.text() == "1 voxel"
    assert panel.knobs["smallest_object"].spin_box.text() == "137 voxels"
    assert panel.knobs["adaptive_gain"].spin_box.text() == "4.25 %"


def test_check_boxes_switch_their_own_knob(panel_and_session):
    panel, session = panel_and_session
    switches = {name: c for name, c in panel.controls.items() if isinstance(c, Switch)}
    assert set(switches) == {name for name, value in Setting() if isinstance(value, bool)}
    for name, switch in switches.items():
        switch.click()
        assert session.setting == Setting().changed(**{name: True})
        switch.click()
        assert session.setting == Setting()


def test_combo_boxes_choose_every_value(panel_and_session, qtbot):
    panel, session = panel_and_session
    choices = {name: c for name, c in panel.controls.items() if isinstance(c, Choice)}
    assert set(choices) == {name for name, value in Setting() if isinstance(value, Enum)}
    for name, choice in choices.items():
        session.apply(Setting())
        kind = type(getattr(Setting(), name))
        qtbot.keyClick(choice.box, Qt.Key.Key_End)
        qtbot.keyClick(choice.box, Qt.Key.Key_Home)
        found = [getattr(session.setting, name)]
        for _ in list(kind)[1:]:
            qtbot.keyClick(choice.box, Qt.Key.Key_Down)
            found.append(getattr(session.setting, name))
        assert found == list(kind)


def test_the_visible_block_comes_with_its_domain_and_goes_with_it(panel_and_session, qtbot):
    panel, session = panel_and_session
    box = panel.choice("domain").box
    for _ in range(list(Domain).index(Domain.BLOCK)):
        qtbot.keyClick(box, Qt.Key.Key_Down)
    assert (session.setting.domain, session.setting.block) == (Domain.BLOCK, session.view.extents)
    qtbot.keyClick(panel.knobs["quantile"].slider, Qt.Key.Key_Left)
    assert (session.setting.domain, session.setting.block) == (Domain.BLOCK, session.view.extents)
    qtbot.keyClick(box, Qt.Key.Key_Up)
    assert (session.setting.domain, session.setting.block) == (Domain.SLICE, None)


def test_a_low_threshold_pushes_the_high_one_along(new_panel, qtbot):
    panel, session = new_panel(setting=Setting(hysteresis=True, quantile=0.95))
    qtbot.keyClick(panel.knobs["low_quantile"].slider, Qt.Key.Key_End)
    assert session.setting.quantile == session.setting.low_quantile == 0.999
    assert panel.knobs["quantile"].value == 0.999


@pytest.mark.parametrize("name", ["rule", "source"])
def test_knobs_that_do_not_apply_are_hidden(panel_and_session, name):
    panel, session = panel_and_session
    for value in type(getattr(Setting(), name)):
        for others in ({}, {"hysteresis": True, "smallest_object": 100}):
            session.apply(Setting().changed(**{name: value}, **others))
            for other in set(KNOBS) - {"weights"}:
                assert is_offered(panel, other) is knob_applies(other, session.setting), other
            adaptive = session.setting.rule is ThresholdRule.ADAPTIVE
            assert panel.sections[Group.ADAPTIVE].isHidden() is not adaptive


def test_a_closed_title_counts_the_knobs_that_differ_from_their_defaults(panel_and_session):
    panel, session = panel_and_session
    section = panel.sections[Group.CLEAN_UP]
    assert section.text() == "▸ Clean-up"
    # Without plugging it does not matter how often cubes are plugged.
    session.change(closing_z=3, opening=True, plug_passes=3)
    assert section.text() == "▸ Clean-up · 2 on"
    session.change(plug_cubes="cubes")
    assert section.text() == "▸ Clean-up · 4 on"
    section.expand()
    assert section.text() == "▾ Clean-up"
    session.change(opening=False)
    section.collapse()
    assert section.text() == "▸ Clean-up · 3 on"
    session.apply(Setting())
    assert section.text() == "▸ Clean-up"
    session.change(averaging="logit", blend=0.5)
    assert panel.more.text() == "▸ More · 1 changed"
    panel.sections[Group.SCORE].collapse()
    assert panel.sections[Group.SCORE].text() == "▸ Score · 2 changed"


def test_a_title_is_clicked_and_pressed(panel_and_session, qtbot):
    panel, _ = panel_and_session
    section = panel.sections[Group.CLEAN_UP]
    panel.show()
    assert not panel.knobs["border"].isVisible()
    qtbot.mouseClick(section.toggleButton(), Qt.MouseButton.LeftButton)
    assert section.isExpanded()
    assert panel.knobs["border"].isVisible()
    qtbot.keyClick(section.toggleButton(), Qt.Key.Key_Space)
    assert not section.isExpanded()
    assert not panel.knobs["border"].isVisible()


def test_titles_have_no_icons_beside_their_arrows(panel_and_session):
    panel, _ = panel_and_session
    for section in panel.sections.values():
        for shows in (section.expand, section.collapse):
            shows()
            assert section.toggleButton().icon().isNull()


def test_a_step_of_a_slider_touches_no_other_control(panel_and_session, monkeypatch, qtbot):
    panel, session = panel_and_session
    touched = []
    for name, control in panel.controls.items():
        shows = control.set_value
        monkeypatch.setattr(
            control, "set_value", lambda value, n=name, f=shows: (touched.append(n), f(value))
        )
    monkeypatch.setattr(Section, "setText", lambda section, text: touched.append(text))
    qtbot.keyClick(panel.knobs["quantile"].slider, Qt.Key.Key_Left)
    assert set(touched) == {"quantile"}
    touched.clear()
    session.change(border=3, opening=True)
    assert touched == ["border", "opening", "▸ Clean-up · 2 on"]


def test_a_whole_setting_is_shown(panel_and_session):
    panel, session = panel_and_session
    for name in ("first-place", "nx47-v61.2", "twelfth-place"):
        setting = preset(name)
        session.apply(setting)
        for knob_name, control in panel.controls.items():
            value = getattr(setting, knob_name)
            if isinstance(control, Knob):
                assert control.value == value
            elif isinstance(control, Switch):
                assert control.isChecked() is value
            elif isinstance(control, Choice):
                assert control.box.currentText() == choice_text(value)


def test_weights_are_offered_where_there_are_models_and_replace_the_blend(new_panel, qtbot):
    panel, _ = new_panel("two")
    assert not is_offered(panel, "weights")
    panel, session = new_panel("three")
    weights = panel.volumes_panels["weights"]
    assert is_offered(panel, "weights")
    assert tuple(weights.knobs) == ("p3d", "p2d", MODEL)
    assert all(knob.isHidden() for knob in weights.knobs.values())
    weights.switch.click()
    assert dict(session.setting.weights) == {"p3d": 1.0, "p2d": 1.0, MODEL: 1.0}
    assert not is_offered(panel, "blend")
    assert not any(knob.isHidden() for knob in weights.knobs.values())
    qtbot.keyClick(weights.knobs[MODEL].slider, Qt.Key.Key_Left)
    assert dict(session.setting.weights) == {"p3d": 1.0, "p2d": 1.0, MODEL: 0.99}
    assert weights.knobs[MODEL].value == 0.99
    weights.switch.click()
    assert session.setting == Setting()
    assert is_offered(panel, "blend")


@pytest.mark.parametrize("name", ["p3d", "p2d"])
def test_one_path_has_nothing_to_blend_with(new_panel, name):
    panel, _ = new_panel(name)
    blend = panel.knobs["blend"]
    assert not any(part.isEnabled() for part in blend.focus_order())
    assert "one path only" in blend.toolTip()
    panel, _ = new_panel("two")
    blend = panel.knobs["blend"]
    assert all(part.isEnabled() for part in blend.focus_order())
    assert "one path only" not in blend.toolTip()


def test_weights_of_a_preset_can_be_left_where_they_are_not_offered_else(new_panel):
    panel, session = new_panel("two", Setting(weights={"p3d": 1, "p2d": 3}))
    assert is_offered(panel, "weights")
    assert panel.volumes_panels["weights"].knobs["p2d"].value == 3
    panel.volumes_panels["weights"].switch.click()
    assert session.setting == Setting()
    assert not is_offered(panel, "weights")


def test_what_the_setting_refuses_is_reported_and_taken_back(new_panel):
    panel, session = new_panel("three", Setting(weights={"p3d": 1, "p2d": 0}))
    reported = []
    session.failed.connect(lambda error: reported.append(str(error)))
    before = session.setting
    knob = panel.volumes_panels["weights"].knobs["p3d"]
    knob.spin_box.setValue(0)
    assert "at least one above 0" in reported[0]
    assert session.setting == before
    assert knob.value == 1


def test_without_networks_the_source_of_the_score_is_in_sight(tmp_path, qtbot):
    write_data_folder(tmp_path, "a", {"test_images": np.zeros(SHAPE, np.uint8)})
    session = Session(
        open_data(tmp_path), post=lambda function: None, setting=Setting(source=ScoreFrom.GRADIENT)
    )
    panel = KnobPanel(session)
    qtbot.addWidget(panel)
    panel.show()
    assert panel.choice("source").isVisible()
    session.close()


def test_the_panel_is_narrow_with_all_groups_open_and_cuts_no_title(new_panel):
    panel, session = new_panel("three")
    session.change(weights={MODEL: 1}, rule="adaptive", source="residual", **EVERYTHING_ON)
    session.change(source="probabilities")
    hidden = {name for name in KNOBS if not is_offered(panel, name)}
    assert hidden == {"residual_sigma", "blend", "domain", "hysteresis", "sheet_mix"} | {
        name
        for name in KNOBS
        if name.endswith(("quantile", "probability"))
        or (name.startswith("smooth_") and name != "smooth_stage")
    }
    for section in (*panel.sections.values(), panel.more):
        section.expand()
    panel.show()
    QApplication.processEvents()
    assert panel.minimumSizeHint().width() <= WIDEST_PANEL
    panel.resize(panel.minimumSizeHint().width(), panel.sizeHint().height())
    QApplication.processEvents()
    of_volumes = [knob for one in panel.volumes_panels.values() for knob in one.knobs.values()]
    for knob in (*panel.knobs.values(), *of_volumes):
        label = knob.title_label
        assert label.width() >= label.minimumSizeHint().width() or not label.isVisible()


def test_the_keyboard_goes_from_top_to_bottom(new_panel):
    panel, _ = new_panel("three", Setting(weights={MODEL: 1}, hysteresis=True))
    for section in (*panel.sections.values(), panel.more):
        section.expand()
    panel.show()
    panel.resize(320, panel.sizeHint().height())
    QApplication.processEvents()
    start = widget = panel.search
    tops = []
    while True:
        if widget.focusPolicy() & Qt.FocusPolicy.TabFocus and widget.isVisible():
            tops.append(widget.mapTo(panel, QPoint(0, widget.height() // 2)).y())
        widget = widget.nextInFocusChain()
        if widget is start:
            break
    assert len(tops) > 40
    # What stands in one line may differ by a few pixels.
    assert all(below - above > -6 for above, below in pairwise(tops))


def test_everything_the_keyboard_reaches_has_a_name(new_panel):
    panel, _ = new_panel("three", Setting(weights={MODEL: 1}))
    kinds = (QAbstractButton, QAbstractSpinBox, QComboBox, QSlider)
    controls = [widget for kind in kinds for widget in panel.findChildren(kind)]
    assert len(controls) > 40
    for widget in controls:
        assert widget.accessibleName() or widget.text(), widget
    for name, control in panel.controls.items():
        if name not in VOLUMES_KNOBS:
            assert KNOBS[name].help.split()[0] in control.toolTip()
