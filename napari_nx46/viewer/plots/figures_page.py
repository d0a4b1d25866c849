"""The figures of the mask, of the fragment and of the slice that the viewer shows, in a table."""

from __future__ import annotations

from dataclasses import dataclass

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QGridLayout, QLabel, QWidget

from napari_nx46.core.measure.band import distance_from_band
from napari_nx46.core.measure.slices import PERCENTS, SliceMeasures
from napari_nx46.core.measure.volume import VolumeMetrics
from napari_nx46.core.threshold.quantile import ScoreHistogram, approximate_quantile
from napari_nx46.viewer.messages.plain_text import PlainLabel, plain_tip
from napari_nx46.viewer.plots.page import Page
from napari_nx46.viewer.plots.saving import Table
from napari_nx46.viewer.widgets.layout import VerticalScrollArea
from napari_nx46.viewer.widgets.number_label import UNKNOWN, number_label
from napari_nx46.viewer.window.viewer_session import ViewerSession

__all__ = ["ROWS", "FiguresPage"]


@dataclass(frozen=True)
class Row:
    """A figure.

    Parameters
    ----------
    name : str
    title : str
    format : str
        Of its value.
    tip : str
    """

    name: str
    title: str
    format: str
    tip: str


ROWS: tuple[Row, ...] = (
    Row("density", "Density", ".4f", "Share of foreground voxels"),
    Row("from_band", "From the band", "+.4f", "Below (-) or above the target band; 0 within it"),
    Row("continuity", "Continuity", ".4f", "Dice with the slice before; fragment: the mean"),
    Row("components", "Components", ",d", "26-connected in the fragment, 8-connected in the slice"),
    Row("largest_share", "Largest share", ".4f", "Share of the foreground in the largest one"),
    Row("euler_number", "Euler number", ",d", "Fragment: components - tunnels + cavities"),
    *(
        Row(
            f"p{percent:.0f}",
            f"Score p{percent:.0f}",
            ".3f",
            "Percentile of the scores; the fragment's to 0.2 %",
        )
        for percent in PERCENTS
    ),
    Row("precision", "Precision", ".4f", "Share of the predicted voxels that are surface"),
    Row("recall", "Recall", ".4f", "Share of the surface voxels that are predicted"),
    Row("dice", "Dice", ".4f", "Of mask and label"),
)
LABEL_ROWS = ("precision", "recall", "dice")
WIDEST = "≈ -0.0000"

Figures = dict[str, float | int | None]


class FiguresPage(Page):
    """A row for each figure, a column for the fragment and one for the slice.

    Parameters
    ----------
    viewer_session : ViewerSession

    Attributes
    ----------
    labels : dict of (str, str) to QLabel
        By column (``fragment`` or ``slice``) and the row's name.
    """

    title = "Figures"
    file_name = "figures.csv"

    def __init__(self, viewer_session: ViewerSession, parent: QWidget | None = None) -> None:
        super().__init__(viewer_session, parent)
        self.labels: dict[tuple[str, str], QLabel] = {}
        self._titles: dict[str, QLabel] = {}
        self._shown: dict[str, Figures] = {"fragment": {}, "slice": {}}
        self._slice_heading = PlainLabel("Slice")
        self.body.addWidget(self._scroll_area())

    def refresh(self) -> None:
        """Show the newest figures; those that are older than the sliders are dimmed."""
        state, curves = self.viewer_session.profiles.state, self.viewer_session.curves.state
        band = self.viewer_session.session.band
        z = self.viewer_session.slice_shown
        profile = state.result
        ignored = profile is not None and 0 <= z < len(profile.slices) and profile.slices[z].ignored
        self._slice_heading.setText(f"Slice {z}, ignored" if ignored else f"Slice {z}")
        scores = None if curves.result is None else curves.result.scores
        self._shown = {
            "fragment": {} if profile is None else _of_volume(profile.volume, scores, band),
            "slice": (
                {}
                if profile is None or not 0 <= z < len(profile.slices)
                else _of_slice(profile.slices[z], band)
            ),
        }
        labelled = profile is not None and profile.key.has_label
        for row in ROWS:
            shown = labelled or row.name not in LABEL_ROWS
            self._titles[row.name].setVisible(shown)
            for column, figures in self._shown.items():
                label = self.labels[column, row.name]
                label.setVisible(shown)
                _show(label, figures.get(row.name), row.format, state.stale)
        self.show_state(stale=state.stale, busy=state.busy)

    def table(self) -> Table:
        """Return a row for each figure."""
        fragment, slice_ = self._shown["fragment"], self._shown["slice"]
        rows = [
            (row.name, fragment.get(row.name), slice_.get(row.name))
            for row in ROWS
            if row.name in fragment or row.name in slice_
        ]
        z = self.viewer_session.slice_shown
        return Table(("figure", self.viewer_session.session.fragment.image_id, f"slice {z}"), rows)

    def _scroll_area(self) -> VerticalScrollArea:
        """Return the table, which is scrolled where there is no height for it."""
        table = QWidget()
        table.setLayout(self._grid())
        area = VerticalScrollArea()
        area.setWidget(table)
        return area

    def _grid(self) -> QGridLayout:
        grid = QGridLayout()
        grid.setContentsMargins(4, 0, 4, 0)
        grid.setVerticalSpacing(0)
        for column, heading in enumerate((PlainLabel("Fragment"), self._slice_heading), start=1):
            heading.setAlignment(Qt.AlignmentFlag.AlignRight)
            grid.addWidget(heading, 0, column)
        for line, row in enumerate(ROWS, start=1):
            title = self._titles[row.name] = PlainLabel(row.title)
            title.setToolTip(plain_tip(row.tip))
            grid.addWidget(title, line, 0)
            for column, name in enumerate(("fragment", "slice"), start=1):
                label = self.labels[name, row.name] = number_label(WIDEST)
                label.setToolTip(plain_tip(row.tip))
                grid.addWidget(label, line, column)
        grid.setColumnStretch(3, 1)
        grid.setRowStretch(len(ROWS) + 1, 1)
        return grid


def _of_volume(
    volume: VolumeMetrics, scores: ScoreHistogram | None, band: tuple[float, float]
) -> Figures:
    figures: Figures = {
        "density": volume.density,
        "from_band": volume.distance_from(band),
        "continuity": volume.mean_continuity,
        "components": volume.components,
        "largest_share": volume.largest_share,
        "euler_number": volume.euler_number,
        "precision": volume.precision,
        "recall": volume.recall,
        "dice": volume.dice,
    }
    if scores is not None:
        figures |= {f"p{p:.0f}": approximate_quantile(scores, p / 100) for p in PERCENTS}
    return figures


def _of_slice(figures: SliceMeasures, band: tuple[float, float]) -> Figures:
    percentiles = figures.percentiles or (None,) * len(PERCENTS)
    return {
        "density": figures.density,
        "from_band": distance_from_band(figures.density, band),
        "continuity": figures.continuity,
        "components": figures.components,
        "largest_share": figures.largest_share,
        "euler_number": figures.euler_number,
        **{f"p{p:.0f}": value for p, value in zip(PERCENTS, percentiles, strict=True)},
        "precision": figures.precision,
        "recall": figures.recall,
        "dice": figures.dice,
    }


def _show(label: QLabel, value: float | int | None, form: str, stale: bool) -> None:
    text = UNKNOWN if value is None else f"{value:{form}}"
    label.setText(f"≈ {text}" if stale and value is not None else text)
    label.setEnabled(not stale)
