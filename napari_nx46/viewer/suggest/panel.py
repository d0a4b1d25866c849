"""The search of one session: how long, on what, how far it is, and what came of it."""

from __future__ import annotations

from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QComboBox, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from napari_nx46.files.naming import plural
from napari_nx46.live.suggest.suggester import Suggester, SuggestState
from napari_nx46.run.job import Progress
from napari_nx46.run.suggest.suggest import Suggestion
from napari_nx46.setting import Setting, described_knobs
from napari_nx46.viewer.messages.notices import notify_error
from napari_nx46.viewer.messages.plain_text import PlainLabel, plain_tip
from napari_nx46.viewer.plots.colors import plot_colors
from napari_nx46.viewer.qt.connections import Connections
from napari_nx46.viewer.suggest.bars import ShareBars
from napari_nx46.viewer.widgets.layout import VerticalScrollArea, WrappedLabel
from napari_nx46.viewer.widgets.number_boxes import CountBox
from napari_nx46.viewer.widgets.progress_row import ProgressRow
from napari_nx46.viewer.window.viewer_session import ViewerSession

__all__ = ["SuggestPanel"]

USUAL_MINUTES, MOST_MINUTES = 5, 24 * 60
TICK_MILLISECONDS = 500

SUGGEST_TIP = (
    "Search over all knobs that can matter, from where the sliders stand. The sliders and the"
    " picture follow the best so far, until you move a slider."
)
NOTHING_YET = (
    "The search begins from where the sliders stand. It compares settings by the exact score of"
    " labelled fragments; without any label by figures that need none."
)


class SuggestPanel(QWidget):
    """What begins a search, shows how far it is, and what is to be expected of its setting.

    Parameters
    ----------
    viewer_session : ViewerSession

    Attributes
    ----------
    suggester : Suggester
    minutes_box : CountBox
    fragments_box : QComboBox
        Whether all fragments count, or that which is shown.
    suggest_button, take_button, undo_button : QPushButton
    progress_row : ProgressRow
    words : WrappedLabel
        What was found.
    bars : ShareBars
        How much each knob matters.
    """

    def __init__(self, viewer_session: ViewerSession, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._viewer_session = viewer_session
        session = viewer_session.session
        self.suggester = Suggester(session, viewer_session.workspace)
        self.suggester.failed.connect(notify_error)
        self.destroyed.connect(self.suggester.close)
        self.minutes_box = CountBox()
        self.minutes_box.setRange(1, MOST_MINUTES)
        self.minutes_box.setValue(USUAL_MINUTES)
        self.minutes_box.setSuffix(" min")
        self.minutes_box.setAccessibleName("How many minutes the search takes at most")
        self.fragments_box = QComboBox()
        self.fragments_box.addItem("All fragments", True)
        self.fragments_box.addItem("This fragment", False)
        self.fragments_box.setToolTip(
            plain_tip("With several labelled fragments the search says what to expect on others")
        )
        self.fragments_box.setEnabled(len(session.dataset.image_ids) > 1)
        self.suggest_button = QPushButton("Suggest")
        self.suggest_button.setToolTip(plain_tip(SUGGEST_TIP))
        self.take_button = QPushButton("Take")
        self.take_button.setToolTip(plain_tip("Set the sliders as they stand at the best"))
        self.undo_button = QPushButton("Undo")
        self.undo_button.setToolTip(
            plain_tip("Set the sliders as they stood when the search began")
        )
        self.progress_row = ProgressRow(
            "End the search; the best so far is kept", "Searching", self.suggester.stop
        )
        self.progress_row.cancel_button.setText("Stop")
        self.words = WrappedLabel()
        self.bars_title = PlainLabel("Which knobs matter")
        self.bars = ShareBars("Importance of the knobs", plot_colors(viewer_session.viewer.theme))
        self._arrange()
        self._tick = QTimer(self)
        self._tick.setInterval(TICK_MILLISECONDS)
        self._tick.timeout.connect(self._show_progress)
        self._following = Connections(self)
        self._connect()
        self.refresh()

    def refresh(self) -> None:
        """Show how far the search is now."""
        running, state = self.suggester.running, self.suggester.state
        self.suggest_button.setEnabled(not running)
        self.take_button.setEnabled(self.suggester.can_take)
        self.undo_button.setEnabled(self.suggester.can_undo)
        if running and self.progress_row.isHidden():
            self.progress_row.begin("Trying the start …")
            self._tick.start()
        elif not running:
            self._tick.stop()
            self.progress_row.end()
        self._show_progress()
        self.words.setText(_words(state, running=running))
        self._show_importance(None if state is None else state.suggestion)

    def begin(self) -> None:
        """Search from where the sliders stand."""
        self.suggester.begin(
            60.0 * self.minutes_box.value(), all_fragments=bool(self.fragments_box.currentData())
        )

    def show_theme(self, event: object = None) -> None:
        """Draw in the colours of the window's theme."""
        self.bars.show_colors(plot_colors(self._viewer_session.viewer.theme))

    def _show_progress(self) -> None:
        state = self.suggester.state
        if state is None or not self.suggester.running:
            return
        gone = state.seconds_gone
        self.progress_row.show_progress(Progress(gone, state.seconds))
        found = state.found
        if self.suggester.stopping:
            self.progress_row.say("Summing up what was tried …")
        elif found is not None:
            left = round(state.seconds - gone)
            self.progress_row.say(
                f"{plural(found.tried, 'setting')} tried, {found.whole} on whole fragments;"
                f" {left // 60}:{left % 60:02d} left"
            )

    def _show_importance(self, suggestion: Suggestion | None) -> None:
        titles = described_knobs(Setting)
        importance = {} if suggestion is None else suggestion.findings.importance or {}
        self.bars.show_shares({titles[name].title: one for name, one in importance.items()})
        self.bars_title.setVisible(bool(self.bars.shares))

    def _connect(self) -> None:
        self.suggest_button.clicked.connect(self.begin)
        self.take_button.clicked.connect(self.suggester.take)
        self.undo_button.clicked.connect(self.suggester.undo)
        self._following.follow(self.suggester.changed, self.refresh)
        theme = self._viewer_session.viewer.events.theme
        theme.connect(self.show_theme)
        self.destroyed.connect(lambda: theme.disconnect(self.show_theme))

    def _arrange(self) -> None:
        asked, actions = QHBoxLayout(), QHBoxLayout()
        for widget in (self.minutes_box, self.fragments_box):
            asked.addWidget(widget)
        for button in (self.suggest_button, self.take_button, self.undo_button):
            actions.addWidget(button)
        for row in (asked, actions):
            row.addStretch(1)
        found = QWidget()
        below = QVBoxLayout(found)
        below.setContentsMargins(0, 0, 6, 0)
        for shown in (self.words, self.bars_title, self.bars):
            below.addWidget(shown)
        below.addStretch(1)
        self.scroll = VerticalScrollArea()
        self.scroll.setWidget(found)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        layout.addLayout(asked)
        layout.addLayout(actions)
        layout.addWidget(self.progress_row)
        layout.addWidget(self.scroll, 1)


def _words(state: SuggestState | None, *, running: bool) -> str:
    """Return what was found, a paragraph each."""
    if state is None:
        return NOTHING_YET
    if state.suggestion is not None and not running:
        return "\n\n".join(_of_suggestion(state.suggestion))
    if state.found is None:
        return "" if running else "It was stopped before the start's own score was known."
    found = state.found
    words = f"Best so far {found.value:.4f} ({found.value - found.start_value:+.4f})."
    follows = "" if state.follows else " The sliders do not follow it, because one was moved."
    return f"{words}{follows}"


def _of_suggestion(suggestion: Suggestion) -> list[str]:
    choice = suggestion.choice
    what = "Score" if suggestion.with_label else "Mean rank"
    worth = (
        f"{what} {choice.value:.6f} ({choice.value - choice.start_value:+.6f}); {choice.around};"
        f" peak of all {choice.peak_value:.6f}."
    )
    tried = f"{plural(suggestion.tried, 'setting')} tried, {suggestion.whole} on whole fragments."
    answers = [f"{one.question} {one.answer}" for one in suggestion.findings.answers]
    return [worth, " ".join(suggestion.sentences()), tried, *answers]
