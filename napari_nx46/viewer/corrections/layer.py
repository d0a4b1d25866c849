"""The layer on which masks are corrected by hand, with napari's own tools for labels."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from napari.layers import Labels
from napari.utils.colormaps import DirectLabelColormap
from psygnal import Signal

from napari_nx46.live.arrays.corrections import CorrectionsVolume
from napari_nx46.live.session import Session
from napari_nx46.run import okabe_ito
from napari_nx46.viewer.canvas.access import forget_undo, leave_out_box_of_brush
from napari_nx46.viewer.canvas.layer_exchange import NewData
from napari_nx46.viewer.canvas.overlay import Overlay
from napari_nx46.viewer.canvas.overlay_layer import SessionLayer, rgba
from napari_nx46.viewer.canvas.slice_drawing import refresh_slice
from napari_nx46.viewer.corrections.brush_in_3d import BrushIn3D
from napari_nx46.viewer.corrections.component_click import PAINTING, ComponentClick
from napari_nx46.viewer.messages.notices import notify_error, notify_warning
from napari_nx46.voxels.corrections.corrections import Corrections
from napari_nx46.voxels.corrections.runs import ADD, ERASE

if TYPE_CHECKING:
    import napari
    from napari.layers import Layer

    from napari_nx46.viewer.sources.placing import Placing

__all__ = ["COLORS", "LAYER_NAME", "CorrectionsLayer"]

LAYER_NAME = "corrections"
OPACITY = 0.7
BRUSH_SIZE = 5
COLORS = {ADD: okabe_ito.SKY, ERASE: okabe_ito.PURPLE}
AS_COMPUTED = 0


class CorrectionsLayer(SessionLayer):
    """The labels layer of a session's corrections, made when it is first needed.

    What is painted is in the session before the canvas is drawn, and what changes there is drawn.

    Parameters
    ----------
    viewer : napari viewer
    session : Session
    overlay : Overlay
        The mask, whose components are clicked on.
    placing : Placing
        Says where the fragment lies.

    Attributes
    ----------
    clicks : ComponentClick
    painting_changed : Signal(object)
        Carries the label that a click paints now, or None where it paints none.
    """

    painting_changed = Signal(object)

    def __init__(
        self, viewer: napari.Viewer, session: Session, overlay: Overlay, placing: Placing
    ) -> None:
        super().__init__(viewer, session, placing)
        self._own_change = False
        self.clicks = ComponentClick(viewer, session, overlay, self.correct)
        self.clicks.picked.failed.connect(notify_error)
        self._brush = BrushIn3D(viewer, session, lambda: self.painting, self.labels)
        session.corrections.changed.connect(self._follow)

    @property
    def painting(self) -> int | None:
        """The label that a click on the canvas paints: 0, 1 or 2; None where it paints none."""
        active = self.is_there and self._viewer.layers.selection.active is self.layer
        if not active or not self.shown or str(self.layer.mode) not in PAINTING:
            return None
        return AS_COMPUTED if str(self.layer.mode) == "erase" else int(self.layer.selected_label)

    @property
    def in_use(self) -> bool:
        """Whether there is anything to be seen on the layer, or it is being painted on."""
        painted = not self._session.present_corrections.is_empty
        return self.shown and (painted or self.painting is not None)

    def labels(self) -> Labels:
        """Return the layer, which is made and added to the viewer where it is missing."""
        if not self.is_there:
            self._add()
        return self.layer

    def show(self, shown: bool) -> None:
        """Show the layer or hide it."""
        # napari takes even the same visibility for a reason to change the mode.
        if shown != self.shown and (shown or self.is_there):
            self.labels().visible = shown

    def paint(self, label: int) -> None:
        """Have clicks on the canvas paint from now on.

        Parameters
        ----------
        label : int
            0 as computed, 1 add, 2 erase.
        """
        self.show(True)
        self._viewer.layers.selection.active = self.layer
        self.layer.selected_label = label
        if str(self.layer.mode) not in PAINTING or str(self.layer.mode) == "erase":
            self.layer.mode = "paint"
        self._report_painting()

    def stop_painting(self) -> None:
        """Have clicks on the canvas paint no longer."""
        if self.is_there:
            self.layer.mode = "pan_zoom"
        self._report_painting()

    def toggle_painting(self) -> None:
        """Paint additions, or stop."""
        if self.painting is None:
            self.paint(ADD)
        else:
            self.stop_painting()

    def correct(self, component: Corrections, value: int) -> None:
        """Correct voxels as one stroke, which napari's undo takes back.

        Parameters
        ----------
        component : Corrections
            What is corrected in it gets the value.
        value : int
            1 add, 2 erase.
        """
        self.show(True)
        self.layer.data_setitem(component.voxels(), value)
        self._end_stroke()

    def new_data(self) -> list[NewData]:
        """Return the layer, if there is one, with the corrections of the current fragment."""
        if self.layer is None:
            return []
        self.layer.data.flush()
        forget_undo(self.layer)
        return [(self.layer, CorrectionsVolume(self._session))]

    def drop(self, layer: Layer) -> None:
        """Notice that a user has deleted the layer; what was corrected stays."""
        if layer is self.layer:
            self.layer = None
            self.shown_changed.emit(False)
            self._report_painting()

    def close(self) -> None:
        """Take the layer away for good."""
        self.clicks.close()
        self._brush.close()
        if self.layer is not None:
            self.layer.data.flush()
        self._session.corrections.changed.disconnect(self._follow, missing_ok=True)
        self._viewer.layers.selection.events.active.disconnect(self._report_painting)
        self.remove()

    def _add(self) -> None:
        colors: dict[int | None, Any] = {None: (0, 0, 0, 0), AS_COMPUTED: (0, 0, 0, 0)}
        colors |= {label: rgba(color, 1.0) for label, color in COLORS.items()}
        self.layer = layer = Labels(
            CorrectionsVolume(self._session),
            name=LAYER_NAME,
            colormap=DirectLabelColormap(color_dict=colors),
            opacity=OPACITY,
            blending="translucent_no_depth",
            rendering="translucent",  # the others are slow in 3D
            multiscale=False,
        )
        layer.brush_size = BRUSH_SIZE
        for event in (layer.events.labels_update, layer.events.set_data):
            event.connect(self._flush)
        layer.events.paint.connect(self._end_stroke)
        layer.events.selected_label.connect(self._check_label)
        layer.events.mode.connect(self._report_painting)
        self._follow_visibility()
        leave_out_box_of_brush(self._viewer)
        active = self._viewer.layers.selection.active
        self._viewer.add_layer(self._placing.place(layer))
        self._viewer.layers.selection.active = active
        self._viewer.layers.selection.events.active.disconnect(self._report_painting)
        self._viewer.layers.selection.events.active.connect(self._report_painting)
        self.shown_changed.emit(True)

    # ---- painting --------------------------------------------------------------------------

    def _flush(self, event: object = None) -> None:
        """Give the session what was painted since the last time."""
        with self._changing():
            self.layer.data.flush()

    def _end_stroke(self, event: object = None) -> None:
        self._flush()
        self._session.corrections.end_stroke()

    @contextmanager
    def _changing(self) -> Iterator[None]:
        """Draw nothing again meanwhile: the layer shows what is painted on it."""
        before, self._own_change = self._own_change, True
        try:
            yield
        finally:
            self._own_change = before

    def _follow(self, image_id: str) -> None:
        """Draw what changed elsewhere; napari cannot undo across that."""
        if self.is_there and not self._own_change and self.layer.data.image_id == image_id:
            forget_undo(self.layer)
            with self._changing():
                refresh_slice(self._viewer, self.layer)

    def _check_label(self, event: object = None) -> None:
        """Go back to a label that there is where a user chose another one."""
        if self.layer.selected_label > ERASE:
            notify_warning(
                f"{LAYER_NAME}: found the label {self.layer.selected_label}; there are 0 (as "
                "computed), 1 (add) and 2 (erase)"
            )
            self.layer.selected_label = ADD
        self._report_painting()

    def _report_painting(self, event: object = None) -> None:
        self.painting_changed.emit(self.painting)
