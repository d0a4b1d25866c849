"""napari's grid with two cells, which share camera and sliders: some layers go to the right one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from napari.layers import Layer
from qtpy.QtCore import QObject, QTimer, Signal

if TYPE_CHECKING:
    import napari

__all__ = ["RIGHT_NAME", "TwoCells"]

GRID_FIELDS = ("stride", "shape", "spacing", "enabled")
"""What the grid had before, and gets back."""
CAMERA_FIELDS = ("center", "zoom")
ONE_ROW_OF_TWO = (1, 2)
SPACING = 4
MARGIN = 0.02

RIGHT_NAME = "{} (right)"
"""What a layer on the right is called."""


class TwoCells(QObject):
    """Shows some layers in the right cell of two, and all others in the left one.

    Parameters
    ----------
    viewer : napari.Viewer
    right : callable
        Returns the layers that are to be in the right cell.
    parent : QObject

    Attributes
    ----------
    switched_off : Signal()
        A user has switched napari's grid off.
    """

    switched_off = Signal()

    def __init__(
        self, viewer: napari.Viewer, right: Callable[[], list[Layer]], parent: QObject
    ) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._right = right
        self._before: dict[str, dict[str, Any]] = {}
        self._settle = QTimer(self)
        self._settle.setSingleShot(True)
        self._settle.setInterval(0)
        self._settle.timeout.connect(self.order)

    @property
    def shown(self) -> bool:
        """Whether there are two cells."""
        return bool(self._before)

    def enter(self, add_layers: Callable[[], None]) -> None:
        """Show two cells, and all layers in them.

        Parameters
        ----------
        add_layers : callable
            Adds those of the right cell.
        """
        grid, camera = self._viewer.canvas.grid, self._viewer.scene.camera
        self._before = {
            "grid": {field: getattr(grid, field) for field in GRID_FIELDS},
            "camera": {field: getattr(camera, field) for field in CAMERA_FIELDS},
        }
        with self._in_two_dimensions():
            add_layers()
            grid.shape = ONE_ROW_OF_TWO
            grid.spacing = SPACING
            grid.enabled = True
        self._viewer.fit_to_view(margin=MARGIN)
        for events in self._layer_events():
            events.connect(self._layers_changed)
        grid.events.enabled.connect(self._grid_switched)

    def leave(self, remove_layers: Callable[[], None]) -> None:
        """Leave the viewer as it was.

        Parameters
        ----------
        remove_layers : callable
            Removes those of the right cell.
        """
        self._settle.stop()
        for events in self._layer_events():
            events.disconnect(self._layers_changed)
        self._viewer.canvas.grid.events.enabled.disconnect(self._grid_switched)
        with self._in_two_dimensions():
            remove_layers()
            grid, camera = self._viewer.canvas.grid, self._viewer.scene.camera
            before, self._before = self._before, {}
            for field, value in reversed(before["grid"].items()):
                setattr(grid, field, value)
        for field, value in before["camera"].items():
            setattr(camera, field, value)

    def order(self) -> None:
        """Have the layers on the right come last, and all others in the left cell."""
        layers = self._viewer.layers
        right = [layer for layer in self._right() if layer in layers]
        left = [layer for layer in layers if layer not in right]
        if [*left, *right] != list(layers):
            for layer in right:
                layers.move(layers.index(layer), len(layers))
        if left:
            self._viewer.canvas.grid.stride = len(left)

    def stop(self) -> None:
        """Put nothing in order any more."""
        self._settle.stop()

    @contextmanager
    def _in_two_dimensions(self) -> Iterator[None]:
        """Change layers while napari draws slices: in 3D that can end the process within OpenGL."""
        dims = self._viewer.dims
        dimensions, dims.ndisplay = dims.ndisplay, 2
        try:
            yield
        finally:
            dims.ndisplay = dimensions

    def _layer_events(self) -> tuple[Any, ...]:
        events = self._viewer.layers.events
        return events.inserted, events.removed, events.reordered

    def _layers_changed(self, event: Any) -> None:
        """Put layers that come and go in order, once that is done."""
        if any(layer in self._viewer.layers for layer in self._right()):
            self._settle.start()

    def _grid_switched(self, event: Any) -> None:
        if not self._viewer.canvas.grid.enabled:
            self.switched_off.emit()
