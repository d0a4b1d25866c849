"""A window that pictures are taken of."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from png import write_png
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QWidget

from napari_nx46.data.fragments import open_data
from napari_nx46.viewer.canvas.access import Canvas
from napari_nx46.viewer.demo.driving import opened, rest, wait_for
from napari_nx46.viewer.window.launch import open_window

WINDOW_SIZE = (1400, 900)
MARGIN = 0.02
SETTLED_SECONDS = 0.6
"""After that all that is known has been painted."""

NONE, SHIFT = Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.ShiftModifier
Widget = TypeVar("Widget", bound=QWidget)


class Walk:
    """A session in a window, and pictures of it.

    Parameters
    ----------
    data : Path
        The data folder.
    folder : Path
        For the pictures.
    """

    def __init__(self, data: Path, folder: Path) -> None:
        self._folder = folder
        self.viewer, self.dock = open_window(open_data(data), (data,))
        self.viewer.window.resize(*WINDOW_SIZE)
        self.look_at_all()
        self.panel = opened(self.dock)
        if self.dock.viewer_session is None:
            raise RuntimeError("the dock has no session")
        self.viewer_session = self.dock.viewer_session
        self.session = self.viewer_session.session
        wait_for(lambda: self.session.warm_up.done)
        self.settle()

    def settle(self) -> None:
        """Wait until every figure is exact and painted."""
        figures, scores = self.session.figures, self.viewer_session.scores
        wait_for(lambda: self.session.figures.exact and self.session.figures.fragment_exact)
        wait_for(lambda: not scores.has_label or scores.scores.fragment.is_current)
        rest(SETTLED_SECONDS)
        if self.session.figures != figures:
            self.settle()

    def look_at_all(self) -> None:
        """Fit the fragment into the canvas once the window is laid out."""
        rest(SETTLED_SECONDS)
        self.viewer.fit_to_view(margin=MARGIN)

    def press(self, key: Qt.Key, modifier: Qt.KeyboardModifier = NONE) -> None:
        """Press a key on the canvas."""
        QTest.keyClick(Canvas(self.viewer).widget, key, modifier)

    def take(self, name: str, until: Callable[[], bool] = lambda: True) -> None:
        """Take a picture of the window in the dark theme, once a condition holds."""
        self.settle()
        wait_for(until)
        rest(SETTLED_SECONDS)
        write_png(self.dock.window().grab().toImage(), self._folder / f"{name}.png")

    def take_in_both_themes(self, name: str, until: Callable[[], bool] = lambda: True) -> None:
        """Take a picture of the window in the dark theme, and one in the light theme."""
        self.take(name, until)
        self.viewer.theme = "light"
        self.take(f"{name}-light")
        self.viewer.theme = "dark"
        rest(SETTLED_SECONDS)

    @contextmanager
    def beside(self, name: str, kind: type[Widget], width: int | None = None) -> Iterator[Widget]:
        """Open a dock from the menu of the dock that tunes, and close it again."""
        menu = self.dock.docks_button.menu()
        next(action for action in menu.actions() if action.text() == name).trigger()
        docked = self.viewer.window.dock_widgets.values()
        dock = next(widget for widget in docked if isinstance(widget, kind))
        if width is not None:
            self.dock.window().resizeDocks(
                [dock.parentWidget()], [width], Qt.Orientation.Horizontal
            )
        self.look_at_all()
        yield dock
        self.viewer.window.remove_dock_widget(dock)
        self.look_at_all()
