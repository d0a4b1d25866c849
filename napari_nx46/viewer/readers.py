"""napari's way to open a data folder, a volume, or two: thin over `fragments.open_data`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from napari_nx46.files.volumes import VOLUME_SUFFIXES
from napari_nx46.fragments import FolderNames, open_data
from napari_nx46.viewer.layers import LayerData, fragment_layers

Reader = Callable[[str | Sequence[str]], list[LayerData]]


def get_reader(path: str | Sequence[str]) -> Reader | None:
    """Return a reader for what looks like this plugin's data, else None.

    What is wrong with it inside is told when it is read, as an error that names file and fragment.

    Parameters
    ----------
    path : str or list of str
        A data folder, a volume, or two volumes (p3d, p2d).
    """
    paths = _paths(path)
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


def _paths(path: str | Sequence[str]) -> tuple[Path, ...]:
    return (Path(path),) if isinstance(path, str) else tuple(Path(part) for part in path)


def _looks_readable(path: Path) -> bool:
    if path.name.lower().endswith(VOLUME_SUFFIXES):
        return True
    names = FolderNames()
    return any(
        (path / name).is_dir() for name in (names.p3d, names.p2d, names.models, *names.images)
    )
