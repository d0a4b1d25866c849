"""Closing a window and opening the data again goes on where one was; undo and redo by keys."""

from __future__ import annotations

import shutil
import threading
import time

import numpy as np
import pytest
from qtpy.QtCore import Qt

from napari_nx46.data.fragments import open_data
from napari_nx46.files.workspace import Workspace, default_workspace
from napari_nx46.setting import Setting
from napari_nx46.viewer.plugin.preferences import Preferences
from napari_nx46.viewer.plugin.samples import sample_path
from napari_nx46.viewer.tune.dock import workspace_of
from napari_nx46.viewer.window.launch import open_window
from tests.viewer.windows import PATIENCE, Opened

VOLUMES = ("p3d", "p2d")
CONTROL = Qt.KeyboardModifier.ControlModifier
SHIFT = Qt.KeyboardModifier.ShiftModifier


@pytest.fixture
def reopen(make_napari_viewer, qtbot, send_deferred_deletes):
    """Return a function that opens data in a drawn window, after the one before was closed."""
    windows = []

    def open_again(*paths):
        close()
        viewer, dock = open_window(open_data(*paths), paths, show=True)
        windows.append(viewer)
        opened = Opened(viewer, dock, qtbot)
        opened.wait_until_exact()
        opened.wait_until(lambda: opened.viewer_session.keeping.begun)
        return opened

    def close():
        while windows:
            windows.pop().close()
            send_deferred_deletes()

    make_napari_viewer()
    yield open_again
    close()


def camera_of(opened):
    camera = opened.viewer.scene.camera
    return camera.zoom, *camera.center[-2:]


def quantiles(opened):
    return [entry.setting.quantile for entry in opened.viewer_session.keeping.history.entries]


def rest(opened):
    count = len(quantiles(opened))
    opened.wait_until(lambda: len(quantiles(opened)) > count)


def test_a_window_goes_on_where_the_last_one_was(reopen, data_folder, qtbot):
    first = reopen(data_folder)
    first.wait_until(lambda: len(quantiles(first)) == 1)
    first.session.show_fragment("b")
    first.viewer.dims.set_current_step(0, 5)
    first.session.change(quantile=0.85)
    rest(first)
    first.viewer_session.pin("B")
    first.click(first.export_panel.accept_button)
    first.session.change(blend=0.25)
    first.viewer.scene.camera.zoom = 11.5
    first.viewer.scene.camera.center = (0, 12.0, 9.5)
    first.wait_until(lambda: first.viewer_session._settle.isActive() is False)
    expected = camera_of(first)

    second = reopen(data_folder)
    assert second.session.fragment.image_id == "b"
    assert second.viewer.dims.current_step[0] == second.session.view.slice_index == 5
    assert second.session.setting == Setting(quantile=0.85, blend=0.25)
    assert second.panel.knobs["blend"].spin_box.value() == 0.25
    assert second.session.accepted == {"b": Setting(quantile=0.85)}
    assert "Accepted for 1 of 3" in second.export_panel.accepted_label.text() or (
        "waits" in second.export_panel.accepted_label.text()
    )
    assert [(pin.letter, pin.setting) for pin in second.viewer_session.pins] == [
        ("B", Setting(quantile=0.85))
    ]
    assert quantiles(second)[:2] == [Setting().quantile, 0.85]
    np.testing.assert_allclose(camera_of(second), expected)
    qtbot.wait(50)
    np.testing.assert_allclose(camera_of(second), expected)


def test_undo_and_redo_by_keys_in_the_dock(shown, qtbot):
    session, knob = shown.session, shown.panel.knobs["quantile"]
    shown.wait_until(lambda: len(quantiles(shown)) == 1)
    before = session.setting
    session.change(quantile=0.6)
    shown.focus(knob.slider)
    qtbot.keyClick(knob.slider, Qt.Key.Key_Z, CONTROL)
    assert session.setting == before
    assert knob.spin_box.value() == before.quantile
    qtbot.keyClick(knob.slider, Qt.Key.Key_Z, CONTROL | SHIFT)
    assert session.setting.quantile == 0.6

    box = knob.spin_box
    shown.focus(box)
    shown.type_into(box, "0.5")
    assert session.setting.quantile == 0.5
    qtbot.keyClick(box, Qt.Key.Key_Z, CONTROL)
    assert session.setting.quantile == 0.6
    qtbot.keyClick(box, Qt.Key.Key_Z, CONTROL | SHIFT)
    assert session.setting.quantile == 0.5
    box.selectAll()
    qtbot.keyClicks(box, "0.")
    assert box.lineEdit().isUndoAvailable()
    qtbot.keyClick(box, Qt.Key.Key_Z, CONTROL)
    assert len(quantiles(shown)) == 3


def test_a_crash_loses_at_most_the_last_second(opened, data_folder, tmp_path):
    opened.wait_until(lambda: opened.viewer_session.keeping.begun)
    opened.session.change(quantile=0.77)
    opened.viewer_session.pins.pin("C", Setting(blend=0.1))
    changed = time.monotonic()
    while time.monotonic() < changed + 1.0:
        opened.qtbot.wait(20)
    kept = default_workspace(data_folder)
    crashed = tmp_path / "crashed"
    shutil.copytree(kept.parent, crashed)
    with Workspace.open(crashed / kept.name) as workspace:
        assert workspace.state("setting")["quantile"] == 0.77
        assert [pin.letter for pin in workspace.pins()] == ["C"]


@pytest.mark.parametrize("how", ["window", "dock", "other data"])
def test_what_was_just_done_is_kept_whatever_is_closed(
    how, opened, data_folder, one_fragment, send_deferred_deletes
):
    opened.wait_until(lambda: opened.viewer_session.keeping.begun)
    opened.session.change(quantile=0.71)
    if how == "window":
        opened.viewer.close()
        send_deferred_deletes()
    elif how == "dock":
        opened.viewer.window.remove_dock_widget(opened.dock)
    else:
        opened.dock.open_paths(one_fragment)
    with Workspace.open(default_workspace(data_folder), create=False) as workspace:
        assert workspace.state("setting")["quantile"] == 0.71
    opened.wait_until(
        lambda: (
            how == "other data"
            or not [one for one in threading.enumerate() if one.name.startswith("nx46-auto")]
        )
    )


def test_a_workspace_that_cannot_be_used_is_reported_and_the_session_goes_on(
    open_viewer_session, data_folder, notifications
):
    path = default_workspace(data_folder)
    path.parent.mkdir(parents=True)
    path.write_bytes(b"something else" * 100)
    opened = open_viewer_session(data_folder)
    assert any(str(path) in message for message in notifications())
    opened.session.change(quantile=0.7)
    opened.wait_until_exact()
    assert path.read_bytes() == b"something else" * 100


def test_samples_and_windows_that_keep_nothing_always_begin_the_same(
    make_napari_viewer, data_folder, qtbot, send_deferred_deletes
):
    make_napari_viewer()
    viewer, dock = open_window(open_data(data_folder), (data_folder,), show=False, keeps=False)
    qtbot.waitUntil(lambda: dock.viewer_session.keeping.begun, timeout=PATIENCE)
    assert dock.viewer_session.keeping.path is None
    dock.viewer_session.session.change(quantile=0.7)
    viewer.close()
    send_deferred_deletes()
    assert not default_workspace(data_folder).exists()
    assert workspace_of((sample_path(),), Preferences()) is None
    assert workspace_of((data_folder,), Preferences()) == default_workspace(data_folder)


def test_two_windows_on_the_same_data_keep_their_work_apart(
    make_napari_viewer, open_viewer_session, data_folder, notifications
):
    first, second = open_viewer_session(data_folder), open_viewer_session(data_folder)
    paths = [opened.viewer_session.workspace for opened in (first, second)]
    assert paths[0] != paths[1]
    (message,) = [text for text in notifications() if "Another window" in text]
    assert str(paths[1]) in message
    for opened, quantile in ((first, 0.85), (second, 0.75)):
        opened.session.change(quantile=quantile)
        rest(opened)
        opened.dock.close()
    for path, quantile in zip(paths, (0.85, 0.75), strict=True):
        with Workspace.open(path) as workspace:
            assert workspace.history()[-1].setting.quantile == quantile
    again = open_viewer_session(data_folder)
    again.wait_until(lambda: again.viewer_session.keeping.begun)
    assert again.viewer_session.workspace == paths[0]
    assert again.session.setting.quantile == 0.85
