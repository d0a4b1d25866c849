"""The dock in which runs are scored, frozen as the baseline and judged."""

from __future__ import annotations

from pathlib import Path

from qtpy.QtCore import QEvent
from qtpy.QtGui import QShowEvent
from qtpy.QtWidgets import (
    QCheckBox,
    QFileDialog,
    QGridLayout,
    QHBoxLayout,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_nx46.files.workspace import SavedRun
from napari_nx46.live.jobs.run_words import NO_RUNS, next_step
from napari_nx46.live.jobs.runs import Judgement, Runs
from napari_nx46.run.judge.verdict import ListedRun, RunList
from napari_nx46.viewer.messages.plain_text import plain_tip
from napari_nx46.viewer.qt.connections import Connections
from napari_nx46.viewer.runs.run_model import LEGEND
from napari_nx46.viewer.runs.run_table import RunTable
from napari_nx46.viewer.runs.verdict_panel import VerdictPanel
from napari_nx46.viewer.widgets.layout import VerticalScrollArea, WrappedLabel, rule
from napari_nx46.viewer.widgets.progress_row import ProgressRow
from napari_nx46.viewer.window.session_dock import SessionDock
from napari_nx46.viewer.window.viewer_session import ViewerSession

DOCK_NAME = "Runs"
NOT_KEPT = "Runs of these data are not kept. Open data of your own to score and judge them."
JUDGE_TIP = (
    "Say GO if the public score is above the baseline's, and the archive is unchanged and valid;"
    " else NO-GO with every reason"
)


class RunsDock(SessionDock):
    """Score what was exported, and say whether it is better than a baseline."""

    title = DOCK_NAME

    def make_panel(self, viewer_session: ViewerSession) -> QWidget:
        """Return the panel of a session."""
        if viewer_session.runs is None:
            return WrappedLabel(NOT_KEPT)
        scroll = VerticalScrollArea()
        scroll.setWidget(RunsPanel(viewer_session.runs, viewer_session))
        return scroll

    @property
    def runs_panel(self) -> RunsPanel | None:
        """The controls of the session, while there is one whose runs are kept."""
        return None if self.panel is None else self.panel.findChild(RunsPanel)


class RunsPanel(QWidget):
    """The runs of one session.

    Parameters
    ----------
    runs : Runs
    viewer_session : ViewerSession

    Attributes
    ----------
    step_label, legend_label, message_label : QLabel
    progress_row : ProgressRow
    table : RunTable
    add_button, freeze_button, load_button, judge_button : QPushButton
    accept_box : QCheckBox
    verdict_panel : VerdictPanel
    """

    def __init__(
        self, runs: Runs, viewer_session: ViewerSession, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._runs = runs
        self._judgement: Judgement | None = None
        self.step_label = WrappedLabel(NO_RUNS)
        self.message_label = WrappedLabel()
        self.message_label.hide()
        self.legend_label = WrappedLabel(LEGEND)
        self.table = RunTable()
        self.add_button = _button(
            "Add archive…",
            "Keep a submission.zip that was exported elsewhere, with its manifest beside it",
        )
        self.freeze_button = _button(
            "Freeze baseline",
            "Compare later runs with the selected one: its archive's SHA-256, settings and metrics"
            " as they are now",
        )
        self.load_button = _button(
            "Load setting", "Set the sliders to the selected run's setting of the shown fragment"
        )
        self.judge_button = _button("Judge", JUDGE_TIP)
        self.accept_box = QCheckBox("Accept the best run's settings")
        self.accept_box.setChecked(True)
        self.accept_box.setToolTip(
            "With a verdict, the settings of the best scored run become the accepted ones"
        )
        self.progress_row = ProgressRow("Give up what is being checked", "Runs", runs.cancel)
        self.verdict_panel = VerdictPanel()
        self._arrange()
        self._connect(viewer_session)
        self.show_runs(runs.list)
        self.show_busy(runs.busy)
        runs.refresh()

    def showEvent(self, event: QShowEvent) -> None:
        """Read the runs again: other programs keep runs too."""
        super().showEvent(event)
        self._runs.refresh()

    def changeEvent(self, event: QEvent) -> None:
        """Read the runs again when somebody comes back to the window."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.ActivationChange and self.isActiveWindow():
            self._runs.refresh()

    def show_runs(self, runs: RunList) -> None:
        """Show the runs as they have just been read."""
        self.table.show_runs(runs)
        self.table.setVisible(bool(runs.runs))
        self.legend_label.setVisible(any(listed.marks for listed in runs.runs))
        warnings = [
            *(f"baseline: {change}" for change in runs.baseline_changes),
            *(f"left out {damage}" for damage in runs.damage),
        ]
        if warnings:
            self._notify("\n".join(warnings))
        if self._judgement is not None and not self._runs.holds(self._judgement):
            self.verdict_panel.show_outdated()
        self._show_choice()

    def show_busy(self, words: str) -> None:
        """Show what is being done, and let nothing else be begun meanwhile."""
        self.progress_row.show_busy(words)
        self.table.allow_typing(allowed=not words)
        self._show_choice()

    # ---- what a user does ------------------------------------------------------------------

    def _add(self) -> None:
        path, _ = QFileDialog.getOpenFileName(
            self, "Archive to keep as a run", "", "Submission (*.zip)"
        )
        if path:
            self._notify("")
            self._runs.add(Path(path))

    def _freeze(self) -> None:
        chosen = self.table.chosen
        if chosen is not None:
            self._notify("")
            self._runs.freeze(chosen)

    def _load(self) -> None:
        chosen = self.table.chosen
        if chosen is not None:
            self._runs.load(chosen)

    def _judge(self) -> None:
        chosen = self.table.chosen
        if chosen is not None:
            self._notify("")
            self._runs.judge(chosen, accept=self.accept_box.isChecked())

    def _score(self, listed: ListedRun, name: str, score: float | None) -> None:
        self._notify("")
        self._runs.score(listed, name, score)

    # ---- what follows ----------------------------------------------------------------------

    def _show_choice(self) -> None:
        """Show what can be done with the run that is selected."""
        runs, chosen = self._runs.list, self.table.chosen
        idle = not self._runs.busy
        self.step_label.setText(next_step(runs, chosen))
        self.add_button.setEnabled(idle)
        self.freeze_button.setEnabled(idle and chosen is not None and not chosen.baseline)
        self.judge_button.setEnabled(idle and chosen is not None and runs.baseline is not None)
        self.judge_button.setToolTip(
            plain_tip(JUDGE_TIP if runs.baseline is not None else "Freeze a baseline first")
        )
        self.load_button.setEnabled(chosen is not None and self._runs.can_load(chosen))

    def _show_judgement(self, judgement: Judgement) -> None:
        self._judgement = judgement
        self.verdict_panel.show_judgement(judgement)

    def _show_kept(self, run: SavedRun) -> None:
        self._notify("")
        self.table.choose(run.id)

    def _show_reconciled(self, notes: tuple[str, ...]) -> None:
        self._notify("\n".join(notes), warning=False)

    def _show_failure(self, error: BaseException) -> None:
        self._notify(str(error))

    def _show_cancelled(self) -> None:
        self._notify("Cancelled.", warning=False)

    def _follow_fragment(self, fragment: object) -> None:
        self._show_choice()

    def _notify(self, text: str, *, warning: bool = True) -> None:
        self.message_label.setText(f"⚠ {text}" if text and warning else text)
        self.message_label.setVisible(bool(text))

    def _connect(self, viewer_session: ViewerSession) -> None:
        self.add_button.clicked.connect(self._add)
        self.freeze_button.clicked.connect(self._freeze)
        self.load_button.clicked.connect(self._load)
        self.judge_button.clicked.connect(self._judge)
        self.table.chosen_changed.connect(self._show_choice)
        self.table.runs.score_typed.connect(self._score)
        self.table.runs.refused.connect(self._notify)
        self._following = Connections(self)
        for signal, method in (
            (self._runs.changed, self.show_runs),
            (self._runs.busy_changed, self.show_busy),
            (self._runs.registered, self._show_kept),
            (self._runs.added, self._show_kept),
            (self._runs.reconciled, self._show_reconciled),
            (self._runs.judged, self._show_judgement),
            (self._runs.cancelled, self._show_cancelled),
            (self._runs.failed, self._show_failure),
            (viewer_session.session.fragment_changed, self._follow_fragment),
        ):
            self._following.follow(signal, method)

    def _arrange(self) -> None:
        buttons = QGridLayout()
        buttons.addWidget(self.judge_button, 0, 0)
        buttons.addWidget(self.freeze_button, 0, 1)
        buttons.addWidget(self.load_button, 1, 0)
        buttons.addWidget(self.add_button, 1, 1)
        accept = QHBoxLayout()
        accept.addWidget(self.accept_box)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 6, 0)
        layout.setSpacing(8)
        layout.addWidget(self.step_label)
        layout.addWidget(self.table, 1)
        layout.addWidget(self.legend_label)
        layout.addLayout(buttons)
        layout.addLayout(accept)
        layout.addWidget(self.progress_row)
        layout.addWidget(self.message_label)
        layout.addWidget(rule())
        layout.addWidget(self.verdict_panel)
        layout.addStretch(0)


def _button(text: str, tip: str) -> QPushButton:
    button = QPushButton(text)
    button.setToolTip(plain_tip(tip))
    return button
