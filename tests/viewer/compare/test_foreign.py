"""The masks of others are dropped, checked in the background, shown and compared."""

from __future__ import annotations

import threading

import npe2
import numpy as np
import pytest
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QFileDialog

from napari_nx46.live.masks import foreign as foreign_masks
from napari_nx46.live.masks.choices import LIVE
from napari_nx46.viewer.compare.dock import CompareDock
from napari_nx46.viewer.plugin.readers import get_reader
from napari_nx46.voxels.overlap import overlap
from napari_nx46.voxels.workers import Cancelled
from tests.run.compare.comparing import write_archive, write_masks
from tests.viewer.compare.comparing import Comparing
from tests.viewer.compare.test_difference import reported, texts_of, wait_until_compared
from tests.viewer.windows import PATIENCE, SHAPES, drop

VOLUMES = ("p3d", "p2d")


def random_masks(*image_ids, seed=0, value=1):
    rng = np.random.default_rng(seed)
    return {name: value * rng.integers(0, 2, SHAPES[name], np.uint8) for name in image_ids}


@pytest.fixture
def archive(tmp_path):
    """Return an archive of masks {0, 255} of two of the fragments, and the masks."""
    masks = random_masks("a", "c", value=255)
    return write_archive(tmp_path / "theirs.zip", masks), {
        name: (mask > 0).astype(np.uint8) for name, mask in masks.items()
    }


def wait_until_read(opened):
    foreign = opened.viewer_session.compare.foreign
    opened.wait_until(lambda: bool(foreign.names) and not foreign.busy)


def test_a_dropped_archive_is_shown_compared_and_follows_the_fragment(shown, archive):
    path, masks = archive
    comparing = Comparing(shown)
    panel = comparing.panel.foreign_panel
    drop(comparing.dock, path)
    assert panel.progress_row.label.text() == "checking theirs.zip…"
    assert panel.progress_row.cancel_button.isVisible()
    wait_until_read(shown)
    assert not panel.progress_row.cancel_button.isVisible()
    layer = shown.viewer.layers["theirs.zip"]
    np.testing.assert_array_equal(np.asarray(layer.data), masks["a"])
    layer.visible = False
    # It flips like a pin.
    shown.show_mask_alone()
    comparing.press(Qt.Key.Key_K)
    assert comparing.flip.name == "theirs.zip"
    assert panel.show_buttons["theirs.zip"].isChecked()
    z = shown.session.view.slice_index
    np.testing.assert_array_equal(shown.drawn_mask(), masks["a"][z])
    shown.click(panel.show_buttons["theirs.zip"])
    comparing.press(Qt.Key.Key_K)
    assert comparing.flip.name == LIVE
    # It is compared.
    difference = comparing.panel.difference_panel
    assert difference.second_box.currentText() == "theirs.zip"
    wait_until_compared(comparing)
    counted = overlap(shown.expected_mask(), masks["a"])
    assert reported(difference, "Fragment") == texts_of(counted)
    # A fragment that it has no mask of is said, not an error.
    shown.click(shown.panel.fragment_panel.next_button)
    shown.wait_until_exact()
    assert difference.message_label.text() == "theirs.zip has no mask of b"
    assert not panel.show_buttons["theirs.zip"].isEnabled()
    shown.click(shown.panel.fragment_panel.next_button)
    wait_until_read(shown)
    wait_until_compared(comparing)
    layer = shown.viewer.layers["theirs.zip"]
    assert not layer.visible
    np.testing.assert_array_equal(layer.data[1], masks["c"][1])
    assert reported(difference, "Fragment") == texts_of(overlap(shown.expected_mask(), masks["c"]))
    # Who deletes the layer, closes the archive.
    shown.viewer.layers.remove(layer)
    shown.wait_until(lambda: shown.viewer_session.compare.foreign.names == ())
    assert panel.show_buttons == {}
    assert difference.second_box.currentText() == ""


def test_errors_name_file_fragment_and_what_was_found(opened, tmp_path, notifications, monkeypatch):
    comparing = Comparing(opened)
    wrong = np.zeros((9, 40, 50), np.uint8)
    drop(comparing.dock, write_archive(tmp_path / "wide.zip", {"a": wrong}))
    opened.wait_until(lambda: notifications() != [])
    (message,) = notifications()
    assert all(part in message for part in ("wide.zip", "fragment a", "(9, 40, 50)", "(9, 40, 48)"))
    assert opened.viewer_session.compare.foreign.names == ()
    drop(comparing.dock, tmp_path / "wide.zip")
    opened.wait_until(lambda: len(notifications()) == 2)  # who tries again, is reported again
    # A mask file by the button; and it is closed by another.
    folder = write_masks(tmp_path / "masks", random_masks("a"))
    monkeypatch.setattr(
        QFileDialog, "getOpenFileNames", lambda *_arguments: ([str(folder / "a.tif")], "")
    )
    panel = comparing.panel.foreign_panel
    opened.click(panel.open_button)
    wait_until_read(opened)
    assert "a.tif" in opened.viewer.layers
    opened.click(panel.close_buttons["a.tif"])
    assert "a.tif" not in opened.viewer.layers
    assert len(notifications()) == 2


@pytest.fixture
def held_archive(monkeypatch):
    """Hold back the checking of archives until they are cancelled; return when it has begun."""
    begun = threading.Event()

    def held(path, cancelled, **options):
        begun.set()
        while not cancelled():
            threading.Event().wait(0.005)
        raise Cancelled

    monkeypatch.setattr(foreign_masks, "open_masks", held)
    return begun


def test_checking_can_be_cancelled_and_holds_nothing_up(opened, archive, held_archive):
    path, _ = archive
    comparing = Comparing(opened)
    panel = comparing.panel.foreign_panel
    drop(comparing.dock, path)
    assert held_archive.wait(PATIENCE / 1000)
    opened.session.change(quantile=0.7)
    opened.wait_until_exact()
    opened.click(panel.progress_row.cancel_button)
    assert panel.progress_row.label.text() == ""
    assert opened.viewer_session.compare.foreign.names == ()


@pytest.mark.parametrize("how", ["dock", "window", "other data"])
def test_closing_while_an_archive_is_checked_ends_it(
    opened, archive, held_archive, how, one_fragment, qtbot, send_deferred_deletes, notifications
):
    comparing = Comparing(opened)
    drop(comparing.dock, archive[0])
    assert held_archive.wait(PATIENCE / 1000)
    if how == "dock":
        opened.viewer.window.remove_dock_widget(opened.dock)
    elif how == "window":
        opened.viewer.close()
        send_deferred_deletes()
    else:
        opened.dock.open_paths(one_fragment)
        opened.viewer.window.remove_dock_widget(opened.dock)

    def threads():
        return [thread for thread in threading.enumerate() if thread.name.startswith("nx46")]

    qtbot.waitUntil(lambda: not threads(), timeout=PATIENCE)
    assert notifications() == []


def test_an_archive_opened_through_napari_goes_to_the_dock(opened, archive):
    path, masks = archive
    npe2.PluginManager.instance().discover()
    Comparing(opened).pin_quantiles(A=0.8)
    opened.viewer_session.compare.difference.show(True)
    before = list(opened.viewer.layers)
    opened.viewer.open(str(path), plugin="napari-nx46")
    docks = opened.viewer.window.dock_widgets.values()
    (dock,) = (dock for dock in docks if isinstance(dock, CompareDock))
    wait_until_read(opened)
    assert [layer.name for layer in opened.viewer.layers if layer not in before] == ["theirs.zip"]
    np.testing.assert_array_equal(opened.viewer.layers["theirs.zip"].data[2], masks["a"][2])
    assert opened.viewer.layers[-1] is opened.viewer_session.compare.difference.layer
    assert dock.compare_panel.foreign_panel.close_buttons.keys() == {"theirs.zip"}


def test_without_data_an_archive_is_refused(make_napari_viewer, archive, notifications):
    path, _ = archive
    viewer = make_napari_viewer()
    reader = get_reader([str(path)])
    with pytest.raises(ValueError, match=r"theirs\.zip: open the data that its masks belong to"):
        reader([str(path)])
    dock = CompareDock(viewer)
    viewer.window.add_dock_widget(dock)
    drop(dock, path)
    assert notifications() == ["Open the data that the masks belong to first."]
