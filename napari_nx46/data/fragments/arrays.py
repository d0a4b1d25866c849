"""The volumes of a fragment from arrays in memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypedDict

from napari_nx46.data.fragments.names import FragmentError, checked_model_name
from napari_nx46.files.volumes.array_volume import open_array
from napari_nx46.files.volumes.placement import Placement
from napari_nx46.files.volumes.reading import ReadAs
from napari_nx46.files.volumes.roles import Role
from napari_nx46.files.volumes.volume import Volume

__all__ = ["ArrayEntry", "FragmentVolumes", "open_entry"]

ArrayEntry = Mapping[str, Any]
"""The arrays of a fragment, as `DataSet.from_arrays` describes them."""

_ROLES = {
    "p3d": Role.PROBABILITY,
    "p2d": Role.PROBABILITY,
    "image": Role.IMAGE,
    "label": Role.LABEL,
}
_PLACED = ("scale", "translate", "units")
_KEYS = (*_ROLES, "models", *_PLACED)


class FragmentVolumes(TypedDict):
    """The volumes of a fragment by their places in `Fragment`."""

    p3d: Volume | None
    p2d: Volume | None
    image: Volume | None
    label: Volume | None
    models: dict[str, Volume]


def open_entry(
    image_id: str,
    entry: ArrayEntry,
    read_as: ReadAs,
    called: Callable[[str], str] = "array {}".format,
) -> FragmentVolumes:
    """Open the arrays of a fragment.

    Parameters
    ----------
    image_id : str
    entry : mapping
        See `DataSet.from_arrays`. Volumes that are open already are taken as they are.
    read_as : ReadAs
        What is read of probability volumes.
    called : callable, optional
        Returns what messages call an array, of its place: ``p3d``, ``models/NAME``.

    Raises
    ------
    FragmentError
        If a key is unknown, a model's name is not plain, or scale, translate or units make no
        sense.
    VolumeError
        If an array is no volume of a type that its place allows.
    """
    unknown = sorted(set(entry) - set(_KEYS))
    if unknown:
        raise FragmentError(
            f"fragment {image_id}: found {', '.join(map(repr, unknown))} among its arrays; expected"
            f" any of {', '.join(_KEYS)}"
        )
    placement = _placement(image_id, entry)

    def opened(place: str, array: Any, role: Role) -> Volume | None:
        if array is None or isinstance(array, Volume):
            return array
        probability = role is Role.PROBABILITY
        return open_array(
            array,
            name=called(place),
            role=role,
            channel=read_as.channel if probability else None,
            channel_axis=read_as.channel_axis if probability else None,
            logits=read_as.logits,
            image_id=image_id,
            placement=placement,
        )

    known = {name: opened(name, entry.get(name), role) for name, role in _ROLES.items()}
    models = {
        name: opened(f"models/{checked_model_name(name)}", array, Role.PROBABILITY)
        for name, array in (entry.get("models") or {}).items()
    }
    p3d, p2d = known["p3d"], known["p2d"]
    return FragmentVolumes(
        p3d=p2d if p3d is None else p3d,
        p2d=p3d if p2d is None else p2d,
        image=known["image"],
        label=known["label"],
        models={name: volume for name, volume in models.items() if volume is not None},
    )


def _placement(image_id: str, entry: ArrayEntry) -> Placement | None:
    try:
        return Placement.of(*(entry.get(name) for name in _PLACED))
    except (TypeError, ValueError) as error:
        raise FragmentError(f"fragment {image_id}: {error}") from error
