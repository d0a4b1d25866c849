"""The competition's score of the mask that is shown, with its parts."""

from __future__ import annotations

from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QCheckBox,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QVBoxLayout,
    QWidget,
)
from superqt.utils import signals_blocked

from napari_nx46.leaderboard import COMPETITION, LeaderboardScore
from napari_nx46.live.arrays.errors import ErrorClass
from napari_nx46.live.derived.graph import State
from napari_nx46.live.derived.scoring import LabelState, ScoreFollower, Scores
from napari_nx46.live.derived.slice_score import SliceScore
from napari_nx46.viewer.canvas.error_overlay import CLASS_COLORS, ErrorOverlay
from napari_nx46.viewer.messages.plain_text import (
    MarkupLabel,
    PlainLabel,
    escaped,
    markup_tip,
    plain_tip,
)
from napari_nx46.viewer.widgets.number_label import number_label, show_number
from napari_nx46.voxels.overlap import Overlap

LABEL_TEXTS = {
    LabelState.NONE: "no label for this fragment",
    LabelState.LOADING: "reading the label…",
    LabelState.DAMAGED: "the label cannot be read",
}
PARTS = ("TopoScore", "SurfaceDice", "VOI score")
FIGURES = ("Precision", "Recall", "Dice", "SurfaceDice")
DIMENSIONS = ("Components", "Loops", "Cavities")
LEGEND = {
    ErrorClass.TRUE_POSITIVE: "true",
    ErrorClass.FALSE_POSITIVE: "false",
    ErrorClass.FALSE_NEGATIVE: "missed",
    ErrorClass.IGNORED: "ignored",
}
VALUE_SCALE = 1.7
BUSY_HEIGHT = 4

IGNORED_SLICE = "ignored"
"""What stands beside the dashes where the label ignores the whole slice."""


class ScorePanel(QWidget):
    """Leaderboard score of the fragment, its parts, the slice's figures, and the error overlay.

    Parameters
    ----------
    follower : ScoreFollower
    errors : ErrorOverlay

    Attributes
    ----------
    value_label : QLabel
        Leaderboard score of the fragment.
    part_labels : dict of str to QLabel
        By the names in `PARTS`.
    slice_labels : dict of str to QLabel
        By the names in `FIGURES`.
    block_box, errors_box : QCheckBox
    block_label : QLabel
    message_label : QLabel
        Why there are no scores.
    busy_bar : QProgressBar
    """

    def __init__(
        self, follower: ScoreFollower, errors: ErrorOverlay, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._follower = follower
        self._errors = errors
        self.message_label = PlainLabel()
        self.value_label = _big_label()
        self.busy_bar = _busy_bar()
        self.part_labels = {part: number_label() for part in PARTS}
        self.detail_labels = {part: _detail_label() for part in PARTS}
        self.slice_labels = {figure: number_label("0.000") for figure in FIGURES}
        self.slice_state = PlainLabel()
        self.block_box = QCheckBox("Block score")
        self.block_box.setToolTip(
            "Score the visible block by itself, as if it were the whole fragment"
        )
        self.block_label = number_label()
        self.errors_box = QCheckBox("Errors")
        self.errors_box.setToolTip("Show where mask and label differ (J)")
        self.legend = _legend()
        self._body = QWidget()
        self._arrange()
        follower.scores_changed.connect(self.show_scores)
        errors.shown_changed.connect(self._show_errors)
        self.block_box.toggled.connect(follower.follow_block)
        self.errors_box.toggled.connect(errors.show)
        self.show_scores(follower.scores)
        self._show_errors(errors.shown)

    def show_scores(self, scores: Scores) -> None:
        """Show scores; those that are older than the sliders are dimmed and have a "≈"."""
        self.message_label.setText(LABEL_TEXTS.get(scores.label, ""))
        self.message_label.setVisible(scores.label in LABEL_TEXTS)
        self._body.setEnabled(scores.label is LabelState.READY)
        self._show_fragment(scores.fragment)
        self._show_slice(scores.slice, scores.slice_exact)
        self._show_block(scores.block)
        self.busy_bar.setVisible(scores.fragment.busy or scores.block.busy)

    def _show_fragment(self, state: State[LeaderboardScore]) -> None:
        score = state.result
        show_number(self.value_label, _value_of(state), exact=state.is_current)
        values = (None,) * 3 if score is None else _part_values(score)
        details = ("",) * 3 if score is None else _part_details(score)
        for part, value, detail in zip(PARTS, values, details, strict=True):
            show_number(self.part_labels[part], value, exact=state.is_current)
            self.detail_labels[part].setText(detail)
            self.detail_labels[part].setEnabled(state.is_current)
        tips = ("",) * 3 if score is None else _part_tips(score)
        for part, tip in zip(PARTS, tips, strict=True):
            self.part_labels[part].setToolTip(markup_tip(tip))
            self.detail_labels[part].setToolTip(markup_tip(tip))

    def _show_block(self, state: State[LeaderboardScore]) -> None:
        show_number(self.block_label, _value_of(state), exact=state.is_current)
        self.block_label.setToolTip(plain_tip(_block_tip(state.result)))

    def _show_slice(self, score: SliceScore | None, exact: bool) -> None:
        values: tuple[float | None, ...] = (None,) * 4
        voxels = None if score is None else score.voxels
        if score is not None and voxels is not None:
            values = (voxels.precision, voxels.recall, voxels.dice, score.surface_dice)
        self.slice_state.setText(_slice_state(score, exact=exact))
        tip = "" if voxels is None else _voxel_tip(voxels)
        for figure, value in zip(FIGURES, values, strict=True):
            label = self.slice_labels[figure]
            show_number(label, value, exact=True, digits=3)
            label.setEnabled(exact)
            label.setToolTip(plain_tip(tip))

    def _show_errors(self, shown: bool) -> None:
        with signals_blocked(self.errors_box):
            self.errors_box.setChecked(shown)
        self.legend.setVisible(shown)

    # ---- layout ----------------------------------------------------------------------------

    def _arrange(self) -> None:
        body = QVBoxLayout(self._body)
        body.setContentsMargins(0, 0, 0, 0)
        body.setSpacing(6)
        body.addLayout(self._parts_grid())
        body.addWidget(_thin_rule())
        body.addLayout(self._slice_grid())
        body.addWidget(_thin_rule())
        body.addLayout(self._choices())
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        title = QHBoxLayout()
        title.addWidget(PlainLabel("Leaderboard score"))
        title.addStretch(1)
        title.addWidget(self.value_label)
        layout.addLayout(title)
        layout.addWidget(self.busy_bar)
        layout.addWidget(self.message_label)
        layout.addWidget(self._body)

    def _parts_grid(self) -> QGridLayout:
        grid = QGridLayout()
        grid.setVerticalSpacing(3)
        weights = COMPETITION.part_weights
        shares = (weights.topo, weights.surface_dice, weights.voi)
        for row, (part, share) in enumerate(zip(PARTS, shares, strict=True)):
            name = PlainLabel(part)
            name.setToolTip(plain_tip(f"{share:.0%} of the leaderboard score"))
            grid.addWidget(name, row, 0)
            grid.addWidget(self.part_labels[part], row, 1)
            grid.addWidget(self.detail_labels[part], row, 2)
        grid.setColumnStretch(2, 1)
        return grid

    def _slice_grid(self) -> QGridLayout:
        grid = QGridLayout()
        grid.setVerticalSpacing(2)
        grid.setHorizontalSpacing(2)
        grid.addWidget(PlainLabel("Slice"), 0, 0)
        grid.addWidget(self.slice_state, 1, 0)
        for column, figure in enumerate(FIGURES, start=1):
            heading = PlainLabel(figure)
            heading.setAlignment(Qt.AlignmentFlag.AlignRight)
            grid.addWidget(heading, 0, column)
            grid.addWidget(self.slice_labels[figure], 1, column)
            grid.setColumnStretch(column, 1)
        return grid

    def _choices(self) -> QVBoxLayout:
        block = QHBoxLayout()
        block.addWidget(self.block_box)
        block.addStretch(1)
        block.addWidget(self.block_label)
        choices = QVBoxLayout()
        choices.setSpacing(4)
        choices.addLayout(block)
        choices.addWidget(self.errors_box)
        choices.addWidget(self.legend)
        return choices


def _value_of(state: State[LeaderboardScore]) -> float | None:
    return None if state.result is None else state.result.value


def _part_values(score: LeaderboardScore) -> tuple[float, float, float]:
    return score.topo.value, score.surface_dice, score.voi.value


def _part_details(score: LeaderboardScore) -> tuple[str, str, str]:
    """Return what stands beside each part."""
    active = (dimension.f1 for dimension in score.topo.dimensions)
    f1 = " · ".join("–" if value is None else f"{value:.2f}" for value in active)
    split_and_merge = f"split {score.voi.split:.2f} merge {score.voi.merge:.2f}"
    return f"F1 {f1}", "", split_and_merge


def _part_tips(score: LeaderboardScore) -> tuple[str, str, str]:
    """Return the markup of the parts' tips."""
    voi = f"bits: split H(mask | label) {score.voi.split:.4f}, merge {score.voi.merge:.4f}"
    return _topology_table(score), escaped(_voxel_tip(score.voxels)), escaped(voi)


def _topology_table(score: LeaderboardScore) -> str:
    """Return the counts of TopoScore as a table in rich text."""
    rows = ["<tr><th></th><th>matched</th><th>predicted</th><th>true</th><th>F1</th></tr>"]
    for name, dimension in zip(DIMENSIONS, score.topo.dimensions, strict=True):
        counts = dimension.counts
        f1 = "–" if dimension.f1 is None else f"{dimension.f1:.4f}"
        cells = (counts.matched, counts.predicted, counts.true, f1)
        columns = "".join(f"<td align='right'>&nbsp;{cell}</td>" for cell in cells)
        rows.append(f"<tr><td>{name}</td>{columns}</tr>")
    return f"<table>{''.join(rows)}</table>"


def _voxel_tip(voxels: Overlap) -> str:
    return (
        f"voxels: {voxels.both:,} true positive, {voxels.only_a:,} false positive,"
        f" {voxels.only_b:,} false negative; precision {voxels.precision:.4f},"
        f" recall {voxels.recall:.4f}, Dice {voxels.dice:.4f}"
    )


def _slice_state(score: SliceScore | None, *, exact: bool) -> str:
    if score is None:
        return ""
    return IGNORED_SLICE if score.ignored else "" if exact else "≈"


def _block_tip(score: LeaderboardScore | None) -> str:
    if score is None:
        return ""
    values = zip(PARTS, _part_values(score), strict=True)
    return ", ".join(f"{part} {value:.4f}" for part, value in values)


def _big_label() -> QLabel:
    label = number_label("")
    # napari's style sheet sets the size of all labels, and so outdoes a font.
    pixels = round(VALUE_SCALE * label.fontInfo().pixelSize())
    label.setStyleSheet(f"font-size: {pixels}px;")
    label.setAccessibleName("Leaderboard score")
    return label


def _detail_label() -> QLabel:
    label = PlainLabel()
    label.setMinimumWidth(1)  # large numbers are cut off rather than widen the dock
    return label


def _busy_bar() -> QProgressBar:
    """Return a thin bar that moves, and keeps its place while it is hidden."""
    bar = QProgressBar()
    bar.setTextVisible(False)
    bar.setFixedHeight(BUSY_HEIGHT)
    bar.setRange(0, 0)
    bar.setToolTip("computing…")
    bar.setAccessibleName("The leaderboard score is being computed")
    policy = bar.sizePolicy()
    policy.setRetainSizeWhenHidden(True)
    bar.setSizePolicy(policy)
    return bar


def _legend() -> QWidget:
    """Return the colours of the error classes with their names, in one row."""
    legend = QWidget()
    row = QHBoxLayout(legend)
    row.setContentsMargins(0, 0, 0, 0)
    row.setSpacing(6)
    for kind, text in LEGEND.items():
        row.addWidget(_legend_entry(CLASS_COLORS[kind], text))
    return legend


def _legend_entry(color: str, text: str) -> QLabel:
    return MarkupLabel(f"<span style='color:{color}'>■</span>&nbsp;{{text}}", text=text)


def _thin_rule() -> QFrame:
    rule = QFrame()
    rule.setFrameShape(QFrame.Shape.HLine)
    rule.setFrameShadow(QFrame.Shadow.Plain)
    return rule
