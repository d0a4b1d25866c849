"""Tuning layers that the user has in the window."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from qtpy.QtCore import QObject

from napari_nx46.data.fragments import Place
from napari_nx46.viewer.messages.notices import notify_error, notify_info
from napari_nx46.viewer.messages.working import OPENING, working
from napari_nx46.viewer.plugin.preferences import read_preferences
from napari_nx46.viewer.sources.channels_first import ChannelsFirst
from napari_nx46.viewer.sources.choice import LayerChoice, open_quietly
from napari_nx46.viewer.sources.chosen import ChosenLayers
from napari_nx46.viewer.sources.kept import as_kept, workspace_of_layers
from napari_nx46.viewer.sources.panel import LayerPanel
from napari_nx46.viewer.sources.workspace_row import WorkspaceRow
from napari_nx46.viewer.window.reading import Carried

if TYPE_CHECKING:
    import napari

    from napari_nx46.data.fragments import DataSet
    from napari_nx46.viewer.window.viewer_session import ViewerSession

GONE = "The layers that were tuned are gone: choose others under “Layers”."


class SessionOwner(Protocol):
    """The dock in which sessions begin and end."""

    viewer: napari.Viewer
    keeps: bool
    viewer_session: ViewerSession | None

    def show_data_set(
        self,
        dataset: DataSet,
        paths: tuple[Place, ...],
        image_id: str | None = None,
        chosen: ChosenLayers | None = None,
        workspace: Path | None = None,
    ) -> None:
        """Begin a session on a data set."""

    def close_session(self) -> None:
        """End the session."""


class LayerTuning(QObject):
    """Begins sessions on layers, and follows the layers while they last.

    Parameters
    ----------
    dock : SessionOwner
    parent : QObject
        With which it ends, as do the layers that it follows.

    Attributes
    ----------
    panel : LayerPanel
        The chooser at the dock's head.
    """

    def __init__(self, dock: SessionOwner, parent: QObject) -> None:
        super().__init__(parent)
        self._dock = dock
        self._channels_first = ChannelsFirst(dock.viewer)
        self._workspace: Path | None = None
        """That a user chose."""
        self.panel = LayerPanel(dock.viewer)
        self.panel.chosen.connect(self.try_to_tune)
        self.panel.read_again_wanted.connect(self.read_again)
        self.workspace_row = WorkspaceRow()
        self.panel.layout().addWidget(self.workspace_row)
        self.workspace_row.saved.connect(self.save_workspace)
        self.workspace_row.opened.connect(self.open_workspace)

    def begin(self, choice: LayerChoice, workspace: Path | None = None) -> None:
        """Tune layers of the window, and go on from where work on the same data was left.

        Parameters
        ----------
        choice : LayerChoice
        workspace : Path, optional
            The file that this is kept in, which a user chose; by default that of the layers, if
            there is one.

        Raises
        ------
        FragmentError, VolumeError
            If they form no fragment; what was open stays open then.
        """
        with working(self._dock.viewer, OPENING):
            self._begin(choice, workspace)

    def _begin(self, choice: LayerChoice, workspace: Path | None) -> None:
        """Tune layers with what was kept of them, or without it where they no longer go with it."""
        chosen = workspace
        if workspace is None and self._dock.keeps and choice.has_source:
            workspace = workspace_of_layers(choice, read_preferences().environment)
        kept = as_kept(choice, workspace)
        try:
            self.tune(kept, workspace)
        except ValueError:
            if kept.read_as == choice.read_as:
                raise
            self.tune(replace(kept, read_as=choice.read_as), workspace)
        self._workspace = chosen

    def tune(self, choice: LayerChoice, workspace: Path | None = None) -> None:
        """Tune layers of the window, which stay as they are, in place of what is open.

        Parameters
        ----------
        choice : LayerChoice
        workspace : Path, optional
            The file that this is kept in; None keeps nothing.

        Raises
        ------
        FragmentError, VolumeError
            If they form no fragment; what was open stays open then.
        """
        dataset, volumes = open_quietly(choice)
        chosen = ChosenLayers(self._dock.viewer, choice, volumes, self.parent())
        self._dock.show_data_set(dataset, (), chosen=chosen, workspace=workspace)
        self._channels_first.show(
            {layer: volumes[place].axes.space for place, layer in choice.places.items()}
        )

    def try_to_tune(self, choice: LayerChoice, workspace: Path | None = None) -> bool:
        """Tune layers, or notify of what is wrong with them; return whether they are tuned."""
        try:
            self.begin(choice, workspace)
        except (ValueError, OSError) as error:
            notify_error(error)
            return False
        return True

    def propose(self, choice: LayerChoice) -> None:
        """Show layers in the chooser, for a user to go on from there."""
        self.panel.show_choice(choice)
        self.panel.section.expand()

    def read_again(self) -> None:
        """Read the layers again whose arrays were changed in place: nothing reports that."""
        session = self._dock.viewer_session
        if session is not None and session.chosen is not None:
            self._go_on(session.chosen.choice)

    def save_workspace(self, path: Path) -> bool:
        """Keep all that was done in a new file, and go on in it; return whether it is kept."""
        session = self._dock.viewer_session
        if session is None or session.chosen is None:
            return False
        if path.exists():
            notify_error(FileExistsError(f"{path}: there is such a file; choose another name"))
            return False
        return session.keep_in(path) and self.try_to_tune(session.chosen.choice, path)

    def open_workspace(self, path: Path) -> bool:
        """Go on from what was kept in a file; return whether the layers are tuned with it."""
        session = self._dock.viewer_session
        return (
            session is not None
            and session.chosen is not None
            and self.try_to_tune(session.chosen.choice, path)
        )

    def follow(self, chosen: ChosenLayers | None, workspace: Path | None) -> None:
        """Show what is tuned, and go on with what is left of it when layers come and go.

        Parameters
        ----------
        chosen : ChosenLayers, optional
            None where files are tuned.
        workspace : Path, optional
            That work is kept in.
        """
        not_kept = self._dock.keeps and workspace is None
        self.workspace_row.setVisible(chosen is not None and not_kept)
        self.panel.again_button.visible = chosen is not None
        if chosen is None:
            self.let_go()
        else:
            chosen.replaced.connect(self._go_on)
            self.panel.show_choice(chosen.choice)
        self.panel.section.collapse()

    def let_go(self) -> None:
        """Show all layers as they were added again."""
        self._channels_first.show({})

    def _go_on(self, choice: LayerChoice) -> None:
        """Go on with what is left when a layer was removed, or has other data."""
        dock, session = self._dock, self._dock.viewer_session
        if session is None:
            return
        carried = Carried.of(session)
        if not choice.has_source:
            dock.close_session()
            self.let_go()
            self.propose(choice)
            notify_info(GONE)
        elif not self.try_to_tune(choice, self._workspace):
            dock.close_session()
            self.let_go()
            self.propose(choice)
        elif dock.viewer_session is not None:
            if dock.viewer_session.session.fragment.shape != session.session.fragment.shape:
                # What was corrected was corrected in voxels that are no longer there.
                carried = replace(carried, corrections={}, accepted_corrections={}, pins=())
            try:
                carried.give_to(dock.viewer_session)
            except ValueError as error:  # a block, say, that lies outside the new data
                notify_error(error)
