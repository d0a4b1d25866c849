"""The dock in which a researcher tunes, accepts and exports."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QEvent, Qt, Signal
from qtpy.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent, QShowEvent
from qtpy.QtWidgets import QFileDialog, QHBoxLayout, QLabel, QPushButton, QVBoxLayout

from napari_nx46.data.fragments import (
    DataSet,
    FolderNames,
    Place,
    StorePlace,
    place_of,
    workspace_key,
)
from napari_nx46.files.held import Held, hold
from napari_nx46.files.volumes.reading import ReadAs
from napari_nx46.files.workspace import default_workspace
from napari_nx46.live.scroll.store import scroll_of
from napari_nx46.run.pipelines import DEFAULT_MEMORY_BUDGET
from napari_nx46.viewer.canvas.layers import image_id_of, layers_read_otherwise, origin_of
from napari_nx46.viewer.messages.error_banner import ErrorBanner
from napari_nx46.viewer.messages.notices import notify_error, notify_warning
from napari_nx46.viewer.messages.plain_text import PlainLabel
from napari_nx46.viewer.messages.working import OPENING, working
from napari_nx46.viewer.plugin.preferences import Preferences, read_preferences
from napari_nx46.viewer.plugin.samples import is_sample
from napari_nx46.viewer.sources.arrivals import Arrivals, paths_of
from napari_nx46.viewer.sources.choice import guessed
from napari_nx46.viewer.sources.chosen import ChosenLayers
from napari_nx46.viewer.sources.tuning import LayerTuning
from napari_nx46.viewer.tune.panel import TunePanel
from napari_nx46.viewer.window.actions import Action
from napari_nx46.viewer.window.arrangement import TabbedDock
from napari_nx46.viewer.window.closing import guard_closing
from napari_nx46.viewer.window.docks import DocksButton, open_dock_named
from napari_nx46.viewer.window.key_bindings import CanvasKeys
from napari_nx46.viewer.window.reading import Carried, open_as, open_as_kept, warn_of_channels
from napari_nx46.viewer.window.shortcuts import add_shortcuts
from napari_nx46.viewer.window.viewer_session import ViewerSession

if TYPE_CHECKING:
    import napari

NAPARI_TITLE = "napari"
TITLE = "NX46 · "
VIEW_MARGIN = 0.02
IN_ANOTHER_WINDOW = (
    "Another window has the same data open. So that neither overwrites the other's corrections,"
    " what is done in this one is kept in a file of its own: {}"
)

VOLUME_FILTER = (
    "Volumes (*.tif *.tiff *.npy *.npz *.h5 *.hdf5 *.nii *.nii.gz *.mha *.mhd *.nrrd *.nhdr "
    "*.zarr.zip)"
)


class TuneDock(TabbedDock):
    """Tune surface masks of a data set.

    Parameters
    ----------
    napari_viewer : napari.Viewer
        Layers that this plugin's reader made are taken up at once, and when they are added later.
    keeps : bool
        Whether what is done is kept in the workspace of the data, and found again.

    Attributes
    ----------
    keeps : bool
    viewer_session_changed : Signal(object)
        Carries the `ViewerSession` whose session has begun, or None when one is about to end.
    """

    viewer_session_changed = Signal(object)

    def __init__(self, napari_viewer: napari.Viewer, *, keeps: bool = True) -> None:
        super().__init__(napari_viewer)
        self.keeps = keeps
        self.viewer_session: ViewerSession | None = None
        self.panel: TunePanel | None = None
        self._held: Held | None = None
        self.setWindowTitle("Tune surface mask")
        self.setAcceptDrops(True)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(4, 4, 4, 4)
        layout.addLayout(self._open_buttons())
        self.layers = LayerTuning(self, self)
        layout.addWidget(self.layers.panel)
        self.error_banner = ErrorBanner()
        self.error_banner.logits_wanted.connect(self._read_as_logits)
        self.destroyed.connect(self.error_banner.end)
        layout.addWidget(self.error_banner)
        self.introduction = _introduction()
        layout.addWidget(self.introduction, 1)
        self._canvas_keys = CanvasKeys(self.viewer, self.run)
        add_shortcuts(self, self.run)
        self._follows_viewer = True
        self.layers.propose(guessed(self.viewer.layers))
        self._arrivals = Arrivals(self.viewer, self)
        self._arrivals.settled.connect(self._take_up_layers)
        self._arrivals.look()

    def open_paths(
        self,
        *paths: str | Place,
        folders: FolderNames | None = None,
        image_id: str | None = None,
        read_as: ReadAs | None = None,
    ) -> None:
        """Open a data folder, a volume, or two (p3d, p2d), in place of what is open.

        A store that is larger than memory is opened in the dock *Scroll*, where boxes of it are
        chosen; what was open stays open.

        Parameters
        ----------
        *paths : str or path-like
        folders : FolderNames, optional
            Names of the folders in a data folder.
        image_id : str, optional
            The fragment to show first.
        read_as : ReadAs, optional
            What is read of probability volumes; by default what was chosen for them before.

        Raises
        ------
        FragmentError, VolumeError
            If there is no sound volume; what was open stays open then.
        """
        given = tuple(map(place_of, paths))
        with working(self.viewer, OPENING):
            if folders is None and self._open_scroll(given, read_as):
                return
            if read_as is None:
                dataset = open_as_kept(given, folders, self.workspace_of(given))
            else:
                dataset = open_as(given, folders, read_as)
            self.show_data_set(dataset, given, image_id)

    def _open_scroll(self, places: tuple[Place, ...], read_as: ReadAs | None) -> bool:
        """Open what is larger than memory box by box; return False where nothing is."""
        store = scroll_of(places, read_preferences().memory or DEFAULT_MEMORY_BUDGET)
        if store is None:
            return False
        second = StorePlace(str(places[1])) if len(places) > 1 else None
        open_dock_named(self.viewer, "Scroll").open(store, second, read_as)
        return True

    def reset_choices(self, event: Any = None) -> None:
        """Offer the layers that there are now; napari calls it when the layer list changes."""
        if self._follows_viewer:
            self.layers.panel.reset_choices()

    def read_again(self, read_as: ReadAs) -> None:
        """Open what is open again, with another channel or other logits, keeping the setting."""
        viewer_session = self.viewer_session
        if viewer_session is None:
            return
        dataset, carried = viewer_session.session.dataset, Carried.of(viewer_session)
        try:
            if viewer_session.chosen is not None:
                choice = replace(viewer_session.chosen.choice, read_as=read_as)
                self.layers.tune(choice, viewer_session.workspace)
            else:
                again = open_as(viewer_session.paths, dataset.folders, read_as, dataset.image_ids)
                self.show_data_set(again, viewer_session.paths, carried.image_id)
        except (ValueError, OSError) as error:
            notify_error(error)
            if self.panel is not None:
                self.panel.reading_panel.show_again()
            return
        if self.viewer_session is not None:
            carried.give_to(self.viewer_session)

    def workspace_of(self, paths: tuple[Place, ...]) -> Path | None:
        """Return the file in which work on these data is kept; None where it is not."""
        return workspace_of(paths, read_preferences()) if self.keeps else None

    def show_data_set(
        self,
        dataset: DataSet,
        paths: tuple[Place, ...],
        image_id: str | None = None,
        chosen: ChosenLayers | None = None,
        workspace: Path | None = None,
    ) -> None:
        """Begin a session on an opened data set, whose layers replace those of the old one.

        Layers that a user has chosen are neither replaced nor copied. What is done is kept in the
        workspace that is given, else in that of the paths.

        Raises
        ------
        VolumeError
            If it cannot be read with the memory that the user prefers; what was open stays open.
        """
        read_preferences().check(dataset)
        before = (
            None
            if self.viewer_session is None
            else (self.viewer_session.paths, self.viewer_session.session.fragment)
        )
        users_own = [] if chosen is None else chosen.choice.layers
        old_layers = [
            layer
            for layer in (*self._arrivals.of_others(paths), *self._layers_of_files())
            if layer not in users_own
        ]
        read_otherwise = layers_read_otherwise(self.viewer.layers, dataset, paths)
        for layer in {*old_layers, *read_otherwise}:
            if layer in read_otherwise or origin_of(layer) != tuple(map(str, paths)):
                layer.name = f"{layer.name} before"  # those that take their places have the names
        self.close_session()
        self.error_banner.dismiss()
        if workspace is None and paths:
            workspace = self.workspace_of(paths)
        workspace = self._held_alone(workspace)
        viewer_session = ViewerSession(
            self.viewer, dataset, paths, self, image_id, workspace, chosen
        )
        # A window that is closed deletes the session.
        if self._held is not None:
            viewer_session.destroyed.connect(self._held.release)
        self.layers.follow(chosen, workspace)
        for layer in (*old_layers, *read_otherwise):
            if layer not in viewer_session.layers and layer in self.viewer.layers:
                self.viewer.layers.remove(layer)
        # Layers that arrived before were superseded by this; the session's own are known.
        self._arrivals.take()
        self.viewer_session = viewer_session
        self.panel = TunePanel(viewer_session)
        self.panel.reading_panel.chosen.connect(self.read_again)
        self.introduction.hide()
        self.layout().addWidget(self.panel, 1)
        viewer_session.start()
        same = before is not None and before[0] == paths
        if chosen is None and not (
            same and before is not None and before[1].shape == viewer_session.session.fragment.shape
        ):
            self._look_at_all(viewer_session)
        self._entitle(dataset)
        warn_of_channels(dataset)
        self.viewer_session_changed.emit(viewer_session)

    def _held_alone(self, workspace: Path | None) -> Path | None:
        """Return the file to keep work in: another one where a window writes to this already."""
        if workspace is None:
            return None
        self._held = hold(workspace)
        if self._held.number > 1:
            notify_warning(IN_ANOTHER_WINDOW.format(self._held.path))
        return self._held.path

    def _layers_of_files(self) -> list[Any]:
        """Return the layers that were added for the session; none where they are the user's."""
        session = self.viewer_session
        return [] if session is None or session.chosen is not None else session.layers

    def _look_at_all(self, viewer_session: ViewerSession) -> None:
        """Fit the camera to data that are new to the window, unless it is known where it was."""
        if not viewer_session.look_again():
            self.viewer.reset_view(margin=VIEW_MARGIN)

    def _entitle(self, dataset: DataSet) -> None:
        """Name the data in the window's title, unless somebody else has named the window."""
        if self.viewer.title == NAPARI_TITLE or self.viewer.title.startswith(TITLE):
            self.viewer.title = f"{TITLE}{dataset.name}"

    @contextmanager
    def introduced(self, words: str) -> Iterator[None]:
        """Show other words than usual while no data are open."""
        usual = self.introduction.text()
        self.introduction.setText(words)
        try:
            yield
        finally:
            self.introduction.setText(usual)

    def what_runs(self) -> str:
        """Return what is being done with the runs of the workspace, in words."""
        runs = None if self.viewer_session is None else self.viewer_session.runs
        return "" if runs is None else runs.busy

    def run(self, action: Action) -> None:
        """Do something to the session; without one nothing happens."""
        if self.viewer_session is not None:
            action.run(self.viewer_session)

    def showEvent(self, event: QShowEvent) -> None:
        """Take a place in the window, and have it ask before it is closed while something runs."""
        super().showEvent(event)
        guard_closing(self)
        self.place_soon()

    def closeEvent(self, event: QCloseEvent) -> None:
        """End the session with the dock."""
        self._end()
        super().closeEvent(event)

    def changeEvent(self, event: QEvent) -> None:
        """End the session when napari takes the widget out of its dock, which closes nothing."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.ParentChange and self.parent() is None:
            self._end()

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Take files and folders."""
        if event.mimeData().hasUrls():
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        """Open what was dropped."""
        self._try_to_open([url.toLocalFile() for url in event.mimeData().urls()])

    def _end(self) -> None:
        """Let go of the viewer and end the session."""
        if self._follows_viewer:
            self._follows_viewer = False
            self._arrivals.end()
            self.error_banner.end()
            self._canvas_keys.end()
        self.close_session()
        self.layers.let_go()

    def close_session(self) -> None:
        """End the session; nothing is open then."""
        if self.viewer_session is not None:
            self.viewer_session_changed.emit(None)
        if self.panel is not None:
            self.panel.cancel_jobs()
            self.panel.hide()
            self.layout().removeWidget(self.panel)
            self.panel.deleteLater()
        if self.viewer_session is not None:
            self.viewer_session.close()
            self.viewer_session.deleteLater()
        if self._held is not None:
            self._held.release()
        self.viewer_session = self.panel = self._held = None
        self.introduction.show()

    def _try_to_open(self, paths: Sequence[str], image_id: str | None = None) -> None:
        try:
            self.open_paths(*paths, image_id=image_id)
        except (ValueError, OSError) as error:
            notify_error(error)

    def _read_as_logits(self) -> None:
        if self.panel is not None:
            self.read_again(self.panel.reading_panel.as_logits)

    def _open_buttons(self) -> QHBoxLayout:
        row = QHBoxLayout()
        self.open_folder_button = QPushButton("Open folder…")
        self.open_folder_button.setToolTip("A data folder with p3d/, p2d/, or both")
        self.open_volumes_button = QPushButton("Open volumes…")
        self.open_volumes_button.setToolTip("One probability volume, or two: 3D path, 2D path")
        self.open_folder_button.clicked.connect(self._choose_folder)
        self.open_volumes_button.clicked.connect(self._choose_volumes)
        row.addWidget(self.open_folder_button)
        self.docks_button = DocksButton(self.viewer)
        row.addWidget(self.open_volumes_button)
        row.addWidget(self.docks_button)
        return row

    def _choose_folder(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, "Data folder, or Zarr volume")
        if folder:
            self._try_to_open([folder])

    def _choose_volumes(self) -> None:
        paths, _ = QFileDialog.getOpenFileNames(self, "One or two volumes", "", VOLUME_FILTER)
        if paths:
            self._try_to_open(paths)

    def _take_up_layers(self) -> None:
        """Go on with the newest of the layers that have arrived, but for the session's own."""
        known = [] if self.viewer_session is None else self.viewer_session.layers
        new = [layer for layer in self._arrivals.take() if layer not in known]
        if not new:
            return
        shown = () if self.viewer_session is None else tuple(map(str, self.viewer_session.paths))
        paths, image_id = paths_of(new, shown), image_id_of(new[-1])
        if self.viewer_session is not None and paths == shown:
            for layer in layers_read_otherwise(
                new, self.viewer_session.session.dataset, self.viewer_session.paths
            ):
                self.viewer.layers.remove(layer)
            self.viewer_session.session.show_fragment(
                image_id or self.viewer_session.session.fragment.image_id
            )
        else:
            # A sample was chosen; of a folder the reader only shows the first fragment.
            self._try_to_open(paths, image_id if is_sample(map(place_of, paths)) else None)
            if self.viewer_session is None or paths != tuple(map(str, self.viewer_session.paths)):
                for layer in new:
                    self.viewer.layers.remove(layer)  # those of what was open stay


def workspace_of(paths: tuple[Place, ...], preferences: Preferences) -> Path | None:
    """Return the file in which work on these data is kept; None for samples.

    It is in the folder that is preferred, unless the environment names another one.
    """
    if is_sample(paths):
        return None
    return default_workspace(workspace_key(paths[0]), preferences.environment)


def _introduction() -> QLabel:
    label = PlainLabel(
        "Choose layers of the window under “Layers” and tune them; or open a data folder, or one or"
        " two probability volumes, here, by dropping them on the window, or with File ▸ Open Sample"
        " ▸ NX46."
    )
    label.setWordWrap(True)
    label.setAlignment(Qt.AlignmentFlag.AlignTop)
    return label
