"""A store that is too large for memory: its levels, opened, and what else is read of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from napari_nx46.data.fragments import Place, StorePlace
from napari_nx46.files.volumes.opening import open_volume
from napari_nx46.files.volumes.paths import is_zarr_folder, volume_suffix
from napari_nx46.files.volumes.reading import ReadAs
from napari_nx46.files.volumes.roles import Role
from napari_nx46.files.volumes.volume import Volume

__all__ = ["Scroll", "open_scroll", "scroll_of"]


@dataclass(frozen=True, eq=False)
class Scroll:
    """A store of which one level is tuned.

    Attributes
    ----------
    place : StorePlace
        With the level that is tuned.
    volume : Volume
        That level.
    levels : tuple of Volume
        It and all coarser ones, the finest first.
    paths : tuple of str
        Of all levels of the store, the finest first; empty of a single array.
    read_as : ReadAs
    """

    place: StorePlace
    volume: Volume
    levels: tuple[Volume, ...]
    paths: tuple[str, ...]
    read_as: ReadAs

    def close(self) -> None:
        """Drop what is kept in memory of all levels."""
        for volume in self.levels:
            volume.release()


def open_scroll(
    place: StorePlace, role: Role = Role.PROBABILITY, read_as: ReadAs | None = None
) -> Scroll:
    """Open a store with all its levels from the one that is tuned on; only metadata are read.

    Parameters
    ----------
    place : StorePlace
        By default the finest level is tuned. Its boxes are left out.
    role : Role
        What the voxels stand for.
    read_as : ReadAs, optional
        Which channel is read, and whether its values are logits.

    Raises
    ------
    VolumeError
        If it cannot be opened, or has no such level.
    """
    chosen = read_as or ReadAs()

    def opened(level: str | None) -> Volume:
        return open_volume(
            place.store,
            role=role,
            channel=chosen.channel,
            logits=chosen.logits,
            level=level,
            access=place.access,
        )

    volume = opened(place.level)
    paths = () if volume.layout is None else volume.layout.levels
    level = place.level if place.level is not None else next(iter(paths), None)
    coarser = paths[paths.index(level) + 1 :] if level in paths else ()
    levels = [volume]
    for path in coarser:
        one = opened(path)
        if all(a <= b for a, b in zip(one.shape, levels[-1].shape, strict=True)):
            levels.append(one)
    tuned = replace(place, level=level, boxes=())
    return Scroll(tuned, volume, tuple(levels), paths, chosen)


def scroll_of(places: Sequence[Place], memory: int) -> StorePlace | None:
    """Return the store that is to be opened box by box, if the first place is one.

    Parameters
    ----------
    places : sequence of Place
        What somebody wants to open.
    memory : int
        Bytes that one volume may take in memory.

    Returns
    -------
    StorePlace or None
        None of what is no Zarr store, is smaller, has boxes already, or cannot be opened.
    """
    first = places[0] if places else None
    if isinstance(first, Path):
        is_store = is_zarr_folder(first) or volume_suffix(first.name) == ".zarr.zip"
        first = StorePlace(str(first)) if is_store else None
    if first is None or first.boxes:
        return None
    try:
        volume = open_volume(
            first.store, role=Role.IMAGE, channel=-1, level=first.level, access=first.access
        )
    except (ValueError, OSError):
        return None
    return first if volume.layout is not None and volume.nbytes > memory else None
