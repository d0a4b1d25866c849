"""The histogram of the score, with the threshold as a line that can be dragged."""

from __future__ import annotations

import numpy as np
import pyqtgraph as pg
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QWidget

from napari_nx46.core.threshold.rebinning import Bins
from napari_nx46.live.derived.curves import ScoreCurves
from napari_nx46.live.threshold_moves import knob_at, threshold_knob
from napari_nx46.setting import Domain, Setting, ThresholdRule
from napari_nx46.viewer.messages.plain_text import plain_tip
from napari_nx46.viewer.plots.axes import Axes, Style
from napari_nx46.viewer.plots.colors import Role
from napari_nx46.viewer.plots.page import PlotPage
from napari_nx46.viewer.plots.saving import Table
from napari_nx46.viewer.window.viewer_session import ViewerSession

__all__ = ["HistogramPage"]

LEAST_COUNT = 0.5
"""Stands for an empty bin on the logarithmic axis."""
FLOOR = float(np.log10(LEAST_COUNT))
HEADROOM = 0.6


class HistogramPage(PlotPage):
    """How many voxels have which score; drag the threshold to move its slider.

    Parameters
    ----------
    viewer_session : ViewerSession

    Attributes
    ----------
    axes : Axes
    threshold_line, low_line : pyqtgraph.InfiniteLine
        At the displayed slice; the low one of a pair only.
    """

    title = "Score histogram"
    file_name = "score-histogram.png"

    def __init__(self, viewer_session: ViewerSession, parent: QWidget | None = None) -> None:
        super().__init__(viewer_session, parent)
        self.axes = Axes(self.graphics, 0, "score (probability)", "voxels (log scale)", log_y=True)
        self._all = self.axes.curve(Style(Role.FAINT, width=1, fill=FLOOR), "all")
        self._surface = self.axes.curve(Style(Role.FIRST, width=1), "surface")
        self._background = self.axes.curve(
            Style(Role.SECOND, Qt.PenStyle.DashLine, width=1), "background"
        )
        self.threshold_line = self.axes.line(Style(Role.TEXT, width=2), text_height=0.95)
        self.low_line = self.axes.line(
            Style(Role.TEXT, Qt.PenStyle.DashLine, width=2), text_height=0.84
        )
        self._drawn: ScoreCurves | None = None
        for line in (self.threshold_line, self.low_line):
            line.sigDragged.connect(self._dragged)
            line.sigPositionChangeFinished.connect(self.refresh)

    def all_axes(self) -> tuple[Axes, ...]:
        """Return the only axes."""
        return (self.axes,)

    def refresh(self) -> None:
        """Show the newest histogram, and the lines where the thresholds are."""
        state = self.viewer_session.curves.state
        if state.result is not self._drawn:
            self._draw(state.result)
        self.axes.show_stale((self._all, self._surface, self._background), state.stale)
        self.show_state(stale=state.stale, busy=state.busy)
        figures, setting = self.viewer_session.session.figures, self.viewer_session.session.setting
        self._place(self.threshold_line, figures.threshold, figures.exact)
        self._place(self.low_line, figures.low_threshold, figures.exact)
        for line, low in ((self.threshold_line, False), (self.low_line, True)):
            line.setMovable(threshold_knob(setting, low=low) is not None)
            line.setToolTip(plain_tip(_line_tip(setting, low)))
        self._note(setting)

    def table(self) -> Table:
        """Return the bins with their counts, those of the label's classes where there is one."""
        curves = self._drawn
        if curves is None:
            return Table(("score_from", "score_to", "voxels"), ())
        names, parts = ["voxels"], [curves.bins]
        for name, bins in (
            ("surface", curves.surface_bins),
            ("background", curves.background_bins),
        ):
            if bins is not None:
                names.append(name)
                parts.append(bins)
        edges = curves.bins.edges.tolist()
        counts = zip(*(bins.counts.tolist() for bins in parts), strict=True)
        rows = [
            (low, high, *each) for low, high, each in zip(edges, edges[1:], counts, strict=False)
        ]
        return Table(("score_from", "score_to", *names), rows)

    def _draw(self, curves: ScoreCurves | None) -> None:
        self._drawn = curves
        self._show_bins(self._all, None if curves is None else curves.bins)
        self._show_bins(self._surface, None if curves is None else curves.surface_bins)
        self._show_bins(self._background, None if curves is None else curves.background_bins)
        if curves is not None:
            edges, counts = curves.bins.edges, curves.bins.counts
            top = float(np.log10(counts.max())) + HEADROOM
            margin = 0.02 * float(edges[-1] - edges[0])
            self.axes.show_extent(
                (float(edges[0]) - margin, float(edges[-1]) + margin), (FLOOR, top)
            )

    def _show_bins(self, item: pg.PlotCurveItem, bins: Bins | None) -> None:
        if bins is None:
            self.axes.show_curve(item, None, None)
        else:
            heights = np.log10(np.maximum(bins.counts, LEAST_COUNT))
            self.axes.show_curve(item, bins.edges, heights)

    def _place(self, line: pg.InfiniteLine, value: float | None, exact: bool) -> None:
        """Put a line where its threshold is, unless the mouse holds it."""
        line.setVisible(value is not None)
        if value is not None and not line.moving:
            line.setValue(value)
        line.label.setFormat("{value:.4f}" if exact else "≈ {value:.4f}")
        self.axes.show_stale((line,), not exact)

    def _note(self, setting: Setting) -> None:
        per_slice = setting.rule is ThresholdRule.ADAPTIVE or setting.domain is Domain.SLICE
        by_rule = setting.rule is not ThresholdRule.PROBABILITY
        self.note_label.setText("threshold of this slice" if per_slice and by_rule else "")

    def _dragged(self, line: pg.InfiniteLine) -> None:
        """Move the slider whose threshold is dragged."""
        if self._drawn is None:
            return
        session = self.viewer_session.session
        knob = knob_at(session, line.value(), self._drawn.scores, low=line is self.low_line)
        if knob is not None:
            name, value = knob
            session.change(**{name: value})


def _line_tip(setting: Setting, low: bool) -> str:
    which = "low threshold" if low else "threshold"
    if threshold_knob(setting, low=low) is None:
        return f"The {which} of this slice; the adaptive rule sets it, so it cannot be dragged."
    return f"Drag to move the {which}."
