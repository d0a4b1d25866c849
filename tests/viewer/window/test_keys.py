"""Keys: what they do, where they work, and that napari uses none of them."""

from __future__ import annotations

import napari.layers
import pytest
from app_model.types import KeyBinding
from napari._app_model import get_app_model
from napari._qt.widgets.qt_keyboard_settings import ShortcutEditor
from napari.components import ViewerModel
from napari.settings import get_settings
from napari.utils.action_manager import action_manager
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QLabel

from napari_nx46.viewer.canvas.access import Canvas
from napari_nx46.viewer.compare.dock import CompareDock
from napari_nx46.viewer.plugin.commands import NOTHING_OPEN
from napari_nx46.viewer.window.actions import ACTIONS
from napari_nx46.viewer.window.docks import DOCKS, open_dock
from napari_nx46.viewer.window.key_bindings import action_id
from napari_nx46.viewer.window.keys_panel import KeysDock
from napari_nx46.viewer.window.launch import add_dock
from napari_nx46.viewer.window.shortcuts import key_sequence, key_text

VOLUMES = ("p3d", "p2d")
BY_NAME = {action.name: action for action in ACTIONS}


def keys_of_the_window():
    """Return napari's keys that work wherever the focus is: those of its menus."""
    return {bound.keybinding for bound in get_app_model().keybindings}


def keys_of_the_canvas():
    """Return napari's keys on the canvas, whatever layer is selected."""
    classes = (ViewerModel, napari.layers.Layer, *layer_classes())
    bound = {key for kind in classes for key in kind.class_keymap}
    set_by_the_user = get_settings().shortcuts.shortcuts.values()
    return bound | {KeyBinding.validate(key) for keys in set_by_the_user for key in keys}


def layer_classes():
    return [getattr(napari.layers, name.title()) for name in napari.layers.NAMES]


def test_no_key_is_one_of_naparis_and_none_is_used_twice(make_napari_viewer):
    make_napari_viewer()
    ours = [KeyBinding.from_str(action.key) for action in ACTIONS]
    ours_on_canvas = {KeyBinding.from_str(action.key) for action in ACTIONS if action.on_canvas}
    window, canvas = keys_of_the_window(), keys_of_the_canvas()
    assert len(window) > 10
    assert len(canvas) > 50
    assert KeyBinding.from_str("Ctrl-Z") in canvas
    assert len(set(ours)) == len(ours)
    assert not set(ours) & window
    assert not ours_on_canvas & canvas


@pytest.mark.parametrize("action", ACTIONS, ids=list(BY_NAME))
def test_every_action_says_what_it_does(action):
    assert action.name.isidentifier()
    assert action.title[0].isupper()
    assert not action.title.endswith(".")
    assert action.help.endswith(".")
    assert key_sequence(action.key).toString()
    assert list(BY_NAME) == [one.name for one in ACTIONS]


def test_keys_work_on_the_canvas_and_in_docks_but_not_where_is_typed(shown, qtbot):
    dock, viewer_session = shown.dock, shown.viewer_session
    compare = open_dock(shown.viewer, DOCKS[0])
    assert isinstance(compare, CompareDock)
    canvas = Canvas(shown.viewer).widget
    export = shown.export_panel
    visible = [viewer_session.overlay.layer.visible]

    def press(widget, key, **options):
        shown.focus(widget)
        qtbot.keyClick(widget, key, **options)
        visible.append(viewer_session.overlay.layer.visible)

    press(canvas, Qt.Key.Key_H)
    dock.parentWidget().raise_()
    shown.wait_until(export.export_button.isVisible)
    press(dock.panel.knobs["quantile"].slider, Qt.Key.Key_H)
    press(export.accept_all_button, Qt.Key.Key_H)
    assert visible == [True, False, True, False]

    text = export.path_edit.text()
    press(export.path_edit, Qt.Key.Key_H)
    assert export.path_edit.text() == f"{text}h"
    assert visible[-1] is False
    box = dock.panel.knobs["quantile"].spin_box
    number = box.text()
    press(box, Qt.Key.Key_H)
    assert box.text() == number
    assert visible == [True, False, True, False, False, True]
    press(box, Qt.Key.Key_1, modifier=Qt.KeyboardModifier.ControlModifier)
    assert shown.viewer.status == "pinned to A"

    compare.parentWidget().raise_()
    button = compare.compare_panel.pin_panel.pin_buttons["A"]
    shown.wait_until(button.isVisible)
    press(button, Qt.Key.Key_N, modifier=Qt.KeyboardModifier.ShiftModifier)
    assert shown.session.fragment.image_id == "c"


def test_docks_open_once_and_the_palette_knows_every_action(shown, notifications):
    viewer = shown.viewer
    assert [action.text() for action in shown.dock.docks_button.menu().actions()] == [
        entry.name for entry in DOCKS
    ]
    for entry, item in zip(DOCKS, shown.dock.docks_button.menu().actions(), strict=True):
        item.trigger()
        first = viewer.window.dock_widgets[entry.title]
        item.trigger()
        assert open_dock(viewer, entry) is first
    keys = viewer.window.dock_widgets["Keys (NX46)"]
    assert isinstance(keys, KeysDock)
    lines = "\n".join(label.text() for label in keys.findChildren(QLabel))
    for action in ACTIONS:
        assert key_text(action.key) in lines
        assert action.title in lines
        assert action.help in lines


def test_the_palette_has_every_action_and_runs_it(shown, notifications):
    app = get_app_model()
    listed = {
        item.command.id: item.command.title
        for item in app.menus.get_menu(app.menus.COMMAND_PALETTE_ID)
    }
    for action in ACTIONS:
        assert listed[f"napari-nx46.{action.name}"].startswith(action.title)
    app.commands.execute_command("napari-nx46.toggle_mask").result()
    assert not shown.viewer_session.overlay.layer.visible
    shown.viewer.window.remove_dock_widget(shown.dock)
    shown.viewer.layers.clear()
    app.commands.execute_command("napari-nx46.toggle_mask").result()
    assert notifications() == [NOTHING_OPEN]


def test_what_was_bound_before_is_put_back_with_the_end_of_the_dock(make_napari_viewer):
    viewer = make_napari_viewer()

    def theirs(viewer):
        """Stand for another plugin's key."""

    viewer.bind_key("H", theirs)
    dock = add_dock(viewer)
    h, n = KeyBinding.from_str("H"), KeyBinding.from_str("N")
    assert viewer.keymap[h] is not theirs
    viewer.bind_key("N", theirs, overwrite=True)
    viewer.window.remove_dock_widget(dock)
    assert viewer.keymap == {h: theirs, n: theirs}
    assert KeyBinding.from_str("K") not in type(viewer).class_keymap


@pytest.mark.filterwarnings("ignore:`F9` does not seem to be")  # napari has no symbol for it
def test_preferences_list_the_actions_and_change_their_keys(shown, qtbot):
    dialog = ShortcutEditor()
    qtbot.addWidget(dialog)
    listed = dialog.key_bindings_strs[ShortcutEditor.VIEWER_KEYBINDINGS]
    assert set(map(action_id, ACTIONS)) <= set(listed)
    name, mask = action_id(BY_NAME["toggle_mask"]), shown.viewer_session.overlay.layer
    canvas = Canvas(shown.viewer).widget
    slider = shown.panel.knobs["quantile"].slider
    try:
        action_manager.unbind_shortcut(name)
        action_manager.bind_shortcut(name, KeyBinding.from_str("F9"))
        assert dialog.value()[name] == [KeyBinding.from_str("F9")]
        for widget in (canvas, slider):
            shown.focus(widget)
            visible = mask.visible
            qtbot.keyClick(widget, Qt.Key.Key_H)
            assert mask.visible is visible
            qtbot.keyClick(widget, Qt.Key.Key_F9)
            assert mask.visible is not visible
    finally:
        action_manager.unbind_shortcut(name)
        action_manager.bind_shortcut(name, KeyBinding.from_str("H"))
    visible = mask.visible
    qtbot.keyClick(slider, Qt.Key.Key_H)
    assert mask.visible is not visible
