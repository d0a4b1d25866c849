"""napari's way to open a data folder, a volume, or two: thin over `fragments.open_data`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from napari_nx46.files.naming import ARCHIVE_SUFFIX
from napari_nx46.files.volumes import VOLUME_SUFFIXES
from napari_nx46.fragments import FolderNames, open_data
from napari_nx46.viewer.layers import LayerData, fragment_layers

Reader = Callable[[str | Sequence[str]], list[LayerData] | list[tuple[None]]]


def get_reader(path: str | Sequence[str]) -> Reader | None:
    """Return a reader for what looks like this plugin's data, else None.

    What is wrong with it inside is told when it is read, as an error that names file and fragment.

    Parameters
    ----------
    path : str or list of str
        A data folder, a volume, two volumes (p3d, p2d), or submission archives.
    """
    paths = _paths(path)
    if paths and all(path.name.lower().endswith(ARCHIVE_SUFFIX) for path in paths):
        return open_archives
    return read_layers if 1 <= len(paths) <= 2 and all(map(_looks_readable, paths)) else None


def read_layers(path: str | Sequence[str]) -> list[LayerData]:
    """Open data and return the layers of its first fragment.

    Raises
    ------
    FragmentError, VolumeError
        If there is no sound volume.
    """
    paths = _paths(path)
    return fragment_layers(next(iter(open_data(*paths))), paths)


def open_archives(path: str | Sequence[str]) -> list[tuple[None]]:
    """Have the masks of submission archives compared with those of the data that are open.

    They are checked in the background, and their layers come when that is done.

    Returns
    -------
    list
        What tells napari that there are no layers now.

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


def _looks_readable(path: Path) -> bool:
    if path.name.lower().endswith(VOLUME_SUFFIXES):
        return True
    names = FolderNames()
    return any(
        (path / name).is_dir() for name in (names.p3d, names.p2d, names.models, *names.images)
    )
