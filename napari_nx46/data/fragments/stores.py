"""Stores, and boxes of them, as fragments."""

from __future__ import annotations

from collections.abc import Sequence

from napari_nx46.data.fragments.boxes import Box, check_boxes, store_id
from napari_nx46.data.fragments.data_set import DataSet
from napari_nx46.data.fragments.model import Fragment
from napari_nx46.data.fragments.names import FragmentError
from napari_nx46.data.fragments.places import StorePlace
from napari_nx46.files.volumes.opening import ReadAs, Role, Volume, open_volume
from napari_nx46.files.volumes.store_volume import PartVolume

__all__ = ["open_stores", "volumes_of"]


def open_stores(places: Sequence[StorePlace], read_as: ReadAs) -> DataSet:
    """Open one store of probabilities, or two, as a data set; only metadata are read.

    Parameters
    ----------
    places : sequence of StorePlace
        The 3D path, and perhaps the 2D path. Boxes, label and image are those of the first.
    read_as : ReadAs
        What is read of them.

    Returns
    -------
    DataSet
        Of a fragment a box, or of one fragment without boxes.

    Raises
    ------
    FragmentError
        If a box lies outside the store, or the shapes of the stores differ.
    VolumeError
        If a store cannot be opened.
    """
    first = places[0]
    paths = [_opened(place, Role.PROBABILITY, read_as) for place in places]
    volumes = {"p3d": paths[0], "p2d": paths[-1]}
    for name, other, role in (
        ("image", first.image, Role.IMAGE),
        ("label", first.label, Role.LABEL),
    ):
        if other is not None:
            volumes[name] = _opened(first.beside(other), role)
    name = store_id(first.name, paths[0].coarser_level)
    fragments = _boxes_of(volumes, first) if first.boxes else (_fragment(name, volumes),)
    return DataSet(name, None, fragments, read_as=read_as)


def volumes_of(place: StorePlace, role: Role, channel: int | None = None) -> dict[str, Volume]:
    """Open a store, or boxes of it, as volumes that stand alone; only metadata are read.

    Parameters
    ----------
    place : StorePlace
    role : Role
        What the voxels stand for.
    channel : int, optional
        Of a store that has several.

    Returns
    -------
    dict of str to Volume
        By image_id, ascending.

    Raises
    ------
    FragmentError
        If a box lies outside the store.
    VolumeError
        If the store cannot be opened.
    """
    whole = _opened(place, role, ReadAs(channel))
    if not place.boxes:
        return {store_id(place.name, whole.coarser_level): whole}
    check_boxes(place.boxes, whole.shape, place.store)
    by_id = {box.image_id(place.name, whole.coarser_level): box for box in place.boxes}
    return {name: PartVolume(whole, by_id[name].slices, name) for name in sorted(by_id)}


def _boxes_of(volumes: dict[str, Volume], place: StorePlace) -> tuple[Fragment, ...]:
    """Return the boxes of a store as fragments, in ascending order of their image_id."""
    first, *others = volumes.values()
    for other in others:
        if other.shape != first.shape:
            raise FragmentError(
                f"{place.name}: found shape {first.shape} in {first.name} but {other.shape} in "
                f"{other.name}; expected stores of one grid, at the same level"
            )
    check_boxes(place.boxes, first.shape, place.store)
    by_id = {box.image_id(place.name, first.coarser_level): box for box in place.boxes}
    return tuple(_cut(volumes, image_id, by_id[image_id]) for image_id in sorted(by_id))


def _cut(volumes: dict[str, Volume], image_id: str, box: Box) -> Fragment:
    """Return a box of some volumes as a fragment."""
    parts: dict[Volume, Volume] = {
        volume: PartVolume(volume, box.slices, image_id) for volume in volumes.values()
    }
    return _fragment(image_id, {name: parts[volume] for name, volume in volumes.items()})


def _fragment(image_id: str, volumes: dict[str, Volume]) -> Fragment:
    return Fragment(
        image_id, volumes["p3d"], volumes["p2d"], volumes.get("image"), volumes.get("label")
    )


def _opened(place: StorePlace, role: Role, read_as: ReadAs | None = None) -> Volume:
    """Open a store."""
    chosen = read_as or ReadAs()
    return open_volume(
        place.store,
        role=role,
        channel=chosen.channel,
        logits=chosen.logits,
        level=place.level,
        access=place.access,
    )
