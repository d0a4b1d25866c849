"""The figures of the mask over z, with a cursor at the slice that the viewer shows."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import pyqtgraph as pg
from qtpy.QtCore import Qt
from qtpy.QtGui import QResizeEvent
from qtpy.QtWidgets import QListWidget, QListWidgetItem, QWidget

from napari_nx46.core.measure.slices import SliceMeasures
from napari_nx46.core.measure.worst_slices import MOST_WORST_SLICES, Fault, WorstSlice, worst_slices
from napari_nx46.live.derived.profile import MaskProfile
from napari_nx46.viewer.messages.plain_text import plain_tip
from napari_nx46.viewer.plots.axes import Axes, Style
from napari_nx46.viewer.plots.colors import Role
from napari_nx46.viewer.plots.page import PlotPage
from napari_nx46.viewer.plots.saving import Table
from napari_nx46.viewer.widgets.dock_style import PLAIN_LIST_NAME
from napari_nx46.viewer.window.viewer_session import ViewerSession

__all__ = ["ProfilePage"]

LIST_WIDTH = 132
NARROWEST_WITH_LIST = 330
"""A page that is narrower shows the plot alone."""

COLUMNS = ("z", "density", "continuity", "components", "largest_share", "euler_number")
PERCENTILE_COLUMNS = ("p50", "p90", "p95", "p99")
LABEL_COLUMNS = ("precision", "recall", "dice", "recall_loss", "ignored")


class ProfilePage(PlotPage):
    """Density, continuity and recall of every slice; a click goes there.

    Parameters
    ----------
    viewer_session : ViewerSession

    Attributes
    ----------
    density_axes, share_axes : Axes
    cursors : tuple of pyqtgraph.InfiniteLine
        One in each of the axes, both at the slice that the viewer shows.
    worst_list : QListWidget
        The slices that are worth a look first.
    """

    title = "Profile"
    file_name = "profile.png"

    def __init__(self, viewer_session: ViewerSession, parent: QWidget | None = None) -> None:
        super().__init__(viewer_session, parent)
        self.density_axes = Axes(self.graphics, 0, "", "density")
        self.share_axes = Axes(self.graphics, 2, "z (slice)", "share")
        self.share_axes.box.setXLink(self.density_axes.box)
        self.band = self.density_axes.band(Style(Role.BAND), "target")
        self._density = self.density_axes.curve(Style(Role.FIRST), "density")
        self._outside = self.density_axes.markers(Style(Role.SECOND), "t", "worst")
        self._continuity = self.share_axes.curve(Style(Role.SECOND), "continuity")
        self._recall = self.share_axes.curve(Style(Role.FIRST, Qt.PenStyle.DashLine), "recall")
        self._missed = self.share_axes.markers(Style(Role.THIRD), "t1", "worst")
        self.cursors = tuple(
            axes.line(Style(Role.TEXT, width=2)) for axes in (self.density_axes, self.share_axes)
        )
        self.worst_list = QListWidget()
        self.worst_list.setFixedWidth(LIST_WIDTH)
        self.worst_list.setObjectName(PLAIN_LIST_NAME)
        self.worst_list.setToolTip("The slices worth a look first; a click goes there (next: W)")
        self.body.addWidget(self.worst_list)
        self._drawn: tuple[MaskProfile | None, tuple[float, float]] | None = None
        self._worst: tuple[WorstSlice, ...] = ()
        for cursor in self.cursors:
            cursor.sigDragged.connect(self._dragged)
            cursor.sigPositionChangeFinished.connect(self.refresh)
        self.graphics.scene().sigMouseClicked.connect(self._clicked)
        self.worst_list.itemClicked.connect(self._chosen)

    def all_axes(self) -> tuple[Axes, ...]:
        """Return the axes of the density, and those of the shares below them."""
        return self.density_axes, self.share_axes

    def refresh(self) -> None:
        """Show the newest profile, and the cursor at the viewer's slice."""
        state, band = self.viewer_session.profiles.state, self.viewer_session.session.band
        if (state.result, band) != self._drawn:
            self._drawn = (state.result, band)
            self._draw(state.result, band)
        curves = (self._density, self._outside)
        self.density_axes.show_stale(curves, state.stale)
        self.share_axes.show_stale((self._continuity, self._recall, self._missed), state.stale)
        self.worst_list.setEnabled(not state.stale)
        self.show_state(stale=state.stale, busy=state.busy)
        z = self.viewer_session.slice_shown
        for cursor in self.cursors:
            cursor.setVisible(state.result is not None)
            if not cursor.moving:
                cursor.setValue(z)
        slices = () if state.result is None else state.result.slices
        ignored = 0 <= z < len(slices) and slices[z].ignored
        self.note_label.setText(f"slice {z}, ignored" if ignored else f"slice {z}")

    def table(self) -> Table:
        """Return a row for each slice."""
        profile = None if self._drawn is None else self._drawn[0]
        slices = () if profile is None else profile.slices
        labelled = profile is not None and profile.key.has_label
        columns = (*COLUMNS, *PERCENTILE_COLUMNS, *(LABEL_COLUMNS if labelled else ()))
        rows = [
            [
                *(getattr(figures, name) for name in COLUMNS),
                *(figures.percentiles or (None,) * len(PERCENTILE_COLUMNS)),
                *(getattr(figures, name) for name in LABEL_COLUMNS if labelled),
            ]
            for figures in slices
        ]
        return Table(columns, rows)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Leave the list out where there is no room for it."""
        super().resizeEvent(event)
        self.worst_list.setVisible(self.width() >= NARROWEST_WITH_LIST)

    # ---- drawing ---------------------------------------------------------------------------

    def _draw(self, profile: MaskProfile | None, band: tuple[float, float]) -> None:
        slices = () if profile is None else profile.slices
        self.band.setRegion(band)
        self._worst = worst_slices(slices, band, MOST_WORST_SLICES)
        self._list_worst()
        for axes, item, name in (
            (self.density_axes, self._density, "density"),
            (self.share_axes, self._continuity, "continuity"),
            (self.share_axes, self._recall, "recall"),
        ):
            axes.show_curve(item, *_values(slices, name))
        for axes, markers, fault, name in (
            (self.density_axes, self._outside, Fault.DENSITY, "density"),
            (self.share_axes, self._missed, Fault.RECALL, "recall"),
        ):
            z = [worst.z for worst in self._worst if worst.fault is fault]
            axes.show_markers(markers, z, [getattr(slices[index], name) for index in z])
        if slices:
            top = 1.1 * max(band[1], *(figures.density for figures in slices))
            ends = (-0.5, len(slices) - 0.5)
            self.density_axes.show_extent(ends, (0.0, top))
            self.share_axes.show_extent(ends, (0.0, 1.05))

    def _list_worst(self) -> None:
        self.worst_list.clear()
        for worst in self._worst:
            item = QListWidgetItem(_text_of(worst))
            item.setData(Qt.ItemDataRole.UserRole, worst.z)
            item.setToolTip(plain_tip(_tip_of(worst)))
            self.worst_list.addItem(item)

    # ---- what a user does ------------------------------------------------------------------

    def _chosen(self, item: QListWidgetItem) -> None:
        self.viewer_session.go_to_slice(item.data(Qt.ItemDataRole.UserRole))

    def _dragged(self, cursor: pg.InfiniteLine) -> None:
        self._go_to(cursor.value())

    def _clicked(self, event: Any) -> None:
        if event.button() != Qt.MouseButton.LeftButton:
            return
        for axes in self.all_axes():
            x = axes.x_at(event.scenePos())
            if x is not None:
                self._go_to(x)

    def _go_to(self, x: float) -> None:
        depth = self.viewer_session.session.fragment.shape[0]
        self.viewer_session.go_to_slice(min(max(round(x), 0), depth - 1))


Values = npt.NDArray[np.float64]


def _values(slices: tuple[SliceMeasures, ...], name: str) -> tuple[Values | None, Values | None]:
    """Return z and a figure of all slices, NaN where it is not known; None where it nowhere is."""
    figures = [getattr(each, name) for each in slices]
    if all(figure is None for figure in figures):
        return None, None
    known = [math.nan if figure is None else figure for figure in figures]
    return np.array([each.z for each in slices], np.float64), np.array(known, np.float64)


def _text_of(worst: WorstSlice) -> str:
    if worst.fault is Fault.RECALL:
        return f"z {worst.z}: misses {worst.value:.1%}"
    return f"z {worst.z}: {abs(worst.value):.3f} {_side(worst)}"


def _tip_of(worst: WorstSlice) -> str:
    if worst.fault is Fault.RECALL:
        return f"Slice {worst.z} misses {worst.value:.2%} of all surface voxels of the label"
    distance = f"{abs(worst.value):.4f} {_side(worst)}"
    return f"The density of slice {worst.z} is {distance} the target band"


def _side(worst: WorstSlice) -> str:
    return "above" if worst.value > 0 else "below"
