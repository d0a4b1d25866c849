"""What would mend the selected error: tried on a block, then on the whole, and taken by a click."""

from __future__ import annotations

from qtpy.QtWidgets import QGridLayout, QPushButton, QVBoxLayout, QWidget

from napari_nx46.live.errors.browser import ErrorBrowser
from napari_nx46.live.errors.trials import Trial
from napari_nx46.live.errors.what_if import WhatIf
from napari_nx46.viewer.messages.plain_text import PlainLabel, plain_tip
from napari_nx46.viewer.qt.connections import Connections
from napari_nx46.viewer.widgets.layout import WrappedLabel
from napari_nx46.viewer.widgets.number_label import number_label
from napari_nx46.viewer.widgets.progress_row import ProgressRow

__all__ = ["MendPanel"]

HEADS = (
    ("Block", "Points that the score of the block around the error gains"),
    ("Whole", "Points that the whole score gains: measured with the whole mask"),
)
NOT_YET, NOT_MEASURED = "…", "–"
NONE_FOUND = "No knob and no correction that is known for this kind of error changes anything."
NONE_SUSPECTED = "Only holes and bridges are mended by hand without a label."
TRY, TRY_TIP = (
    "Try mends",
    "Measure what a handful of changes would gain that may mend the selected error."
    " Nothing is changed until you take one.",
)
MEND, MEND_TIP = (
    "Mend by hand",
    "Fill the hole or erase the bridge that is selected. Without a label nothing is measured, and"
    " nothing is changed until you take it.",
)


class MendRow:
    """One mend in a grid: what it changes, what it gains, and a button that takes it.

    Parameters
    ----------
    panel : MendPanel
    row : int
        Of the grid.
    """

    def __init__(self, panel: MendPanel, row: int) -> None:
        self.title = WrappedLabel()
        self.block, self.gain = (number_label("+0.00000") for _ in HEADS)
        self.button = QPushButton("Take")
        self.button.clicked.connect(lambda: panel.take(row))
        self.widgets = (self.title, self.block, self.gain, self.button)

    def show_trial(self, trial: Trial | None, missing: str) -> None:
        """Show what is measured of a mend, `missing` where nothing is, or no mend."""
        for widget in self.widgets:
            widget.setVisible(trial is not None)
        if trial is None:
            return
        self.title.setText(trial.mend.title)
        for label, gain in ((self.block, trial.block_gain), (self.gain, trial.gain)):
            label.setText(missing if gain is None else f"{gain:+.5f}")
        self.button.setToolTip(plain_tip(f"{trial.mend.title}. It can be undone (Ctrl+Z)."))


class MendPanel(QWidget):
    """Tries mends of the selected error and offers them.

    Parameters
    ----------
    what_if : WhatIf
    browser : ErrorBrowser

    Attributes
    ----------
    try_button : QPushButton
    progress_row : ProgressRow
    rows : list of MendRow
        As many as were ever needed; those that are not are hidden.
    message_label : QLabel
    """

    def __init__(
        self, what_if: WhatIf, browser: ErrorBrowser, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._what_if = what_if
        self._browser = browser
        self.try_button = QPushButton()
        self.progress_row = ProgressRow("Try no more", "Mends that were tried", what_if.cancel)
        self.message_label = WrappedLabel()
        self.rows: list[MendRow] = []
        self._grid = QGridLayout()
        self._heads = tuple(PlainLabel(head) for head, _ in HEADS)
        self._arrange()
        self.try_button.clicked.connect(what_if.begin)
        self._following = Connections(self)
        self._following.follow(what_if.changed, self.show_trials)
        self._following.follow(browser.changed, self.show_trials)
        self._following.follow(browser.selected_changed, self.show_trials)
        self.show_trials()

    def take(self, row: int) -> None:
        """Change what a mend changes."""
        self._what_if.take(self._what_if.trials[row])

    def show_trials(self) -> None:
        """Show what is measured by now."""
        what_if, trials = self._what_if, self._what_if.trials
        suspected = self._browser.lists_suspicions
        self.try_button.setText(MEND if suspected else TRY)
        self.try_button.setToolTip(plain_tip(MEND_TIP if suspected else TRY_TIP))
        self.try_button.setEnabled(what_if.can_try and not what_if.running)
        while len(self.rows) < len(trials):
            self._add_row()
        for number, row in enumerate(self.rows):
            row.show_trial(
                trials[number] if number < len(trials) else None,
                NOT_YET if what_if.running else NOT_MEASURED,
            )
        for label in self._heads:
            label.setVisible(bool(trials) and not suspected)
        if what_if.running and self.progress_row.isHidden():
            self.progress_row.begin("Trying mends of the selected error …")
        elif not what_if.running:
            self.progress_row.end()
        nothing = what_if.item is not None and not what_if.running and not trials
        self.message_label.setText((NONE_SUSPECTED if suspected else NONE_FOUND) if nothing else "")
        self.message_label.setVisible(nothing)

    def _add_row(self) -> None:
        number = len(self.rows)
        row = MendRow(self, number)
        self.rows.append(row)
        for column, widget in enumerate(row.widgets):
            self._grid.addWidget(widget, number + 1, column)

    def _arrange(self) -> None:
        for column, (label, (_, tip)) in enumerate(zip(self._heads, HEADS, strict=True), 1):
            label.setToolTip(plain_tip(tip))
            self._grid.addWidget(label, 0, column)
        self._grid.setColumnStretch(0, 1)
        self._grid.setSpacing(4)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.try_button)
        layout.addWidget(self.progress_row)
        layout.addLayout(self._grid)
        layout.addWidget(self.message_label)
