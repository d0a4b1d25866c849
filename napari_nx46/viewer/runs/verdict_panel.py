"""Go or no-go, large, with every reason and the figures beside the baseline's."""

from __future__ import annotations

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_nx46.live.jobs.run_words import accepted_words, judged_words
from napari_nx46.live.jobs.runs import Judgement
from napari_nx46.run.compare.report import FIGURE_WORDS, figure_text
from napari_nx46.run.judge.verdict import FigureDelta
from napari_nx46.run.okabe_ito import GREEN, VERMILION
from napari_nx46.viewer.messages.plain_text import PlainLabel
from napari_nx46.viewer.widgets.fitted_table import FittedTable
from napari_nx46.viewer.widgets.layout import WrappedLabel
from napari_nx46.viewer.widgets.number_label import UNKNOWN

GO_COLOR = GREEN
NO_GO_COLOR = VERMILION
OUTDATED_COLOR = "#707070"
"""White on each of them can be read when it is large.
"""
COLUMNS = ("run", "baseline", "Δ")
SCORE_WORDS = {"public_score": "public score", "private_score": "private score"}


class VerdictPanel(QWidget):
    """The last verdict; nothing before there is one.

    Attributes
    ----------
    badge, about_label, reasons_label, accepted_label : QLabel
    table : FittedTable
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.badge = PlainLabel()
        self.badge.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.badge.setAccessibleName("Verdict")
        self.about_label = WrappedLabel()
        self.about_label.setStyleSheet("font-weight: bold;")
        self.reasons_label = WrappedLabel()
        self.accepted_label = WrappedLabel()
        self.table = FittedTable("The run beside the baseline")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        for widget in (
            *(self.badge, self.about_label, self.reasons_label, self.accepted_label),
            self.table,
        ):
            layout.addWidget(widget)
        self.hide()

    def show_judgement(self, judgement: Judgement) -> None:
        """Show a verdict that has just been given."""
        verdict = judgement.verdict
        self._show_badge(
            "✓ GO" if verdict.go else "✗ NO-GO", GO_COLOR if verdict.go else NO_GO_COLOR
        )
        self.about_label.setText(judged_words(judgement))
        self.reasons_label.setText(
            "\n".join(
                [
                    *(f"• {_sentence(reason)}" for reason in verdict.reasons),
                    *(f"⚠ {_sentence(note)}" for note in verdict.notes),
                ]
            )
        )
        self.accepted_label.setText(accepted_words(judgement))
        self._show_deltas(verdict.deltas)
        self.setEnabled(True)
        self.show()

    def show_outdated(self) -> None:
        """Show that the verdict rests on scores, or a baseline, that are others now."""
        if self.isEnabled() and not self.isHidden():
            self._show_badge(f"{self.badge.text()} ≈ judge again", OUTDATED_COLOR)
            self.setEnabled(False)

    def _show_badge(self, text: str, color: str) -> None:
        self.badge.setText(text)
        self.badge.setStyleSheet(
            f"background-color: {color}; color: white; font-size: 20pt; font-weight: bold;"
            " border-radius: 4px; padding: 6px;"
        )

    def _show_deltas(self, deltas: tuple[FigureDelta, ...]) -> None:
        words = {**SCORE_WORDS, **FIGURE_WORDS}
        lines = [
            (words[one.name], [text or UNKNOWN for text in _figure_texts(one)])
            for one in deltas
            if one.name in words
        ]
        self.table.setVisible(bool(lines))
        self.table.show_lines(COLUMNS, lines)


def _figure_texts(figure: FigureDelta) -> tuple[str, str, str]:
    return (
        figure_text(figure.name, figure.value),
        figure_text(figure.name, figure.baseline),
        figure_text(figure.name, figure.delta, signed=True),
    )


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + "."
