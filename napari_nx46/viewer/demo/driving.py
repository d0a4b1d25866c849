"""Using a window as a person does: keys, clicks and drags, and waiting for what follows."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from qtpy.QtCore import QEvent, QEventLoop, QModelIndex, QPoint, QPointF, Qt
from qtpy.QtGui import QMouseEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import (
    QApplication,
    QComboBox,
    QDockWidget,
    QDoubleSpinBox,
    QGraphicsView,
    QLineEdit,
    QListView,
    QSlider,
    QTableView,
    QWidget,
)

from napari_nx46.run.export.export import RunResult
from napari_nx46.viewer.tune.dock import TuneDock
from napari_nx46.viewer.tune.panel import TunePanel
from napari_nx46.viewer.window.arrangement import NAPARI_DOCKS, main_window_of

__all__ = [
    "accept_and_export",
    "child",
    "choose",
    "click",
    "drag_handle",
    "drag_in_scene",
    "opened",
    "rest",
    "show_all_layers",
    "type_into",
    "type_into_cell",
    "wait_for",
    "wait_for_compiling",
]

Widget = TypeVar("Widget", bound=QWidget)

LONGEST_WAIT_SECONDS = 300.0
BETWEEN_MOVES_MILLISECONDS = 12
"""A scene of pyqtgraph takes no more than 100 moves a second."""


def wait_for(condition: Callable[[], bool]) -> None:
    """Let the window work until something is so.

    Raises
    ------
    TimeoutError
        If it is not so within `LONGEST_WAIT_SECONDS`.
    """
    end = time.perf_counter() + LONGEST_WAIT_SECONDS
    while not condition():
        if time.perf_counter() > end:
            raise TimeoutError(f"the window did not get there in {LONGEST_WAIT_SECONDS:g} s")
        QApplication.processEvents(QEventLoop.ProcessEventsFlag.AllEvents, 10)


def rest(seconds: float) -> None:
    """Let the window work for a while."""
    end = time.perf_counter() + seconds
    wait_for(lambda: time.perf_counter() > end)


def opened(dock: TuneDock) -> TunePanel:
    """Return the controls of a dock in which data are open.

    Raises
    ------
    RuntimeError
        If there are none.
    """
    if dock.panel is None:
        raise RuntimeError("the dock has no session")
    return dock.panel


def wait_for_compiling(dock: TuneDock) -> None:
    """Wait until the kernels are compiled and the note of it is hidden.

    Parameters
    ----------
    dock : TuneDock
        In which data are open.

    Raises
    ------
    TimeoutError
        If that takes longer than `LONGEST_WAIT_SECONDS`.
    """
    panel, session = opened(dock), dock.viewer_session
    if session is None:
        raise RuntimeError("the dock has no session")
    warm_up, scores = session.session.warm_up, session.scores
    wait_for(
        lambda: (
            warm_up.wait(0)
            and (not scores.has_label or scores.kernels_ready)
            and panel.compiling_note.isHidden()
        )
    )


def show_all_layers(dock: TuneDock) -> None:
    """Make napari's layer list as high as its layers need, where the window has the room.

    Parameters
    ----------
    dock : TuneDock
        Of whose window that is.
    """
    window = main_window_of(dock)
    if window is None:
        return
    frames = [window.findChild(QDockWidget, name) for name in NAPARI_DOCKS]
    layers = child(frames[-1], QListView)
    missing = layers.model().rowCount() * layers.sizeHintForRow(0) - layers.viewport().height()
    if missing > 0:
        controls, listed = (frame.height() for frame in frames)
        sizes = [max(controls - missing, 1), listed + missing]
        window.resizeDocks(frames, sizes, Qt.Orientation.Vertical)
        QApplication.processEvents()


def click(widget: QWidget) -> None:
    """Click in the middle of a widget."""
    QTest.mouseClick(widget, Qt.MouseButton.LeftButton)


def child(widget: QWidget, kind: type[Widget]) -> Widget:
    """Return the only widget of a kind in another one.

    Raises
    ------
    RuntimeError
        If there is none.
    """
    found: Widget | None = widget.findChild(kind)
    if found is None:
        raise RuntimeError(f"there is no {kind.__name__}")
    return found


def choose(box: QComboBox, text: str) -> None:
    """Choose an entry of a box by its text, as a click on it does."""
    box.setFocus()
    box.setCurrentText(text)
    box.activated.emit(box.currentIndex())


def drag_handle(slider: QSlider, pixels: int = -20) -> None:
    """Drag a horizontal slider's handle with the mouse, to the right or by less than 0 to the left.

    Parameters
    ----------
    slider : QSlider
    pixels : int
    """
    share = (slider.value() - slider.minimum()) / (slider.maximum() - slider.minimum())
    start = QPoint(round(8 + share * (slider.width() - 16)), slider.height() // 2)
    QTest.mousePress(slider, Qt.MouseButton.LeftButton, pos=start)
    for step in range(1, 6):
        QTest.mouseMove(slider, start + QPoint(pixels * step // 5, 0))
        QApplication.processEvents()
    QTest.mouseRelease(slider, Qt.MouseButton.LeftButton, pos=start + QPoint(pixels, 0))


def drag_in_scene(view: QGraphicsView, *path: QPointF, release: bool = True) -> None:
    """Press the left button at the first point of a scene, move to the others, and let go.

    Parameters
    ----------
    view : QGraphicsView
    *path : QPointF
        In the scene's coordinates.
    release : bool
        Whether the button is let go at the last point.
    """
    viewport = view.viewport()
    left, none = Qt.MouseButton.LeftButton, Qt.MouseButton.NoButton

    def send(
        kind: QEvent.Type, point: QPointF, button: Qt.MouseButton, buttons: Qt.MouseButton
    ) -> None:
        local = QPointF(view.mapFromScene(point))
        where = QPointF(viewport.mapToGlobal(local.toPoint()))
        modifiers = Qt.KeyboardModifier.NoModifier
        QApplication.sendEvent(
            viewport, QMouseEvent(kind, local, where, button, buttons, modifiers)
        )
        QTest.qWait(BETWEEN_MOVES_MILLISECONDS)

    send(QEvent.Type.MouseMove, path[0], none, none)
    send(QEvent.Type.MouseButtonPress, path[0], left, left)
    for point in path[1:]:
        send(QEvent.Type.MouseMove, point, none, left)
    if release:
        send(QEvent.Type.MouseButtonRelease, path[-1], left, none)


def type_into(spin_box: QDoubleSpinBox, text: str) -> None:
    """Type a number over what is in a field, and press Return."""
    spin_box.selectAll()
    QTest.keyClicks(spin_box, text)
    QTest.keyClick(spin_box, Qt.Key.Key_Return)


def type_into_cell(table: QTableView, index: QModelIndex, text: str) -> None:
    """Double-click a cell, type over what is there, and press Return.

    Parameters
    ----------
    table : QTableView
    index : QModelIndex
    text : str

    Raises
    ------
    RuntimeError
        If nothing can be typed there.
    """
    table.scrollTo(index)
    place, left = table.visualRect(index).center(), Qt.MouseButton.LeftButton
    QTest.mouseClick(table.viewport(), left, pos=place)
    QTest.mouseDClick(table.viewport(), left, pos=place)
    editor = table.findChild(QLineEdit)
    if editor is None:
        raise RuntimeError("nothing can be typed into the cell")
    editor.selectAll()
    QTest.keyClick(editor, Qt.Key.Key_Delete)
    QTest.keyClicks(editor, text)
    QTest.keyClick(editor, Qt.Key.Key_Return)
    wait_for(lambda: table.findChild(QLineEdit) is None)


def accept_and_export(panel: TunePanel, target: Path) -> RunResult:
    """Click accept and export, and wait for the archive.

    Parameters
    ----------
    panel : TunePanel
    target : Path
        The archive; one that is there is replaced.

    Returns
    -------
    RunResult

    Raises
    ------
    BaseException
        What the export failed with.
    """
    export_panel = panel.export_panel
    results: list[RunResult] = []
    failures: list[BaseException] = []
    take_result, take_failure = results.append, failures.append
    export_panel.exported.connect(take_result)
    export_panel.session.failed.connect(take_failure)
    target.unlink(missing_ok=True)
    export_panel.path_edit.setText(str(target))
    click(export_panel.accept_all_button)
    click(export_panel.export_button)
    wait_for(lambda: bool(results or failures))
    export_panel.exported.disconnect(take_result)
    export_panel.session.failed.disconnect(take_failure)
    if failures:
        raise failures[0]
    rest(0.3)
    return results[0]
