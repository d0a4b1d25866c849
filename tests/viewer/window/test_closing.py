"""Whatever is closed, the session's threads end and nothing of it stays behind."""

from __future__ import annotations

import threading
import warnings

import numpy as np
import pytest

from napari_nx46.data.fragments import open_data, write_data_folder
from napari_nx46.viewer.tune.panel import TunePanel
from napari_nx46.viewer.window.launch import add_dock, open_window
from tests.viewer.windows import PATIENCE, hold_slices

VOLUMES = ("p3d", "p2d")


def session_threads():
    return [
        thread.name
        for thread in threading.enumerate()
        if thread.name.startswith("nx46") and thread.is_alive()
    ]


@pytest.fixture(autouse=True)
def _threads_fail_loudly():
    """Make an error in a thread fail the test."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", pytest.PytestUnhandledThreadExceptionWarning)
        yield


def test_removing_the_dock_ends_the_session_and_takes_the_mask_away(opened, qtbot):
    session, names = opened.session, [layer.name for layer in opened.viewer.layers]
    assert "surface mask" in names
    opened.viewer.window.remove_dock_widget(opened.dock)
    assert opened.dock.viewer_session is None
    assert session._closed
    qtbot.waitUntil(lambda: not session_threads(), timeout=PATIENCE)
    names.remove("surface mask")
    assert [layer.name for layer in opened.viewer.layers] == names
    assert not {"H", "N", "Shift+N"} & {str(key) for key in opened.viewer.keymap}


def test_the_close_button_of_the_dock_ends_the_session(open_viewer_session, one_fragment, qtbot):
    opened = open_viewer_session(one_fragment, show=True)
    session = opened.session
    (docked,) = (
        dock
        for dock in opened.viewer.window._wrapped_dock_widgets.values()
        if dock.widget() is opened.dock
    )
    opened.click(docked.title.close_button)
    assert session._closed
    qtbot.waitUntil(lambda: not session_threads(), timeout=PATIENCE)


def test_closing_the_window_ends_the_session(opened, qtbot, send_deferred_deletes):
    session = opened.session
    opened.viewer.close()
    send_deferred_deletes()
    assert session._closed
    qtbot.waitUntil(lambda: not session_threads(), timeout=PATIENCE)


def test_closing_the_window_cancels_a_running_export(
    opened, tmp_path, monkeypatch, qtbot, send_deferred_deletes
):
    target = tmp_path / "out" / "submission.zip"
    target.parent.mkdir()
    release, begun = hold_slices(monkeypatch)
    opened.click(opened.export_panel.accept_all_button)
    opened.export_panel.path_edit.setText(str(target))
    opened.click(opened.export_panel.export_button)
    assert begun.wait(30)
    opened.viewer.close()
    send_deferred_deletes()
    release.set()
    qtbot.waitUntil(lambda: not session_threads(), timeout=PATIENCE)
    assert list(target.parent.iterdir()) == []


def test_other_data_take_the_place_of_what_was_open(opened, one_fragment, qtbot):
    first = opened.session
    opened.dock.open_paths(one_fragment)
    assert first._closed
    assert opened.session.dataset.image_ids == ("a",)
    assert [layer.name for layer in opened.viewer.layers].count("surface mask") == 1
    opened.wait_until_exact()
    assert opened.panel.fragment_panel.title.text() == "single (1 fragment)"


def test_a_session_closed_while_it_computes_says_nothing_any_more(
    make_napari_viewer, data_folder, qtbot, notifications
):
    viewer = make_napari_viewer()
    dock = add_dock(viewer)
    for _ in range(3):
        dock.open_paths(data_folder)
        dock.viewer_session.session.change(z_radius=8)
    viewer.window.remove_dock_widget(dock)
    qtbot.wait(50)
    assert notifications() == []
    qtbot.waitUntil(lambda: not session_threads(), timeout=PATIENCE)


def test_no_widget_is_left_over(make_napari_viewer, data_folder, send_deferred_deletes):
    def panels():
        return dock.findChildren(TunePanel)

    viewer = make_napari_viewer(strict_qt="raise")
    dock = add_dock(viewer)
    for _ in range(3):
        dock.open_paths(data_folder)
    send_deferred_deletes()
    assert panels() == [dock.panel]


def test_a_window_opened_for_a_data_set_has_the_dock_and_its_session(
    make_napari_viewer, monkeypatch, data_folder, qtbot
):
    # The fixture's own viewer factory, so that its checks for leaks hold for this window too.
    monkeypatch.setattr("napari.Viewer", make_napari_viewer)
    viewer, dock = open_window(open_data(data_folder), (data_folder,), show=False)
    assert viewer.title == "NX46 · data"
    assert list(viewer.window.dock_widgets) == ["Tune surface mask"]
    assert dock.viewer_session.session.dataset.image_ids == ("a", "b", "c")


def test_a_fragment_of_one_voxel_is_shown_and_closed(open_viewer_session, tmp_path):
    write_data_folder(tmp_path / "tiny", "a", {"p3d": np.full((1, 1, 1), 0.5, np.float32)})
    opened = open_viewer_session(tmp_path / "tiny")
    np.testing.assert_array_equal(np.asarray(opened.layer.data), [[[1]]])
    assert opened.session.figures.fragment_density == 1.0
