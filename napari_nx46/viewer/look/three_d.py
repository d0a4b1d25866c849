"""The mask in 3D: a lit surface with a plane of the image, in place of the layers of slices."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from napari.layers import Layer
from psygnal import Signal
from qtpy.QtCore import QObject

from napari_nx46.core.measure.surface import SurfaceMesh
from napari_nx46.live.corrections.faces import faces_of
from napari_nx46.live.derived.graph import State
from napari_nx46.live.derived.surface import Plane, PlanePicture, Surface
from napari_nx46.live.session import Session
from napari_nx46.viewer.canvas.access import Canvas
from napari_nx46.viewer.canvas.overlay import Overlay
from napari_nx46.viewer.canvas.surface_layers import (
    faces_layer,
    plane_layer,
    show_faces,
    show_plane,
    show_surface,
    surface_layer,
    unseen_side,
)
from napari_nx46.viewer.canvas.view_mode import ViewMode
from napari_nx46.viewer.corrections.layer import COLORS, OPACITY, CorrectionsLayer

if TYPE_CHECKING:
    import napari

ANGLES = (-20.0, 35.0, 65.0)
"""From where the volume is looked at first, in degrees."""

MARGIN = 0.1
STALE_OPACITY = 0.45


@dataclass(frozen=True)
class Before:
    """What a viewer showed before, and shows again afterwards."""

    ndisplay: int
    order: tuple[int, ...]
    point: tuple[float, ...]
    camera: dict[str, Any]
    visible: dict[Layer, bool]
    selected: set[Layer]
    active: Layer | None

    @classmethod
    def of(cls, viewer: napari.Viewer) -> Before:
        """Return what a viewer shows."""
        layers, dims, camera = viewer.layers, viewer.dims, viewer.scene.camera
        return cls(
            dims.ndisplay,
            tuple(dims.order),
            tuple(dims.point),
            {field: getattr(camera, field) for field in CAMERA_FIELDS},
            {layer: bool(layer.visible) for layer in layers},
            set(layers.selection),
            layers.selection.active,
        )

    def show(self, viewer: napari.Viewer) -> None:
        """Have the viewer show it again, as far as its layers are still there."""
        layers, dims = viewer.layers, viewer.dims
        dims.order = self.order
        dims.ndisplay = self.ndisplay
        dims.point = self.point
        for layer, visible in self.visible.items():
            if layer in layers and layer.visible != visible:
                layer.visible = visible
        self.select(viewer)
        for field, value in self.camera.items():
            setattr(viewer.scene.camera, field, value)

    def select(self, viewer: napari.Viewer) -> None:
        """Select the layers that were selected."""
        layers = viewer.layers
        layers.selection = {layer for layer in self.selected if layer in layers}
        if self.active in layers:
            layers.selection.active = self.active
            layers.selection = {layer for layer in self.selected if layer in layers}


CAMERA_FIELDS = ("angles", "center", "zoom")


class ThreeD(ViewMode):
    """Shows the surface of a session's mask, and a plane of its image, in 3D.

    Where the mask has been corrected by hand, or is being, the corrections are seen over it, and
    the brush goes on.

    Parameters
    ----------
    viewer : napari.Viewer
    session : Session
    overlay : Overlay
        The mask layer: the surface lies where it does.
    corrections : CorrectionsLayer
        Seen and painted on as before.
    surface : Surface
    plane : PlanePicture
    parent : QObject

    Attributes
    ----------
    state_changed : Signal(State)
        The surface is another one, or is being computed.
    """

    state_changed = Signal(State)

    def __init__(
        self,
        viewer: napari.Viewer,
        session: Session,
        overlay: Overlay,
        corrections: CorrectionsLayer,
        surface: Surface,
        plane: PlanePicture,
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._canvas = Canvas(viewer)
        self._session = session
        self._overlay = overlay
        self.corrections = corrections
        self._surface = surface
        self._plane = plane
        self._before: Before | None = None
        self._mesh: SurfaceMesh | None = None
        self._layers: dict[str, Layer] = {}
        self._undrawn: dict[Layer, Callable[[], None]] = {}
        surface.changed.connect(self._show_surface)
        plane.changed.connect(self._show_plane)
        session.corrections.changed.connect(self._show_corrections)
        corrections.shown_changed.connect(self._show_corrections)

    @property
    def shown(self) -> bool:
        """Whether the mask is shown in 3D."""
        return self._before is not None

    @property
    def can_be_shown(self) -> bool:
        """Whether all axes of the viewer are the fragment's."""
        return bool(self._viewer.dims.ndim == len(self.depths))

    @property
    def state(self) -> State[SurfaceMesh]:
        """The surface as it is known now."""
        return self._surface.state

    @property
    def place(self) -> tuple[int, int]:
        """Axis and position of the plane."""
        return self._plane.place or (0, self._session.view.slice_index)

    @property
    def _plane_of(self) -> str:
        """What the plane is a picture of."""
        return "CT" if self._session.fragment.image is not None else "probability"

    @property
    def depths(self) -> tuple[int, int, int]:
        """How many planes there are across each axis."""
        return self._session.fragment.shape

    @property
    def own_layers(self) -> tuple[Layer, ...]:
        """The surface and the plane, as far as they are there."""
        return tuple(self._layers.values())

    def move_plane(self, axis: int, position: int) -> None:
        """Show the plane across an axis at a position along it."""
        self._plane.place = axis, position
        self._plane.touch()

    # ---- on and off ------------------------------------------------------------------------

    def _switch_on(self) -> None:
        viewer = self._viewer
        self._before = Before.of(viewer)
        stays = self.corrections.layer if self.corrections.in_use else None
        for layer in viewer.layers:
            if layer is not stays:
                layer.visible = False
        viewer.dims.ndisplay = 3
        viewer.scene.camera.angles = ANGLES
        viewer.fit_to_view(layers=[self._overlay.layer], margin=MARGIN)
        viewer.dims.events.ndisplay.connect(self._dimensions_changed)
        viewer.scene.camera.events.orientation.connect(self._leave_out_unseen)
        self._surface.is_asked_for = True
        self._plane.place = self._plane.place or (0, self._session.view.slice_index)
        self._surface.touch()
        self._plane.touch()
        self._show_surface(self._surface.state)
        self._show_plane(self._plane.state)
        self._show_corrections()

    def _switch_off(self) -> None:
        before, self._before = self._before, None
        viewer = self._viewer
        viewer.dims.events.ndisplay.disconnect(self._dimensions_changed)
        viewer.scene.camera.events.orientation.disconnect(self._leave_out_unseen)
        self._surface.is_asked_for = False
        self._plane.place = None
        undrawn, self._undrawn = self._undrawn, {}
        for draw_again in undrawn.values():
            draw_again()
        # Layers that are removed while napari draws in 3D can end the process within OpenGL.
        viewer.dims.ndisplay = 2
        layers, self._layers = self._layers, {}
        self._mesh = None
        for layer in layers.values():
            if layer in viewer.layers:
                viewer.layers.remove(layer)
        if before is not None:
            before.show(viewer)

    def _dimensions_changed(self, event: object) -> None:
        """Switch off when a user has gone back to slices by napari's own button."""
        if self._viewer.dims.ndisplay == 2:
            self.show(False)

    # ---- following -------------------------------------------------------------------------

    def _show_surface(self, state: State[SurfaceMesh]) -> None:
        mesh = state.result
        if self.shown and mesh is not None:
            if "surface" not in self._layers:
                self._add("surface", surface_layer(mesh, self._overlay.layer))
                self._leave_out_unseen()
            elif mesh is not self._mesh:
                show_surface(self._layers["surface"], mesh)
            self._mesh = mesh
            self._layers["surface"].opacity = STALE_OPACITY if state.stale else 1.0
        self.state_changed.emit(state)

    def _show_corrections(self, event: object = None) -> None:
        """Show the faces of what is corrected; the labels themselves take seconds a frame."""
        if not self.shown:
            return
        corrections = self.corrections
        if corrections.shown:
            self._undrawn[corrections.layer] = self._canvas.leave_undrawn(corrections.layer)
        present = self._session.present_corrections
        is_seen = corrections.shown and not present.is_empty
        layer = self._layers.get("corrections")
        if layer is None and is_seen:
            layer = faces_layer(faces_of(present), COLORS, OPACITY, self._overlay.layer)
            self._add("corrections", layer, len(self._viewer.layers))
        elif layer is not None:
            layer.visible = is_seen
            if is_seen:
                show_faces(layer, faces_of(present), COLORS)

    def _leave_out_unseen(self, event: object = None) -> None:
        """Draw only the side of the surface's triangles that can be seen: half the time."""
        layer = self._layers.get("surface")
        if layer is not None:
            self._canvas.leave_out(layer, unseen_side(layer, self._viewer))

    def _show_plane(self, state: State[Plane]) -> None:
        plane = state.result
        if not self.shown or plane is None:
            return
        if "plane" in self._layers:
            show_plane(self._layers["plane"], plane, self.depths)
        else:
            self._add("plane", plane_layer(plane, self._plane_of, self.depths, self._overlay.layer))

    def _add(self, name: str, layer: Layer, place: int = 0) -> None:
        """Add a layer, by default below all others, and leave selected what was selected.

        What is opaque would hide what is painted on the surface below it.
        """
        self._layers[name] = layer
        now = Before.of(self._viewer)
        self._viewer.layers.insert(place, layer)
        now.select(self._viewer)
