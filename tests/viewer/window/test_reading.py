"""Channels and logits are chosen in the window, kept, and reported as on the command line."""

from __future__ import annotations

import json
from contextlib import nullcontext

import numpy as np
import pytest
from qtpy.QtCore import Qt

from napari_nx46.data.fragments import open_data
from napari_nx46.files.volumes.notes import VolumeWarning
from napari_nx46.files.volumes.reading import Logits, ReadAs
from napari_nx46.live.history.restore import kept_read_as
from napari_nx46.viewer.plugin.preferences import Preferences
from napari_nx46.viewer.tune.dock import workspace_of
from napari_nx46.viewer.window.launch import add_dock, open_window
from napari_nx46.voxels.corrections.corrections import Corrections
from tests.viewer.windows import PATIENCE, Opened, drop
from tests.voxels.test_corrections import defined

SHAPE = (5, 20, 24)
LAST_OF_THREE = r"many\.npy: channel 2, the last of 3 channels"


@pytest.fixture
def channels(tmp_path):
    """Return a volume of three channels, and its file."""
    voxels = np.random.default_rng(2).random((3, *SHAPE)).astype(np.float32)
    np.save(tmp_path / "many.npy", voxels)
    return voxels, tmp_path / "many.npy"


@pytest.fixture
def logits(tmp_path):
    """Return a volume of logits, and its file."""
    voxels = np.random.default_rng(3).normal(0, 4, SHAPE).astype(np.float32)
    np.save(tmp_path / "logits.npy", voxels)
    return voxels, tmp_path / "logits.npy"


@pytest.fixture
def empty_window(make_napari_viewer, qtbot):
    viewer = make_napari_viewer()
    return Opened(viewer, add_dock(viewer), qtbot)


def choose(box, position):
    box.setCurrentIndex(position)
    box.activated.emit(position)


def shown_voxels(opened):
    (layer,) = [layer for layer in opened.viewer.layers if layer.name == "probability p3d"]
    return np.asarray(layer.data[...])


def panel_of(opened):
    return opened.panel.reading_panel


@pytest.mark.parametrize("how", ["button", "drop", "reader"])
def test_a_channel_is_chosen_and_kept(empty_window, channels, how, notifications):
    opened, (voxels, path) = empty_window, channels
    if how == "button":
        opened.dock._try_to_open([str(path)])
    elif how == "drop":
        drop(opened.dock, path)
    else:
        with pytest.warns(VolumeWarning, match=LAST_OF_THREE):
            opened.viewer.open(str(path), plugin="napari-nx46")
        opened.wait_until(lambda: opened.viewer_session is not None)
    opened.wait_until_exact()
    assert any("many.npy: channel 2, the last of 3" in message for message in notifications())
    np.testing.assert_array_equal(shown_voxels(opened), voxels[2])
    assert not panel_of(opened).isHidden()

    opened.session.change(quantile=0.7)
    opened.viewer.dims.set_current_step(0, 1)
    image_id, labels = opened.session.fragment.image_id, np.zeros(voxels[0].shape, np.uint8)
    labels[0, 1], labels[1] = 1, 2
    corrections = {image_id: Corrections.of(labels)}
    opened.session.corrections.change(image_id, corrections[image_id])
    opened.viewer_session.pin("A")
    opened.click(opened.export_panel.accept_all_button)
    accepted = dict(opened.session.accepted)
    choose(panel_of(opened).channel_box, 1)
    assert opened.session.dataset.read_as == ReadAs(channel=0)
    assert opened.session.setting.quantile == 0.7
    assert opened.session.accepted == accepted
    assert opened.session.accepted_corrections == corrections
    assert [pin.letter for pin in opened.viewer_session.pins] == ["A"]
    assert opened.viewer_session.pins["A"].corrections == corrections
    opened.wait_until_exact()
    assert opened.viewer.dims.current_step[0] == 1
    np.testing.assert_array_equal(shown_voxels(opened), voxels[0])
    corrected = defined(opened.expected_mask(), labels)
    np.testing.assert_array_equal(np.asarray(opened.layer.data), corrected)

    opened.wait_until(lambda: opened.viewer_session.keeping.begun)
    assert opened.viewer_session.keeping.flush()
    assert kept_read_as(workspace_of((path,), Preferences())) == ReadAs(channel=0)
    if how == "reader":
        with pytest.warns(VolumeWarning, match=LAST_OF_THREE):
            opened.viewer.open(str(path), plugin="napari-nx46")
        opened.wait_until(lambda: len(opened.viewer.layers) == 2)
    else:
        opened.dock._try_to_open([str(path)])
    opened.wait_until_exact()
    assert opened.session.dataset.read_as == ReadAs(channel=0)
    np.testing.assert_array_equal(shown_voxels(opened), voxels[0])
    choose(panel_of(opened).channel_box, 0)
    assert opened.session.dataset.read_as == ReadAs()


def test_what_is_given_on_the_command_line_goes_before_what_was_kept(channels, qtbot):
    _, path = channels
    for given, expected in (
        (ReadAs(1), ReadAs(1)),
        (ReadAs(), ReadAs(1)),
        (ReadAs(-1, Logits.SOFTMAX), ReadAs(-1, Logits.SOFTMAX)),
    ):
        chosen = given.channel is not None
        with nullcontext() if chosen else pytest.warns(VolumeWarning, match=LAST_OF_THREE):
            dataset = open_data(path, channel=given.channel, logits=given.logits)
        viewer, dock = open_window(dataset, [path], show=False)
        try:
            assert dock.viewer_session.session.dataset.read_as == expected
            qtbot.waitUntil(lambda dock=dock: dock.viewer_session.keeping.begun, timeout=PATIENCE)
            assert dock.panel.reading_panel.logits_box.currentIndex() == (
                2 if expected.logits else 0
            )
        finally:
            viewer.close()


def test_logits_are_offered_where_values_look_like_them(empty_window, logits, notifications):
    opened, (voxels, path) = empty_window, logits
    opened.dock._try_to_open([str(path)])
    banner = opened.dock.error_banner
    opened.wait_until(lambda: banner.error is not None)
    assert panel_of(opened).isHidden()
    assert banner.words_label.text().startswith("logits.npy has values beyond [0, 1]")
    assert not banner.logits_button.isHidden()
    opened.session.change(quantile=0.8)
    opened.click(banner.logits_button)
    assert opened.session.dataset.read_as == ReadAs(logits=Logits.SIGMOID)
    assert opened.session.setting.quantile == 0.8
    opened.wait_until_exact()
    assert banner.error is None
    expected = 1 / (1 + np.exp(-voxels.astype(np.float64)))
    np.testing.assert_allclose(shown_voxels(opened), expected, atol=1e-6)
    assert not panel_of(opened).isHidden()
    assert panel_of(opened).channel_box.isHidden()
    assert panel_of(opened).logits_box.count() == 3  # no softmax of a single channel


def test_what_cannot_be_read_leaves_what_was_open(empty_window, channels, tmp_path):
    opened, (voxels, path) = empty_window, channels
    opened.dock._try_to_open([str(path)])
    opened.wait_until_exact()
    session = opened.session
    np.save(path, voxels[:2].astype(np.int16))
    choose(panel_of(opened).channel_box, 3)
    assert opened.session is session
    assert opened.dock.error_banner.error is not None
    assert panel_of(opened).channel_box.currentIndex() == 0


def test_the_manifest_says_what_was_read(empty_window, channels, tmp_path):
    opened, (_, path) = empty_window, channels
    opened.dock.open_paths(path, read_as=ReadAs(0, Logits.SOFTMAX))
    opened.wait_until_exact()
    export, results = opened.export_panel, []
    export.exported.connect(results.append)
    target = tmp_path / "out" / "submission.zip"
    target.parent.mkdir()
    opened.click(export.accept_all_button)
    export.path_edit.setText(str(target))
    opened.click(export.export_button)
    opened.wait_until(lambda: bool(results))
    manifest = json.loads((target.parent / "submission.manifest.json").read_text())
    ((source,),) = [fragment["sources"].values() for fragment in manifest["fragments"]]
    assert (source["channel"], source["logits"]) == (0, "softmax")


def test_boxes_take_no_key_of_the_program(empty_window, channels):
    opened, (_, path) = empty_window, channels
    opened.dock._try_to_open([str(path)])
    panel = panel_of(opened)
    for box in (panel.channel_box, panel.logits_box):
        assert box.focusPolicy() != Qt.FocusPolicy.NoFocus
        assert box.accessibleName()


def test_a_folder_is_shown_at_once_and_its_faulty_fragments_are_reported_later(
    make_napari_viewer, qtbot, data_folder, notifications
):
    (data_folder / "p3d" / "b.tif").write_bytes(b"no TIFF")
    dock = add_dock(make_napari_viewer())
    dock.open_paths(data_folder)
    opened = Opened(dock.viewer, dock, qtbot)
    chooser = opened.panel.fragment_panel.chooser
    assert [chooser.itemText(place) for place in range(3)] == ["a", "b", "c"]
    opened.wait_until(lambda: "b" in opened.viewer_session.opening.faults)
    assert any("b.tif" in message for message in notifications())
    assert [chooser.model().item(place).isEnabled() for place in range(3)] == [True, False, True]
    opened.click(opened.panel.fragment_panel.next_button)
    assert (opened.session.fragment.image_id, chooser.currentText()) == ("c", "c")
