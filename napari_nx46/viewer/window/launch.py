"""Opening the window from the command line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from qtpy.QtWidgets import QApplication

from napari_nx46.data.fragments import DataSet, Place
from napari_nx46.files.volumes.reading import ReadAs
from napari_nx46.viewer.canvas.layers import data_set_name
from napari_nx46.viewer.tune.dock import TITLE, VIEW_MARGIN, TuneDock
from napari_nx46.viewer.window.key_bindings import register_actions
from napari_nx46.viewer.window.reading import as_kept

if TYPE_CHECKING:
    import napari

DOCK_NAME = "Tune surface mask"


def tune(dataset: DataSet, paths: Sequence[Place], *, keeps: bool = True) -> None:
    """Open a window on a data set and stay until it is closed.

    Parameters
    ----------
    dataset : DataSet
    paths : sequence of Place
        What was opened.
    keeps : bool
        Whether what is done is kept in the workspace of the data, and found again.
    """
    import napari

    open_window(dataset, paths, keeps=keeps)
    napari.run()


def tune_store(places: Sequence[Place], read_as: ReadAs) -> None:
    """Open a window on a store that is larger than memory, and stay until it is closed.

    Parameters
    ----------
    places : sequence of Place
        The store, and perhaps that of the 2D path.
    read_as : ReadAs
        What is read of them.
    """
    import napari

    register_actions()
    viewer = napari.Viewer(title=f"{TITLE}{places[0]}")
    dock = add_dock(viewer)
    QApplication.processEvents()  # the dock takes its place before the one of the store does
    dock.open_paths(*places, read_as=read_as)
    napari.run()


def open_window(
    dataset: DataSet, paths: Sequence[Place], *, show: bool = True, keeps: bool = True
) -> tuple[napari.Viewer, TuneDock]:
    """Return a napari window with a session on a data set, and its dock."""
    import napari

    register_actions()  # a viewer warns of keys in the user's settings whose actions are not known
    viewer = napari.Viewer(title=f"{TITLE}{dataset.name}", show=show)
    dock = add_dock(viewer, keeps=keeps)
    opened = tuple(paths)
    with dock.introduced(f"Opening {data_set_name(dataset)}…"):
        QApplication.processEvents()  # there is something to read before the data are read
        dock.show_data_set(as_kept(dataset, opened, dock.workspace_of(opened)), opened)
    QApplication.processEvents()  # lays the window out: only then the canvas has its size
    if dock.viewer_session is None or not dock.viewer_session.look_again():
        viewer.reset_view(margin=VIEW_MARGIN)
    return viewer, dock


def add_dock(viewer: napari.Viewer, *, keeps: bool = True) -> TuneDock:
    """Return the dock, added to the right of a window; see `TuneDock`."""
    dock = TuneDock(viewer, keeps=keeps)
    viewer.window.add_dock_widget(dock, name=DOCK_NAME, area="right")
    return dock
