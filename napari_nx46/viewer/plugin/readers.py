"""napari's way to open a data folder, a volume, or two: thin over `fragments.open_data`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from napari_nx46.data.fragments import open_data
from napari_nx46.live.scroll.store import scroll_of
from napari_nx46.run.pipelines import DEFAULT_MEMORY_BUDGET
from napari_nx46.viewer.canvas.layers import LayerData, fragment_layers
from napari_nx46.viewer.plugin.claims import is_archive, is_ours
from napari_nx46.viewer.plugin.preferences import read_preferences

Reader = Callable[[str | Sequence[str]], list[LayerData] | list[tuple[None]]]


def get_reader(path: str | Sequence[str]) -> Reader | None:
    """Return a reader for what is plainly this plugin's, as `is_ours` says, else None.

    What is wrong inside is said when it is read, by an error that names file and fragment.

    Parameters
    ----------
    path : str or list of str
        A data folder, a volume, or submission archives; a list is what napari is asked to open as
        one stack: two volumes are the paths p3d and p2d then.
    """
    paths = _paths(path)
    if not paths or not all(map(is_ours, paths)):
        return None
    archives = [path for path in paths if is_archive(path)]
    if len(archives) == len(paths):
        return open_archives
    if archives:
        return refuse_together
    return open_store if _is_scroll(paths) else read_layers


def read_layers(path: str | Sequence[str]) -> list[LayerData]:
    """Open data and return the layers of its first fragment.

    Raises
    ------
    FragmentError, VolumeError
        If there is no sound volume.
    """
    paths = _paths(path)
    return fragment_layers(next(iter(open_data(*paths))), paths)


def open_store(path: str | Sequence[str]) -> list[tuple[None]]:
    """Open a store that is larger than memory in the dock *Scroll* of the current window.

    Returns
    -------
    list
        What says napari that there are no layers now: they come when the store is open.

    Raises
    ------
    ValueError
        If there is no window.
    """
    from napari import current_viewer

    from napari_nx46.viewer.window.session_dock import tune_dock_of

    paths, viewer = _paths(path), current_viewer()
    if viewer is None:
        raise ValueError(f"{paths[0]}: larger than memory; open it in a window, or a box of it")
    tune_dock_of(viewer).open_paths(*paths)
    return [(None,)]


def _is_scroll(paths: tuple[Path, ...]) -> bool:
    return scroll_of(paths, read_preferences().memory or DEFAULT_MEMORY_BUDGET) is not None


def refuse_together(path: str | Sequence[str]) -> list[LayerData]:
    """Refuse volumes and archives that are to be opened as one.

    Raises
    ------
    ValueError
    """
    names = ", ".join(part.name for part in _paths(path))
    raise ValueError(
        f"{names}: volumes and submission archives cannot be opened as one; open the volumes first,"
        " then the archives"
    )


def open_archives(path: str | Sequence[str]) -> list[tuple[None]]:
    """Have the masks of submission archives compared with those of the data that are open.

    They are checked in the background, and their layers come when that is done.

    Returns
    -------
    list
        What says napari that there are no layers now.

    Raises
    ------
    ValueError
        If no data are open.
    """
    from napari_nx46.viewer.compare.dock import open_in_current_window

    paths = _paths(path)
    if not open_in_current_window(paths):
        raise ValueError(
            f"{paths[0]}: open the data that its masks belong to first; then drop it again"
        )
    return [(None,)]


def _paths(path: str | Sequence[str]) -> tuple[Path, ...]:
    return (Path(path),) if isinstance(path, str) else tuple(Path(part) for part in path)
