"""Opening the window from the command line."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtWidgets import QApplication

from napari_nx46.files.reading import ReadAs
from napari_nx46.fragments import DataSet, open_data
from napari_nx46.sample import write_sample
from napari_nx46.viewer.display import has_display, virtual_display
from napari_nx46.viewer.dock import TuneDock

if TYPE_CHECKING:
    import napari

DOCK_NAME = "Tune surface mask"
VIEW_MARGIN = 0.02


def tune(dataset: DataSet, paths: Sequence[Path], *, keeps: bool = True) -> None:
    """Open a window on a data set and stay until it is closed.

    Parameters
    ----------
    dataset : DataSet
    paths : sequence of Path
        What was opened.
    keeps : bool
        Whether what is done is kept in the workspace of the data, and found again.
    """
    import napari

    open_window(dataset, paths, keeps=keeps)
    napari.run()


def demo(paths: Sequence[Path], out: Path, read_as: ReadAs | None = None) -> int:
    """Show the program: in a window where there is a display, else as a scripted session.

    Parameters
    ----------
    paths : sequence of Path
        Data to show; none for the sample fragments, which are made in `out` then.
    out : Path
        Folder for what the demonstration makes.
    read_as : ReadAs, optional
        What is read of probability volumes.

    Returns
    -------
    int
        0 if all went well, 1 if the archive was not valid.

    Raises
    ------
    DisplayError
        If there is no display and Xvfb is missing.
    """
    data = tuple(paths) or (out / "data",)
    if not paths:
        write_sample(data[0])
    read_as = read_as or ReadAs()
    if has_display():
        dataset = open_data(*data, channel=read_as.channel, logits=read_as.logits)
        tune(dataset, data, keeps=bool(paths))
        return 0
    with virtual_display() as name:
        print(f"no display: a scripted session on the virtual display {name}", flush=True)
        from napari_nx46.viewer.demo import scripted_session

        return scripted_session(data, out, print, read_as)


def open_window(
    dataset: DataSet, paths: Sequence[Path], *, show: bool = True, keeps: bool = True
) -> tuple[napari.Viewer, TuneDock]:
    """Return a napari window with a session on a data set, and its dock."""
    import napari

    viewer = napari.Viewer(title=f"NX46 · {dataset.name}", show=show)
    dock = add_dock(viewer, keeps=keeps)
    dock.show_data_set(dataset, tuple(paths))
    QApplication.processEvents()  # lays the window out: only then the canvas has its size
    if dock.bench is None or not dock.bench.look_again():
        viewer.reset_view(margin=VIEW_MARGIN)
    return viewer, dock


def add_dock(viewer: napari.Viewer, *, keeps: bool = True) -> TuneDock:
    """Return the dock, added to the right of a window; see `TuneDock`."""
    dock = TuneDock(viewer, keeps=keeps)
    viewer.window.add_dock_widget(dock, name=DOCK_NAME, area="right")
    return dock
