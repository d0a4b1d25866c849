"""Take the pictures of README and manual: a calibration of the sample fragments, in a real window.

Run it by ``make pictures``, or on a display of at least 1400 x 900 pixels by
``python docs/take_pictures.py [FOLDER]``; without a folder it writes to ``pictures/`` beside
itself.
Data, workspace and napari's settings are made in a new temporary folder.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from dock_pictures import take_dask_layer, take_docks, take_logits, take_scroll
from draw_examples import draw_examples
from draw_knobs import draw_knobs
from draw_terminal import draw_terminals
from draw_tests import draw_tests
from png import draw_figures
from qtpy.QtCore import QPointF, Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QLabel
from walk import SETTLED_SECONDS, SHIFT, Walk

from napari_nx46.data.sample import write_sample
from napari_nx46.files.workspace import WORKSPACES_VARIABLE
from napari_nx46.setting import Group
from napari_nx46.viewer.campaign.dock import CampaignDock
from napari_nx46.viewer.campaign.panel import CampaignPanel
from napari_nx46.viewer.campaign.plan_panel import Kind
from napari_nx46.viewer.compare.dock import CompareDock, ComparePanel
from napari_nx46.viewer.demo.driving import (
    accept_and_export,
    child,
    choose,
    click,
    drag_in_scene,
    rest,
    type_into,
    type_into_cell,
    wait_for,
)
from napari_nx46.viewer.history.panel import HistoryDock
from napari_nx46.viewer.plots.dock import PlotsDock
from napari_nx46.viewer.plots.panel import PlotsPanel
from napari_nx46.viewer.runs.dock import RunsDock, RunsPanel
from napari_nx46.viewer.tune.knobs import Switch

FOLDER = Path(__file__).resolve().parent / "pictures"
WIDE = 560
"""Of a dock with a table of many columns."""
FIGURES = (
    "Runs in order",
    "Leaderboard score and precision against density",
    "What drove the scores",
)
CLEANED_UP = {
    "quantile": "0.9",
    "low_quantile": "0.89",
    "closing_z": "1",
    "smallest_object": "100",
}
GRID = "low_quantile=0.89,0.9,0.88\nclosing_z=0,1,2"
DENSITY = 0.1
"""Aimed at, within the band."""
DRAG = (0.0, -0.03, -0.06)
"""By which the threshold is dragged along the axis of the scores."""


class Calibration(Walk):
    """A calibration, picture by picture."""

    def tune(self) -> None:
        """Lower the quantile by the slider until the density is well in the band."""
        slider = self.panel.knobs["quantile"].slider
        slider.setFocus()
        while (self.session.figures.fragment_density or 0.0) < DENSITY:
            QTest.keyClick(slider, Qt.Key.Key_Left)
            wait_for(lambda: self.session.figures.fragment_exact)
        self.take_in_both_themes("tuning")

    def see_why(self) -> None:
        """Drag the threshold in the histogram, and look at the worst slice."""
        with self.beside("Plots", PlotsDock) as dock:
            plots = child(dock, PlotsPanel)
            curves = self.viewer_session.curves
            wait_for(lambda: curves.state.result is not None and not curves.state.stale)
            wait_for(lambda: self.viewer_session.profiles.state.result is not None)
            line, box = plots.histogram.threshold_line, plots.histogram.axes.box
            height = sum(box.viewRange()[1]) / 2
            drag_in_scene(
                plots.histogram.graphics,
                *(box.mapViewToScene(QPointF(line.value() + by, height)) for by in DRAG),
            )
            self.settle()
            wait_for(lambda: not self.viewer_session.profiles.state.stale)
            self.press(Qt.Key.Key_W)
            self.take_in_both_themes("plots")
            self.viewer_session.go_to_slice(self.session.fragment.shape[0] // 2)

    def compare(self, other: Path) -> None:
        """Pin two settings, open a submission of others, and look at the pins' difference."""
        with self.beside("Compare masks", CompareDock) as dock:
            panel = child(dock, ComparePanel)
            click(panel.pin_panel.pin_buttons["A"])
            self.clean_up()
            self.settle()
            click(panel.pin_panel.pin_buttons["B"])
            pins, image_id = self.viewer_session.pins, self.session.fragment.image_id
            wait_for(lambda: all(pins.has_mask(letter, image_id) for letter in "AB"))
            dock.open_masks([str(other)])
            wait_for(lambda: bool(panel.foreign.names) and not panel.foreign.busy)
            self.viewer.layers[other.name].visible = False
            differences = panel.difference_panel
            choose(differences.first_box, "A")
            choose(differences.second_box, "B")
            wait_for(differences.score_button.isEnabled)
            click(differences.score_button)
            wait_for(lambda: has_number(differences.score_label))
            self.press(Qt.Key.Key_U)
            differences.worst_list.itemClicked.emit(differences.worst_list.item(0))
            self.take_in_both_themes("difference")
            self.press(Qt.Key.Key_U)
            self.press(Qt.Key.Key_U, SHIFT)
            self.take("side-by-side")
            self.press(Qt.Key.Key_U, SHIFT)
            self.press(Qt.Key.Key_K, SHIFT)
            click(panel.foreign_panel.close_buttons[other.name])

    def clean_up(self) -> None:
        """Set a hysteresis pair, close gaps along z, and remove small objects."""
        knobs, panel = self.panel.knobs, self.panel.knob_panel
        pair = next(box for box in panel.findChildren(Switch) if box.name == "hysteresis")
        QTest.keyClick(pair, Qt.Key.Key_Space)
        panel.sections[Group.CLEAN_UP].expand()
        for name, text in CLEANED_UP.items():
            type_into(knobs[name].spin_box, text)
            self.settle()

    def go_back(self) -> None:
        """Look at the history."""
        with self.beside("History", HistoryDock):
            self.take("history")

    def decide(self) -> None:
        """Export two settings as runs, type the scores that they got, and judge the second one."""
        with self.beside("Runs", RunsDock, WIDE) as dock:
            panel = child(dock, RunsPanel)
            self.viewer_session.session.apply(self.viewer_session.pins["A"].setting)
            self.export("baseline", panel, public="0.541")
            click(panel.freeze_button)
            self.wait_for_runs()
            self.viewer_session.session.apply(self.viewer_session.pins["B"].setting)
            self.export("cleaned up", panel, public="0.563")
            click(panel.judge_button)
            self.wait_for_runs()
            self.take("runs")

    def export(self, tag: str, panel: RunsPanel, public: str) -> None:
        """Accept and export the setting, and type the public score of the run that it becomes."""
        self.panel.export_panel.tag_edit.setText(tag)
        accept_and_export(self.panel, Path(f"{tag}.zip"))
        self.wait_for_runs()
        model = panel.table.model()
        titles = [
            model.headerData(column, Qt.Orientation.Horizontal)
            for column in range(model.columnCount())
        ]
        type_into_cell(panel.table, model.index(0, titles.index("Public")), public)
        self.wait_for_runs()

    def try_many(self) -> Path:
        """Run a campaign, take up its best run, and return its workspace."""
        with self.beside("Campaign", CampaignDock, WIDE) as dock:
            panel = child(dock, CampaignPanel)
            panel.plan_panel.kind_box.setCurrentText(Kind.GRID)
            panel.plan_panel.grid_edit.setFocus()
            panel.plan_panel.grid_edit.setPlainText(GRID)
            click(panel.start_button)
            wait_for(panel.report_button.isEnabled)
            scores = panel.table.runs.titles.index("score")
            panel.table.sortByColumn(scores, Qt.SortOrder.DescendingOrder)
            panel.table.selectRow(0)
            click(panel.load_button)
            self.take_in_both_themes("campaign")
        if self.viewer_session.workspace is None:
            raise RuntimeError("nothing is kept")
        return self.viewer_session.workspace

    def wait_for_runs(self) -> None:
        """Wait until nothing is done with the runs."""
        runs = self.viewer_session.runs
        wait_for(lambda: runs is not None and not runs.busy)
        rest(SETTLED_SECONDS)


def has_number(label: QLabel) -> bool:
    """Return whether a label shows a number."""
    return bool(label.text()[-1:].isdigit())


def nx46(*arguments: str | Path) -> None:
    """Run the command in a process of its own."""
    command = [sys.executable, "-m", "napari_nx46", *map(str, arguments)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def main(arguments: list[str]) -> None:
    """Take all pictures."""
    folder = Path(arguments[0]).resolve() if arguments else FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as work:
        os.chdir(work)
        os.environ[WORKSPACES_VARIABLE] = str(Path(work) / "workspaces")
        os.environ["NAPARI_CONFIG"] = str(Path(work) / "napari.yaml")
        data = Path(work) / "fragments"
        write_sample(data)
        other = Path(work) / "theirs.zip"
        nx46("export", data, "--preset", "twelfth-place", "--out", other)
        walk = Calibration(data, folder)
        walk.tune()
        walk.see_why()
        walk.compare(other)
        walk.go_back()
        walk.decide()
        workspace = walk.try_many()
        take_docks(walk)
        walk.viewer.close()
        take_scroll(folder / "scroll.png")
        take_dask_layer(folder / "tune_a_dask_layer.png")
        take_logits(folder / "logits.png")
        draw_examples(folder)
        draw_knobs(folder)
        draw_tests(folder / "tests.png")
        draw_terminals(folder)
        report = Path(work) / "report"
        nx46("campaign", "report", "--work", workspace, "--data", data, "--out", report)
        draw_figures(report / "report.html", FIGURES, folder / "report.png")


if __name__ == "__main__":
    main(sys.argv[1:])
