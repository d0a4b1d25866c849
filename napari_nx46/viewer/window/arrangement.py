"""How the docks stand: as tabs on one side, and in a narrow window all of them in one column."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QEvent, QObject, QSize, Qt, QTimer
from qtpy.QtWidgets import QApplication, QDockWidget, QMainWindow, QWidget

from napari_nx46.viewer.canvas.access import unwrapped
from napari_nx46.viewer.qt.later import Later
from napari_nx46.viewer.widgets.dock_style import DockStyle
from napari_nx46.viewer.window.closing import delete_at_exit

if TYPE_CHECKING:
    import napari

NARROW_WIDTH = 1400
"""In a window of fewer pixels, docks on both sides leave the canvas less than half of it."""

WIDEST_SHARE = 0.42
"""Of a window that its column of docks takes."""

BORDERS = 28
"""Pixels around and between docks and canvas."""

NAPARI_DOCKS = ("layer controls", "layer list")
"""Names of those that napari puts on the left, from top to bottom."""

RIGHT = Qt.DockWidgetArea.RightDockWidgetArea
LEFT = Qt.DockWidgetArea.LeftDockWidgetArea


class TabbedDock(QWidget):
    """A widget that stands as a tab beside the others of its kind, however its dock was opened.

    It takes its place when it is first shown; a user may put the dock elsewhere then.

    Parameters
    ----------
    napari_viewer : napari.Viewer
        Or the proxy of one, which napari hands to plugins.

    Attributes
    ----------
    viewer : napari.Viewer
        The viewer itself.
    """

    _is_placed = False
    _needs_room = False

    def __init__(self, napari_viewer: napari.Viewer) -> None:
        super().__init__()
        self.viewer: napari.Viewer = unwrapped(napari_viewer)
        self._style = DockStyle(self, self.viewer)
        delete_at_exit(self)

    def minimumSizeHint(self) -> QSize:
        """Return no size while the dock stands beside all others: the window would grow."""
        return super().minimumSizeHint() if self._needs_room else QSize(0, 0)

    def need_room(self, needed: bool) -> None:
        """Have the dock be no narrower than what is in it, or as narrow as it may become."""
        if needed != self._needs_room:
            self._needs_room = needed
            self.updateGeometry()

    def focusNextPrevChild(self, next: bool) -> bool:
        """Move the focus on; from a control that hides or is disabled it stays in the dock.

        It would go to the window where no other control follows, and the dock's keys with it.
        """
        control = QApplication.focusWidget()
        is_gone = control is not None and not (control.isVisible() and control.isEnabled())
        moved = super().focusNextPrevChild(next)
        now = QApplication.focusWidget()
        if not is_gone or not self.isVisible() or (now is not None and self.isAncestorOf(now)):
            return bool(moved)
        self.setFocus()
        return True

    def place(self) -> None:
        """Put the dock among the tabs, and in front of them, unless that was done before."""
        frame, window = self.parentWidget(), main_window_of(self)
        if self._is_placed or window is None or not isinstance(frame, QDockWidget):
            return
        self._is_placed = True
        # napari sets a least size, and Qt adds to one that is set whatever the dock ever needed.
        frame.setMinimumSize(0, 0)
        ColumnKeeper.of(window).arrange()
        if frame.isFloating() or window.dockWidgetArea(frame) != RIGHT:
            return
        others = [dock for dock in _docks_of(window, TabbedDock) if dock is not frame]
        beside = [dock for dock in others if window.dockWidgetArea(dock) == RIGHT]
        if beside and frame not in window.tabifiedDockWidgets(beside[0]):
            window.tabifyDockWidget(beside[0], frame)
        frame.raise_()

    def place_soon(self) -> None:
        """Place the dock once napari has added it."""
        if not self._is_placed:
            Later(self)(0, self.place)


class ColumnKeeper(QObject):
    """Puts napari's own docks among the tabs while a window is narrow, and back when it is wide.

    Docks that a user has moved, or has made float, stay where they are.

    Parameters
    ----------
    window : QMainWindow
    """

    def __init__(self, window: QMainWindow) -> None:
        super().__init__(window)
        self._window = window
        self._moved: list[QDockWidget] = []
        self._settle = QTimer(self)
        self._settle.setSingleShot(True)
        self._settle.setInterval(0)
        self._settle.timeout.connect(self.arrange)
        window.installEventFilter(self)

    @classmethod
    def of(cls, window: QMainWindow) -> ColumnKeeper:
        """Return the one of a window, making it where there is none."""
        return window.findChild(cls) or cls(window)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Notice that the window has another width, or fewer docks; close it as napari knows it."""
        if not vars(self):  # PySide6 clears this object before the window has lost its last child
            return False
        if event.type() == QEvent.Type.Close:
            self._need_room(False)
            self._take_apart()  # napari keeps the layout for the next window, which may be wide
        if event.type() in (QEvent.Type.Resize, QEvent.Type.ChildRemoved, QEvent.Type.Close):
            self._settle.start()
        return False

    def arrange(self) -> None:
        """Put the docks where they belong in a window of this width."""
        if not self._window.isVisible():
            return
        column = [dock for dock in _docks_of(self._window, TabbedDock) if self._stands(dock, RIGHT)]
        if column and self._window.width() < NARROW_WIDTH:
            self._make_column(column)
        else:
            self._take_apart()
        self._need_room(True)
        self._window.layout().activate()  # a busy window would do so much later
        if column:
            self._leave_half(column)

    def _need_room(self, needed: bool) -> None:
        for dock in _docks_of(self._window, TabbedDock):
            dock.widget().need_room(needed)

    def _make_column(self, column: list[QDockWidget]) -> None:
        window = self._window
        front = next((d for d in column if not d.visibleRegion().isEmpty()), column[0])
        moved = [dock for dock in _napari_docks(window) if self._stands(dock, LEFT)]
        for dock in moved:
            window.tabifyDockWidget(column[0], dock)
        self._moved += moved
        if moved:
            front.raise_()

    def _leave_half(self, column: list[QDockWidget]) -> None:
        """Make the column so narrow that the canvas has half of the window."""
        window = self._window
        beside = [dock.width() for dock in _napari_docks(window) if self._stands(dock, LEFT)]
        width = window.width()
        widest = min(round(WIDEST_SHARE * width), width // 2 - max(beside, default=0) - BORDERS)
        front = next((dock for dock in column if not dock.visibleRegion().isEmpty()), column[0])
        if front.width() > widest:
            window.resizeDocks([front], [widest], Qt.Orientation.Horizontal)

    def _take_apart(self) -> None:
        moved, self._moved = self._moved, []
        window = self._window
        for dock in moved:
            if self._stands(dock, RIGHT):
                # Taken out of its tabs first: it would stay behind them.
                window.removeDockWidget(dock)
                window.addDockWidget(LEFT, dock)
                dock.show()
                self._settle.start()  # once they are laid out, the column is made to fit

    def _stands(self, dock: QDockWidget, area: Qt.DockWidgetArea) -> bool:
        """Return whether a dock is shown on a side of the window."""
        return (
            dock.isVisible() and not dock.isFloating() and self._window.dockWidgetArea(dock) == area
        )


def main_window_of(widget: QWidget) -> QMainWindow | None:
    """Return the main window that a widget is in, if it is in one."""
    parent = widget.parentWidget()
    while parent is not None and not isinstance(parent, QMainWindow):
        parent = parent.parentWidget()
    return parent


def _docks_of(window: QMainWindow, kind: type[QWidget]) -> list[QDockWidget]:
    """Return the docks of a window that hold a widget of a class."""
    return [dock for dock in _docks_in(window) if isinstance(dock.widget(), kind)]


def _napari_docks(window: QMainWindow) -> list[QDockWidget]:
    found = {dock.objectName(): dock for dock in _docks_in(window)}
    return [found[name] for name in NAPARI_DOCKS if name in found]


def _docks_in(window: QMainWindow) -> list[QDockWidget]:
    """Return all docks of a window, without a search through thousands of their widgets."""
    near = Qt.FindChildOption.FindDirectChildrenOnly
    docks: list[QDockWidget] = window.findChildren(QDockWidget, options=near)
    return docks
