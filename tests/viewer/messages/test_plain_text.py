"""Names of files are shown as they are, whatever Qt would make of them."""

from __future__ import annotations

import ast
from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from qtpy.QtCore import QAbstractListModel, Qt
from qtpy.QtGui import QTextDocument
from qtpy.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QInputDialog,
    QLabel,
    QMessageBox,
    QWidget,
)

import napari_nx46.viewer
from napari_nx46.viewer.messages.notices import notify_error
from napari_nx46.viewer.messages.plain_text import (
    MarkupLabel,
    PlainLabel,
    plain_tip,
    printable_lines,
    unmistakable,
)
from napari_nx46.viewer.window.docks import DOCKS, open_dock
from tests.run.compare.comparing import write_archive
from tests.viewer.windows import SHAPES

VOLUMES = ("p3d", "p2d", "train_labels")
HOSTILE = "<img src=x.png>&amp;<b>bold"
PIECES = st.sampled_from(
    ("<b>", "</b>", "&lt;", "<!doctype", "<?xml?>", "<qt>", "a", " ", "\n", "&")
)
TEXTS = st.lists(PIECES | st.text(max_size=3), max_size=6).map("".join)


def rendered(html):
    document = QTextDocument()
    document.setHtml(html)
    return document.toPlainText()


@given(TEXTS)
def test_no_text_is_taken_for_html(text):
    assert not Qt.mightBeRichText(unmistakable(text))
    assert unmistakable(text).replace("\N{WORD JOINER}", "") == printable_lines(text).replace(
        "\N{WORD JOINER}", ""
    )


@given(st.text(st.characters(codec="ascii"), min_size=1).map(lambda text: f"x{text}x"))
def test_a_tip_shows_the_text_that_it_was_given(text):
    assert rendered(plain_tip(text)).split() == printable_lines(text).split()


def test_labels_show_markup_and_control_characters(qtbot):
    plain, marked = PlainLabel("<b>\x1b[31m"), MarkupLabel("<i>{name}</i>", name="<b>\x07")
    qtbot.addWidget(plain)
    qtbot.addWidget(marked)
    assert plain.textFormat() == Qt.TextFormat.PlainText
    assert plain.text() == r"<b>\x1b[31m"
    assert rendered(marked.text()) == r"<b>\x07"


def all_texts(root):
    """Return what a tree of widgets shows that Qt may take for HTML, with whether it does."""
    for widget in (root, *root.findChildren(QWidget)):
        yield widget, widget.toolTip(), Qt.mightBeRichText(widget.toolTip())
        if isinstance(widget, QLabel):
            assert widget.textFormat() != Qt.TextFormat.AutoText, widget.text()
            yield widget, widget.text(), widget.textFormat() == Qt.TextFormat.RichText
        if isinstance(widget, (QAbstractItemView, QComboBox)) and widget.model() is not None:
            model = widget.model()
            for row in range(model.rowCount()):
                columns = 1 if isinstance(model, QAbstractListModel) else model.columnCount()
                for column in range(columns):
                    tip = model.index(row, column).data(Qt.ItemDataRole.ToolTipRole) or ""
                    yield widget, tip, Qt.mightBeRichText(tip)


def test_hostile_names_are_nowhere_rich_text(
    open_viewer_session, data_folder, tmp_path, monkeypatch, notifications
):
    root = data_folder.rename(tmp_path / HOSTILE)
    opened = open_viewer_session(root)
    docks = [opened.dock, *(open_dock(opened.viewer, entry) for entry in DOCKS)]

    masks = write_archive(tmp_path / f"{HOSTILE}.zip", {"a": np.ones(SHAPES["a"], np.uint8)})
    foreign = opened.viewer_session.compare.foreign
    foreign.open(masks, tmp_path / f"{HOSTILE}.tif")
    opened.wait_until(lambda: not foreign.busy)
    panel = opened.panel
    monkeypatch.setattr(QInputDialog, "getText", lambda *_, **__: ("<i>mine", True))
    opened.click(panel.preset_panel.save_button)
    asked = []
    monkeypatch.setattr(
        QMessageBox, "question", lambda *a: (asked.append(a[2]), QMessageBox.StandardButton.No)[1]
    )
    export = panel.export_panel
    export.path_edit.setText(str(masks))
    opened.click(export.accept_all_button)
    opened.click(export.export_button)
    opened.dock._try_to_open([str(tmp_path / f"{HOSTILE}.npy")])

    assert len(asked) == 1
    assert notifications()
    for text in (*asked, *notifications()):
        assert HOSTILE in text.replace("\N{WORD JOINER}", "")
        assert not Qt.mightBeRichText(text)
    shown = 0
    for dock in docks:
        for widget, text, is_rich in all_texts(dock):
            assert not is_rich or "<img" not in text, (widget, text)
            shown += HOSTILE in (rendered(text) if is_rich else text)
    assert shown >= 3


def test_only_one_module_lets_qt_and_napari_show_texts():
    folder = Path(napari_nx46.viewer.__file__).parent
    for path in folder.rglob("*.py"):
        if path.name in {"plain_text.py", "notices.py"}:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            bases = getattr(node, "bases", ())
            assert "QLabel" not in [getattr(base, "id", "") for base in bases], path.name
            where = f"{path.name}:{getattr(node, 'lineno', 0)}"
            if isinstance(node, ast.ImportFrom) and node.module == "napari.utils.notifications":
                names = [alias.name for alias in node.names]
                assert names == ["notification_manager"], f"{where} notifies by itself"
            if not isinstance(node, ast.Call):
                continue
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            assert name not in {"QLabel", "QMessageBox"}, where
            if name == "setToolTip":
                (tip,) = node.args
                by_function = isinstance(tip, ast.Call) and tip.func.id.endswith("_tip")
                assert by_function or isinstance(tip, ast.Constant), where


def test_a_notification_shows_a_name_as_it_is(make_napari_viewer, notifications):
    make_napari_viewer()
    notify_error(ValueError(f"{HOSTILE}: found nothing"))
    (message,) = notifications()
    assert not Qt.mightBeRichText(message)
