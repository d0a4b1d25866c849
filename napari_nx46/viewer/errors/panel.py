"""The errors of a session: their list, their sum, their marks, and mends of the selected one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from qtpy.QtCore import QTimer
from qtpy.QtGui import QHideEvent, QShowEvent
from qtpy.QtWidgets import (
    QApplication,
    QCheckBox,
    QFileDialog,
    QGridLayout,
    QHBoxLayout,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_nx46.files.atomic import write_beside
from napari_nx46.live.errors.arranged import (
    DESCENDING_FIRST,
    Arranged,
    Column,
    rows_csv,
    rows_text,
)
from napari_nx46.run.job import Job
from napari_nx46.viewer.errors.filter_panel import FilterPanel
from napari_nx46.viewer.errors.looks import LEGEND, LEGEND_OF_SUSPICIONS
from napari_nx46.viewer.errors.mend_panel import MendPanel
from napari_nx46.viewer.errors.tools import ErrorTools
from napari_nx46.viewer.errors.tree import ErrorTree
from napari_nx46.viewer.messages.notices import notify_error
from napari_nx46.viewer.messages.plain_text import MarkupLabel, plain_tip
from napari_nx46.viewer.qt.connections import Connections
from napari_nx46.viewer.widgets.layout import WrappedLabel, rule

__all__ = ["ErrorPanel"]

SUSPICIOUS = "Without a label: what is worth a look, not what is wrong"
CANCELLED = "Finding them was cancelled: move a slider, or find them again."
VIEW_MILLISECONDS = 150
"""What is in view is listed again once the view rests."""


class ErrorPanel(QWidget):
    """Lists the errors of a session while it is seen.

    Parameters
    ----------
    tools : ErrorTools

    Attributes
    ----------
    message_label : QLabel
        Why there is no list.
    state_label : QLabel
        The score, and whether the list is of the present mask.
    suspicion_box : QCheckBox
        List what is suspicious in the mask though there is a label.
    find_button : QPushButton
        Cancels the finding, or begins it again.
    filters : FilterPanel
    tree : ErrorTree
    sum_label : QLabel
    selected_label : QLabel
        The selected error in words, also where it is filtered out.
    hint_label : QLabel
        What errors of its kind are, and what usually mends them.
    previous_button, next_button, kind_button : QPushButton
    fold_box, mark_box : QCheckBox
    copy_button, csv_button, layers_button : QPushButton
    mends : MendPanel
    """

    def __init__(self, tools: ErrorTools, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._tools = tools
        self._browser = browser = tools.browser
        self._watching = False
        self.message_label, self.state_label = WrappedLabel(), WrappedLabel()
        self.sum_label, self.selected_label = WrappedLabel(), WrappedLabel()
        self.hint_label = WrappedLabel()
        self.suspicion_box = _check_box(
            "Suspicious places",
            "List what is worth a look without the label: holes, thick sheets, bridges,"
            " and places where the threshold decides",
        )
        self.find_button = _button("Cancel", "")
        self.filters = FilterPanel()
        self.tree = ErrorTree()
        self.previous_button = _button("◀", "Go to the previous error (Shift+G)")
        self.next_button = _button("▶", "Go to the next error (G)")
        self.kind_button = _button("Next of kind", "Go to the next error of this kind (Shift+J)")
        self.fold_box = _check_box("By kind", "Errors of a kind stand together and fold")
        self.mark_box = _check_box(
            "Marks", "Mark the errors near the slice, and the voxels of the selected one"
        )
        self.copy_button = _button("Copy", "Copy the rows that are listed as a table")
        self.csv_button = _button("CSV…", "Write the rows that are listed to a CSV file")
        self.layers_button = _button(
            "Make layers",
            "Add a points layer of the rows that are listed, and a labels layer of the selected"
            " error: they stay, and can be saved",
        )
        self.mends = MendPanel(tools.what_if, browser)
        self.legend_label = MarkupLabel(LEGEND)
        self.legend_label.setWordWrap(True)
        self._look_again = QTimer(self)
        self._look_again.setSingleShot(True)
        self._look_again.setInterval(VIEW_MILLISECONDS)
        self._look_again.timeout.connect(self._filter)
        self._arrange()
        self._connect()
        self.show_list()

    def showEvent(self, event: QShowEvent) -> None:
        """Have the list computed from now on."""
        super().showEvent(event)
        self._watch(True)

    def hideEvent(self, event: QHideEvent) -> None:
        """Leave it as it is: nobody looks."""
        super().hideEvent(event)
        self._watch(False)

    # ---- showing ---------------------------------------------------------------------------

    def show_list(self) -> None:
        """Show what is listed now."""
        browser, state = self._browser, self._browser.state
        arranged = browser.arranged
        message = browser.message
        self.message_label.setText(message)
        self.message_label.setVisible(bool(message))
        for widget in self._of_a_list:
            widget.setVisible(browser.scores.has_label or browser.lists_suspicions)
        self.suspicion_box.setVisible(browser.scores.has_label)
        self.mends.show_trials()
        self.legend_label.setText(LEGEND_OF_SUSPICIONS if browser.lists_suspicions else LEGEND)
        self.state_label.setText(self._state_text())
        self.state_label.setEnabled(state.is_current)
        self._show_finding()
        self.filters.show_listing(state.result)
        self.tree.show_rows(arranged)
        self.tree.show_stale(not state.is_current)
        self.tree.show_order(browser.arrangement.column, browser.arrangement.descending)
        self.sum_label.setText(self._sum_text())
        self.sum_label.setEnabled(state.is_current)
        for button in self._of_rows:
            button.setEnabled(arranged is not None and arranged.count > 0)
        self._show_selected()

    def _show_finding(self) -> None:
        """Offer to cancel what is being computed, or to begin again what was."""
        given_up = self._browser.given_up
        self.find_button.setText("Find again" if given_up else "Cancel")
        tip = "List what was cancelled" if given_up else "Stop finding what is listed"
        self.find_button.setToolTip(plain_tip(tip))
        self.find_button.setEnabled(given_up or self._browser.state.busy)

    def _find_or_cancel(self) -> None:
        if self._browser.given_up:
            self._browser.retry()
        else:
            self._browser.give_up()

    def _show_selected(self) -> None:
        listing, row = self._browser.state.result, self._browser.selected
        self.tree.choose(row)
        self.kind_button.setEnabled(row is not None)
        for label in (self.selected_label, self.hint_label):
            label.setVisible(row is not None and listing is not None)
        if row is not None and listing is not None:
            z, y, x = listing.place_of(row)
            text = listing.text_of(row)
            self.selected_label.setText(f"No. {row + 1:,}: {text}, at z {z}, y {y}, x {x}")
            self.hint_label.setText(listing.hint_of(row))

    def _state_text(self) -> str:
        state = self._browser.state
        suspicions = self._browser.lists_suspicions
        if state.result is None:
            what = "Suspicious places" if suspicions else "The errors"
            idle = CANCELLED if self._browser.given_up else ""
            return f"{what} are being found …" if state.busy else idle
        score = state.result.score
        known = SUSPICIOUS if score is None else f"Score {score:.4f}"
        if state.is_current:
            return known
        if self._browser.given_up:
            return f"≈ {known}: of an older mask. {CANCELLED}"
        return f"≈ {known}: of an older mask{', being found again …' if state.busy else ''}"

    def _sum_text(self) -> str:
        """Return what the rows that are listed cost, and what all of them do."""
        arranged = self._browser.arranged
        if arranged is None:
            return ""
        listing, mark = arranged.listing, "" if self._browser.state.is_current else "≈ "
        if not listing.is_priced:
            return f"{mark}{arranged.count:,} of {len(listing):,} suspicious places"
        listed = f"{arranged.count:,} of {len(listing):,} errors: {mark}{arranged.share:.5f}"
        if listing.score is None:
            return listed
        lost = 1 - listing.score
        return f"{listed} of {lost:.5f} points, which is 1 - score"

    # ---- what a user does ------------------------------------------------------------------

    def _list_suspicions(self, wanted: bool) -> None:
        self.filters.kind_box.setCurrentIndex(0)  # the other list has other kinds
        self._tools.what_if.clear()
        self._browser.list_suspicions(wanted)

    def _watch(self, watched: bool) -> None:
        if watched == self._watching:
            return
        self._watching = watched
        if watched:
            self._browser.watch()
        else:
            self._browser.unwatch()

    def _filter(self) -> None:
        view = self._browser.session.view
        self._browser.show_only(self.filters.chosen(view.extents))

    def _sort(self, section: int) -> None:
        """Sort by a column, or the other way round where it was sorted by that."""
        column, now = Column(section), self._browser.arrangement
        again = column == now.column
        descending = not now.descending if again else column in DESCENDING_FIRST
        self._browser.sort_by(column, descending)

    def _view_moved(self) -> None:
        if self.filters.view_box.isChecked():
            self._look_again.start()

    def _copy(self) -> None:
        arranged = self._browser.arranged
        if arranged is not None:
            self._work(lambda: rows_text(arranged), _to_clipboard)

    def _save(self) -> None:
        arranged = self._browser.arranged
        image_id = self._browser.session.fragment.image_id
        name, _ = QFileDialog.getSaveFileName(
            self, "Errors as CSV", f"errors_{image_id}.csv", "Numbers (*.csv)"
        )
        if name and arranged is not None:
            self._work(lambda: _write(arranged, Path(name)))

    def _work(
        self, work: Callable[[], Any], done: Callable[[Any], object] = lambda _result: None
    ) -> None:
        """Do in a thread what takes seconds for 200,000 rows."""
        job: Job[Any] = Job(self._browser.session.post, "nx46-errors")
        job.done.connect(done)
        job.failed.connect(notify_error)
        job.start(lambda _cancelled, _report: work())

    def _make_layers(self) -> None:
        self._tools.make_layers()

    # ---- layout ----------------------------------------------------------------------------

    def _connect(self) -> None:
        browser, tools = self._browser, self._tools
        self.tree.visited.connect(browser.go_to)
        self.tree.sorted_by.connect(self._sort)
        self.suspicion_box.setChecked(browser.lists_suspicions and browser.scores.has_label)
        self.suspicion_box.toggled.connect(self._list_suspicions)
        self.find_button.clicked.connect(self._find_or_cancel)
        self.filters.changed.connect(self._filter)
        self.filters.number_wanted.connect(lambda number: browser.go_to(number - 1))
        self.previous_button.clicked.connect(lambda: browser.step(-1))
        self.next_button.clicked.connect(lambda: browser.step(1))
        self.kind_button.clicked.connect(lambda: browser.step(1, same_kind=True))
        self.fold_box.setChecked(browser.arrangement.folded)
        self.fold_box.toggled.connect(browser.fold)
        self.mark_box.setChecked(tools.marks.wanted)
        self.mark_box.toggled.connect(tools.mark)
        self.copy_button.clicked.connect(self._copy)
        self.csv_button.clicked.connect(self._save)
        self.layers_button.clicked.connect(self._make_layers)
        self._following = follow = Connections(self)
        follow.follow(browser.changed, self.show_list)
        follow.follow(browser.selected_changed, self._show_selected)
        follow.follow(browser.session.figures_changed, self._view_moved)

    def _arrange(self) -> None:
        steps = QHBoxLayout()
        for widget in (
            *(self.previous_button, self.next_button, self.kind_button),
            *(self.fold_box, self.mark_box),
        ):
            steps.addWidget(widget)
        steps.addStretch(1)
        keep = QGridLayout()
        for column, button in enumerate((self.copy_button, self.csv_button, self.layers_button)):
            keep.addWidget(button, 0, column)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 6, 0)
        whole.addWidget(self.suspicion_box)
        whole.addWidget(self.message_label)
        listed = QWidget()
        layout = QVBoxLayout(listed)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        state = QHBoxLayout()
        state.addWidget(self.state_label, 1)
        state.addWidget(self.find_button)
        layout.addLayout(state)
        layout.addWidget(self.filters)
        layout.addWidget(self.tree, 1)
        layout.addWidget(self.sum_label)
        layout.addLayout(steps)
        layout.addWidget(self.selected_label)
        layout.addWidget(self.hint_label)
        layout.addWidget(self.mends)
        layout.addWidget(rule())
        layout.addLayout(keep)
        layout.addWidget(self.legend_label)
        whole.addWidget(listed, 1)
        whole.addStretch(0)
        self._of_a_list = (listed,)
        self._of_rows = (
            *(self.previous_button, self.next_button),
            *(self.copy_button, self.csv_button, self.layers_button),
        )


def _to_clipboard(text: str) -> None:
    QApplication.clipboard().setText(text)


def _write(arranged: Arranged, target: Path) -> None:
    """Write rows as CSV; what was there before is unchanged where that fails."""
    with write_beside(target) as partial:
        partial.write_bytes(rows_csv(arranged))


def _button(text: str, tip: str) -> QPushButton:
    button = QPushButton(text)
    button.setToolTip(plain_tip(tip))
    return button


def _check_box(text: str, tip: str) -> QCheckBox:
    box = QCheckBox(text)
    box.setToolTip(plain_tip(tip))
    return box
