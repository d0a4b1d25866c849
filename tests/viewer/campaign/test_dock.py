"""Campaigns are begun, watched, cancelled and taken up with the window's own widgets."""

from __future__ import annotations

import threading

import pytest
from qtpy.QtCore import Qt
from qtpy.QtGui import QDesktopServices
from qtpy.QtWidgets import QFileDialog

from napari_nx46.campaign.records.store import CampaignStore
from napari_nx46.campaign.report.parts import WITHOUT_CORRECTIONS
from napari_nx46.campaign.verdicts.rules import Decision
from napari_nx46.files.workspace import Workspace
from napari_nx46.viewer.campaign.dock import NOT_KEPT, CampaignDock
from napari_nx46.viewer.campaign.plan_panel import Kind
from napari_nx46.viewer.campaign.row_model import GAIN_TITLE, LEGEND
from napari_nx46.viewer.campaign.words import NO_CAMPAIGN
from napari_nx46.viewer.window.docks import open_dock_of
from tests.viewer.windows import PATIENCE

VOLUMES = ("p3d", "p2d", "train_labels")
GRID = "quantile=0.8,0.7,0.9\nz_radius=0,1"


class Campaigning:
    """The campaign dock of a window, and what is done in it."""

    def __init__(self, opened):
        self.opened = opened
        self.dock = open_dock_of(opened.viewer, CampaignDock)
        self.panel = self.dock.campaign_panel
        self.plan = self.panel.plan_panel
        self.settle()

    @property
    def campaigns(self):
        return self.panel._campaigns

    def settle(self):
        self.opened.wait_until(lambda: not self.campaigns.busy)

    def choose_grid(self, text=GRID):
        self.plan.kind_box.setCurrentText(Kind.GRID)
        self.plan.grid_edit.setPlainText(text)
        self.plan.score_box.setChecked(False)

    def click(self, button):
        self.opened.click(button)
        self.settle()

    def column(self, title):
        model = self.panel.table.model()
        titles = self.panel.table.runs.titles
        return [model.index(row, titles.index(title)).data() for row in range(model.rowCount())]

    def message(self):
        return self.panel.message_label.text()


def verdicts_of(campaigning):
    with Workspace.open(campaigning.campaigns.path, create=False) as workspace:
        return CampaignStore(workspace).verdicts(1)


@pytest.fixture
def campaigning(opened):
    return Campaigning(opened)


def test_a_grid_is_checked_run_sorted_and_taken_up(campaigning, monkeypatch, tmp_path):
    panel, session = campaigning.panel, campaigning.opened.session
    assert panel.title_label.text() == NO_CAMPAIGN
    assert not panel.load_button.isEnabled()
    campaigning.choose_grid()
    campaigning.click(panel.check_button)
    assert "6 runs on 3 fragments, 18 tasks" in campaigning.message()
    assert not campaigning.column("run")

    campaigning.click(panel.start_button)
    assert campaigning.message() == "Done: 18 of 18 tasks done."
    assert campaigning.column("state") == ["done"] * 6
    assert campaigning.column("Threshold quantile") == ["0.8", "0.8", "0.7", "0.7", "0.9", "0.9"]
    header = panel.table.horizontalHeader()
    density = panel.table.runs.titles.index("density")
    panel.table.sortByColumn(density, Qt.SortOrder.AscendingOrder)
    densities = [float(text) for text in campaigning.column("density")]
    assert densities == sorted(densities)
    assert header.sortIndicatorSection() == density

    # A double click loads the run into the sliders.
    table = panel.table
    last = table.model().index(5, 1)
    place = table.visualRect(last).center()
    left, qtbot = Qt.MouseButton.LeftButton, campaigning.opened.qtbot
    qtbot.mouseClick(table.viewport(), left, pos=place)
    qtbot.mouseDClick(table.viewport(), left, pos=place)
    chosen = table.chosen.run
    assert chosen.run_id == last.data()
    assert chosen.setting.quantile == 0.7
    assert session.setting == chosen.setting

    campaigning.click(panel.pin_buttons["B"])
    assert campaigning.opened.viewer_session.pins["B"].setting == chosen.setting
    campaigning.click(panel.accept_button)
    assert set(session.accepted.values()) == {chosen.setting}

    assert panel.legend_label.text() == LEGEND
    campaigning.opened.viewer_session.corrections.labels().data[2, 3:6, 4] = 1
    campaigning.opened.wait_until(lambda: WITHOUT_CORRECTIONS in panel.legend_label.text())

    assert "is rejected" in panel.verdict_label.text()
    assert "above the band" in panel.verdict_label.text()
    campaigning.click(panel.baseline_button)
    assert table.chosen.is_baseline
    verdicts = verdicts_of(campaigning).values()
    assert {one.baseline for one in verdicts} == {chosen.run_id}

    opened_pages = []
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(tmp_path / "report"))
    monkeypatch.setattr(QDesktopServices, "openUrl", opened_pages.append)
    campaigning.click(panel.report_button)
    page = tmp_path / "report" / "report.html"
    assert chosen.run_id in page.read_text()
    assert [url.toLocalFile() for url in opened_pages] == [str(page)]


def test_the_best_run_is_exported_with_its_name(campaigning, tmp_path):
    campaigning.choose_grid("quantile=0.8,0.9")
    campaigning.click(campaigning.panel.start_button)
    campaigning.panel.table.choose("quantile=0.9")
    export = campaigning.opened.export_panel
    export.path_edit.setText(str(tmp_path / "submission.zip"))
    with campaigning.opened.qtbot.waitSignal(export.exported, timeout=PATIENCE) as exported:
        campaigning.opened.click(campaigning.panel.export_button)
    (result,) = exported.args
    assert result.target.is_file()
    assert {record.setting.quantile for record in result.records} == {0.9}
    assert export.tag_edit.text() == "quantile=0.9"


def test_faults_are_reported_and_nothing_is_begun(campaigning):
    campaigning.choose_grid("quantil=0.8,0.9\nz_radius=0:99:1")
    campaigning.click(campaigning.panel.start_button)
    assert "quantil" in campaigning.message()
    assert "z_radius" in campaigning.message()
    campaigning.plan.kind_box.setCurrentText(Kind.FILE)
    campaigning.click(campaigning.panel.start_button)
    assert "found no matrix file" in campaigning.message()
    assert campaigning.campaigns.table.campaign_id is None


def test_a_cancelled_campaign_goes_on_where_it_was(campaigning, monkeypatch):
    campaigning.choose_grid()
    progress = []
    second = threading.Event()

    def cancel_after_two(now):
        progress.append(now)
        if now.done >= 2 and not second.is_set():
            second.set()
            campaigning.panel.progress_row.cancel_button.click()

    campaigning.campaigns.progress_changed.connect(cancel_after_two)
    campaigning.click(campaigning.panel.start_button)
    assert campaigning.message().startswith("Cancelled")
    cancelled_at = campaigning.column("state").count("done")
    campaigning.click(campaigning.panel.start_button)
    assert campaigning.column("state") == ["done"] * 6
    assert campaigning.message().startswith("Done: 18 of 18 tasks done")
    assert cancelled_at < 6
    assert progress[-1].known >= 2


def test_a_search_runs_as_many_settings_as_it_is_reported(campaigning):
    plan = campaigning.plan
    plan.kind_box.setCurrentText(Kind.SEARCH)
    plan.search_edit.setPlainText("quantile=0.7:0.9")
    plan.runs_box.setValue(3)
    plan.objective_box.setCurrentText("density")
    plan.score_box.setChecked(False)
    campaigning.click(campaigning.panel.start_button)
    assert len(campaigning.column("run")) == 3
    settings = {row.run.setting for row in campaigning.panel.table.runs.rows}
    assert len(settings) == 3
    base = campaigning.opened.session.setting
    assert {setting.changed(quantile=base.quantile) for setting in settings} == {base}


def test_a_campaign_is_found_again_and_a_closed_window_ends_the_one_that_runs(
    campaigning, open_viewer_session, data_folder, send_deferred_deletes
):
    campaigning.choose_grid()
    campaigning.click(campaigning.panel.start_button)
    found, before = campaigning.column("run"), set(threading.enumerate())
    campaigning.opened.dock.close()  # else the other window keeps its work in another file
    again = Campaigning(open_viewer_session(data_folder))
    again.opened.wait_until(lambda: bool(again.column("run")))
    assert again.column("run") == found
    again.choose_grid("quantile=0.5:0.9:0.002")
    again.opened.click(again.panel.start_button)
    again.opened.wait_until(lambda: again.campaigns.busy == "running")
    campaigns = again.campaigns
    again.opened.dock.close()
    send_deferred_deletes()
    again.opened.qtbot.waitUntil(lambda: campaigns._closed, timeout=PATIENCE)
    again.opened.qtbot.waitUntil(
        lambda: (
            not any(
                thread.name.startswith("nx46-campaign")
                for thread in set(threading.enumerate()) - before
            )
        ),
        timeout=PATIENCE,
    )


def test_runs_are_judged_by_the_windows_band_and_only_when_that_is_asked_for(
    campaigning, open_viewer_session, data_folder
):
    campaigning.choose_grid("quantile=0.8,0.7")
    campaigning.opened.session.set_band((0.15, 0.25))
    campaigning.settle()
    campaigning.click(campaigning.panel.start_button)
    kept = verdicts_of(campaigning)
    assert [one.decision for one in kept.values()] == [Decision.ACCEPTED, Decision.REJECTED]
    # Its export was checked by the same rules, and is kept as the best run's.
    archive = campaigning.campaigns.path.parent / "campaign-1" / "submission.zip"
    assert archive.is_file()
    campaigning.opened.dock.close()  # else the other window keeps its work in another file
    again = Campaigning(open_viewer_session(data_folder))
    again.opened.wait_until(lambda: bool(again.column("run")))
    assert again.opened.session.band != (0.15, 0.25)
    assert verdicts_of(again) == kept
    again.opened.session.set_band((0.25, 0.35))
    again.settle()
    judged = [one.decision for one in verdicts_of(again).values()]
    assert judged == [Decision.REJECTED, Decision.ACCEPTED]


def test_without_a_workspace_the_dock_says_so(opened):
    dock = CampaignDock(opened.viewer)
    opened.qtbot.addWidget(dock)
    opened.viewer_session.workspace = None
    panel = dock.make_panel(opened.viewer_session)
    opened.qtbot.addWidget(panel)
    assert panel.text() == NOT_KEPT


def test_scores_and_gains_are_columns_where_labels_are(campaigning):
    campaigning.choose_grid("quantile=0.8,0.9")
    campaigning.plan.score_box.setChecked(True)
    campaigning.click(campaigning.panel.start_button)
    scores = [float(text) for text in campaigning.column("score")]
    gains = campaigning.column(GAIN_TITLE)
    assert gains[0] == ""
    assert float(gains[1]) == pytest.approx(scores[1] - scores[0], abs=2e-4)
    assert campaigning.panel.title_label.text() == "Campaign 1: grid"
