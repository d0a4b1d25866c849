"""Accept and export through the buttons, and what stays when it does not come to an end."""

from __future__ import annotations

import io
import json
import zipfile

import numpy as np
import pytest
import tifffile
from napari.utils import progress
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QFileDialog, QMessageBox

from napari_nx46.files.submission.validation import validate_submission
from napari_nx46.setting import Setting
from napari_nx46.viewer.tune.export_panel import ExportPanel
from tests.viewer.windows import PATIENCE, hold_slices

VOLUMES = ("p3d", "p2d")
ONE_WINDOW = True


@pytest.fixture
def target(tmp_path):
    """Return an archive to write, in a folder of its own."""
    folder = tmp_path / "out"
    folder.mkdir()
    return folder / "submission.zip"


def export(opened, target):
    """Export by the button and wait for the result."""
    panel = opened.export_panel
    panel.path_edit.setText(str(target))
    with opened.qtbot.waitSignal(panel.exported, timeout=PATIENCE) as blocker:
        opened.click(panel.export_button)
    return blocker.args[0]


def masks_in(archive):
    with zipfile.ZipFile(archive) as members:
        return {
            name.removesuffix(".tif"): tifffile.imread(io.BytesIO(members.read(name)))
            for name in members.namelist()
        }


def test_export_waits_for_accepted_settings_and_says_so(opened):
    panel = opened.export_panel
    assert not panel.export_button.isEnabled()
    assert "accept a setting first" in panel.accepted_label.text()
    assert "accept a setting first" in panel.export_button.toolTip()
    opened.click(panel.export_button)
    assert not panel.running
    opened.click(panel.accept_button)
    assert not panel.export_button.isEnabled()
    assert "waits for an accepted setting for: b, c" in panel.accepted_label.text()
    opened.click(panel.accept_all_button)
    assert panel.export_button.isEnabled()
    assert panel.accepted_label.text() == "Accepted for 3 of 3 fragments."
    opened.press(opened.panel.knobs["quantile"].slider, Qt.Key.Key_Left)
    assert "The sliders have moved since" in panel.accepted_label.text()
    assert panel.export_button.isEnabled()


def test_each_fragment_is_exported_with_the_setting_accepted_for_it(opened, target):
    panel = opened.export_panel
    accepted = {}
    for image_id, quantile, radius in (("a", 0.9, 1), ("b", 0.8, 0), ("c", 0.95, 3)):
        assert opened.session.fragment.image_id == image_id
        opened.session.change(quantile=quantile, z_radius=radius)
        opened.click(panel.accept_button)
        accepted[image_id] = Setting(quantile=quantile, z_radius=radius)
        opened.click(opened.panel.fragment_panel.next_button)
    # Only what was accepted is exported, not where the sliders are now.
    opened.session.change(quantile=0.5, blend=0)
    result = export(opened, target)
    found = masks_in(target)
    assert list(found) == ["a", "b", "c"]
    for image_id, setting in accepted.items():
        np.testing.assert_array_equal(found[image_id], opened.expected_mask(setting, image_id))
    assert result.target == target
    manifest = json.loads((target.parent / "submission.manifest.json").read_text())
    found_settings = [fragment["setting"]["quantile"] for fragment in manifest["fragments"]]
    assert found_settings == [0.9, 0.8, 0.95]


def test_the_result_is_shown_and_the_files_are_beside_it(opened, target):
    opened.click(opened.export_panel.accept_all_button)
    values = []
    opened.export_panel.progress_row.bar.valueChanged.connect(values.append)
    result = export(opened, target)
    assert sorted(path.name for path in target.parent.iterdir()) == [
        "metrics.csv",
        "submission.manifest.json",
        "submission.zip",
    ]
    text = opened.export_panel.result_label.text()
    assert "submission.zip: 3 masks, valid." in text
    for member in result.members:
        assert f"{member.image_id}: density {member.density:.4f}" in text
    assert validate_submission(target).errors == ()
    lines = (target.parent / "metrics.csv").read_text().splitlines()
    assert len(lines) == 1 + 9 + 7 + 5
    counted = [value for value in values if value > 0]
    assert counted == sorted(counted)
    assert counted[-1] == 9 + 7 + 5


def test_while_it_runs_progress_and_cancel_are_shown_and_export_is_not(
    opened, target, monkeypatch, qtbot
):
    panel = opened.export_panel
    release, begun = hold_slices(monkeypatch)
    bars = len(progress._all_instances)
    opened.click(panel.accept_all_button)
    panel.path_edit.setText(str(target))
    opened.click(panel.export_button)
    assert begun.wait(30)
    assert panel.running
    assert panel.progress_row.bar.isVisibleTo(panel.foot)
    assert panel.progress_row.cancel_button.isVisibleTo(panel.foot)
    assert panel.progress_row.cancel_button.isEnabled()
    assert not panel.export_button.isEnabled()
    assert len(progress._all_instances) == bars + 1
    with qtbot.waitSignal(panel.exported, timeout=PATIENCE):
        release.set()
    assert not panel.running
    assert not panel.progress_row.bar.isVisibleTo(panel.foot)
    assert not panel.progress_row.cancel_button.isVisibleTo(panel.foot)
    assert panel.export_button.isEnabled()
    assert len(progress._all_instances) == bars


def test_cancel_leaves_the_old_archive_and_nothing_else(opened, target, monkeypatch):
    target.write_bytes(b"the old archive")
    monkeypatch.setattr(QMessageBox, "question", lambda *_: QMessageBox.StandardButton.Yes)
    panel = opened.export_panel
    release, begun = hold_slices(monkeypatch)
    opened.click(panel.accept_all_button)
    panel.path_edit.setText(str(target))
    opened.click(panel.export_button)
    assert begun.wait(30)
    opened.click(panel.progress_row.cancel_button)
    assert not panel.progress_row.cancel_button.isEnabled()
    release.set()
    opened.wait_until(lambda: not panel.running)
    assert panel.result_label.text() == "Cancelled. Nothing was written."
    assert [path.name for path in target.parent.iterdir()] == ["submission.zip"]
    assert target.read_bytes() == b"the old archive"
    # And the same panel exports afterwards.
    export(opened, target)
    assert validate_submission(target).errors == ()


@pytest.mark.parametrize("yes", [True, False])
def test_an_archive_that_was_there_is_replaced_only_after_a_question(
    opened, target, monkeypatch, yes
):
    target.write_bytes(b"somebody's archive")
    asked = []

    def question(parent, title, text):
        asked.append(text)
        return QMessageBox.StandardButton.Yes if yes else QMessageBox.StandardButton.No

    monkeypatch.setattr(QMessageBox, "question", question)
    opened.click(opened.export_panel.accept_all_button)
    if yes:
        export(opened, target)
        export(opened, target)
        assert validate_submission(target).errors == ()
    else:
        opened.export_panel.path_edit.setText(str(target))
        opened.click(opened.export_panel.export_button)
        assert not opened.export_panel.running
        assert target.read_bytes() == b"somebody's archive"
    # What the panel itself wrote it replaces without asking again.
    assert asked == [f"{target} exists already. Replace it?"]


def test_compression_and_values_are_those_that_are_chosen(opened, target):
    panel = opened.export_panel
    opened.press(panel.compression_box, Qt.Key.Key_Down)
    opened.press(panel.profile_box, Qt.Key.Key_Down)
    opened.click(panel.accept_all_button)
    export(opened, target)
    with (
        zipfile.ZipFile(target) as members,
        tifffile.TiffFile(io.BytesIO(members.read("a.tif"))) as tiff,
    ):
        assert tiff.pages[0].compression == tifffile.COMPRESSION.LZW
        voxels = tiff.asarray()
    np.testing.assert_array_equal(voxels, opened.expected_mask(image_id="a") * 255)


@pytest.mark.parametrize("blocked_by", ["a folder of its name", "a file for its folder"])
def test_an_archive_that_cannot_be_written_is_reported(opened, target, notifications, blocked_by):
    if blocked_by == "a folder of its name":
        target.mkdir()
    else:
        (target.parent / "file").write_bytes(b"")
        target = target.parent / "file" / "submission.zip"
    panel = opened.export_panel
    opened.click(panel.accept_all_button)
    panel.path_edit.setText(str(target))
    opened.click(panel.export_button)
    opened.wait_until(lambda: not panel.running)
    assert panel.result_label.text().startswith("Not exported: ")
    assert str(target.parent) in panel.result_label.text()
    (message,) = notifications()
    assert str(target.parent) in message
    assert panel.export_button.isEnabled()


def test_an_export_that_fails_midway_leaves_the_old_archive(
    opened, target, monkeypatch, notifications
):
    def fail(*arguments, **options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("napari_nx46.run.export.export.measure_slices", fail)
    monkeypatch.setattr(QMessageBox, "question", lambda *_: QMessageBox.StandardButton.Yes)
    target.write_bytes(b"the old archive")
    panel = opened.export_panel
    opened.click(panel.accept_all_button)
    panel.path_edit.setText(str(target))
    opened.click(panel.export_button)
    opened.wait_until(lambda: not panel.running)
    assert "No space left on device" in panel.result_label.text()
    assert "No space left on device" in notifications()[0]
    assert [path.name for path in target.parent.iterdir()] == ["submission.zip"]
    assert target.read_bytes() == b"the old archive"


def test_the_archive_is_chosen_in_a_dialog(opened, target, monkeypatch):
    panel = opened.export_panel
    assert panel.target.name == "submission.zip"
    monkeypatch.setattr(
        QFileDialog, "getSaveFileName", lambda *_, **__: (str(target.with_name("mine")), "")
    )
    opened.click(panel.browse_button)
    assert panel.target == target.with_name("mine.zip")
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_, **__: ("", ""))
    opened.click(panel.browse_button)
    assert panel.target == target.with_name("mine.zip")


def test_a_visible_block_that_another_fragment_has_not_is_not_accepted_for_all(
    opened, notifications
):
    opened.viewer.dims.set_current_step(0, 8)
    opened.press(opened.panel.domain_box, Qt.Key.Key_Down, 2)
    opened.click(opened.export_panel.accept_all_button)
    assert opened.session.accepted == {}
    (message,) = notifications()
    assert "fragment b" in message
    opened.click(opened.export_panel.accept_button)
    assert list(opened.session.accepted) == ["a"]


def test_the_panel_needs_no_window(opened, qtbot):
    panel = ExportPanel(opened.session)
    qtbot.addWidget(panel)
    assert not panel.export_button.isEnabled()
    opened.session.accept()
    assert panel.export_button.isEnabled()
