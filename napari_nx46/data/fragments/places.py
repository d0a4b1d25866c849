"""Where data are: paths on this machine, and stores with what is chosen of them, as one text."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import parse_qsl, quote

from napari_nx46.data.fragments.boxes import Box
from napari_nx46.data.fragments.names import FragmentError
from napari_nx46.files.naming import first_few
from napari_nx46.files.stores.access import Access
from napari_nx46.files.stores.address import AddressError, is_remote, local_path, name_of
from napari_nx46.files.volumes.paths import image_id_of

__all__ = ["Place", "StorePlace", "path_of", "place_of", "workspace_key"]

_CHOICE = re.compile(
    r"(.+)#((?:level|box|label|image|endpoint|signed|absent-on-403)=.*)", re.DOTALL
)
_PLAIN = "/:,.@"
_MOST_NAMES = 3


@dataclass(frozen=True, slots=True)
class StorePlace:
    """A store, on this machine or on a server, and what is read of it.

    As text it is ``STORE#level=2&box=0:64,0:64,0:64&box=...``; `place_of` reads it again.

    Attributes
    ----------
    store : str
        Path or URL.
    level : str or None
        Path of a level in it; None for the full resolution.
    boxes : tuple of Box
        Each is a fragment; the whole store is one if there are none.
    label, image : str or None
        Stores of labels and of the CT, of the same shape, each perhaps with a level of its own as
        text; by default they have the level of the store.
    endpoint : str or None
    signed, absent_on_403 : bool
        See `Access`.
    """

    store: str
    level: str | None = None
    boxes: tuple[Box, ...] = ()
    label: str | None = None
    image: str | None = None
    endpoint: str | None = None
    signed: bool = False
    absent_on_403: bool = False

    @property
    def name(self) -> str:
        """Name of the store, without the ending that says its format."""
        return image_id_of(name_of(self.store))

    @property
    def access(self) -> Access:
        """How it is reached."""
        return Access(self.endpoint, self.signed, self.absent_on_403)

    @property
    def in_words(self) -> str:
        """Store and level, with how many boxes, for people."""
        level = "" if self.level is None else f", level {self.level}"
        boxes = first_few(list(map(str, self.boxes)), _MOST_NAMES)
        return f"{self.store}{level}" + (f", boxes {boxes}" if boxes else "")

    def absolute(self) -> StorePlace:
        """Return it with paths that hold in every folder."""
        return replace(
            self,
            store=_absolute(self.store),
            label=self.label and _absolute(self.label),
            image=self.image and _absolute(self.image),
        )

    def beside(self, other: str) -> StorePlace:
        """Return the place of another store, reached in the same way, at its level or this one."""
        place = place_of(other)
        store, level = (str(place), None) if isinstance(place, Path) else (place.store, place.level)
        return replace(
            self, store=store, level=level or self.level, boxes=(), label=None, image=None
        )

    def __str__(self) -> str:
        """Return the text that `place_of` reads."""
        chosen = "&".join(f"{name}={quote(value, _PLAIN)}" for name, value in self._choices())
        return f"{self.store}#{chosen}" if chosen else self.store

    def _choices(self) -> Iterator[tuple[str, str]]:
        for name in ("level", "label", "image", "endpoint"):
            value = getattr(self, name)
            if value is not None:
                yield name, value
        for name, is_set in (("signed", self.signed), ("absent-on-403", self.absent_on_403)):
            if is_set:
                yield name, "1"
        yield from (("box", str(box)) for box in self.boxes)


Place = Path | StorePlace
"""A path of this machine, or a store with what is chosen of it."""


def place_of(given: str | os.PathLike[str] | StorePlace) -> Place:
    """Return where a text, a path or a URL leads.

    Parameters
    ----------
    given : str, path-like or StorePlace

    Raises
    ------
    FragmentError
        If it is a URL of a kind that is not read, or what is chosen of a store makes no sense.

    Examples
    --------
    >>> place_of("https://host/a.zarr#level=2&box=0:8,0:8,0:8").level
    '2'
    """
    if isinstance(given, StorePlace | Path):
        return given
    text = os.fspath(given)
    found = _CHOICE.fullmatch(text)
    store, choices = found.groups() if found else (text, "")
    try:
        far = is_remote(store)
        if not found and not far:
            return local_path(text)
        return _chosen(
            store, parse_qsl(choices, keep_blank_values=True, strict_parsing=bool(found))
        )
    except (AddressError, ValueError) as error:
        raise FragmentError(f"{text}: {error}") from error


def path_of(place: Place) -> Path | None:
    """Return where a place is on this machine; None of a store on a server."""
    if isinstance(place, Path):
        return place
    return None if is_remote(place.store) else local_path(place.store)


def workspace_key(place: Place) -> Path | str:
    """Return what a workspace is found by: a path, or the address and level of a store."""
    if isinstance(place, Path):
        return place
    whole = place.absolute()
    return str(StorePlace(whole.store, whole.level))


def _chosen(store: str, choices: Iterable[tuple[str, str]]) -> StorePlace:
    """Return a store with what texts choose of it."""
    known: dict[str, str] = {}
    boxes: list[Box] = []
    for name, value in choices:
        if name == "box":
            boxes.append(Box.parse(value))
        elif name in known or not value:
            raise ValueError(f"found {name}={value}; expected one value of each name")
        else:
            known[name] = value
    place = StorePlace(
        store,
        known.pop("level", None),
        tuple(boxes),
        known.pop("label", None),
        known.pop("image", None),
        known.pop("endpoint", None),
        signed=known.pop("signed", None) is not None,
        absent_on_403=known.pop("absent-on-403", None) is not None,
    )
    if known:
        raise ValueError(f"found {', '.join(known)}; expected level, box, label, image or endpoint")
    return place


def _absolute(address: str) -> str:
    """Return a path or a URL that holds in every folder."""
    if is_remote(address.partition("#")[0]):
        return address
    place = place_of(address)
    return str(place.absolute())
