"""What a campaign is to run, chosen in the window: a matrix, a grid, or a search."""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path

from qtpy.QtCore import Signal
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFileDialog,
    QGridLayout,
    QHBoxLayout,
    QLineEdit,
    QStackedWidget,
    QTextEdit,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from napari_nx46.campaign.execute.background import MakeRequest
from napari_nx46.campaign.execute.cluster import ClusterChoice
from napari_nx46.campaign.execute.runner import Resources
from napari_nx46.campaign.execute.suggest import Objective, Search, check_search
from napari_nx46.campaign.plan.grid import grid_plan
from napari_nx46.campaign.plan.matrix import read_plan, shipped_matrices
from napari_nx46.campaign.plan.rows import MOST_RUNS
from napari_nx46.campaign.plan.source import DataSource
from napari_nx46.campaign.records.results import CampaignPlan
from napari_nx46.campaign.records.store import CampaignRequest
from napari_nx46.setting import Setting
from napari_nx46.viewer.messages.plain_text import PlainLabel, plain_tip
from napari_nx46.viewer.widgets.number_boxes import CountBox

GRID_EXAMPLE = "quantile=0.95:0.985:0.005\nblend=0.68,0.72,0.78"
SEARCH_EXAMPLE = "quantile=0.88:0.96\nz_radius=0:4"
LINES_SHOWN = 3
DEFAULT_SUGGESTIONS = 60


class Kind(StrEnum):
    """What stands for the runs, besides the shipped matrices."""

    FILE = "Matrix file"
    GRID = "Grid"
    SEARCH = "Search"


class PlanPanel(QWidget):
    """The controls that say what a campaign runs, and on how many processors.

    Attributes
    ----------
    changed : Signal()
        Something else is to be run.
    kind_box : QComboBox
        The shipped matrices by name, then `Kind`.
    """

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.kind_box = QComboBox()
        self.kind_box.addItems([*shipped_matrices(), *Kind])
        self.kind_box.setToolTip(
            "A matrix that comes with the program, one of your own (JSON), every combination of"
            " some values, or a search that suggests settings by what earlier ones gave"
        )
        self.file_edit = QLineEdit()
        self.file_edit.setPlaceholderText("matrix.json, or matrix.json:LIST")
        self.browse_button = QToolButton()
        self.browse_button.setText("…")
        self.browse_button.setToolTip("Choose a matrix file")
        self.grid_edit = _axes_edit(GRID_EXAMPLE, "The axes of the grid, a knob a line")
        self.search_edit = _axes_edit(SEARCH_EXAMPLE, "What the search varies, a knob a line")
        self.runs_box = CountBox()
        self.runs_box.setRange(1, MOST_RUNS)
        self.runs_box.setValue(DEFAULT_SUGGESTIONS)
        self.runs_box.setToolTip("Settings that are suggested in all")
        self.objective_box = QComboBox()
        self.objective_box.addItems(list(Objective))
        self.objective_box.setToolTip("What the search makes as high as it can")
        self.score_box = QCheckBox("Leaderboard score")
        self.score_box.setChecked(True)
        self.score_box.setToolTip("Score fragments with a label: a second or more each")
        self.workers_box = CountBox()
        self.workers_box.setRange(1, os.cpu_count() or 1)
        self.workers_box.setValue(max(1, (os.cpu_count() or 1) - 1))
        self.workers_box.setToolTip("Settings that are computed at a time")
        self.processes_box = QCheckBox("in processes")
        self.processes_box.setToolTip(
            "In processes of their own instead of threads: they leave the window's threads alone,"
            " and take longer to begin"
        )
        self._pages = QStackedWidget()
        self._arrange()
        self._connect()
        self._show_kind()

    def request(self, source: DataSource, base: Setting, band: tuple[float, float]) -> MakeRequest:
        """Return what makes the request that the controls stand for now.

        Parameters
        ----------
        source : DataSource
            The data.
        base : Setting
            Gives the knobs that no run states.
        band : tuple of float
            Density aimed at by a search.
        """
        kind, file = self.kind_box.currentText(), self.file_edit.text().strip()
        axes = self._lines(self.search_edit if kind == Kind.SEARCH else self.grid_edit)
        search = self._search(base, band) if kind == Kind.SEARCH else None
        with_score = self.score_box.isChecked()

        def make() -> CampaignRequest:
            if search is not None:
                check_search(search)
                plan: CampaignPlan | Search = search
            elif kind == Kind.GRID:
                plan = grid_plan(axes, base)
            else:
                plan = read_plan(_matrix_file(file) if kind == Kind.FILE else kind, base)
            return CampaignRequest(plan, source, with_score)

        return make

    @property
    def resources(self) -> Resources:
        """What the campaign may take."""
        count = self.workers_box.value()
        choice = (
            ClusterChoice(workers=count)
            if self.processes_box.isChecked()
            else ClusterChoice(threads=count)
        )
        return Resources(choice)

    def _search(self, base: Setting, band: tuple[float, float]) -> Search:
        return Search(
            runs=self.runs_box.value(),
            objective=Objective(self.objective_box.currentText()),
            vary=self._lines(self.search_edit),
            base=base,
            seed=0,
            band=band,
        )

    def _lines(self, edit: QTextEdit) -> tuple[str, ...]:
        """Return the lines of a field; those of its example where nothing was typed."""
        lines = edit.toPlainText() or edit.placeholderText()
        return tuple(line.strip() for line in lines.splitlines() if line.strip())

    def _show_kind(self) -> None:
        kind = self.kind_box.currentText()
        page = list(Kind).index(Kind(kind)) + 1 if kind in set(Kind) else 0
        self._pages.setCurrentIndex(page)
        # A page that is not shown takes no room.
        for index in range(self._pages.count()):
            self._pages.widget(index).setVisible(index == page)
        self._pages.setVisible(page > 0)
        self.changed.emit()

    def _browse(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, "Matrix file", "", "Matrix (*.json)")
        if path:
            self.file_edit.setText(path)

    def _connect(self) -> None:
        self.kind_box.currentIndexChanged.connect(self._show_kind)
        self.browse_button.clicked.connect(self._browse)
        self.file_edit.textChanged.connect(self.changed)
        self.grid_edit.textChanged.connect(self.changed)
        self.search_edit.textChanged.connect(self.changed)

    def _arrange(self) -> None:
        file = QHBoxLayout()
        file.addWidget(self.file_edit, 1)
        file.addWidget(self.browse_button)
        grid = QVBoxLayout()
        grid.addWidget(self.grid_edit)
        search = QGridLayout()
        search.addWidget(self.search_edit, 0, 0, 1, 4)
        search.addWidget(PlainLabel("Settings"), 1, 0)
        search.addWidget(self.runs_box, 1, 1)
        search.addWidget(PlainLabel("for the"), 1, 2)
        search.addWidget(self.objective_box, 1, 3)
        for layout in (QVBoxLayout(), file, grid, search):
            layout.setContentsMargins(0, 0, 0, 0)
            page = QWidget()
            page.setLayout(layout)
            self._pages.addWidget(page)
        chosen = QGridLayout(self)
        chosen.setContentsMargins(0, 0, 0, 0)
        chosen.addWidget(PlainLabel("Run"), 0, 0)
        chosen.addWidget(self.kind_box, 0, 1, 1, 3)
        chosen.addWidget(self._pages, 1, 0, 1, 4)
        chosen.addWidget(PlainLabel("At a time"), 2, 0)
        chosen.addWidget(self.workers_box, 2, 1)
        chosen.addWidget(self.processes_box, 2, 2)
        chosen.addWidget(self.score_box, 3, 1, 1, 3)
        chosen.setColumnStretch(1, 1)


def _matrix_file(file: str) -> str:
    if not file:
        raise ValueError("found no matrix file, expected one: choose it with …")
    return str(Path(file).expanduser())


def _axes_edit(example: str, tip: str) -> QTextEdit:
    edit = QTextEdit()  # napari's themes know this one, and no QPlainTextEdit
    edit.setAcceptRichText(False)
    edit.setPlaceholderText(example)
    edit.setToolTip(plain_tip(f"{tip}: KNOB=START:STOP:STEP or KNOB=VALUE,VALUE"))
    edit.setTabChangesFocus(True)
    height = edit.fontMetrics().lineSpacing() * LINES_SHOWN + 2 * edit.frameWidth()
    edit.setFixedHeight(height + round(2 * edit.document().documentMargin()))
    return edit
