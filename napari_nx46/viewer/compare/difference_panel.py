"""Two masks, how far they agree, and where they differ most."""

from __future__ import annotations

from qtpy.QtCore import Qt, QTimer
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QGridLayout,
    QHBoxLayout,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QVBoxLayout,
    QWidget,
)
from superqt.utils import signals_blocked

from napari_nx46.live.arrays.difference import DifferenceClass
from napari_nx46.live.derived.comparison import Comparison
from napari_nx46.live.masks.choices import LIVE
from napari_nx46.viewer.compare.difference_overlay import CLASS_COLORS
from napari_nx46.viewer.messages.plain_text import MarkupLabel, PlainLabel, plain_tip
from napari_nx46.viewer.qt.connections import Connections
from napari_nx46.viewer.widgets.number_label import UNKNOWN, number_label
from napari_nx46.viewer.window.viewer_session import ViewerSession
from napari_nx46.voxels.overlap import Overlap

COUNT_MILLISECONDS = 60
"""The numbers change no faster than they can be read: painting them holds up the canvas."""
MOST_WORST_SLICES = 8
COLUMNS = ("Slice", "Fragment")
COUNTED = (DifferenceClass.ONLY_A, DifferenceClass.ONLY_B, DifferenceClass.BOTH)
FIGURES: tuple[DifferenceClass | str, ...] = (*COUNTED, "Dice", "IoU")
WORST_HEIGHT = 56


class DifferencePanel(QWidget):
    """Compares two masks of a session: in the slice at once, in the fragment once all has settled.

    Parameters
    ----------
    viewer_session : ViewerSession

    Attributes
    ----------
    first_box, second_box : QComboBox
        What is compared.
    difference_box : QCheckBox
        Shows the layer of the differences.
    beside_box : QCheckBox
        Shows the two side by side.
    figure_labels : dict of (str, DifferenceClass or str) to QLabel
        By what `COLUMNS` and `FIGURES` hold.
    legend_labels : dict of DifferenceClass to QLabel
        The colours, and which mask they stand for.
    score_button : QPushButton
    score_label : QLabel
    worst_list : QListWidget
        The slices that differ most; a click shows one.
    message_label : QLabel
        Why there is nothing to see.
    """

    def __init__(self, viewer_session: ViewerSession, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._viewer_session = viewer_session
        self._pair = viewer_session.compare.pair
        self._difference = viewer_session.compare.difference
        self.first_box, self.second_box = _name_box("First mask"), _name_box("Second mask")
        self.difference_box = QCheckBox("Difference")
        self.difference_box.setToolTip("Show where the two masks differ (U)")
        self.beside_box = QCheckBox("Side by side")
        self.beside_box.setToolTip("The first mask on the left, the second on the right (Shift+U)")
        self.figure_labels = {
            (column, figure): number_label("≈ 88,888,888")
            for column in COLUMNS
            for figure in FIGURES
        }
        self.legend_labels = {kind: _cut_off_label() for kind in COUNTED}
        self.score_button = QPushButton("Score")
        self.score_label = number_label()
        self.worst_list = QListWidget()
        self.worst_list.setFlow(QListWidget.Flow.LeftToRight)
        self.worst_list.setWrapping(True)
        self.worst_list.setResizeMode(QListWidget.ResizeMode.Adjust)
        self.worst_list.setSpacing(1)
        self.worst_list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.worst_list.setMaximumHeight(WORST_HEIGHT)
        self.worst_list.setAccessibleName("Slices that differ most")
        self.worst_list.setToolTip("A click shows the slice")
        self.message_label = PlainLabel()
        self.message_label.setWordWrap(True)
        self._count = QTimer(self)
        self._count.setSingleShot(True)
        self._count.setInterval(COUNT_MILLISECONDS)
        self._count.timeout.connect(self._show_slice)
        self._arrange()
        self._connect()
        self._compare()

    # ---- showing ---------------------------------------------------------------------------

    def _compare(self) -> None:
        """Have the two masks compared that are chosen now."""
        self._pair.compare_in(self._viewer_session.comparison)
        self._show_choice()

    def _show_choice(self) -> None:
        """Show which masks can be chosen, which are, and whether they are there."""
        names = self._viewer_session.compare.choices.names
        for box, chosen in (
            (self.first_box, self._pair.first),
            (self.second_box, self._pair.second),
        ):
            with signals_blocked(box):
                box.clear()
                box.addItems([_title(name) for name in names])
                box.setCurrentIndex(-1 if chosen is None else names.index(chosen))
        self._show_legend()
        self.second_box.setEnabled(self._pair.second is not None)
        for box in (self.difference_box, self.beside_box):
            box.setEnabled(self._pair.second is not None)
        self.message_label.setText(self._message())
        self.message_label.setVisible(bool(self._message()))
        self._show_slice()
        self._show_comparison(self._viewer_session.comparison.comparison)

    def _show_legend(self) -> None:
        """Say which mask each colour stands for."""
        first, second = (_title(name or UNKNOWN) for name in (self._pair.first, self._pair.second))
        names = (f"only {first}", f"only {second}", "both")
        for (kind, label), name in zip(self.legend_labels.items(), names, strict=True):
            square = f"<span style='color:{CLASS_COLORS[kind]}'>■</span>"
            label.show_texts(f"{square}&nbsp;{{name}}", name=name)
            label.setToolTip(plain_tip(name))

    def _message(self) -> str:
        pair = self._pair
        if pair.second is None:
            return "Pin a setting, or open the masks of others, to compare them."
        absent = map(pair.choices.why_absent, (pair.first, pair.second))
        return "; ".join(filter(None, absent))

    def _choices_changed(self) -> None:
        self._viewer_session.comparison.touch()
        self._show_choice()

    def _mask_changed(self) -> None:
        if not self._count.isActive():
            self._count.start()

    def _show_slice(self) -> None:
        """Count the displayed slice, as it is shown."""
        view = self._viewer_session.session.view
        counted = None if view.three_d else self._pair.overlap(view.plane)
        exact = not self._pair.involves_live() or self._viewer_session.session.figures.exact
        self._show_column("Slice", counted, exact=exact)

    def _show_comparison(self, comparison: Comparison | None) -> None:
        """Show how far the masks agree in the whole fragment."""
        known = comparison is not None and not comparison.stale
        whole = None if comparison is None else comparison.whole
        self._show_column("Fragment", whole, exact=known)
        self._show_score(comparison)
        self.worst_list.clear()
        self.worst_list.setEnabled(known)
        if comparison is None or comparison.slices is None:
            return
        for z in comparison.slices.worst_slices(MOST_WORST_SLICES):
            item = QListWidgetItem(f"z {z} · {comparison.slices[z].dice:.3f}")
            item.setData(Qt.ItemDataRole.UserRole, z)
            item.setToolTip(plain_tip(f"Slice {z}: Dice {comparison.slices[z].dice:.4f}"))
            self.worst_list.addItem(item)

    def _show_score(self, comparison: Comparison | None) -> None:
        known = comparison is not None and not comparison.stale and comparison.slices is not None
        busy = comparison is not None and comparison.scoring
        self.score_button.setEnabled(known and not busy)
        score = None if comparison is None else comparison.score
        self.score_label.setText(
            "…" if busy else UNKNOWN if score is None else f"{score.value:.4f}"
        )
        self.score_label.setEnabled(known)

    def _show_column(self, column: str, counted: Overlap | None, *, exact: bool) -> None:
        texts = (UNKNOWN,) * len(FIGURES) if counted is None else _texts(counted)
        mark = "" if exact or counted is None else "≈ "
        for figure, text in zip(FIGURES, texts, strict=True):
            label = self.figure_labels[column, figure]
            label.setText(mark + text)
            label.setEnabled(exact)

    def _show_shown(self) -> None:
        """Check what is shown, whoever showed it."""
        for box, shown in (
            (self.difference_box, self._difference.shown),
            (self.beside_box, self._viewer_session.side_by_side.shown),
        ):
            with signals_blocked(box):
                box.setChecked(shown)

    # ---- what a user does ------------------------------------------------------------------

    def _choose_first(self, index: int) -> None:
        self._pair.choose_first(self._viewer_session.compare.choices.names[index])

    def _choose_second(self, index: int) -> None:
        self._pair.choose_second(self._viewer_session.compare.choices.names[index])

    def _jump(self, item: QListWidgetItem) -> None:
        self._viewer_session.go_to_slice(item.data(Qt.ItemDataRole.UserRole))

    # ---- layout ----------------------------------------------------------------------------

    def _connect(self) -> None:
        self.first_box.activated.connect(self._choose_first)
        self.second_box.activated.connect(self._choose_second)
        self.difference_box.toggled.connect(self._difference.show)
        self.beside_box.toggled.connect(self._viewer_session.side_by_side.show)
        self.score_button.clicked.connect(self._viewer_session.comparison.ask_for_score)
        self.worst_list.itemClicked.connect(self._jump)
        session, follow = self._viewer_session.session, Connections(self)
        self._following = follow
        follow.follow(self._pair.changed, self._compare)
        follow.follow(self._pair.choices.changed, self._choices_changed)
        follow.follow(self._viewer_session.comparison.comparison_changed, self._show_comparison)
        follow.follow(self._difference.shown_changed, self._show_shown)
        follow.follow(self._viewer_session.side_by_side.shown_changed, self._show_shown)
        follow.follow(session.mask_changed, self._mask_changed)
        follow.follow(session.figures_changed, self._mask_changed)
        self._show_shown()

    def _arrange(self) -> None:
        chosen = QHBoxLayout()
        chosen.addWidget(PlainLabel("Compare"))
        chosen.addWidget(self.first_box, 1)
        chosen.addWidget(PlainLabel("with"))
        chosen.addWidget(self.second_box, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        layout.addLayout(chosen)
        layout.addWidget(self.message_label)
        shown = QHBoxLayout()
        shown.addWidget(self.difference_box)
        shown.addWidget(self.beside_box)
        shown.addStretch(1)
        layout.addLayout(shown)
        layout.addLayout(self._figure_grid())
        layout.addLayout(self._score_row())
        layout.addWidget(PlainLabel("Slices that differ most"))
        layout.addWidget(self.worst_list)

    def _figure_grid(self) -> QGridLayout:
        grid = QGridLayout()
        grid.setVerticalSpacing(2)
        for column, title in enumerate(COLUMNS, 1):
            heading = PlainLabel(title)
            heading.setAlignment(Qt.AlignmentFlag.AlignRight)
            grid.addWidget(heading, 0, column)
            for row, figure in enumerate(FIGURES, 1):
                grid.addWidget(self.figure_labels[title, figure], row, column)
        for row, figure in enumerate(FIGURES, 1):
            name = PlainLabel(figure) if isinstance(figure, str) else self.legend_labels[figure]
            grid.addWidget(name, row, 0)
        grid.setColumnStretch(0, 1)
        return grid

    def _score_row(self) -> QHBoxLayout:
        row = QHBoxLayout()
        self.score_button.setToolTip(
            "Compute the leaderboard score of the first mask; the second one stands for the label"
        )
        row.addWidget(PlainLabel("Leaderboard score"))
        row.addStretch(1)
        row.addWidget(self.score_label)
        row.addWidget(self.score_button)
        return row


def _texts(counted: Overlap) -> tuple[str, ...]:
    counts = (counted.only_a, counted.only_b, counted.both)
    return *(f"{count:,}" for count in counts), f"{counted.dice:.4f}", f"{counted.iou:.4f}"


def _title(name: str) -> str:
    return "Live" if name == LIVE else name


def _cut_off_label() -> MarkupLabel:
    label = MarkupLabel()
    label.setMinimumWidth(1)  # a long name is cut off rather than widen the dock
    return label


def _name_box(name: str) -> QComboBox:
    box = QComboBox()
    box.setAccessibleName(name)
    box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    box.setMinimumContentsLength(4)  # the list shows long names whole
    return box
