"""The dock in which settings, and the masks of others, are compared."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_nx46.viewer.bench import Bench
from napari_nx46.viewer.bench_dock import BenchDock
from napari_nx46.viewer.compare.difference_panel import DifferencePanel
from napari_nx46.viewer.compare.pin_panel import PinPanel
from napari_nx46.viewer.compare.pin_table import PinTablePanel
from napari_nx46.viewer.layout import VerticalScrollArea, rule

if TYPE_CHECKING:
    import napari

DOCK_NAME = "Compare masks"


class CompareDock(BenchDock):
    """Pin settings, flip between their masks, and see where masks differ."""

    title = DOCK_NAME

    def make_panel(self, bench: Bench) -> QWidget:
        """Return the panel of a session."""
        scroll = VerticalScrollArea()
        scroll.setWidget(ComparePanel(bench))
        return scroll

    @property
    def compare_panel(self) -> ComparePanel | None:
        """The controls of the session, while there is one."""
        return None if self.panel is None else self.panel.findChild(ComparePanel)


class ComparePanel(QWidget):
    """All that compares the masks of one session.

    Parameters
    ----------
    bench : Bench
        From now on it computes and measures the masks of its pins.

    Attributes
    ----------
    pin_panel : PinPanel
    difference_panel : DifferencePanel
    table_panel : PinTablePanel
    """

    def __init__(self, bench: Bench, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        bench.keep_pins()
        self.pin_panel = PinPanel(bench)
        self.table_panel = PinTablePanel(bench)
        self.difference_panel = DifferencePanel(bench)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 6, 0)
        layout.setSpacing(8)
        layout.addWidget(self.pin_panel)
        layout.addWidget(rule())
        layout.addWidget(self.difference_panel)
        layout.addWidget(rule())
        layout.addWidget(self.table_panel)
        layout.addStretch(1)


def add_compare_dock(viewer: napari.Viewer) -> CompareDock:
    """Return the dock, added to the right of a window, in a tab with those that are there."""
    dock = CompareDock(viewer)
    viewer.window.add_dock_widget(dock, name=DOCK_NAME, area="right", tabify=True)
    return dock
