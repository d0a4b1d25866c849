"""The kind of layer that lies over the picture: flat colours, voxel by voxel."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

from napari.layers import Image
from napari.utils.colormaps import Colormap
from psygnal import Signal

from napari_nx46.live.arrays.volume import LazyVolume, Voxels
from napari_nx46.live.session import Session
from napari_nx46.live.view import ShownMask
from napari_nx46.viewer.canvas.access import Canvas
from napari_nx46.viewer.canvas.slice_drawing import draw_slice, refresh_slice

if TYPE_CHECKING:
    import napari

    from napari_nx46.viewer.sources.placing import Placing


class SessionLayer(ABC):
    """A layer that shows something of a session, over the picture.

    Parameters
    ----------
    viewer : napari viewer
    session : Session
    placing : Placing
        Says where the fragment lies.

    Attributes
    ----------
    layer : Layer or None
        The layer, once there is one; a user may have deleted it.
    shown_changed : Signal(bool)
        It is shown, or no longer, whoever did that.
    """

    shown_changed = Signal(bool)

    def __init__(self, viewer: napari.Viewer, session: Session, placing: Placing) -> None:
        self._viewer = viewer
        self._session = session
        self._placing = placing
        self.layer: Any = None

    @property
    def is_there(self) -> bool:
        """Whether the layer is in the viewer: a user may have deleted it."""
        return self.layer is not None and self.layer in self._viewer.layers

    @property
    def shown(self) -> bool:
        """Whether the layer is there and visible."""
        return self.is_there and bool(self.layer.visible)

    @property
    def own_layers(self) -> tuple[Any, ...]:
        """The layer, if there is one."""
        return () if self.layer is None else (self.layer,)

    @abstractmethod
    def show(self, shown: bool) -> None:
        """Show the layer or hide it."""

    def toggle(self) -> None:
        """Show the layer if it is hidden or deleted, hide it if it is shown."""
        self.show(not self.shown)

    def remove(self) -> None:
        """Take the layer out of the viewer."""
        if self.is_there:
            self._viewer.layers.remove(self.layer)

    def _follow_visibility(self) -> None:
        self.layer.events.visible.connect(lambda: self.shown_changed.emit(self.shown))


class OverlayLayer(SessionLayer):
    """A layer over a lazy volume that follows the sliders slice by slice.

    Parameters
    ----------
    viewer : napari viewer
    session : Session
    placing : Placing
        Says where the fragment lies.

    Attributes
    ----------
    layer : Image or None
        The layer, once there is one; a user may have deleted it.
    """

    def __init__(self, viewer: napari.Viewer, session: Session, placing: Placing) -> None:
        super().__init__(viewer, session, placing)
        self._canvas = Canvas(viewer)
        self._ahead = False

    @abstractmethod
    def slice_of(self, shown: ShownMask) -> Voxels | None:
        """Return what the layer shows of a mask's plane; None where it shows something else."""

    def draw(self, shown: ShownMask) -> None:
        """Draw the plane of a mask while sliders move; `settle` lets the layer notice."""
        if not self.is_there:
            return
        if self._viewer.dims.ndisplay == 3:
            self.refresh()
            return
        voxels = self.slice_of(shown)
        if voxels is not None:
            self._draw_ahead(voxels)

    def _draw_ahead(self, voxels: Voxels) -> None:
        """Hand the displayed slice to the canvas, or have the layer sliced where that cannot be."""
        self._ahead = draw_slice(self._canvas, self._viewer, self.layer, voxels)
        if not self._ahead:
            refresh_slice(self._viewer, self.layer)

    def settle(self) -> None:
        """Let the layer notice what was drawn while the sliders moved."""
        if self._ahead:
            self.refresh()

    def refresh(self) -> None:
        """Draw the displayed slice again, and nothing else of the layer."""
        self._ahead = False
        if self.is_there:
            refresh_slice(self._viewer, self.layer)


def overlay_layer(
    voxels: LazyVolume,
    *,
    name: str,
    colormap: Colormap,
    opacity: float,
    visible: bool,
) -> Image:
    """Return a layer over a lazy volume; a maximum projection in 3D, since others are slow there.

    The colormap goes from 0 to the highest value of the volume.
    """
    return Image(
        voxels,
        name=name,
        colormap=colormap,
        contrast_limits=(0, voxels.highest),
        opacity=opacity,
        visible=visible,
        blending="translucent_no_depth",
        interpolation2d="nearest",
        interpolation3d="nearest",
        rendering="mip",
        multiscale=False,
        rgb=False,
    )


def below_classes(viewer: napari.Viewer) -> int:
    """Return where a layer of a mask hides neither differences nor errors."""
    layers = viewer.layers
    places = (
        place
        for place, one in enumerate(layers)
        if isinstance(one.data, LazyVolume) and one.data.highest > 1
    )
    return next(places, len(layers))


def rgba(color: str, alpha: float) -> tuple[float, float, float, float]:
    """Return red, green, blue in [0, 1] of a colour ``#rrggbb``, and the alpha."""
    red, green, blue = (int(color[start : start + 2], 16) / 255 for start in (1, 3, 5))
    return red, green, blue, alpha
