"""The group of corrections: brushes, counts, undo, files, and what a workspace keeps of them."""

from __future__ import annotations

import numpy as np
import pytest
from qtpy.QtWidgets import QFileDialog

from napari_nx46.data.fragments import open_data
from napari_nx46.files.corrections import read_corrections, write_corrections
from napari_nx46.viewer.window.launch import add_dock
from napari_nx46.voxels.corrections.corrections import Corrections
from tests.viewer.windows import SHAPES

VOLUMES = ("p3d", "p2d")


@pytest.fixture
def panel(opened):
    return opened.panel.corrections_panel


def corrections_of(image_id, block=np.s_[2:4, 3:9, 4:12], value=1):
    labels = np.zeros(SHAPES[image_id], np.uint8)
    labels[block] = value
    return Corrections.of(labels)


def buttons(panel):
    names = ("undo", "redo", "clear", "save", "load")
    return [getattr(panel, f"{name}_button").isEnabled() for name in names]


def down(panel):
    return [label for label, button in panel.brush_buttons.items() if button.isChecked()]


def test_brushes_paint_and_the_one_that_paints_is_down(opened, panel):
    layer = opened.viewer_session.corrections
    for label in (1, 2, 0):
        opened.click(panel.brush_buttons[label])
        assert down(panel) == [label]
        assert layer.painting == label
    opened.click(panel.brush_buttons[0])
    assert down(panel) == []
    assert layer.painting is None
    layer.toggle_painting()
    assert down(panel) == [1]
    opened.viewer.layers.selection.active = opened.layer
    assert down(panel) == []


def test_counts_and_buttons_follow_the_fragment(opened, panel):
    session = opened.session
    assert panel.counts_label.text() == "nothing corrected"
    assert buttons(panel) == [False, False, False, False, True]
    session.corrections.change("a", corrections_of("a"))
    assert panel.counts_label.text() == "96 added, 0 erased"
    assert buttons(panel) == [True, False, True, True, True]
    opened.click(panel.clear_button)
    assert panel.counts_label.text() == "nothing corrected"
    opened.click(panel.undo_button)
    assert session.present_corrections == corrections_of("a")
    opened.click(panel.undo_button)
    assert buttons(panel) == [False, True, False, False, True]
    opened.click(panel.redo_button)
    session.show_fragment("b")
    assert panel.counts_label.text() == "nothing corrected"
    assert buttons(panel) == [False, False, False, True, True]
    opened.wait_until_exact()


def test_the_layer_is_shown_and_hidden(opened, panel):
    layer = opened.viewer_session.corrections
    assert not panel.shown_box.isChecked()
    panel.shown_box.setChecked(True)
    assert layer.shown
    layer.layer.visible = False
    assert not panel.shown_box.isChecked()
    opened.viewer.layers.remove(layer.layer)
    panel.shown_box.setChecked(True)
    assert layer.shown


def test_files_are_saved_and_loaded(opened, panel, tmp_path, monkeypatch, notifications):
    session = opened.session
    for image_id in ("a", "b"):
        session.corrections.change(image_id, corrections_of(image_id))
    for name, kind, expected in (
        ("all", "Corrections (*.npz)", {"a": corrections_of("a"), "b": corrections_of("b")}),
        ("a", "Labels of this fragment (*.tif)", {"a": corrections_of("a")}),
    ):
        answer = str(tmp_path / name), kind
        monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_, answer=answer: answer)
        opened.click(panel.save_button)
        opened.wait_until(lambda: not panel.busy)
        written = tmp_path / f"{name}.{'npz' if 'npz' in kind else 'tif'}"
        assert read_corrections(written) == expected
        assert any(str(written) in one for one in notifications())
    for image_id in ("a", "b"):
        session.corrections.clear(image_id)
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(tmp_path / "all.npz"), ""))
    opened.click(panel.load_button)
    opened.wait_until(lambda: not panel.busy)
    assert session.corrections.by_fragment == {
        "a": corrections_of("a"),
        "b": corrections_of("b"),
    }
    assert opened.viewer_session.corrections.shown
    opened.wait_until_exact()


def test_files_that_do_not_fit_change_nothing(opened, panel, tmp_path, notifications):
    session = opened.session
    session.corrections.change("a", corrections_of("a"))
    wrong = Corrections.of(np.ones((2, 3, 4), np.uint8))
    for corrections, found in (
        ({"a": corrections_of("a"), "b": wrong}, "corrections of shape (2, 3, 4)"),
        ({"z": wrong}, "found corrections of z; expected some of a, b, c"),
    ):
        write_corrections(tmp_path / "wrong.npz", corrections)
        panel.load(tmp_path / "wrong.npz")
        opened.wait_until(lambda: not panel.busy)
        assert any(found in one for one in notifications())
    panel.save(tmp_path / "none" / "a.npz")
    opened.wait_until(lambda: not panel.busy)
    assert any("does not exist" in one for one in notifications())
    assert session.corrections.by_fragment == {"a": corrections_of("a")}


def test_the_next_window_finds_them(opened, panel, data_folder, make_napari_viewer):
    opened.session.corrections.change("a", corrections_of("a"))
    opened.session.accept()
    opened.wait_until_exact()
    opened.dock.close()
    dock = add_dock(make_napari_viewer())
    dock.show_data_set(open_data(data_folder), (data_folder,))
    session = dock.viewer_session.session
    assert session.corrections.by_fragment == {"a": corrections_of("a")}
    assert session.accepted_corrections == {"a": corrections_of("a")}
    assert dock.panel.corrections_panel.counts_label.text() == "96 added, 0 erased"
    opened.wait_until(lambda: session.settled)
