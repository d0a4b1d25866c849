"""The landscapes of one session: what is to be computed, what was, and what it means."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from qtpy.QtCore import Qt, QTimer
from qtpy.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from napari_nx46.files.naming import plural
from napari_nx46.live.landscape.explorer import LandscapeExplorer
from napari_nx46.run.job import Progress
from napari_nx46.run.landscape.landscape import INTERVALS, Axis, KnobValue, Landscape
from napari_nx46.run.landscape.lattice import Position
from napari_nx46.setting import Setting, described_knobs
from napari_nx46.viewer.landscape.axis_chooser import AxisChooser, value_text
from napari_nx46.viewer.landscape.map_axes import LandscapeAxes
from napari_nx46.viewer.messages.notices import notify_error
from napari_nx46.viewer.messages.plain_text import PlainLabel, plain_tip
from napari_nx46.viewer.plots.axes import Axes
from napari_nx46.viewer.plots.colors import plot_colors
from napari_nx46.viewer.plots.page import PlotPage
from napari_nx46.viewer.plots.saving import Table
from napari_nx46.viewer.qt.connections import Connections
from napari_nx46.viewer.tune.knobs import knob_scale
from napari_nx46.viewer.widgets.layout import WrappedLabel
from napari_nx46.viewer.widgets.number_boxes import CountBox, NumberBox
from napari_nx46.viewer.widgets.progress_row import ProgressRow
from napari_nx46.viewer.widgets.wheel_guard import WheelGuard
from napari_nx46.viewer.window.viewer_session import ViewerSession

__all__ = ["LandscapePanel"]

FIRST_KNOBS = ("quantile", "probability", "adaptive_base", "closing_z", "smallest_object")
"""Those that are chosen at first, the first two that apply."""

FEWEST_POINTS, MOST_POINTS, USUAL_POINTS = 9, 2000, 80
USUAL_DISTANCE = 0.002
LAG_MILLISECONDS = 100
MOST_NAMED = 3
SMALLEST_PLOT_HEIGHT = 220

COMPUTE_TIP = (
    "Compute the exact score of the whole fragment at points: first on a coarse grid, then where it"
    " changes most and around the best. What is known already is not computed again."
)
NOTHING_YET = (
    "Choose one or two knobs and their ranges. The exact score is computed at points, closest where"
    " it changes most and around the best; a click on a point sets the sliders."
)


class LandscapePanel(PlotPage):
    """A map of the score over two knobs or a curve over one, and what computes it.

    Parameters
    ----------
    viewer_session : ViewerSession

    Attributes
    ----------
    explorer : LandscapeExplorer
    x_chooser, y_chooser : AxisChooser
    points_box : CountBox
        How many points are computed at most.
    distance_box : NumberBox
        How far below the best score the plateau reaches.
    compute_button, best_button : QPushButton
    progress_row : ProgressRow
    words : WrappedLabel
        What the landscape says, or what is missing for one.
    axes : LandscapeAxes
    """

    title = "Score landscape"
    file_name = "landscape.png"

    def __init__(self, viewer_session: ViewerSession, parent: QWidget | None = None) -> None:
        super().__init__(viewer_session, parent)
        session = viewer_session.session
        landscapes = viewer_session.keeping.landscapes
        self.explorer = LandscapeExplorer(session, viewer_session.scores, landscapes)
        self.explorer.failed.connect(notify_error)
        self.destroyed.connect(self.explorer.close)
        self.x_chooser = AxisChooser(session, "x")
        self.y_chooser = AxisChooser(session, "y", optional=True)
        self.points_box = CountBox()
        self.points_box.setRange(FEWEST_POINTS, MOST_POINTS)
        self.points_box.setValue(USUAL_POINTS)
        self.points_box.setAccessibleName("How many points are computed at most")
        self.distance_box = NumberBox()
        self.distance_box.setDecimals(4)
        self.distance_box.setRange(0.0, 1.0)
        self.distance_box.setSingleStep(0.001)
        self.distance_box.setValue(USUAL_DISTANCE)
        self.distance_box.setAccessibleName("How far below the best score the plateau reaches")
        self.compute_button = QPushButton("Compute")
        self.compute_button.setToolTip(plain_tip(COMPUTE_TIP))
        self.best_button = QPushButton("Use the best")
        self.best_button.setToolTip("Set the sliders as they stand at the best point")
        self.progress_row = ProgressRow(
            "Compute no more points; those that are there stay",
            "Computing scores",
            self.explorer.cancel,
        )
        self.words = WrappedLabel()
        self.axes = LandscapeAxes(self.graphics, 0)
        self.graphics.setMinimumHeight(SMALLEST_PLOT_HEIGHT)
        self._arrange()
        WheelGuard(self, None)  # a turn of it would replace a knob, and the range that was chosen
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(LAG_MILLISECONDS)
        self._soon.timeout.connect(self.refresh)
        self._chosen = False
        self._following = Connections(self)
        self._connect()
        self._choose_first()
        self.show_theme()
        self.refresh()

    # ---- what is shown ---------------------------------------------------------------------

    @property
    def landscape(self) -> Landscape | None:
        """What is known over the knobs that are chosen."""
        return self.explorer.landscape(self._names)

    def all_axes(self) -> tuple[Axes, ...]:
        """Return the only axes."""
        return (self.axes,)

    def refresh(self) -> None:
        """Show what is known now."""
        self._soon.stop()
        for chooser in (self.x_chooser, self.y_chooser):
            chooser.show_knobs()
        landscape, running = self.landscape, self.explorer.running
        stale = landscape is not None and not self.explorer.is_current(landscape)
        self.show_state(stale=False, busy=running)
        if stale:
            self.state_label.setText("≈")
            self.state_label.setToolTip("Other knobs have moved since, or corrections were made")
        self.axes.show_landscape(landscape, self.distance_box.value(), self._present())
        missing = self.explorer.missing
        fault = missing or self._fault()
        self.compute_button.setEnabled(not fault)
        self.best_button.setEnabled(landscape is not None and landscape.best is not None)
        self._show_progress(running)
        parts = [fault, *self._found(landscape)] if landscape else [fault or NOTHING_YET]
        self.words.setText(" ".join(part for part in parts if part))

    def table(self) -> Table:
        """Return a row for each point that was computed, in the order of the knobs' values."""
        landscape = self.landscape
        parts = ("score", "topo", "surface_dice", "voi_score", "below_best")
        if landscape is None or landscape.best is None:
            return Table((*self._names, *parts), ())
        best = landscape.scores[landscape.best].value
        rows = [
            (
                *landscape.request.values_at(position).values(),
                *(score.value, score.topo, score.surface_dice, score.voi, best - score.value),
            )
            for position, score in sorted(landscape.scores.items())
        ]
        return Table((*landscape.request.names, *parts), rows)

    def show_theme(self, event: object = None) -> None:
        """Draw in the colours of the window's theme."""
        self.show_colors(plot_colors(self.viewer_session.viewer.theme))

    def _found(self, landscape: Landscape) -> list[str]:
        """Return what a landscape says, a sentence each."""
        if landscape.best is None:
            return []
        best, distance = landscape.scores[landscape.best].value, self.distance_box.value()
        values = landscape.request.values_at(landscape.best)
        found = [f"Best {best:.4f} at {_in_words(values)}."]
        at = landscape.request.position_with(self._present(landscape))
        if self.explorer.is_current(landscape) and at is not None and at in landscape.scores:
            here = landscape.scores[at].value
            found.append(f"The sliders have {here:.4f} ({here - best:+.4f}).")
        plateau = landscape.plateau(distance)
        found.append(
            f"{len(plateau)} of {plural(len(landscape.scores), 'point')} within {distance:g} of"
            " the best."
        )
        found += _ends(landscape, plateau)
        found += _empty_parts(landscape)
        if not self.explorer.is_current(landscape):
            found.append(f"{self._since(landscape)} A click sets all sliders as they were then.")
        return found

    def _since(self, landscape: Landscape) -> str:
        """Return what has changed since a landscape was computed, in a sentence."""
        then, now = landscape.request.setting, self.viewer_session.session.setting
        moved = [
            knob.title
            for name, knob in described_knobs(Setting).items()
            if name not in landscape.request.names and getattr(then, name) != getattr(now, name)
        ]
        if not moved:
            return "Corrections, or the visible block, were others when this was computed."
        more = f" and {len(moved) - MOST_NAMED} more" if len(moved) > MOST_NAMED else ""
        return f"Since this was computed {', '.join(moved[:MOST_NAMED])}{more} moved."

    def _fault(self) -> str:
        """Return why nothing can be computed of what is chosen; empty if it can."""
        if self.x_chooser.name == self.y_chooser.name:
            return "Choose two different knobs."
        if self._axes() is None:
            return "Choose ranges that have two values at least."
        return ""

    def _show_progress(self, running: bool) -> None:
        if not running:
            self.progress_row.end()
            return
        if self.progress_row.isHidden():
            self.progress_row.begin("Computing scores …")
        progress = self.explorer.progress
        if progress is not None:
            self.progress_row.say(f"{progress.done} of {progress.total} points")
            self.progress_row.show_progress(Progress(progress.done, progress.total))

    # ---- what is chosen --------------------------------------------------------------------

    @property
    def _names(self) -> tuple[str, ...]:
        names = self.x_chooser.name, self.y_chooser.name
        return tuple(name for name in names if name)

    def _axes(self) -> tuple[Axis, ...] | None:
        """Return the axes that are chosen; None where one has no range."""
        intervals = INTERVALS[max(1, len(self._names))]
        choosers = [one for one in (self.x_chooser, self.y_chooser) if one.name]
        axes = [chooser.axis(intervals) for chooser in choosers]
        there = tuple(axis for axis in axes if axis is not None)
        return there if there and len(there) == len(axes) else None

    def _present(self, landscape: Landscape | None = None) -> dict[str, KnobValue]:
        """Return where the knobs stand that are chosen, or those of a landscape."""
        setting = self.viewer_session.session.setting
        names = self._names if landscape is None else landscape.request.names
        return {name: getattr(setting, name) for name in names}

    def _choose_first(self) -> None:
        """Choose the knobs of the newest landscape, else usual ones; not what a user has chosen."""
        if self._chosen:
            return
        session = self.viewer_session.session
        newest = self.explorer.landscapes.newest(session.fragment.image_id)
        if newest is not None:
            axes = newest.request.axes
            self.x_chooser.show_axis(axes[0])
            self.y_chooser.show_axis(axes[1] if len(axes) > 1 else None)
        else:
            applying = [name for name in FIRST_KNOBS if self.x_chooser.knob_box.findData(name) >= 0]
            for chooser, name in zip((self.x_chooser, self.y_chooser), applying, strict=False):
                chooser.choose(name)
        self._chosen = False  # that was not the user's choice
        self._soon.start()

    # ---- what a user does ------------------------------------------------------------------

    def compute(self) -> None:
        """Compute scores over the knobs that are chosen."""
        axes = self._axes()
        if axes is not None and not self._fault():
            self._chosen = True
            self.explorer.begin(axes, self.points_box.value())

    def use_best(self) -> None:
        """Set the sliders as they stand at the best point."""
        landscape = self.landscape
        if landscape is not None and landscape.best is not None:
            self.explorer.take(landscape, landscape.best)

    def _clicked(self, event: Any) -> None:
        landscape = self.landscape
        if event.button() != Qt.MouseButton.LeftButton or landscape is None:
            return
        position = self.axes.position_at(event.scenePos())
        if position is not None:
            self.explorer.take(landscape, position)

    def _knobs_chosen(self) -> None:
        self._chosen = True
        self.refresh()

    def _fragment_changed(self) -> None:
        self._chosen = False
        self._choose_first()

    # ---- layout ----------------------------------------------------------------------------

    def _connect(self) -> None:
        session = self.viewer_session.session
        self.compute_button.clicked.connect(self.compute)
        self.best_button.clicked.connect(self.use_best)
        self.distance_box.valueChanged.connect(self.refresh)
        for chooser in (self.x_chooser, self.y_chooser):
            chooser.changed.connect(self._knobs_chosen)
        self.graphics.scene().sigMouseClicked.connect(self._clicked)
        self._following.follow(self.explorer.changed, self._refresh_soon)
        self._following.follow(self.explorer.landscapes.came, self._choose_first)
        self._following.follow(session.fragment_changed, self._fragment_changed)
        theme = self.viewer_session.viewer.events.theme
        theme.connect(self.show_theme)
        self.destroyed.connect(lambda: theme.disconnect(self.show_theme))

    def _refresh_soon(self) -> None:
        if not self._soon.isActive():
            self._soon.start()

    def _arrange(self) -> None:
        buttons = QHBoxLayout()
        buttons.addWidget(PlainLabel("Points"))
        buttons.addWidget(self.points_box)
        buttons.addWidget(PlainLabel("Plateau"))
        buttons.addWidget(self.distance_box)
        buttons.addStretch(1)
        actions = QHBoxLayout()
        actions.addWidget(self.compute_button)
        actions.addWidget(self.best_button)
        actions.addStretch(1)
        controls = QVBoxLayout()
        controls.setSpacing(4)
        for row in (self.x_chooser, self.y_chooser):
            controls.addWidget(row)
        controls.addLayout(buttons)
        controls.addLayout(actions)
        controls.addWidget(self.progress_row)
        controls.addWidget(self.words)
        layout = self.layout()
        assert isinstance(layout, QVBoxLayout)  # made by the page
        layout.insertLayout(1, controls)
        layout.setStretch(2, 1)


def _ends(landscape: Landscape, plateau: Iterable[Position]) -> list[str]:
    """Return, a sentence each, beyond which ends of the axes the score may be better."""
    found = []
    near = [landscape.request.values_at(position) for position in plateau]
    for axis in landscape.request.axes:
        values = {of_point[axis.name] for of_point in near}
        if len(values) != 1 or isinstance(axis.values[0], bool):
            continue
        (value,), scale = values, knob_scale(axis.name)
        there = value_text(axis.name, value)
        if value == axis.values[0] and value > scale.lowest:
            found.append(f"It may be better below {scale.title} {there}.")
        elif value == axis.values[-1] and value < scale.highest:
            found.append(f"It may be better above {scale.title} {there}.")
    return found


def _empty_parts(landscape: Landscape) -> list[str]:
    """Return, a sentence each, why a part of the axes has no points."""
    knobs = described_knobs(Setting)
    return [
        f"There are no points where {knobs[low].title} would be above {knobs[high].title}: no"
        " setting has that."
        for low, high in sorted(landscape.request.crossed)
    ]


def _in_words(values: dict[str, KnobValue]) -> str:
    knobs = described_knobs(Setting)
    return ", ".join(
        f"{knobs[name].title} {value_text(name, value)}" for name, value in values.items()
    )
