"""The controls of a session, from its fragments to its export."""

from __future__ import annotations

from qtpy.QtWidgets import QComboBox, QPushButton, QVBoxLayout, QWidget
from superqt.utils import QSignalThrottler

from napari_nx46.data.fragments import Fragment
from napari_nx46.files.presets import PresetStore, default_store
from napari_nx46.viewer.canvas.layers import data_set_name
from napari_nx46.viewer.corrections.panel import CorrectionsPanel
from napari_nx46.viewer.look.three_d_panel import ThreeDPanel
from napari_nx46.viewer.tune.compiling_note import CompilingNote
from napari_nx46.viewer.tune.density_button import DensityPanel
from napari_nx46.viewer.tune.export_panel import ExportPanel
from napari_nx46.viewer.tune.fragment_panel import FragmentPanel
from napari_nx46.viewer.tune.knob_panel import KnobPanel
from napari_nx46.viewer.tune.knobs import Knob
from napari_nx46.viewer.tune.overlay_panel import OverlayPanel
from napari_nx46.viewer.tune.preset_panel import PresetPanel
from napari_nx46.viewer.tune.read_out import ReadOut
from napari_nx46.viewer.tune.reading_panel import ReadingPanel
from napari_nx46.viewer.tune.score_panel import ScorePanel
from napari_nx46.viewer.widgets.layout import VerticalScrollArea, rule
from napari_nx46.viewer.widgets.reveal import Reveal
from napari_nx46.viewer.widgets.wheel_guard import WheelGuard
from napari_nx46.viewer.window.docks import open_dock_named
from napari_nx46.viewer.window.viewer_session import ViewerSession

READ_OUT_MILLISECONDS = 60
"""The numbers change no faster than they can be read: painting them holds up the canvas."""


class TunePanel(QWidget):
    """The controls of one session: knobs that scroll, between read-outs and what ends the work.

    Parameters
    ----------
    viewer_session : ViewerSession
    presets : PresetStore, optional
        The user's own presets; those of the user's configuration by default.

    Attributes
    ----------
    scroll : VerticalScrollArea
        Has the knobs; above it is what the mask measures, below it how it is accepted and exported.
    """

    def __init__(
        self,
        viewer_session: ViewerSession,
        presets: PresetStore | None = None,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._session = session = viewer_session.session
        self.fragment_panel = FragmentPanel()
        self.reading_panel = ReadingPanel(session.dataset)
        self.compiling_note = CompilingNote(session)
        self.preset_panel = PresetPanel(session, presets or default_store())
        self.knob_panel = KnobPanel(session)
        self.read_out = ReadOut(session.band)
        self.density_panel = DensityPanel(session)
        self.suggest_button = QPushButton("Suggest …")
        viewer = viewer_session.viewer
        self.suggest_button.clicked.connect(lambda: open_dock_named(viewer, "Suggest"))
        self.suggest_button.setToolTip("Look for the best setting over all knobs in a few minutes")
        self.score_panel = ScorePanel(viewer_session.scores, viewer_session.errors)
        self.overlay_panel = OverlayPanel(viewer_session.overlay)
        self.three_d_panel = ThreeDPanel(viewer_session.three_d)
        self.corrections_panel = CorrectionsPanel(session, viewer_session.corrections)
        self.export_panel = ExportPanel(session, viewer_session.runs)
        self.scroll = VerticalScrollArea()
        self.fragment_panel.show_data_set(data_set_name(session.dataset), session.dataset.image_ids)
        self.fragment_panel.show_fragment(session.fragment)
        viewer_session.opening.found_faults.connect(self.fragment_panel.mark_faulty)
        self._arrange()
        self._connect()

    @property
    def knobs(self) -> dict[str, Knob]:
        """The knobs that are numbers, by the names of the setting's fields."""
        return self.knob_panel.knobs

    @property
    def domain_box(self) -> QComboBox:
        """Chooses where the quantile is taken."""
        return self.knob_panel.choice("domain").box

    def cancel_jobs(self) -> None:
        """Stop what goes on in the background."""
        self.density_panel.cancel()
        if self.export_panel.running:
            self.export_panel.cancel_export()

    def _connect(self) -> None:
        session = self._session
        self.fragment_panel.chosen.connect(self._choose_fragment)
        self.fragment_panel.stepped.connect(session.step_fragment)
        self.read_out.band_edited.connect(lambda low, high: session.set_band((low, high)))
        self._show_figures = QSignalThrottler(parent=self)
        self._show_figures.setTimeout(READ_OUT_MILLISECONDS)
        self._show_figures.triggered.connect(lambda: self.read_out.show_figures(session.figures))
        session.figures_changed.connect(lambda figures: self._show_figures.throttle())
        session.band_changed.connect(self.read_out.set_band)
        session.fragment_changed.connect(self._show_fragment)
        reveal, answer = Reveal(self.scroll), self.export_panel.result_label
        self.export_panel.answered.connect(lambda: reveal.begin(answer))
        for section in (*self.knob_panel.sections.values(), self.knob_panel.more):
            section.toggleButton().clicked.connect(lambda _on, one=section: reveal.begin(one))

    def _choose_fragment(self, image_id: str) -> None:
        """Show the fragment that was chosen, or have the list stand at the old one again."""
        if not self._session.show_fragment(image_id):
            self.fragment_panel.show_fragment(self._session.fragment)

    def _show_fragment(self, fragment: Fragment) -> None:
        self.fragment_panel.show_fragment(fragment)

    def _arrange(self) -> None:
        head = _column((self.fragment_panel, self.compiling_note, self.read_out))
        knobs = _column(
            (
                *(self.reading_panel, self.preset_panel, self.knob_panel),
                *(self.density_panel, self.suggest_button),
            ),
            (self.score_panel,),
            (self.overlay_panel, self.three_d_panel),
            (self.corrections_panel,),
            (self.export_panel,),
        )
        knobs.layout().setContentsMargins(0, 0, 6, 0)
        knobs.layout().addStretch(1)
        self.scroll.setWidget(knobs)
        foot = self.export_panel.foot
        for fixed in (head, foot):
            WheelGuard(fixed, self.scroll.verticalScrollBar())
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        layout.addWidget(head)
        layout.addWidget(rule())
        layout.addWidget(self.scroll, 1)
        layout.addWidget(rule())
        layout.addWidget(foot)


def _column(*groups: tuple[QWidget, ...]) -> QWidget:
    """Return groups of widgets below each other, with a line between two groups."""
    column = QWidget()
    layout = QVBoxLayout(column)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(8)
    for group in groups:
        if layout.count():
            layout.addWidget(rule())
        for widget in group:
            layout.addWidget(widget)
    return column
