"""Begin a campaign, watch its runs come, and take one of them up."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtCore import QUrl
from qtpy.QtGui import QDesktopServices
from qtpy.QtWidgets import (
    QFileDialog,
    QHBoxLayout,
    QPushButton,
    QVBoxLayout,
    QWidget,
)
from superqt.utils import signals_blocked

from napari_nx46.campaign.execute.background import Campaigns, CampaignTable, MakeRequest
from napari_nx46.campaign.execute.ledger import CampaignProgress
from napari_nx46.campaign.execute.runner import Resources
from napari_nx46.campaign.plan.preflight import CampaignPreflight
from napari_nx46.campaign.plan.source import DataSource
from napari_nx46.campaign.records.listing import CampaignRow
from napari_nx46.campaign.report.parts import WITHOUT_CORRECTIONS
from napari_nx46.campaign.verdicts.rules import Rules
from napari_nx46.live.masks.pins import DEFAULT_LETTERS
from napari_nx46.run.job import Progress
from napari_nx46.run.preflight import fitting_setting
from napari_nx46.viewer.campaign.plan_panel import PlanPanel
from napari_nx46.viewer.campaign.row_model import LEGEND
from napari_nx46.viewer.campaign.row_table import CampaignTableView
from napari_nx46.viewer.campaign.words import (
    NO_CAMPAIGN,
    preflight_words,
    progress_words,
    verdict_words,
)
from napari_nx46.viewer.messages.plain_text import PlainLabel, plain_tip
from napari_nx46.viewer.qt.connections import Connections
from napari_nx46.viewer.widgets.layout import WrappedLabel, rule
from napari_nx46.viewer.widgets.number_boxes import NumberBox
from napari_nx46.viewer.widgets.progress_row import ProgressRow
from napari_nx46.viewer.window.viewer_session import ViewerSession

if TYPE_CHECKING:
    from napari_nx46.viewer.tune.panel import TunePanel


FALL_STEP = 0.005
ANY_FALL = "any"


class CampaignPanel(QWidget):
    """The campaigns of one session.

    Parameters
    ----------
    campaigns : Campaigns
    viewer_session : ViewerSession
        Its sliders take a run up, and give the setting under every run.
    tune_panel : callable
        Returns the panel whose export is to be begun.

    Attributes
    ----------
    plan_panel : PlanPanel
    table : CampaignTableView
    progress_row : ProgressRow
    start_button, check_button : QPushButton
    load_button, accept_button, export_button, baseline_button, report_button : QPushButton
    pin_buttons : dict of str to QPushButton
    message_label, title_label, legend_label, verdict_label : QLabel
    """

    def __init__(
        self,
        campaigns: Campaigns,
        viewer_session: ViewerSession,
        tune_panel: Callable[[], TunePanel | None],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._campaigns = campaigns
        self._viewer_session = viewer_session
        self._tune_panel = tune_panel
        self.plan_panel = PlanPanel()
        self.check_button = _button(
            "Check", "Open every fragment and estimate time, memory and disk; nothing is run"
        )
        self.start_button = _button(
            "Start", "Run it; what was computed before for the same setting and data is taken"
        )
        self.progress_row = ProgressRow(
            "Stop; what is done is kept, Start goes on from it", "Campaign", campaigns.cancel
        )
        self.message_label = WrappedLabel()
        self.title_label = WrappedLabel(NO_CAMPAIGN)
        self.table = CampaignTableView()
        self.legend_label = WrappedLabel()
        self.verdict_label = WrappedLabel()
        self.fall_box = NumberBox()
        # The lowest value stands for no rule.
        self.fall_box.setRange(-FALL_STEP, 1.0)
        self.fall_box.setDecimals(3)
        self.fall_box.setSingleStep(FALL_STEP)
        self.fall_box.setSpecialValueText(ANY_FALL)
        self.fall_box.setKeyboardTracking(False)
        self._show_rules(campaigns.rules)
        self.fall_box.setToolTip(
            "Runs whose recall falls by more against the baseline are rejected; recall is no rule"
            " at the lowest value"
        )
        self.baseline_button = _button("Make baseline", "Compare all runs with the selected one")
        self.load_button = _button("Load", "Set the sliders to the selected run (double click)")
        self.pin_buttons = {
            letter: _button(letter, f"Pin the selected run's setting to {letter}")
            for letter in DEFAULT_LETTERS
        }
        self.accept_button = _button(
            "Accept", "Freeze the selected run's setting for every fragment"
        )
        self.export_button = _button(
            "Accept and export", "Accept it, and write the archive named in the dock that tunes"
        )
        self.report_button = _button("Report…", "Write the campaign's report into a folder")
        self._arrange()
        self._connect()
        self._show_table(campaigns.table)
        self._show_busy(campaigns.busy)
        campaigns.refresh()

    # ---- what a user does ------------------------------------------------------------------

    def what_runs(self) -> str:
        """Return what is being done with campaigns, in words."""
        return self._campaigns.busy

    def _check(self) -> None:
        self._notify("")
        self._campaigns.check(*self._asked())

    def _start(self) -> None:
        self._notify("")
        self._campaigns.start(*self._asked())

    def _load(self, row: CampaignRow) -> None:
        session = self._viewer_session.session
        session.apply(fitting_setting(row.run.setting, session.fragment))

    def _load_chosen(self) -> None:
        chosen = self.table.chosen
        if chosen is not None:
            self._load(chosen)

    def _pin(self, letter: str) -> None:
        chosen = self.table.chosen
        if chosen is not None:
            self._viewer_session.pins.pin(letter, chosen.run.setting)
            self._notify(f"{chosen.run.run_id} is pinned to {letter}.")

    def _accept(self) -> bool:
        """Accept the selected run's setting for all fragments; return whether that was possible."""
        chosen = self.table.chosen
        if chosen is None:
            return False
        self._load(chosen)
        try:
            self._viewer_session.session.accept()
        except ValueError as error:
            self._notify(str(error), warning=True)
            return False
        self._notify(f"{chosen.run.run_id} is accepted for all fragments.")
        return True

    def _export(self) -> None:
        panel = self._tune_panel()
        if panel is not None and self._accept():
            panel.export_panel.tag_edit.setText(self._chosen_id())
            panel.export_panel.start_export()
            self._notify("Exporting: the dock that tunes shows how it goes.")

    def _make_baseline(self) -> None:
        rules = self._campaigns.rules
        self._campaigns.judge_by(rules.model_copy(update={"baseline": self._chosen_id()}))

    def _judge(self) -> None:
        changes = {
            "largest_recall_fall": self._largest_fall(),
            "band": self._viewer_session.session.band,
        }
        self._campaigns.judge_by(self._campaigns.rules.model_copy(update=changes))

    def _largest_fall(self) -> float | None:
        fall = self.fall_box.value()
        return fall if fall >= 0 else None

    def _report(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, "Folder for the campaign's report")
        if folder:
            self._notify("")
            self._campaigns.report(Path(folder))

    def _asked(self) -> tuple[MakeRequest, Resources]:
        session = self._viewer_session.session
        request = self.plan_panel.request(
            _source_of(self._viewer_session), session.setting, session.band
        )
        return request, self.plan_panel.resources

    def _chosen_id(self) -> str:
        chosen = self.table.chosen
        return "" if chosen is None else chosen.run.run_id

    # ---- what follows ----------------------------------------------------------------------

    def _show_rules(self, rules: Rules) -> None:
        """Show the rules that runs are judged by."""
        fall = rules.largest_recall_fall
        with signals_blocked(self.fall_box):
            self.fall_box.setValue(self.fall_box.minimum() if fall is None else fall)

    def _show_table(self, table: CampaignTable) -> None:
        self._show_rules(self._campaigns.rules)
        self.title_label.setText(
            NO_CAMPAIGN
            if table.campaign_id is None
            else f"Campaign {table.campaign_id}: {table.name}"
        )
        self.table.show_rows(table.rows)
        for widget in (self.table, self.legend_label):
            widget.setVisible(bool(table.rows))
        self._show_legend()
        self._show_choice()

    def _show_legend(self, image_id: str = "") -> None:
        """Show what signs mean, and where anything is corrected that the runs are not."""
        corrected = self._viewer_session.session.corrections.by_fragment
        self.legend_label.setText(f"{LEGEND}\n{WITHOUT_CORRECTIONS}" if corrected else LEGEND)

    def _show_progress(self, progress: CampaignProgress) -> None:
        self.progress_row.show_progress(Progress(progress.done + progress.failed, progress.total))
        self.progress_row.say(progress_words(progress))

    def _show_busy(self, words: str) -> None:
        self.progress_row.show_busy(f"{words.capitalize()}…" if words else "")
        self._show_choice()

    def _show_choice(self) -> None:
        """Let only that be clicked which can be done."""
        idle, chosen = not self._campaigns.busy, self.table.chosen
        self.verdict_label.setText("" if chosen is None else verdict_words(chosen))
        self.verdict_label.setVisible(chosen is not None)
        for button in (self.check_button, self.start_button, self.fall_box):
            button.setEnabled(idle)
        for button in (self.load_button, self.accept_button, *self.pin_buttons.values()):
            button.setEnabled(chosen is not None)
        self.export_button.setEnabled(chosen is not None)
        self.baseline_button.setEnabled(idle and chosen is not None and not chosen.is_baseline)
        self.report_button.setEnabled(idle and bool(self.table.runs.rows))

    def _show_check(self, found: CampaignPreflight) -> None:
        self._notify(preflight_words(found), warning=bool(found.faults))

    def _show_report(self, page: Path) -> None:
        self._notify(f"The report is written: {page}")
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(page)))

    def _show_end(self, words: str) -> None:
        self._notify(words)

    def _show_failure(self, error: BaseException) -> None:
        self._notify(str(error), warning=True)

    def _notify(self, text: str, *, warning: bool = False) -> None:
        self.message_label.setText(f"⚠ {text}" if warning else text)
        self.message_label.setVisible(bool(text))

    def _connect(self) -> None:
        self.check_button.clicked.connect(self._check)
        self.start_button.clicked.connect(self._start)
        self.table.chosen_changed.connect(self._show_choice)
        self.table.activated_row.connect(self._load)
        self.load_button.clicked.connect(self._load_chosen)
        for letter, button in self.pin_buttons.items():
            button.clicked.connect(partial(self._pin, letter))
        self.accept_button.clicked.connect(self._accept)
        self.export_button.clicked.connect(self._export)
        self.baseline_button.clicked.connect(self._make_baseline)
        self.fall_box.valueChanged.connect(self._judge)
        self.report_button.clicked.connect(self._report)
        self._following = Connections(self)
        for signal, method in (
            (self._campaigns.table_changed, self._show_table),
            (self._campaigns.progress_changed, self._show_progress),
            (self._campaigns.busy_changed, self._show_busy),
            (self._campaigns.checked, self._show_check),
            (self._campaigns.reported, self._show_report),
            (self._campaigns.ended, self._show_end),
            (self._campaigns.failed, self._show_failure),
            (self._viewer_session.session.band_changed, self._judge),
            (self._viewer_session.session.corrections.changed, self._show_legend),
        ):
            self._following.follow(signal, method)

    def _arrange(self) -> None:
        begin = QHBoxLayout()
        begin.addWidget(self.check_button)
        begin.addWidget(self.start_button)
        judged = QHBoxLayout()
        judged.addWidget(PlainLabel("Recall may fall by"))
        judged.addWidget(self.fall_box)
        judged.addWidget(self.baseline_button, 1)
        taken = QHBoxLayout()
        taken.addWidget(self.load_button, 1)
        taken.addWidget(PlainLabel("Pin"))
        for button in self.pin_buttons.values():
            button.setMaximumWidth(3 * button.fontMetrics().horizontalAdvance("M"))
            taken.addWidget(button)
        taken.addWidget(self.accept_button, 1)
        written = QHBoxLayout()
        written.addWidget(self.export_button)
        written.addWidget(self.report_button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 6, 0)
        layout.setSpacing(8)
        layout.addWidget(self.plan_panel)
        layout.addLayout(begin)
        layout.addWidget(self.progress_row)
        layout.addWidget(self.message_label)
        layout.addWidget(rule())
        layout.addWidget(self.title_label)
        layout.addWidget(self.table, 1)
        layout.addWidget(self.legend_label)
        layout.addWidget(self.verdict_label)
        layout.addLayout(judged)
        layout.addLayout(taken)
        layout.addLayout(written)
        layout.addStretch(0)


def _button(text: str, tip: str) -> QPushButton:
    button = QPushButton(text)
    button.setToolTip(plain_tip(tip))
    return button


def _source_of(viewer_session: ViewerSession) -> DataSource:
    """Return the data of a window as a campaign opens them."""
    dataset = viewer_session.session.dataset
    return DataSource.of(*viewer_session.paths, folders=dataset.folders, read_as=dataset.read_as)
