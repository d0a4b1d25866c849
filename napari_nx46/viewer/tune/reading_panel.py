"""What is read of the probability volumes: which channel, and whether as logits."""

from __future__ import annotations

from dataclasses import replace

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QComboBox, QGridLayout, QWidget

from napari_nx46.data.fragments import DataSet
from napari_nx46.files.volumes.reading import Logits, ReadAs
from napari_nx46.viewer.messages.plain_text import PlainLabel
from napari_nx46.viewer.window.reading import probability_volumes

LOGITS_TEXTS = {
    None: "Probabilities",
    Logits.SIGMOID: "Logits, by sigmoid",
    Logits.SOFTMAX: "Logits, by softmax",
    Logits.FOREGROUND: "Logits, all but the first",
    Logits.DISTANCE: "Signed distances",
}
MOST_LISTED = 1000
"""A box with more channels than that would help nobody."""


class ReadingPanel(QWidget):
    """Chooses the channel of the probability volumes, and how their values are read.

    It is hidden where there is nothing to choose: one channel, of probabilities.

    Parameters
    ----------
    dataset : DataSet

    Attributes
    ----------
    channel_box, logits_box : QComboBox
    chosen : Signal(object)
        The `ReadAs` that the user has chosen in place of the present one.
    """

    chosen = Signal(object)

    def __init__(self, dataset: DataSet, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._read_as = dataset.read_as
        volumes = probability_volumes(dataset)
        self.channels = max((volume.channels or 1 for volume in volumes), default=1)
        self.channel_box = QComboBox()
        self.channel_box.setAccessibleName("Channel")
        self.channel_box.setToolTip("Which channel of the probability volumes is read")
        self.channel_box.addItem(f"Last ({self.channels - 1})", None)
        for channel in range(min(self.channels, MOST_LISTED)):
            self.channel_box.addItem(str(channel), channel)
        self.logits_box = QComboBox()
        self.logits_box.setAccessibleName("Values")
        self.logits_box.setToolTip("What the values are, and how logits become probabilities")
        for logits, text in LOGITS_TEXTS.items():
            if logits is None or logits.is_of_channel or self.channels > 1:
                self.logits_box.addItem(text, logits)
        self.show_again()
        self._arrange()
        self.setVisible(self.channels > 1 or dataset.read_as != ReadAs())
        for box in (self.channel_box, self.logits_box):
            box.activated.connect(self._choose)

    def show_again(self) -> None:
        """Show what is read now, as when another choice could not be had."""
        channel, logits = self._read_as.channel, self._read_as.logits
        position = 0 if channel is None else 1 + channel % self.channels
        self.channel_box.setCurrentIndex(position)
        self.logits_box.setCurrentIndex(self.logits_box.findText(LOGITS_TEXTS[logits]))

    @property
    def as_logits(self) -> ReadAs:
        """The present choice, but as logits: by softmax where there are several channels."""
        kind = Logits.SOFTMAX if self.channels > 1 else Logits.SIGMOID
        return replace(self._read_as, logits=kind)

    def _choose(self) -> None:
        chosen = self.logits_box.currentText()
        logits = next(kind for kind, text in LOGITS_TEXTS.items() if text == chosen)
        read_as = replace(self._read_as, channel=self.channel_box.currentData(), logits=logits)
        if read_as != self._read_as:
            self.chosen.emit(read_as)

    def _arrange(self) -> None:
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.addWidget(PlainLabel("Reading"), 0, 0)
        channel = PlainLabel("channel")
        grid.addWidget(channel, 0, 1)
        grid.addWidget(self.channel_box, 0, 2)
        grid.addWidget(PlainLabel("values"), 1, 1)
        grid.addWidget(self.logits_box, 1, 2)
        grid.setColumnStretch(2, 1)
        for widget in (channel, self.channel_box):
            widget.setVisible(self.channels > 1)
