"""A session in a napari viewer: its layers, and what the canvas shows, reported to it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import JsonValue
from qtpy.QtCore import QEvent, QObject, QTimer

from napari_nx46.core.measure.worst_slices import MOST_WORST_SLICES, next_worst, worst_slices
from napari_nx46.data.fragments import DataSet, Fragment, Place
from napari_nx46.files.workspace import WorkspaceError
from napari_nx46.live.derived.scoring import ScoreFollower
from napari_nx46.live.derived.surface import PlanePicture, Surface
from napari_nx46.live.history.session_store import SessionStore
from napari_nx46.live.look.bookmarks import Bookmarks
from napari_nx46.live.look.cursor import Voxel
from napari_nx46.live.masks.pins import Pins
from napari_nx46.live.session import Session
from napari_nx46.live.view import Figures, View
from napari_nx46.viewer.canvas.access import Canvas
from napari_nx46.viewer.canvas.error_overlay import ErrorOverlay
from napari_nx46.viewer.canvas.layer_exchange import unseen
from napari_nx46.viewer.canvas.overlay import Overlay
from napari_nx46.viewer.canvas.own_layers import OwnLayers
from napari_nx46.viewer.canvas.run_after_paint import RunAfterPaint
from napari_nx46.viewer.canvas.viewing import (
    go_to,
    go_to_slice,
    has_no_names,
    slice_shown,
    view_of,
    voxel_shown,
)
from napari_nx46.viewer.canvas.volume_layers import VolumeLayers
from napari_nx46.viewer.compare.side_by_side import SideBySide
from napari_nx46.viewer.compare.tools import CompareTools
from napari_nx46.viewer.corrections.layer import CorrectionsLayer
from napari_nx46.viewer.errors.tools import ErrorTools
from napari_nx46.viewer.look.three_d import ThreeD
from napari_nx46.viewer.messages.notices import notify_error, notify_warning
from napari_nx46.viewer.plugin.preferences import Preferences, PreferencesFollower
from napari_nx46.viewer.qt.later import Later
from napari_nx46.viewer.qt.main_thread import MainThreadPoster
from napari_nx46.viewer.sources.grid import AXIS_LABELS
from napari_nx46.viewer.sources.placing import Placing
from napari_nx46.viewer.window.followers import SessionFollowers
from napari_nx46.voxels.workers import Workers

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Layer

    from napari_nx46.viewer.sources.chosen import ChosenLayers

VIEW_SETTLES_MILLISECONDS = 30
"""napari knows the visible corners only once it has drawn."""


class ViewerSession(SessionFollowers):
    """Joins a viewer with the session of a data set.

    Parameters
    ----------
    viewer : napari viewer
    dataset : DataSet
    paths : tuple of Place
        What was opened.
    parent : QObject, optional
    image_id : str, optional
        The fragment to begin with; default the one that was shown last, else the first.
    workspace : Path, optional
        The file that this is kept in and found again; None keeps nothing.
    chosen : ChosenLayers, optional
        The user's own layers that the data set was made of; by default layers of the volumes are
        added.

    Attributes
    ----------
    workspace : Path, optional
    session : Session
    opening : Opening
    keeping : SessionStore
    overlay : Overlay
    scores : ScoreFollower
    errors : ErrorOverlay
    error_tools : ErrorTools
    corrections : CorrectionsLayer
    pins : Pins
    compare : CompareTools
    runs : Runs, optional
        Those of the workspace.
    side_by_side : SideBySide
    three_d : ThreeD
    """

    keeping: SessionStore
    overlay: Overlay
    errors: ErrorOverlay
    compare: CompareTools
    side_by_side: SideBySide
    three_d: ThreeD
    error_tools: ErrorTools
    corrections: CorrectionsLayer

    def __init__(
        self,
        viewer: ViewerModel,
        dataset: DataSet,
        paths: tuple[Place, ...],
        parent: QObject | None = None,
        image_id: str | None = None,
        workspace: Path | None = None,
        chosen: ChosenLayers | None = None,
    ) -> None:
        super().__init__(parent)
        self.viewer = viewer
        self.paths = paths
        self.workspace = workspace
        self._canvas = Canvas(viewer)
        self._canvas.protect_removal()
        self._image_id = image_id
        self._looked: tuple[float, tuple[float, float]] | None = None
        self._reported = ""
        post = MainThreadPoster(self)
        self._preferences = PreferencesFollower(self)
        preferred = self._preferences.now
        self.session = Session(
            dataset,
            post=post,
            when_drawn=RunAfterPaint(viewer, self),
            image_id=image_id,
            workers=Workers(preferred.threads),
            memory_budget=preferred.memory,
            band=preferred.band,
        )
        self.opening = self._opening()
        self.scores = ScoreFollower(self.session)
        # A window that is closed deletes its widgets and closes none of them.
        # Qt holds these methods weakly: a partial could be collected before it is called.
        self.destroyed.connect(self.scores.close)
        self.destroyed.connect(self.session.close)
        self.runs = None if workspace is None else self._runs_in(workspace)
        self.bookmarks = Bookmarks(workspace, post)
        self.bookmarks.failed.connect(notify_error)
        self.destroyed.connect(self.bookmarks.close)
        self.pins = Pins()
        self.placing = Placing()
        self.compare = CompareTools(viewer, self.session, self.pins, self.placing)
        self.destroyed.connect(self.compare.foreign.close)
        self.keeping = SessionStore(
            self.session, self.pins, workspace, post=post, call_later=Later(self)
        )
        self.destroyed.connect(self.keeping.close)
        self.chosen = chosen
        self._volumes = chosen or VolumeLayers(viewer, paths)
        self._exchanging = False
        self._volumes.show(self.session.fragment)
        self._follow_place()
        self.overlay = Overlay(viewer, self.session, self.compare.flip, self.placing)
        self._show_slice()
        self.overlay.look(preferred.mask_color, preferred.outline)
        self.errors = ErrorOverlay(viewer, self.scores, self.placing)
        self.error_tools = ErrorTools(
            viewer, self.session, self.scores, self.placing, self.look_at, self
        )
        self.corrections = CorrectionsLayer(viewer, self.session, self.overlay, self.placing)
        self.side_by_side = SideBySide(
            viewer,
            self.session,
            self.compare,
            self.overlay,
            lambda: self.layers,
            self.placing,
            self,
        )
        self.three_d = ThreeD(
            viewer,
            self.session,
            self.overlay,
            self.corrections,
            self._adopted(Surface(self.session)),
            self._adopted(PlanePicture(self.session)),
            self,
        )
        self._own_layers = OwnLayers(
            viewer,
            (
                *(self.overlay, self.errors, self.corrections),
                self.compare.difference,
                self.compare.foreign_layers,
                self.side_by_side,
                self.three_d,
                *self.error_tools.owners,
            ),
            self,
        )
        self._settle = QTimer(self)
        self._settle.setSingleShot(True)
        self._settle.setInterval(VIEW_SETTLES_MILLISECONDS)
        self._settle.timeout.connect(self._look)
        if self._canvas.widget is not None:
            self._canvas.widget.installEventFilter(self)
        self._connect()

    @property
    def layers(self) -> list[Layer]:
        """Of the current fragment, without the mask."""
        return self._volumes.layers

    def start(self) -> None:
        """Go on from what was kept, and begin to compute."""
        self._resume()
        self.session.start()
        self.scores.start()
        self._start_followers()
        self._look()
        self.opening.start()

    @property
    def cursor_voxel(self) -> Voxel:
        """The voxel that the viewer's sliders are at, also those of displayed axes."""
        return voxel_shown(self.viewer, self.overlay.layer, self.session.fragment.shape)

    def go_to_voxel(self, voxel: Voxel) -> None:
        """Have the viewer's sliders be at a voxel."""
        go_to(self.viewer, self.overlay.layer, voxel)

    def look_at(self, voxel: Voxel) -> None:
        """Have the viewer's sliders be at a voxel, and the canvas look at it."""
        go_to(self.viewer, self.overlay.layer, voxel, look=True)

    def keep_pins(self) -> None:
        """Have the masks of the pins computed and measured from now on."""
        self.pin_follower.touch()
        self.pin_measurer.touch()

    def pin(self, letter: str) -> None:
        """Pin the sliders' setting, and what was corrected, to a letter."""
        self.keep_pins()
        corrections = self.session.corrections.by_fragment
        self.pins.pin(letter, self.session.setting, corrections=corrections)

    def flip(self) -> None:
        """Show the next mask that is there."""
        self.keep_pins()
        self.compare.flip.flip()

    def go_to_slice(self, z: int) -> None:
        """Have the viewer show a slice along z."""
        go_to_slice(self.viewer, self.overlay.layer, z)

    @property
    def slice_shown(self) -> int:
        """Which slice along z the viewer stands at, be it within the fragment or not."""
        return slice_shown(self.viewer, self.overlay.layer)

    def go_to_next_worst(self) -> None:
        """Have the viewer show the next of the slices that are worth a look first.

        The first call begins to measure the slices; there is none to go to before that is done.
        """
        profile = self.profiles.state.result
        if profile is not None:
            worst = worst_slices(profile.slices, self.session.band, MOST_WORST_SLICES)
            z = next_worst(worst, self.slice_shown)
            if z is not None:
                self.go_to_slice(z)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Notice that the canvas shows more or less, since it has another size."""
        if event.type() == QEvent.Type.Resize:
            self._view_moved()
        return False

    def close(self) -> None:
        """Take the mask away and end the session; the other layers stay."""
        if self._canvas.widget is not None:
            self._canvas.widget.removeEventFilter(self)
        for emitter in self._view_events():
            emitter.disconnect(self._view_moved)
        self._settle.stop()
        self.viewer.dims.events.current_step.disconnect(self._look)
        self._preferences.close()
        self.keeping.close()
        self.bookmarks.close()
        if self.runs is not None:
            self.runs.close()
        for follower in self._followers:
            follower.close()
        self._own_layers.close()
        self.error_tools.close()
        self.scores.close()
        self.opening.close()
        self.session.close()
        self.three_d.close()
        self.side_by_side.close()
        self.corrections.close()
        self.errors.close()
        self.compare.close()
        self.overlay.remove()
        self.placing.close()
        self._volumes.close()

    def _connect(self) -> None:
        session = self.session
        session.mask_changed.connect(self.overlay.draw)
        session.mask_changed.connect(self.errors.draw)
        self.compare.flip.changed.connect(self._show_flipped)
        session.figures_changed.connect(self._figures_came)
        self.scores.label_changed.connect(self.errors.refresh)
        session.fragment_changed.connect(self._show_fragment)
        for one in (session, self.scores, self.keeping, *self.error_tools.followers):
            one.failed.connect(self._notify)
        self.compare.foreign.failed.connect(notify_error)
        self.viewer.dims.events.current_step.connect(self._look)
        self.keeping.problem.connect(self._warn)
        for emitter in self._view_events():
            emitter.connect(self._view_moved)
        self._preferences.mask_changed.connect(self._prefer)

    def _prefer(self, preferred: Preferences) -> None:
        self.session.set_band(preferred.band)
        self.overlay.look(preferred.mask_color, preferred.outline)

    def _notify(self, error: BaseException) -> None:
        """Notify of an error, but not of the same one at every step of a slider."""
        if str(error) != self._reported:
            self._reported = str(error)
            notify_error(error)

    def _warn(self, problem: str) -> None:
        notify_warning(f"{self.keeping.path}: {problem}")

    def keep_in(self, path: Path) -> bool:
        """Write all there is to a new workspace file; return whether it is there."""
        try:
            kept = self.keeping.save_to(path)
            self.bookmarks.save_to(path)
        except WorkspaceError as error:
            self._notify(error)
            return False
        return kept

    # ---- what was kept ---------------------------------------------------------------------

    def look_again(self) -> bool:
        """Look with the camera where it was; return False where that is not known."""
        if self._looked is None:
            return False
        camera = self.viewer.scene.camera
        camera.zoom, camera.center = self._looked[0], (0.0, *self._looked[1])
        return True

    def _resume(self) -> None:
        state = self.keeping.begin()
        if self._image_id is not None and self._image_id != self.session.fragment.image_id:
            self.session.show_fragment(self._image_id)
        elif state.camera_zoom is not None and len(state.camera_center) >= 2:
            y, x = state.camera_center[-2:]
            self._looked = state.camera_zoom, (y, x)
        self._show_slice()
        self.look_again()

    def _note_camera(self) -> None:
        """Have it kept where the canvas looks; in 3D it looks elsewhere."""
        camera = self.viewer.scene.camera
        if self.viewer.dims.ndisplay == 2:
            center: list[JsonValue] = [float(where) for where in camera.center[-2:]]
            self.keeping.note_view({"camera_zoom": float(camera.zoom), "camera_center": center})

    def _figures_came(self, figures: Figures) -> None:
        if figures.exact and figures.fragment_exact:
            for overlay in (self.overlay, self.errors, self.compare.difference):
                overlay.settle()

    def _show_flipped(self) -> None:
        """Draw another mask, unless its layer is about to be exchanged for another fragment's."""
        if self.overlay.layer.data.shape == self.session.fragment.shape:
            self.overlay.draw_flipped()

    def _view_events(self) -> tuple[Any, ...]:
        camera, dims = self.viewer.scene.camera.events, self.viewer.dims.events
        return camera.zoom, camera.center, dims.ndisplay, dims.order

    def _show_fragment(self, fragment: Fragment) -> None:
        """Have the layers show another fragment."""
        shape = self.overlay.layer.data.shape
        in_three_d = self.three_d.shown
        self.three_d.show(False)
        # Meanwhile the viewer's axes are as long as those of the layers that happen to be there.
        self._exchanging = True
        # Layers that are exchanged while napari renders in 3D can end the process within OpenGL.
        dimensions, self.viewer.dims.ndisplay = self.viewer.dims.ndisplay, 2
        try:
            self._exchange_layers(fragment)
        finally:
            self.viewer.dims.ndisplay = dimensions
            self._exchanging = False
        if fragment.shape != shape:
            self.viewer.reset_view()
        self.three_d.show(in_three_d)
        self._view_moved()

    def _exchange_layers(self, fragment: Fragment) -> None:
        self.side_by_side.leave_fragment()
        self._volumes.remember_visible()
        overlays = [
            *self.overlay.new_data(),
            *self.errors.new_data(),
            *self.error_tools.item.new_data(),
            *self.corrections.new_data(),
            *self.compare.new_data(),
        ]
        with unseen(self.viewer, [*self.layers, *(layer for layer, _ in overlays)]):
            self._volumes.show(fragment, overlays)
            self._follow_place()
            self._show_slice()
        self.side_by_side.show_fragment()

    def _show_slice(self) -> None:
        """Go to the session's slice, unless the layers are the user's, and name the axes."""
        dims = self.viewer.dims
        if dims.ndim == len(AXIS_LABELS) and (self.chosen is None or has_no_names(dims)):
            dims.axis_labels = AXIS_LABELS
        if self.chosen is None:
            self.go_to_slice(self.session.view.slice_index)

    def _follow_place(self) -> None:
        """Have this plugin's layers lie where the fragment's do."""
        self.placing.follow(*(self._volumes.reference or (None, ())))

    def _view_moved(self, event: object = None) -> None:
        self._settle.start()

    def _look(self, event: object = None) -> None:
        """Report to the session what the canvas shows."""
        # Without the fragment's layers, as in a window that is closed, nothing is looked at.
        has_axes = self.viewer.dims.ndim >= len(AXIS_LABELS) or self.session.fragment.shape[0] == 1
        if has_axes and not self._exchanging:
            self.session.look_at(self._current_view())
            self._note_camera()

    def _current_view(self) -> View | None:
        # The canvas keeps this up to date in layers that are there: the mask may be deleted.
        there = (one for one in (self.overlay.layer, *self.layers) if one in self.viewer.layers)
        corners = next((one.corner_pixels for one in there if one.ndim == len(AXIS_LABELS)), None)
        shape = self.session.fragment.shape
        return view_of(self.viewer, self.overlay.layer, corners, shape)
