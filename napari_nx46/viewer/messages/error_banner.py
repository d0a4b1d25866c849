"""The last error, kept at the top of the dock until it is dealt with."""

from __future__ import annotations

from typing import Any

from napari.utils.notifications import notification_manager
from qtpy.QtCore import Signal, Slot
from qtpy.QtGui import QGuiApplication
from qtpy.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFrame,
    QHBoxLayout,
    QPushButton,
    QTextEdit,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from napari_nx46.files.volumes.opening import LogitsError
from napari_nx46.viewer.messages.error_words import details_of, in_words
from napari_nx46.viewer.messages.notices import ErrorNotice
from napari_nx46.viewer.widgets.layout import WrappedLabel

BORDER = "#e69632"
"""Seen on light and dark themes."""


class ErrorBanner(QFrame):
    """Shows the newest error of this plugin, with its details and what can be done about it.

    Attributes
    ----------
    error : BaseException, optional
        The one that is shown.
    words_label : WrappedLabel
    details_button, logits_button : QPushButton
        The latter is shown where values look like logits.
    dismiss_button : QToolButton
    logits_wanted : Signal()
        The data are to be read as logits.
    """

    logits_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.error: BaseException | None = None
        self.setObjectName("nx46ErrorBanner")
        self.setStyleSheet(
            f"#nx46ErrorBanner {{ border: 1px solid {BORDER}; border-radius: 3px; }}"
        )
        self.words_label = WrappedLabel()
        self.words_label.setAccessibleName("Last error")
        self.details_button = QPushButton("Details…")
        self.details_button.setToolTip("The error as the program reports it, to be copied")
        self.logits_button = QPushButton("Read as logits")
        self.logits_button.setToolTip("Open the data again, with probabilities made of the values")
        self.dismiss_button = QToolButton()
        self.dismiss_button.setText("✕")
        self.dismiss_button.setToolTip("Dismiss")
        self.dismiss_button.setAccessibleName("Dismiss the error")
        self._arrange()
        self.details_button.clicked.connect(self._show_details)
        self.logits_button.clicked.connect(self.logits_wanted)
        self.dismiss_button.clicked.connect(self.dismiss)
        notification_manager.notification_ready.connect(self._notified)
        self.hide()

    def show_error(self, error: BaseException) -> None:
        """Show an error in place of the one before."""
        self.error = error
        self.words_label.setText(in_words(error))
        self.logits_button.setVisible(isinstance(error, LogitsError))
        self.show()

    def dismiss(self) -> None:
        """Show none any more."""
        self.error = None
        self.hide()

    # PySide6 does not find it otherwise while the dock is being destroyed.
    @Slot()
    def end(self) -> None:
        """Follow no errors any more."""
        notification_manager.notification_ready.disconnect(self._notified)

    def _notified(self, notice: Any) -> None:
        if isinstance(notice, ErrorNotice):
            self.show_error(notice.error)

    def _show_details(self) -> None:
        if self.error is not None:
            DetailsDialog(self.error, self).open()

    def _arrange(self) -> None:
        words = QHBoxLayout()
        words.addWidget(self.words_label, 1)
        words.addWidget(self.dismiss_button)
        buttons = QHBoxLayout()
        buttons.addWidget(self.logits_button)
        buttons.addWidget(self.details_button)
        buttons.addStretch(1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(6, 4, 4, 4)
        layout.setSpacing(4)
        layout.addLayout(words)
        layout.addLayout(buttons)


class DetailsDialog(QDialog):
    """An error with its traceback, to be read and copied.

    Parameters
    ----------
    error : BaseException
    parent : QWidget
    """

    def __init__(self, error: BaseException, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle("Details of the error")
        self.resize(640, 360)
        self.text = QTextEdit()  # napari's themes know this one, and no QPlainTextEdit
        self.text.setReadOnly(True)
        self.text.setLineWrapMode(QTextEdit.LineWrapMode.NoWrap)
        self.text.setPlainText(details_of(error))
        self.copy_button = QPushButton("Copy")
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.addButton(self.copy_button, QDialogButtonBox.ButtonRole.ActionRole)
        layout = QVBoxLayout(self)
        layout.addWidget(self.text)
        layout.addWidget(buttons)
        self.copy_button.clicked.connect(self._copy)
        buttons.rejected.connect(self.close)
        self.finished.connect(self.deleteLater)

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self.text.toPlainText())
