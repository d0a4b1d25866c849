"""How far work in the background is, and a button that cancels it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from qtpy.QtWidgets import QGridLayout, QProgressBar, QPushButton, QWidget

from napari_nx46.run.job import Job, Progress
from napari_nx46.viewer.messages.plain_text import plain_tip
from napari_nx46.viewer.widgets.layout import WrappedLabel

STEPS = 1000
"""Of a bar that shows a share: Qt counts in whole numbers."""


class ProgressRow(QWidget):
    """A bar with what is being done above it, and a button beside it; hidden while nothing is.

    Parameters
    ----------
    tip : str
        What the button does.
    name : str
        Accessible name of the bar.
    cancel : callable, optional
        Called when the button is clicked.

    Attributes
    ----------
    label : QLabel
        Hidden while there are no words.
    bar : QProgressBar
    cancel_button : QPushButton
        Disabled once it was clicked.
    """

    def __init__(self, tip: str, name: str, cancel: Callable[[], None] | None = None) -> None:
        super().__init__()
        self._cancel = cancel
        self.label = WrappedLabel()
        self.bar = QProgressBar()
        self.bar.setAccessibleName(name)
        self.cancel_button = QPushButton("Cancel")
        self.cancel_button.setToolTip(plain_tip(tip))
        self.cancel_button.clicked.connect(self.give_up)
        layout = QGridLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.label, 0, 0)
        layout.addWidget(self.bar, 1, 0)
        layout.addWidget(self.cancel_button, 0, 1, 2, 1)
        layout.setColumnStretch(0, 1)
        self.end()

    def begin(self, words: str = "") -> None:
        """Show the row, with a bar that only moves until there is progress."""
        self.bar.setRange(0, 0)
        self.say(words)
        self.cancel_button.setEnabled(True)
        self.show()

    def show_busy(self, words: str) -> None:
        """Show what is being done; hide the row where that is nothing."""
        if words:
            self.begin(words)
        else:
            self.end()

    def say(self, words: str) -> None:
        """Show what is being done."""
        self.label.setText(words)
        self.label.setVisible(bool(words))

    def show_progress(self, progress: Progress) -> None:
        """Show how much is done."""
        scale = STEPS if progress.total == 1 else 1
        self.bar.setRange(0, round(scale * progress.total))
        self.bar.setValue(round(scale * progress.done))

    def end(self) -> None:
        """Hide the row."""
        self.say("")
        self.hide()

    def follow(self, job: Job[Any], cancel: Callable[[], None] | None = None) -> None:
        """Show a job from now until it ends; cancel it with the button.

        Parameters
        ----------
        job : Job
            Reports `Progress`.
        cancel : callable, optional
            Called instead of the job's own `cancel`.
        """
        self._cancel = cancel or job.cancel
        job.progressed.connect(self.show_progress)
        job.ended.connect(self.end)
        self.begin()

    def give_up(self) -> None:
        """Cancel what is being done."""
        self.cancel_button.setEnabled(False)
        if self._cancel is not None:
            self._cancel()
