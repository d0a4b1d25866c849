"""What plain thresholds give over the quantile, with the current one marked."""

from __future__ import annotations

import numpy as np
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QWidget

from napari_nx46.core.line import is_local
from napari_nx46.core.measure.curves import precision_recall_at
from napari_nx46.core.threshold.quantile import approximate_share_below
from napari_nx46.live.derived.curves import CURVE_QUANTILES, ScoreCurves
from napari_nx46.viewer.messages.plain_text import plain_tip
from napari_nx46.viewer.plots.axes import Axes, Style
from napari_nx46.viewer.plots.colors import Role
from napari_nx46.viewer.plots.page import PlotPage
from napari_nx46.viewer.plots.saving import Table
from napari_nx46.viewer.window.viewer_session import ViewerSession

__all__ = ["CurvePage"]

NAMES = ("density", "precision", "recall", "dice")
STYLES = {
    "density": Style(Role.TEXT, Qt.PenStyle.DotLine),
    "precision": Style(Role.FIRST),
    "recall": Style(Role.SECOND, Qt.PenStyle.DashLine),
    "dice": Style(Role.BAND, width=2.5),
}
TITLES = {"dice": "Dice"}
FIRST_QUANTILE = 0.5
"""At first the upper half is shown, where thresholds are; the rest is a turn of the wheel away."""

OF_THE_PLAIN_THRESHOLD = (
    "What the threshold alone would give: a pair and clean-up steps come after it"
)


class CurvePage(PlotPage):
    """Density over the quantile; with a label also precision, recall and Dice.

    Parameters
    ----------
    viewer_session : ViewerSession

    Attributes
    ----------
    axes : Axes
    threshold_line : pyqtgraph.InfiniteLine
        At the quantile of the current threshold.
    """

    title = "Curves"
    file_name = "curves.png"

    def __init__(self, viewer_session: ViewerSession, parent: QWidget | None = None) -> None:
        super().__init__(viewer_session, parent)
        self.axes = Axes(self.graphics, 0, "quantile (share of voxels below)", "share")
        self._curves = {
            name: self.axes.curve(STYLES[name], TITLES.get(name, name)) for name in NAMES
        }
        self._points = {name: self.axes.markers(STYLES[name], "o") for name in NAMES}
        self.threshold_line = self.axes.line(Style(Role.TEXT), text_height=0.95)
        self.threshold_line.setMovable(False)
        self.axes.show_extent((0.0, 1.0), (0.0, 1.05))
        self.axes.box.setXRange(FIRST_QUANTILE, 1.0, padding=0)
        self._drawn: ScoreCurves | None = None

    def all_axes(self) -> tuple[Axes, ...]:
        """Return the only axes."""
        return (self.axes,)

    def refresh(self) -> None:
        """Show the newest curves, and the current threshold on them."""
        state, figures = self.viewer_session.curves.state, self.viewer_session.session.figures
        if state.result is not self._drawn:
            self._draw(state.result)
        self.axes.show_stale(tuple(self._curves.values()), state.stale)
        self.show_state(stale=state.stale, busy=state.busy)
        self._show_point(figures.threshold, figures.exact and not state.stale)
        self._note()

    def table(self) -> Table:
        """Return a row for each quantile."""
        curves = self._drawn
        if curves is None:
            return Table(("quantile", "density"), ())
        if curves.curve is None:
            rows = zip(CURVE_QUANTILES, curves.density.tolist(), strict=True)
            return Table(("quantile", "density"), tuple(rows))
        columns = ("quantiles", "thresholds", *NAMES)
        values = [getattr(curves.curve, name).tolist() for name in columns]
        return Table(("quantile", "threshold", *NAMES), tuple(zip(*values, strict=True)))

    def _draw(self, curves: ScoreCurves | None) -> None:
        self._drawn = curves
        for name, item in self._curves.items():
            if curves is None or (curves.curve is None and name != "density"):
                self.axes.show_curve(item, None, None)
            elif curves.curve is None:
                self.axes.show_curve(item, np.array(CURVE_QUANTILES), curves.density)
            else:
                self.axes.show_curve(item, curves.curve.quantiles, getattr(curves.curve, name))

    def _show_point(self, threshold: float | None, exact: bool) -> None:
        curves = self._drawn
        shares = {} if curves is None or threshold is None else _shares_at(curves, threshold)
        quantile = shares.pop("quantile", None)
        self.threshold_line.setVisible(quantile is not None)
        if quantile is not None:
            self.threshold_line.setValue(quantile)
            self.threshold_line.label.setFormat("{value:.3f}" if exact else "≈ {value:.3f}")
            if quantile < FIRST_QUANTILE <= self.axes.box.viewRange()[0][0]:
                self.axes.box.setXRange(0.0, 1.0, padding=0)
        for name, markers in self._points.items():
            known = name in shares
            at = ([quantile], [shares[name]]) if known and quantile is not None else ([], [])
            self.axes.show_markers(markers, *at)
        self.axes.show_stale((self.threshold_line, *self._points.values()), not exact)

    def _note(self) -> None:
        plain = is_local(self.viewer_session.session.setting)
        self.note_label.setText("" if plain else "of the plain threshold")
        self.note_label.setToolTip(plain_tip("" if plain else OF_THE_PLAIN_THRESHOLD))


def _shares_at(curves: ScoreCurves, threshold: float) -> dict[str, float]:
    """Return where a threshold is on the curves."""
    quantile = approximate_share_below(curves.scores, threshold)
    if curves.labelled is None:
        return {"quantile": quantile, "density": 1 - quantile}
    point = precision_recall_at(curves.labelled, [max(threshold, 0.0)])
    return {
        "quantile": float(point.quantiles[0]),
        **{name: float(getattr(point, name)[0]) for name in NAMES},
    }
