"""The canvas of a napari window, and what else of napari is private: there is no public way."""

from __future__ import annotations

import warnings
import weakref
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from app_model.types import Action
from napari._app_model import get_app_model
from napari._app_model.constants import MenuGroup, MenuId
from napari._qt.qt_viewer import QtViewer
from napari.utils import progress
from numpy.typing import NDArray
from qtpy.QtCore import QEvent
from qtpy.QtOpenGLWidgets import QOpenGLWidget
from qtpy.QtWidgets import QApplication, QWidget

if TYPE_CHECKING:
    import napari
    from napari.layers import Labels


class Canvas:
    """What a viewer draws on.

    It keeps no window alive.

    Parameters
    ----------
    viewer : napari.Viewer
        Or the proxy of one, which napari hands to plugins. It may have no window.
    """

    def __init__(self, viewer: napari.Viewer) -> None:
        found = _qt_viewer_of(unwrapped(viewer))
        self._found = None if found is None else weakref.ref(found)

    @property
    def widget(self) -> QWidget | None:
        """The widget that is painted, or None without a window."""
        qt_viewer = self._qt_viewer()
        return None if qt_viewer is None else qt_viewer.canvas.native

    def node_of(self, layer: Any) -> Any:
        """Return the vispy node that draws a layer, or None where none does."""
        qt_viewer = self._qt_viewer()
        visual = None if qt_viewer is None else qt_viewer.canvas.layer_to_visual.get(layer)
        return getattr(visual, "node", None)

    def leave_out(self, layer: Any, side: str | None) -> None:
        """Have the back or the front of a surface's triangles not be drawn from now on.

        Parameters
        ----------
        layer : napari.layers.Surface
        side : str or None
            ``back`` or ``front``, as OpenGL sees them; None draws both.
        """
        node = self.node_of(layer)
        if node is not None:
            # napari sets the whole state again whenever layers come, go, or are hidden.
            node.set_gl_state = partial(_set_state, weakref.ref(node), side or False)
            node.update_gl_state(cull_face=side or False)
            node.update()

    def leave_undrawn(self, layer: Any) -> Callable[[], None]:
        """Have a layer not be drawn where it is drawn now, though it is visible for its tools.

        Returns
        -------
        callable
            Has it be drawn again.
        """
        node = self.node_of(layer)
        if node is None:
            return _draw_nothing
        node.draw = _draw_nothing
        node.update()
        return partial(vars(node).pop, "draw", None)

    def protect_removal(self) -> None:
        """Have layers removed without a crash within OpenGL, whoever removes them.

        napari follows the removal of a layer by `finish` of vispy's context, which runs at once all
        OpenGL commands that wait for the next painting: also those that delete the layer's program,
        buffers and textures. Nothing has made the canvas's own OpenGL context current then. Mostly
        the current one is the one Qt composes the window in, which shares the objects' names but
        not what is bound: the canvas goes on with bindings to objects that are gone, and Mesa's
        llvmpipe follows a null pointer at the next `glDrawArrays`. A window that was never painted
        has no context.
        """
        qt_viewer = self._qt_viewer()
        if qt_viewer is not None:
            context, widget = qt_viewer.canvas._scene_canvas.context, qt_viewer.canvas.native
            if not isinstance(getattr(context.finish, "__self__", None), _Finish):
                context.finish = _Finish(widget, type(context).finish.__get__(context)).run

    def _qt_viewer(self) -> QtViewer | None:
        return None if self._found is None else self._found()


def _draw_nothing() -> None:
    """Stand for the drawing of a layer that is not drawn."""


class _Finish:
    """Runs what waits for the next painting in the OpenGL context that is painted in."""

    def __init__(self, widget: QOpenGLWidget, finish: Callable[[], None]) -> None:
        self._widget = weakref.ref(widget)
        self._finish = finish

    def run(self) -> None:
        """Run it, but where the canvas was never painted: there it can only wait."""
        widget = self._widget()
        if widget is not None and widget.isValid():
            widget.makeCurrent()
            self._finish()


def _set_state(node: weakref.ref[Any], side: str | bool, **state: object) -> None:
    """Set the OpenGL state of a node, but for the side of its triangles that is left out."""
    found = node()
    if found is not None:
        type(found).set_gl_state(found, **{**state, "cull_face": side})


def _qt_viewer_of(model: Any) -> QtViewer | None:
    """Return the part of a window that shows a viewer, or None without a window."""
    window = getattr(getattr(model, "window", None), "_qt_window", None)
    return getattr(window, "_qt_viewer", None)


def paint_status_bar(viewer: napari.Viewer) -> None:
    """Paint a window's status bar with the status that the viewer has now, at once."""
    qt_viewer = _qt_viewer_of(viewer)
    if qt_viewer is not None:
        # The label of the status becomes as wide as its text when it is laid out.
        QApplication.sendPostedEvents(None, QEvent.Type.LayoutRequest.value)
        qt_viewer.window().statusBar().repaint()


def unwrapped(given: Any) -> Any:
    """Return a viewer or a layer itself, where napari has handed this plugin a proxy of it.

    What a proxy returns are proxies again, which no ``is`` finds equal to what is meant, and which
    warn at each private name.
    """
    return getattr(given, "__wrapped__", given)


def forget_undo(layer: Labels) -> None:
    """Have a labels layer undo nothing any more of what was painted until now."""
    layer._reset_history()


def draw_painted(layer: Labels) -> None:
    """Draw what was painted on a labels layer without a refresh."""
    layer._partial_labels_refresh()


def leave_out_box_of_brush(viewer: napari.Viewer) -> None:
    """Have napari draw no box behind the circle of its brush.

    It draws one once layers come, go or are hidden while a brush is in use, and leaves it on the
    canvas for good, as a square in the colour of the background.
    """
    viewer.canvas.overlays._brush_circle.box = False


def data_point(layer: Any, dims: Any) -> NDArray[np.float64]:
    """Return the voxel of a layer, as real numbers, that a viewer's sliders stand at.

    It is what napari takes itself: with units, and NaN along the axes that are displayed.

    Parameters
    ----------
    layer : Layer
        It need not be in the viewer.
    dims : napari.components.Dims
    """
    state = layer._slicing_state
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Non-orthogonal slicing")
        slices = state._slice_indices(state.make_slice_input(dims), dims)
    return np.asarray(slices.point, np.float64)


def add_to_layer_menu(command: str, title: str, run: Callable[..., object]) -> None:
    """Add a command for image layers to the menu of a layer in the layer list, once.

    napari lets no manifest do that.

    Parameters
    ----------
    command : str
        Its id.
    title : str
    run : callable
        napari gives it what the types of its parameters say, such as the viewer.
    """
    app = get_app_model()
    if command not in app.commands:
        where = {"id": MenuId.LAYERLIST_CONTEXT, "group": MenuGroup.LAYERLIST_CONTEXT.CONVERSION}
        enabled = "num_selected_image_layers > 0"
        app.register_action(
            Action(id=command, title=title, callback=run, enablement=enabled, menus=[where])
        )


def is_opening_files() -> bool:
    """Return whether napari is opening files, between which it lets the window work."""
    return any(bar.desc.startswith("Opening Files") for bar in progress._all_instances if bar.desc)
