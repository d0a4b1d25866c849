"""Solving for the threshold at which the mask has the density that is aimed at."""

from __future__ import annotations

from collections.abc import Callable

from qtpy.QtGui import QAction, QActionGroup
from qtpy.QtWidgets import (
    QHBoxLayout,
    QMenu,
    QPushButton,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from napari_nx46.data.fragments import Fragment
from napari_nx46.files.naming import plural
from napari_nx46.live.jobs.density import density_work
from napari_nx46.live.session import Session
from napari_nx46.run.density import DensitySolution, DensityTarget
from napari_nx46.run.job import Job
from napari_nx46.setting import Setting
from napari_nx46.viewer.messages.plain_text import PlainLabel, plain_tip
from napari_nx46.viewer.qt.main_thread import MainThreadPoster
from napari_nx46.viewer.widgets.number_boxes import NumberBox
from napari_nx46.viewer.widgets.progress_row import ProgressRow

DENSITY_DECIMALS = 4
DENSITY_STEP = 0.005
MENU_BUTTON_STYLE = "QToolButton::menu-indicator { image: none; }"
SLIDERS_MOVED = "Cancelled: the knobs have moved since."
FRAGMENT_CHANGED = "Cancelled: another fragment is shown."
CANCELLED = "Cancelled. The knobs stand as they did."


Begin = Callable[[Job[DensitySolution], DensityTarget, bool], None]
"""Starts a job that solves for a target, with one threshold for all fragments or not."""


class DensityPanel(QWidget):
    """A button that matches the density, its menu, and what came of it.

    A solution that meets the target goes to the sliders at once; one that only comes near it waits
    for a click.

    Parameters
    ----------
    session : Session
        Its band is the target unless an exact density is chosen.
    begin : callable, optional
        Starts the search; that of `live.jobs.density` by default.

    Attributes
    ----------
    band_action, exact_action : QAction
        What is aimed at.
    fragment_action, shared_action : QAction
        What the threshold is for.
    exact_box : QDoubleSpinBox
        The exact density; shown where it is aimed at.
    nearest_button : QPushButton
        Shown where the target cannot be met.
    """

    def __init__(
        self, session: Session, begin: Begin | None = None, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._session = session
        self._begin: Begin = begin or self._begin_search
        self._post = MainThreadPoster(self)
        self._job: Job[DensitySolution] | None = None
        self._given_up = ""
        self._shared = False
        self._nearest: Setting | None = None
        self._make_menu()
        self.button = QPushButton("Match density")
        self.button.setToolTip(
            plain_tip("Find the threshold at which the final mask has the density aimed at")
        )
        self.menu_button = QToolButton()
        self.menu_button.setText("▾")
        self.menu_button.setStyleSheet(MENU_BUTTON_STYLE)
        self.menu_button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.menu_button.setMenu(self.menu)
        self.menu_button.setToolTip("Which density is aimed at, and for which fragments")
        self.menu_button.setAccessibleName("What to match the density to")
        self.exact_box = NumberBox()
        self.exact_box.setRange(0.0, 1.0)
        self.exact_box.setDecimals(DENSITY_DECIMALS)
        self.exact_box.setSingleStep(DENSITY_STEP)
        self.exact_box.setValue(sum(session.band) / 2)
        self.exact_box.setAccessibleName("Exact density to match")
        self.aim_label = PlainLabel()
        self.aim_label.setMinimumWidth(1)  # it is cut off rather than widen the dock
        self.progress_row = ProgressRow(
            "Stop looking for the threshold", "Looking for the threshold"
        )
        self.result_label = PlainLabel()
        self.result_label.setWordWrap(True)
        self.nearest_button = QPushButton("Use the nearest")
        self.nearest_button.setToolTip("Move the knobs to the threshold that came nearest")
        self._arrange()
        self._connect()
        self._show_aim()
        self._notify("")

    @property
    def running(self) -> bool:
        """Whether a threshold is being looked for."""
        return self._job is not None

    @property
    def target(self) -> DensityTarget:
        """What is aimed at: the band, or an exact density."""
        if self.exact_action.isChecked():
            density = round(self.exact_box.value(), DENSITY_DECIMALS)
            return DensityTarget(density, density)
        return DensityTarget(*self._session.band)

    def what_runs(self) -> str:
        """Return that a threshold is being looked for, in words."""
        return "the search for a threshold of the density aimed at" if self.running else ""

    def start(self) -> None:
        """Look for the threshold, beginning with the knobs as they stand."""
        if self.running:
            return
        self._given_up = ""
        self._shared = self.shared_action.isChecked()
        self._notify("")
        self._job = job = Job[DensitySolution](self._post, "nx46-density")
        self.progress_row.follow(job, self.cancel)
        job.ended.connect(self._end)
        job.done.connect(self._finish)
        job.cancelled.connect(self._show_cancelled)
        job.failed.connect(self._fail)
        self.destroyed.connect(job.close)
        self._enable()
        self._begin(job, self.target, self._shared)

    def cancel(self) -> None:
        """Give up what is being looked for; the knobs stay as they are."""
        self._on_error(CANCELLED)

    def use_nearest(self) -> None:
        """Move the knobs to the solution that came nearest to the target."""
        nearest, message = self._nearest, self.result_label.text()
        self._forget_nearest()
        if nearest is not None:
            self._session.apply(nearest)
            self._notify(message)

    def _on_error(self, reason: str) -> None:
        if self._job is not None and not self._given_up:
            self._given_up = reason
            self.progress_row.cancel_button.setEnabled(False)
            self._job.cancel()

    def _begin_search(self, job: Job[DensitySolution], target: DensityTarget, shared: bool) -> None:
        job.start(density_work(self._session, target, shared=shared))

    def _end(self) -> None:
        self._job = None
        self._enable()

    def _finish(self, solution: DensitySolution) -> None:
        if self._given_up:
            self._show_cancelled()
            return
        found = solution.settings.get(self._session.fragment.image_id)
        if solution.met and found is not None:
            self._session.apply(found)
        self._notify(_result_text(solution))
        if not solution.met and found != self._session.setting:
            self._nearest = found
            self.nearest_button.setVisible(found is not None)

    def _show_cancelled(self) -> None:
        self._notify(self._given_up or CANCELLED)

    def _fail(self, error: BaseException) -> None:
        self._notify(f"Not matched: {error}")
        self._session.failed.emit(error)

    def _setting_changed(self, setting: Setting) -> None:
        """Give up what would take the knobs back to where they no longer stand.

        What came of it before is not true of the mask any more.
        """
        self._on_error(SLIDERS_MOVED)
        self._notify("")

    def _fragment_changed(self, fragment: Fragment) -> None:
        if not self._shared:
            self._on_error(FRAGMENT_CHANGED)
            self._forget_nearest()

    def _forget_nearest(self) -> None:
        self._nearest = None
        self.nearest_button.setVisible(False)

    def _notify(self, message: str) -> None:
        self._forget_nearest()
        self.result_label.setText(message)
        self.result_label.setVisible(bool(message))

    def _enable(self) -> None:
        for widget in (self.button, self.menu_button, self.exact_box):
            widget.setEnabled(not self.running)

    def _show_aim(self) -> None:
        exact, shared = self.exact_action.isChecked(), self.shared_action.isChecked()
        self.exact_box.setVisible(exact)
        aim = "" if exact else "to the band"
        self.aim_label.setText(f"{aim}, all fragments".lstrip(", ") if shared else aim)

    def _make_menu(self) -> None:
        self.menu = QMenu(self)
        self.band_action, self.exact_action = self._alternatives("The target band", "A density…")
        self.menu.addSeparator()
        self.fragment_action, self.shared_action = self._alternatives(
            "For this fragment", "One threshold for all fragments"
        )

    def _alternatives(self, *texts: str) -> list[QAction]:
        """Add actions of which one is checked, the first to begin with."""
        group = QActionGroup(self.menu)
        actions = []
        for text in texts:
            action = QAction(text, group)
            action.setCheckable(True)
            self.menu.addAction(action)
            actions.append(action)
        actions[0].setChecked(True)
        return actions

    def _connect(self) -> None:
        self.button.clicked.connect(self.start)
        self.nearest_button.clicked.connect(self.use_nearest)
        for action in (self.exact_action, self.shared_action):
            action.toggled.connect(self._show_aim)
        self._session.setting_changed.connect(self._setting_changed)
        self._session.fragment_changed.connect(self._fragment_changed)

    def _arrange(self) -> None:
        row = QHBoxLayout()
        row.addWidget(self.button)
        row.addWidget(self.menu_button)
        row.addWidget(self.exact_box)
        row.addWidget(self.aim_label, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addLayout(row)
        layout.addWidget(self.progress_row)
        layout.addWidget(self.result_label)
        layout.addWidget(self.nearest_button)


def _result_text(solution: DensitySolution) -> str:
    """Return what was found, with the densities of several fragments."""
    densities = solution.densities.values()
    if len(densities) < 2:
        return solution.message
    span = f"{min(densities):.4f} to {max(densities):.4f}"
    return f"{solution.message}\n{plural(len(densities), 'fragment')}: densities {span}"
