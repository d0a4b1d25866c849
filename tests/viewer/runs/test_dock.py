"""Runs are exported, scored, frozen and judged with the window's own widgets."""

from __future__ import annotations

import pytest
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QFileDialog

from napari_nx46.files.submission.validation import validate_submission
from napari_nx46.files.workspace import Workspace
from napari_nx46.live.jobs.run_words import NO_RUNS
from napari_nx46.run.export.export import same_setting
from napari_nx46.viewer.demo.driving import type_into_cell
from napari_nx46.viewer.runs.dock import NOT_KEPT, RunsDock
from napari_nx46.viewer.window.docks import open_dock_of
from tests.run.compare.comparing import hold_checks
from tests.viewer.window.test_closing import session_threads
from tests.viewer.windows import PATIENCE

VOLUMES = ("p3d", "p2d")


class Judging:
    """The Runs dock of a window, and what is done in it."""

    def __init__(self, opened, folder):
        self.opened, self.folder = opened, folder
        self.dock = open_dock_of(opened.viewer, RunsDock)
        self.panel = self.dock.runs_panel
        self.runs = opened.viewer_session.runs
        self.settle()

    def settle(self):
        self.opened.wait_until(lambda: not self.runs._jobs)

    def export(self, tag, quantile):
        """Export all fragments with a quantile by the buttons; return the archive."""
        panel, path = self.opened.export_panel, self.folder / tag / "submission.zip"
        path.parent.mkdir()
        self.opened.session.change(quantile=quantile)
        self.opened.click(panel.accept_all_button)
        panel.path_edit.setText(str(path))
        panel.tag_edit.setText(tag)
        with self.opened.qtbot.waitSignal(panel.exported, timeout=PATIENCE):
            self.opened.click(panel.export_button)
        self.settle()
        return path

    def cell(self, row, title):
        """Return the index of a cell as the table shows it now."""
        model = self.panel.table.model()
        titles = [
            model.headerData(column, Qt.Orientation.Horizontal)
            for column in range(model.columnCount())
        ]
        return model.index(row, titles.index(title))

    def column(self, title):
        rows = range(self.panel.table.model().rowCount())
        return [self.cell(row, title).data() for row in rows]

    def type_score(self, row, title, text):
        """Double-click a cell, type over what is there, and press Return."""
        type_into_cell(self.panel.table, self.cell(row, title), text)
        self.settle()

    def click(self, button):
        self.opened.click(button)
        self.settle()


@pytest.fixture
def judged(shown, tmp_path):
    """Return the dock Runs of a window that is drawn."""
    folder = tmp_path / "out"
    folder.mkdir()
    return Judging(shown, folder)


def test_an_export_becomes_a_run_that_is_scored_and_frozen(judged, notifications):
    panel, opened = judged.panel, judged.opened
    assert panel.step_label.text() == NO_RUNS
    assert panel.table.isHidden()
    assert not panel.judge_button.isEnabled()
    judged.export("base", 0.9)
    assert "Kept as run 1 (base)" in opened.export_panel.result_label.text()
    assert judged.column("Tag") == ["base"]
    density = judged.runs.list.find(1).means["density"]
    assert judged.column("Density") == [f"{density:.6f}"]
    assert "double-click its cell under Public" in panel.step_label.text()
    assert not panel.judge_button.isEnabled()

    judged.type_score(0, "Public", "7")
    assert "found '7', expected a leaderboard score from 0 to 1" in panel.message_label.text()
    assert judged.column("Public") == [""]
    judged.type_score(0, "Public", "0.303")
    assert judged.column("Public") == ["0.303"]
    assert panel.message_label.isHidden()
    judged.type_score(0, "Private", "0.2")
    judged.type_score(0, "Private", "")
    assert (judged.column("Public"), judged.column("Private")) == (["0.303"], [""])
    judged.click(panel.freeze_button)
    assert judged.column("Run") == ["★ ◆ 1"]
    assert not panel.freeze_button.isEnabled()

    archive = judged.export("next", 0.8)
    assert judged.column("Run") == ["2", "★ ◆ 1"]
    assert panel.table.chosen.run_id == 2
    with archive.open("ab") as file:
        file.write(b"x")
    judged.click(panel.freeze_button)
    assert "was changed" in panel.message_label.text()
    assert judged.column("Run") == ["2", "★ ◆ 1"]
    (message,) = notifications()
    assert "was changed" in message


def test_a_run_is_judged_and_the_best_one_stays_accepted(judged, notifications):
    panel, session, opened = judged.panel, judged.opened.session, judged.opened
    judged.export("base", 0.9)
    judged.type_score(0, "Public", "0.303")
    judged.click(panel.freeze_button)
    archive = judged.export("next", 0.8)
    judged.click(panel.judge_button)
    verdict = panel.verdict_panel
    assert verdict.badge.text() == "✗ NO-GO"
    assert "• Run 2 (next) has no public score yet." in verdict.reasons_label.text()
    assert {setting.quantile for setting in session.accepted.values()} == {0.9}
    judged.type_score(0, "Public", "0.311")
    assert "judge again" in verdict.badge.text()
    assert judged.column("Δ") == ["+0.008", ""]

    judged.click(panel.judge_button)
    assert verdict.badge.text() == "✓ GO"
    assert verdict.isEnabled()
    assert verdict.table.texts()["public score"] == ["0.311000", "0.303000", "+0.008000"]
    assert "density" in verdict.table.texts()
    assert session.accepted == same_setting(session.dataset, session.setting)
    assert "Accepted: the settings of the best run, run 2 (next)" in verdict.accepted_label.text()
    assert "Changed for a, b, c: Threshold quantile: 0.9 → 0.8" in verdict.accepted_label.text()

    panel.table.choose(1)
    judged.click(panel.load_button)
    assert session.setting.quantile == 0.9
    assert opened.panel.knobs["quantile"].value == 0.9

    with archive.open("ab") as file:
        file.write(b"x")
    panel.table.choose(2)
    judged.click(panel.judge_button)
    assert verdict.badge.text() == "✗ NO-GO"
    assert f"its archive {archive} was changed: found SHA-256" in verdict.reasons_label.text()
    assert "run 1 (base), public score 0.303" in verdict.accepted_label.text()
    assert {setting.quantile for setting in session.accepted.values()} == {0.9}
    assert notifications() == []


def test_an_archive_is_added_by_a_dialog_and_other_programs_are_noticed(judged, monkeypatch, qtbot):
    panel = judged.panel
    archive = judged.export("base", 0.9)
    judged.runs.path.unlink()
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_, **__: (str(archive), ""))
    judged.click(panel.add_button)
    assert judged.column("Tag") == ["base"]
    assert float(judged.column("Components")[0]) >= 1
    with Workspace.open(judged.runs.path) as workspace:
        workspace.set_scores(1, public=0.25)
    panel.hide()
    panel.show()
    judged.settle()
    assert judged.column("Public") == ["0.25"]
    (archive.parent / "submission.manifest.json").unlink()
    judged.click(panel.add_button)
    assert "found no manifest beside it" in panel.message_label.text()


def test_runs_and_what_was_accepted_with_a_verdict_are_there_when_data_are_opened_again(judged):
    opened = judged.opened
    judged.export("base", 0.9)
    judged.type_score(0, "Public", "0.303")
    judged.click(judged.panel.freeze_button)
    opened.session.change(quantile=0.7)
    opened.click(opened.export_panel.accept_all_button)
    judged.click(judged.panel.judge_button)
    assert "is the baseline itself" in judged.panel.verdict_panel.reasons_label.text()
    opened.dock.open_paths(*opened.viewer_session.paths)
    again = judged.dock.runs_panel
    assert again is not judged.panel
    opened.wait_until(lambda: again.table.chosen is not None)
    assert again.table.chosen.marks == ("best", "baseline")
    assert {setting.quantile for setting in opened.session.accepted.values()} == {0.9}
    assert again.verdict_panel.isHidden()


def test_an_export_that_the_window_did_not_come_to_keep_is_kept_later(judged, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr(judged.runs, "register", lambda *_arguments: None)
        archive = judged.export("lost", 0.9)
    judged.runs.refresh()
    judged.settle()
    assert judged.column("Tag") == ["lost"]
    message = judged.panel.message_label
    assert message.isVisible()
    assert message.text().startswith("kept as run 1 (lost): the export of ")
    assert str(archive) in message.text()


def test_a_damaged_workspace_is_reported_and_the_archive_stays_good(
    opened, tmp_path, notifications
):
    path = opened.viewer_session.runs.path
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"no database at all" * 100)
    folder = tmp_path / "out"
    folder.mkdir()
    judged = Judging(opened, folder)
    assert "damaged or is no workspace" in judged.panel.message_label.text()
    archive = judged.export("base", 0.9)
    assert validate_submission(archive).errors == ()
    text = opened.export_panel.result_label.text()
    assert "submission.zip: 3 masks, valid." in text
    assert f"⚠ The archive is good, but is not kept as a run: workspace {path}" in text
    assert judged.panel.table.isHidden()
    assert any(str(path) in message for message in notifications())


@pytest.mark.parametrize("how", ["dock", "window"])
def test_closing_while_an_archive_is_checked_leaves_nothing_behind(
    opened, tmp_path, how, monkeypatch, send_deferred_deletes, notifications
):
    folder = tmp_path / "out"
    folder.mkdir()
    judged = Judging(opened, folder)
    judged.export("base", 0.9)
    begun = hold_checks(monkeypatch)
    opened.click(judged.panel.freeze_button)
    assert judged.panel.progress_row.label.text() == "Checking the archive of run 1 (base)…"
    assert not judged.panel.freeze_button.isEnabled()
    assert judged.panel.progress_row.cancel_button.isVisibleTo(judged.panel)
    assert begun.wait(30)
    if how == "dock":
        opened.viewer.window.remove_dock_widget(judged.dock)
        judged.dock.deleteLater()
        send_deferred_deletes()
        judged.runs.cancel()  # says no widget that is gone
        judged.settle()
        assert judged.runs.list.baseline is None
    else:
        opened.viewer.close()
        send_deferred_deletes()
        opened.wait_until(lambda: not session_threads())
    assert notifications() == []


def test_the_dock_opens_before_there_are_data(make_napari_viewer, one_fragment, qtbot):
    viewer = make_napari_viewer()
    dock = open_dock_of(viewer, RunsDock)
    assert isinstance(dock, RunsDock)
    assert dock.runs_panel is None
    dock._tune.open_paths(one_fragment)
    assert dock.runs_panel.step_label.text() == NO_RUNS
    viewer.open_sample("napari-nx46", "wound")
    qtbot.waitUntil(lambda: dock.runs_panel is None, timeout=PATIENCE)
    assert dock.panel.text() == NOT_KEPT
