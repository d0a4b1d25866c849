"""Three views with one cursor, and what is known of the voxel under the mouse."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
from qtpy.QtGui import QHideEvent, QShowEvent
from qtpy.QtWidgets import QGridLayout, QVBoxLayout, QWidget

from napari_nx46.files.volumes.placement import Placement
from napari_nx46.live.derived.graph import State
from napari_nx46.live.look.cursor import (
    CursorSlices,
    Probed,
    Voxel,
)
from napari_nx46.viewer.look.slice_view import SliceView
from napari_nx46.viewer.qt.connections import Connections
from napari_nx46.viewer.widgets.layout import WrappedLabel
from napari_nx46.viewer.window.session_dock import SessionDock
from napari_nx46.viewer.window.viewer_session import ViewerSession

VIEWS = ((0, "xy"), (1, "xz"), (2, "yz"))
"""Axis across which each lies, and its name."""

MOST_PIXELS_OF_A_CLICK = 3
"""A mouse that moves farther drags."""


class ViewsDock(SessionDock):
    """Three slices through one voxel, and what is known of the voxel under the mouse."""

    title = "Views"

    def make_panel(self, viewer_session: ViewerSession) -> QWidget:
        """Return the views of a session."""
        return ViewsPanel(viewer_session)


class ViewsPanel(QWidget):
    """The three views, which the viewer's sliders and a click on the canvas move too.

    Nothing is read or computed for them while they are hidden.

    Parameters
    ----------
    viewer_session : ViewerSession

    Attributes
    ----------
    views : tuple of SliceView
    slices : OrthogonalSlices
    probe_panel : ProbePanel
    """

    def __init__(self, viewer_session: ViewerSession, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._viewer_session = viewer_session
        self._viewer = viewer_session.viewer
        self.slices = viewer_session.orthogonal
        self.views = tuple(SliceView(axis, name) for axis, name in VIEWS)
        self.probe_panel = ProbePanel(viewer_session)
        grid = QGridLayout()
        grid.setSpacing(4)
        for view, place in zip(self.views, ((0, 0), (1, 0), (0, 1)), strict=True):
            grid.addWidget(view, *place)
            view.moved.connect(partial(self._move_within, view.axis))
            view.stepped.connect(partial(self._step, view.axis))
        grid.addWidget(self.probe_panel, 1, 1)
        for track in range(2):
            grid.setRowStretch(track, 1)
            grid.setColumnStretch(track, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(grid)
        self._connections = Connections(self)
        self._connections.follow(self.slices.changed, self._show)
        self._connections.follow(viewer_session.session.mask_changed, self._touch)
        self._following = ViewerCallbacks(
            self._viewer, moved=self.probe_panel.follow, clicked=self._clicked, stepped=self._touch
        )
        self.destroyed.connect(self._following.end)

    def showEvent(self, event: QShowEvent) -> None:
        """Read the slices."""
        super().showEvent(event)
        self._touch()

    def hideEvent(self, event: QHideEvent) -> None:
        """Read nothing any more."""
        super().hideEvent(event)
        self.slices.voxel = None

    def _touch(self, event: object = None) -> None:
        if self.isVisible() and self._viewer.dims.ndim == len(VIEWS):  # there are layers
            self.slices.voxel = self._viewer_session.cursor_voxel
            self.slices.touch()

    def _move_within(self, axis: int, row: int, column: int) -> None:
        voxel = list(self._viewer_session.cursor_voxel)
        rows, columns = (one for one in range(3) if one != axis)
        voxel[rows], voxel[columns] = row, column
        self._viewer_session.go_to_voxel((voxel[0], voxel[1], voxel[2]))

    def _step(self, axis: int, steps: int) -> None:
        voxel = list(self._viewer_session.cursor_voxel)
        voxel[axis] += steps
        self._viewer_session.go_to_voxel((voxel[0], voxel[1], voxel[2]))

    def _clicked(self, viewer: Any, event: Any) -> Iterator[None]:
        """Move the cursor to a click on the canvas, but not where the mouse is dragged."""
        start = np.asarray(event.pos)
        is_plain = not event.modifiers and event.button == 1 and viewer.dims.ndisplay == 2
        yield
        while event.type == "mouse_move":
            yield
        moved = np.abs(np.asarray(event.pos) - start).max()
        active = viewer.layers.selection.active
        pans = active is None or str(getattr(active, "mode", "pan_zoom")) == "pan_zoom"
        if is_plain and pans and moved <= MOST_PIXELS_OF_A_CLICK and self.isVisible():
            voxel = self._viewer_session.overlay.voxel_at(event.position)
            if voxel is not None:
                self._viewer_session.go_to_voxel(voxel)

    def _show(self, state: State[CursorSlices]) -> None:
        slices = state.result
        if slices is None:
            for view in self.views:
                view.clear()
            return
        color = self._viewer_session.overlay.color
        placement = self._viewer_session.session.fragment.placement or Placement()
        sizes = placement.micrometres or placement.scale
        for view, picture, mask in zip(self.views, slices.pictures, slices.masks, strict=True):
            rows, columns = (one for one in range(3) if one != view.axis)
            voxel = slices.key.voxel
            text = f"{VIEWS[view.axis][1]}, {'zyx'[view.axis]} = {voxel[view.axis]}"
            cursor, shown_sizes = (voxel[rows], voxel[columns]), (sizes[rows], sizes[columns])
            view.show_slice(picture, mask, color, cursor, text, shown_sizes)


class ViewerCallbacks:
    """Functions that a viewer calls until Qt has deleted the panel that they belong to.

    Parameters
    ----------
    viewer : napari.Viewer
    moved, clicked : callable
        Called when the mouse moves over the canvas, and when its button is pressed there.
    stepped : callable
        Called when a slider of the viewer has moved.
    """

    def __init__(
        self,
        viewer: Any,
        *,
        moved: Callable[[Any, Any], None],
        clicked: Callable[[Any, Any], Iterator[None]],
        stepped: Callable[[Any], None],
    ) -> None:
        self._lists = (
            (viewer.mouse_move_callbacks, moved),
            (viewer.mouse_drag_callbacks, clicked),
        )
        self._steps, self._stepped = viewer.dims.events.current_step, stepped
        for callbacks, function in self._lists:
            callbacks.append(function)
        self._steps.connect(stepped)

    def end(self) -> None:
        """Have nothing called any more."""
        for callbacks, function in self._lists:
            if function in callbacks:
                callbacks.remove(function)
        self._steps.disconnect(self._stepped)


class ProbePanel(QWidget):
    """What is known of the voxel under the mouse, which it follows.

    Parameters
    ----------
    viewer_session : ViewerSession

    Attributes
    ----------
    label : WrappedLabel
    probe : Probe
    """

    def __init__(self, viewer_session: ViewerSession, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._viewer_session = viewer_session
        self._viewer = viewer_session.viewer
        self.probe = viewer_session.probe
        self.label = WrappedLabel(HINT)
        self.label.setAccessibleName("What is under the mouse")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(4, 4, 4, 4)
        layout.addWidget(self.label, 1)
        self._connections = Connections(self)
        self._connections.follow(self.probe.changed, self._show)

    def follow(self, viewer: Any, event: Any) -> None:
        """Show what is under the mouse, as napari calls this when it moves over the canvas."""
        if self.isVisible() and viewer.dims.ndisplay == 2:
            self.look_at(self._viewer_session.overlay.voxel_at(event.position))

    def look_at(self, voxel: Voxel | None) -> None:
        """Show what is known of a voxel; of none nothing."""
        self.probe.voxel = voxel
        self.probe.touch()
        if voxel is None:
            self.label.setText(HINT)

    def _show(self, state: State[Probed]) -> None:
        known = state.result
        if known is not None and self.probe.voxel is not None:
            self.label.setText(probe_text(known))
            self.label.setEnabled(not state.stale)


HINT = "Move the mouse over the canvas: what is at the voxel under it stands here."
LABEL_WORDS = {0: "background", 1: "surface", 2: "ignore"}


def probe_text(known: Probed) -> str:
    """Return what is known of a voxel, one thing a line."""
    z, y, x = known.key.voxel
    lines = [f"z {z}, y {y}, x {x}", f"score {known.score:.4f}"]
    for name, value in known.values.items():
        if name == "label":
            lines.append(f"label {LABEL_WORDS.get(int(value), f'{value:g}')}")
        else:
            lines.append(f"{'CT' if name == 'image' else name} {value:.6g}")
    lines.append("in the mask" if known.mask else "not in the mask")
    if known.component_size is None:
        lines.append("component ≈ being found")
    elif known.component_size:
        lines.append(f"component of {known.component_size:,} voxels")
    return "\n".join(lines)
