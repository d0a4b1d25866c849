"""The marks of errors on the canvas: only those near the slice that is shown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Layer, Points, Vectors
from qtpy.QtCore import QObject, QTimer
from qtpy.QtGui import QCursor
from qtpy.QtWidgets import QToolTip

from napari_nx46.live.errors.arranged import Arranged
from napari_nx46.live.errors.browser import ErrorBrowser
from napari_nx46.live.errors.near import REACH, Marks, marks_near
from napari_nx46.viewer.canvas.access import Canvas
from napari_nx46.viewer.canvas.viewing import place_in
from napari_nx46.viewer.errors.mark_shapes import colors_of, frames, symbols_of
from napari_nx46.viewer.messages.plain_text import plain_tip

if TYPE_CHECKING:
    import napari

    from napari_nx46.viewer.sources.placing import Placing

__all__ = ["ErrorMarks"]

PLACES_NAME, BOXES_NAME = "error places", "error boxes"
SETTLES_MILLISECONDS = 60
"""Marks are drawn once a slice rests, so that they do not hold up the next one."""
WIDEST_SHARE = 0.5
"""Boxes that take more than this of a side of the slice are left out, but the selected one's."""
SIZE = 10
"""Voxels across the mark of a place in the slice itself; those of other slices are smaller."""
WHITE = (1.0, 1.0, 1.0, 1.0)


class ErrorMarks(QObject):
    """Draws the places and boxes of errors near the slice that is shown.

    Parameters
    ----------
    viewer : napari viewer
    browser : ErrorBrowser
    placing : Placing
        Says where the fragment lies.
    parent : QObject
    """

    def __init__(
        self, viewer: napari.Viewer, browser: ErrorBrowser, placing: Placing, parent: QObject
    ) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._placing = placing
        self._browser = browser
        self._wanted = True
        self.places: Any = None
        self.boxes: Any = None
        self._settle = QTimer(self)
        self._settle.setSingleShot(True)
        self._settle.setInterval(SETTLES_MILLISECONDS)
        self._settle.timeout.connect(self.draw)
        self._signals = (browser.changed, browser.selected_changed)
        for signal in self._signals:
            signal.connect(self.draw_soon)
        self._canvas = Canvas(viewer)
        self._named = ""
        viewer.mouse_move_callbacks.append(self._hover)
        dims = viewer.dims.events
        self._events = (dims.current_step, dims.ndisplay, dims.order)
        for emitter in self._events:
            emitter.connect(self._view_moved)

    @property
    def own_layers(self) -> tuple[Layer, ...]:
        """Those that there are."""
        return tuple(one for one in (self.places, self.boxes) if one is not None)

    @property
    def wanted(self) -> bool:
        """Whether marks are drawn."""
        return self._wanted

    def want(self, wanted: bool) -> None:
        """Draw marks, or none."""
        self._wanted = wanted
        self.draw()

    def drop(self, layer: Layer) -> None:
        """Notice that a user has deleted a layer: none is drawn until marks are wanted again."""
        self._wanted = False
        self.remove()

    def remove(self) -> None:
        """Take the layers away."""
        layers = self.own_layers
        self.places = self.boxes = None
        for layer in layers:
            if layer in self._viewer.layers:
                self._viewer.layers.remove(layer)

    def close(self) -> None:
        """Draw no more."""
        self._settle.stop()
        for signal in self._signals:
            signal.disconnect(self.draw_soon, missing_ok=True)
        for emitter in self._events:
            emitter.disconnect(self._view_moved)
        if self._hover in self._viewer.mouse_move_callbacks:
            self._viewer.mouse_move_callbacks.remove(self._hover)
        self.remove()

    def draw_soon(self, event: object = None) -> None:
        """Draw once all has settled."""
        if self.own_layers or (self._wanted and self._browser.arranged is not None):
            self._settle.start()

    def name_at(self, position: Sequence[float]) -> str:
        """Return the name of the mark at a place (z, y, x) of the world, or nothing without one."""
        layer = self.places
        if layer is None or not layer.visible or not len(layer.data):
            return ""
        away = np.abs(np.asarray(layer.data) - place_in(layer, self._viewer.dims, position))
        displayed = [axis - (3 - layer.ndim) for axis in self._viewer.dims.displayed]
        distance = away[:, displayed].max(axis=1)
        nearest = int(distance.argmin())
        is_on_it = distance[nearest] <= float(layer.size[nearest]) / 2
        return str(layer.features["error"].iloc[nearest]) if is_on_it else ""

    def _hover(self, viewer: Any, event: Any) -> None:
        """Name the mark under the mouse: napari does so for the active layer alone."""
        before = self._named
        self._named = self.name_at(event.position) if viewer.dims.ndisplay == 2 else ""
        if self._named != before:
            # Without a text this hides what is shown.
            QToolTip.showText(QCursor.pos(), plain_tip(self._named), self._canvas.widget)

    def _view_moved(self, event: object = None) -> None:
        """Hide the marks of the slice before from the canvas, and draw others once it rests."""
        self._paint(visible=False)
        self.draw_soon()

    def _paint(self, *, visible: bool) -> None:
        """Have the canvas paint the layers or not; the layers, and their list, do not notice."""
        for layer in self.own_layers:
            node = self._canvas.node_of(layer)
            if node is not None:
                node.visible = visible and layer.visible

    def draw(self) -> None:
        """Draw what is near the slice that is shown now."""
        arranged = self._browser.arranged
        if not self._wanted or arranged is None:
            self.remove()
            return
        dims = self._viewer.dims
        if dims.ndim != len(arranged.listing.table.place[0:1].T):
            return
        axis = int(dims.not_displayed[0]) if dims.ndisplay == 2 else 0
        position = self._browser.session.view.plane[axis].start
        marks = marks_near(arranged, axis, position, selected=self._browser.selected)
        # napari slices what has all three axes at every step, and would be slower by that.
        flat = dims.ndisplay == 2 and tuple(dims.displayed) == (1, 2)
        self._add_layers(2 if flat else 3)
        # The list would pass every event on, and have its widgets and the viewer's axes look again.
        with self._viewer.layers.events.blocker_all():
            # A hidden layer is drawn when it is shown: napari does not slice it before.
            if self.places.visible:
                self._draw_places(arranged, marks)
            if self.boxes.visible:
                self._draw_boxes(arranged, marks)
        self._paint(visible=True)

    def _draw_places(self, arranged: Arranged, marks: Marks) -> None:
        listing, rows, layer = arranged.listing, marks.points, self.places
        is_selected = rows == (-1 if self._browser.selected is None else self._browser.selected)
        # The selected one is drawn last, over the others.
        rows, is_selected = (
            np.concatenate([of[~is_selected], of[is_selected]]) for of in (rows, is_selected)
        )
        colors = colors_of(listing, rows)
        inside = colors * (1.0, 1.0, 1.0, 0.12)
        inside[is_selected, 3] = 0.4
        colors[is_selected] = WHITE
        places = listing.table.place[rows].astype(float).reshape(-1, 3)
        distance = np.abs(places[:, marks.axis] - marks.position)
        if self._viewer.dims.ndisplay == 2:
            # Laid onto the slice, smaller from afar: napari draws the points of one slice only.
            distance[is_selected] = np.minimum(distance[is_selected], REACH)
            places[:, marks.axis] = marks.position
        layer.selected_data = set()
        layer.data = places[:, -layer.ndim :]
        if not rows.size:
            return
        layer.size = SIZE * (1 - 0.75 * np.minimum(distance / REACH, 1.0))
        layer.symbol = symbols_of(listing, rows)
        layer.border_color = colors
        layer.face_color = inside
        layer.features = {"error": [_name(arranged, row) for row in rows.tolist()]}

    def _draw_boxes(self, arranged: Arranged, marks: Marks) -> None:
        listing, selected = arranged.listing, self._browser.selected
        rows = marks.boxes if self._viewer.dims.ndisplay == 2 else marks.boxes[:0]
        lines, owners = frames(
            listing, self._narrow(arranged, rows, marks.axis), marks.axis, marks.position
        )
        self.boxes.data = lines[..., -self.boxes.ndim :]
        if not owners.size:
            return
        colors = colors_of(listing, owners)
        colors[owners == (-1 if selected is None else selected)] = WHITE
        self.boxes.edge_color = colors

    def _narrow(self, arranged: Arranged, rows: np.ndarray, axis: int) -> np.ndarray:
        """Return the rows whose boxes say where to look."""
        extent = arranged.listing.extents[rows]
        sides = np.delete(extent[:, 3:] - extent[:, :3], axis, axis=1)
        shape = np.delete(np.array(self._browser.session.fragment.shape), axis)
        chosen = (sides <= WIDEST_SHARE * shape).all(axis=1) | (rows == self._browser.selected)
        return np.asarray(rows[chosen])

    def _add_layers(self, ndim: int) -> None:
        """Add layers of so many axes where there are none, and leave what is chosen among layers.

        Those of two axes lie on whatever slice is shown.
        """
        if self.places is not None and self.places.ndim == ndim:
            return
        self.remove()
        selected = set(self._viewer.layers.selection)
        self.boxes = Vectors(
            np.zeros((0, 2, ndim)),
            ndim=ndim,
            name=BOXES_NAME,
            vector_style="line",
            edge_width=0.6,
            opacity=0.9,
        )
        self.places = Points(
            np.zeros((0, ndim)),
            ndim=ndim,
            name=PLACES_NAME,
            size=SIZE,
            border_width=0.12,
            canvas_size_limits=(8, 44),
            blending="translucent_no_depth",
        )
        for layer in (self.boxes, self.places):
            self._viewer.add_layer(self._placing.place(layer))
            layer.editable = False
            layer.events.visible.connect(self.draw_soon)
        self._viewer.layers.selection = selected


def _name(arranged: Arranged, row: int) -> str:
    return f"{row + 1:,}: {arranged.listing.text_of(row)}"
