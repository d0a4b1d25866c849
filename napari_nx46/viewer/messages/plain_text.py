"""Texts as they are: Qt takes a text that looks like HTML for rich text, and so may a file's name.

All labels, tool tips and questions of the viewer come from here, and notifications from `notices`,
in the words of the window (`controls`).
Line ends stay; other characters that cannot be printed are escaped as they are on a terminal.
"""

from __future__ import annotations

import html
from collections.abc import Mapping

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QLabel, QMessageBox, QWidget

from napari_nx46.files.naming import escape_unprintable
from napari_nx46.viewer.messages.controls import in_window

_NO_BREAK = "\N{WORD JOINER}"


class PlainLabel(QLabel):
    """A label that shows its text as it is.

    Parameters
    ----------
    text : str
    parent : QWidget, optional
    """

    def __init__(self, text: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setText(text)

    def setText(self, text: str) -> None:
        """Show a text."""
        super().setText(printable_lines(text))


class MarkupLabel(QLabel):
    """A label with markup of the program's own, in which texts are put as they are.

    Parameters
    ----------
    markup : str
        HTML, with the places of texts in braces, as `str.format` takes it.
    **texts : str
    """

    def __init__(self, markup: str = "", **texts: str) -> None:
        super().__init__()
        self.setTextFormat(Qt.TextFormat.RichText)
        self.show_texts(markup, **texts)

    def show_texts(self, markup: str, **texts: str) -> None:
        """Show other markup with other texts."""
        self.setText(_filled(markup, texts))


def printable_lines(text: str) -> str:
    """Return a text whose characters can be printed, line ends among them, the others escaped.

    Flags of commands become controls of the window.
    """
    return "\n".join(map(escape_unprintable, in_window(text).split("\n")))


def escaped(text: str) -> str:
    """Return a text as HTML that shows it."""
    return html.escape(printable_lines(text), quote=False).replace("\n", "<br>")


def plain_tip(text: str) -> str:
    """Return a text as a tool tip, which Qt breaks into lines; no tip for no text."""
    return f"<qt>{escaped(text)}</qt>" if text else ""


def markup_tip(markup: str, **texts: str) -> str:
    """Return markup as a tool tip, with texts in it as `MarkupLabel` has them."""
    return f"<qt>{_filled(markup, texts)}</qt>" if markup else ""


def unmistakable(text: str) -> str:
    """Return a text that Qt never takes for HTML, for widgets of others that let it guess."""
    text = printable_lines(text)
    if not Qt.mightBeRichText(text):
        return text
    # What follows these two is no name of a tag or entity any more; the character has no width.
    return text.replace("<", f"<{_NO_BREAK}").replace("&", f"&{_NO_BREAK}")


def confirm(parent: QWidget, title: str, question: str) -> bool:
    """Ask a question, and return whether the answer is yes."""
    answer = QMessageBox.question(parent, title, unmistakable(question))
    return bool(answer == QMessageBox.StandardButton.Yes)


def _filled(markup: str, texts: Mapping[str, str]) -> str:
    return markup.format(**{name: escaped(text) for name, text in texts.items()})
