"""Errors in plain words, kept until they are dealt with, and asking before a window is closed."""

from __future__ import annotations

import errno
from pathlib import Path

import numpy as np
import pytest
from qtpy.QtCore import QEventLoop, QTimer
from qtpy.QtGui import QCloseEvent, QGuiApplication
from qtpy.QtWidgets import QApplication, QMainWindow, QMessageBox

from napari_nx46.files.volumes.origin import Origin
from napari_nx46.viewer.messages.error_banner import DetailsDialog
from napari_nx46.viewer.messages.error_words import details_of, in_words, notice_of
from napari_nx46.viewer.messages.notices import notify_error
from napari_nx46.viewer.window.closing import ClosingGuard, running_in
from tests.viewer.windows import hold_slices

ONE_WINDOW = True
VOLUMES = ("p3d", "p2d")


def write(path, content):
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("text.tif", b"hello\n", "text.tif is not a TIFF file"),
        ("empty.tif", b"", "empty.tif is not a TIFF file"),
        ("text.npy", b"hello\n", "text.npy is not a NumPy file"),
    ],
)
def test_what_cannot_be_opened_is_said_in_plain_words_and_kept(
    opened, tmp_path, notifications, name, content, words
):
    banner, session = opened.dock.error_banner, opened.session
    assert banner.isHidden()
    opened.dock._try_to_open([str(write(tmp_path / name, content))])
    assert banner.words_label.text().startswith(words)
    assert not banner.isHidden()
    assert banner.logits_button.isHidden()
    (notice,) = notifications()
    assert notice.startswith(words)
    assert "found" in notice.split("\n", 1)[1]

    opened.click(banner.details_button)
    (dialog,) = banner.findChildren(DetailsDialog)
    text = dialog.text.toPlainText()
    assert "Traceback" in text
    assert "VolumeError" in text
    opened.click(dialog.copy_button)
    assert QGuiApplication.clipboard().text() == text
    dialog.close()

    assert opened.session is session
    opened.session.change(quantile=0.8)
    opened.wait_until_exact()
    assert not banner.isHidden()
    opened.click(banner.dismiss_button)
    assert banner.isHidden()
    assert banner.error is None


def test_the_newest_error_is_kept_until_data_are_opened(opened, data_folder):
    banner = opened.dock.error_banner
    for text in ("first", "second"):
        notify_error(ValueError(text))
    assert banner.words_label.text() == "second"
    opened.dock._try_to_open([str(data_folder)])
    assert banner.isHidden()
    opened.viewer.window.remove_dock_widget(opened.dock)
    notify_error(ValueError("third"))
    assert banner.error is None


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(errno.ENOSPC, "No space left on device", "/a/b.zip"), "b.zip: the disk is full"),
        (MemoryError("8 GiB"), "There is not enough memory"),
        (ValueError("says all"), "says all"),
        (KeyError("x"), "Something went wrong within the program (KeyError)"),
        (Origin(Path("a.tif")).error("no pages", "some"), "a.tif: found no pages; expected some"),
    ],
)
def test_words_for_errors(error, words):
    assert in_words(error).startswith(words)
    assert str(error) in notice_of(error)


def test_details_have_what_led_to_an_error():
    try:
        try:
            np.zeros(2)[5]
        except IndexError as error:
            raise ValueError("the second") from error
    except ValueError as error:
        details = details_of(error)
    assert details.index("IndexError") < details.index("the second")


def close_as_a_user(window):
    """Close a window from within an event loop, as its menu does; return whether it closed."""
    loop, closed = QEventLoop(), []

    def close():
        event = QCloseEvent()
        QApplication.sendEvent(window, event)
        closed.append(event.isAccepted())
        loop.quit()

    QTimer.singleShot(0, close)
    loop.exec()
    return closed[0]


def test_closing_asks_while_something_runs(shown, tmp_path, monkeypatch):
    opened, asked, answer = shown, [], [QMessageBox.StandardButton.No]
    monkeypatch.setattr(QMessageBox, "question", lambda *a: (asked.append(a[2]), answer[0])[1])
    window = opened.dock.window()
    assert isinstance(window, QMainWindow)
    assert len(window.findChildren(ClosingGuard)) == 1
    assert running_in(window) == []
    target = tmp_path / "out" / "submission.zip"
    target.parent.mkdir()
    release, begun = hold_slices(monkeypatch)
    opened.click(opened.export_panel.accept_all_button)
    opened.export_panel.path_edit.setText(str(target))
    opened.click(opened.export_panel.export_button)
    assert begun.wait(30)
    assert not close_as_a_user(window)
    (question,) = asked
    assert "the export to submission.zip" in question
    assert opened.dock.viewer_session is not None
    release.set()
    opened.wait_until(lambda: not opened.export_panel.running)
    opened.wait_until(lambda: running_in(window) == [])
