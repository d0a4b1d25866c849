"""Which masks, labels and fragments belong together: the one place that pairs them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, Literal, Protocol, TypeVar

from napari_nx46.data.fragments import (
    DataSet,
    FolderNames,
    FragmentError,
    Place,
    StorePlace,
    volumes_of,
)
from napari_nx46.data.fragments.boxes import box_name_of, level_of
from napari_nx46.files.naming import first_few, printable
from napari_nx46.files.submission.mask_tiff import Shape
from napari_nx46.files.volumes.opening import Role, Volume, image_id_of, open_volume
from napari_nx46.run.compare.mask_sets import MaskSet, SetKind, is_folder_of_volumes, volumes_in
from napari_nx46.run.compare.stored_mask import StoredMask
from napari_nx46.setting import Setting

__all__ = [
    "MaskPair",
    "Party",
    "SidePairing",
    "find_labels",
    "masks_of",
    "open_labels",
    "pair",
    "pair_sides",
]

_MOST_NAMES = 10  # so many missing fragments are named


class HasShape(Protocol):
    """Anything of the shape of a fragment."""

    @property
    def shape(self) -> Shape:
        """(Z, Y, X)."""


A = TypeVar("A", bound=HasShape)
B = TypeVar("B", bound=HasShape)
T_co = TypeVar("T_co", bound=HasShape, covariant=True)


@dataclass(frozen=True, slots=True)
class Party(Generic[T_co]):
    """What is to be paired, and what an error calls it.

    Parameters
    ----------
    noun : str
        As "mask" or "label".
    place : str
        Where they are.
    items : mapping
        By image_id.
    any_name : bool
        Whether it is a single file, which belongs to the only fragment of the other party
        whatever its name.
    """

    noun: str
    place: str
    items: Mapping[str, T_co] = field(hash=False)
    any_name: bool = False


@dataclass(frozen=True, slots=True)
class MaskPair:
    """A fragment's masks of both sides, of one shape; neither has been read.

    Parameters
    ----------
    image_id : str
    a, b : StoredMask
    """

    image_id: str
    a: StoredMask
    b: StoredMask

    @property
    def shape(self) -> Shape:
        """(Z, Y, X) of both masks."""
        return self.a.shape

    @property
    def settings(self) -> tuple[Setting | None, Setting | None]:
        """Those of A and B; None where one is not known."""
        return self.a.setting, self.b.setting


@dataclass(frozen=True, slots=True)
class SidePairing:
    """Which masks of two sides of a comparison belong together.

    Parameters
    ----------
    a, b : MaskSet
    pairs : tuple of MaskPair
        At least one.
    notes : tuple of str
        What a reader should know of it.
    """

    a: MaskSet
    b: MaskSet
    pairs: tuple[MaskPair, ...]
    notes: tuple[str, ...]


def pair(
    a: Party[A],
    b: Party[B],
    *,
    every: Literal["both", "a", "b", "none"] = "both",
    only: Collection[str] = (),
    hint: str = "",
) -> dict[str, tuple[A, B]]:
    """Find what belongs together, and check that the shapes are the same.

    Parameters
    ----------
    a, b : Party
    every : {"both", "a", "b", "none"}
        The party that must have a partner for all that it has. With "none" those without a
        partner are left out, but there must be one that has.
    only : collection of str
        The only fragments to pair, which both must have; `every` does not matter then.
    hint : str
        How an error about missing fragments goes on.

    Returns
    -------
    dict of str to tuple
        By image_id, ascending; not empty.

    Raises
    ------
    FragmentError
        If one has no partner, or the shapes differ.
    """
    # Of two single files the second is given the first one's name.
    b_items = _named_as(b, a.items)
    a_items = _named_as(a, b_items)
    ids_a, ids_b = set(a_items), set(b_items)
    wanted = (
        set(only) or {"both": ids_a | ids_b, "a": ids_a, "b": ids_b, "none": ids_a & ids_b}[every]
    )
    if not wanted:  # nothing in common
        wanted = ids_b
    faults = [
        f"no {party.noun} of {first_few(missing, _MOST_NAMES)} in {party.place}"
        for party, found in ((a, ids_a), (b, ids_b))
        if (missing := sorted(wanted - found))
    ]
    if faults:
        raise FragmentError(
            f"found {' and '.join(faults)}; expected the same fragments in both{hint}"
        )
    pairs = {image_id: (a_items[image_id], b_items[image_id]) for image_id in sorted(wanted)}
    for image_id, (one, other) in pairs.items():
        if one.shape != other.shape:
            raise FragmentError(
                f"fragment {image_id}: found shape {one.shape} in {a.place} but {other.shape} in "
                f"{b.place}; expected equal shapes (Z, Y, X)"
            )
    return pairs


def _named_as(party: Party[A], others: Mapping[str, object]) -> Mapping[str, A]:
    """Return the items by image_id, a single file of any name as the other's only fragment.

    A box is that of the other's fragment which ends with the same box, whatever the stores'
    names, unless each names another level: that of a mask may be that of any.
    """
    only = next(iter(others)) if party.any_name and len(others) == 1 else None
    boxes = {box: other for other in others if (box := box_name_of(other)) is not None}
    named = {}
    for name, one in party.items.items():
        other = only or boxes.get(box_name_of(name) or "", name)
        levels = {level for level in map(level_of, (name, other)) if level is not None}
        named[other if len(levels) <= 1 else name] = one
    return named


def masks_of(masks: MaskSet, noun: str = "mask", place: str | None = None) -> Party[StoredMask]:
    """Return the masks of a set, ready to be paired."""
    return Party(
        noun, place or str(masks.path or masks.name), masks.masks, masks.kind is SetKind.FILE
    )


# ---- labels --------------------------------------------------------------------------------


def open_labels(
    path: Place,
    image_ids: Collection[str] | None = None,
    *,
    role: Role = Role.LABEL,
    channel: int | None = None,
) -> Party[Volume]:
    """Open the labels of fragments; none is read.

    Parameters
    ----------
    path : Path or StorePlace
        A label; a folder of labels, or a data folder; or a store of labels.
    image_ids : collection of str, optional
        The only fragments whose labels are opened, as far as they are there; by default all.
    role : Role
        What values they may have.
    channel : int, optional
        Of volumes that have several.

    Raises
    ------
    FragmentError
        If there is nothing at the path, or no volume in the folder.
    VolumeError
        If a label cannot be opened.
    OSError
        If the folder cannot be listed.
    """
    if isinstance(path, StorePlace):
        found = volumes_of(path, role, channel)
        return Party("label", path.store, found, any_name=len(found) == 1)
    if not path.exists():
        raise FragmentError(
            f"{path}: found nothing at this path, expected a label or a folder of labels"
        )
    if not is_folder_of_volumes(path):
        name = printable(image_id_of(path))
        label = open_volume(path, role=role, image_id=name, channel=channel)
        return Party("label", str(path), {name: label}, any_name=True)
    labels = {
        image_id: open_volume(file, role=role, image_id=image_id, channel=channel)
        for image_id, file in volumes_in(path, FolderNames().labels).items()
        if image_ids is None or image_id in image_ids
    }
    return Party("label", str(path), labels)


def find_labels(
    pairs: Sequence[MaskPair], label: Place | None = None, dataset: DataSet | None = None
) -> dict[str, Volume]:
    """Return the labels of the fragments that are compared, by image_id; none has been read.

    Parameters
    ----------
    pairs : sequence of MaskPair
    label : Path or StorePlace, optional
        A label, if one fragment is compared; or a folder of labels, a data folder or a store that
        holds the label of every fragment.
    dataset : DataSet, optional
        Its labels are taken, as far as it has any, where `label` is not given.

    Raises
    ------
    FragmentError
        If there is nothing at the path, a label is missing in it, or is not of the masks' shape.
    VolumeError
        If a label cannot be opened.
    OSError
        If the folder cannot be listed.
    """
    compared = Party("mask", "the masks", {one.image_id: one for one in pairs})
    if label is not None:
        paired = pair(compared, open_labels(label, compared.items), every="a")
    else:
        labels = {
            one.image_id: one.label
            for one in dataset or ()
            if one.label is not None and one.image_id in compared.items
        }
        if not labels:
            return {}
        paired = pair(compared, Party("label", "the data", labels), every="b")
    return {image_id: volume for image_id, (_, volume) in paired.items()}


# ---- sides of a comparison -----------------------------------------------------------------


def pair_sides(a: MaskSet, b: MaskSet, fragments: Sequence[str] = ()) -> SidePairing:
    """Find which masks of two sides belong together, and check that their shapes are the same.

    Masks of one image_id belong together. A single mask file belongs to the only fragment of the
    other side whatever its name, and a note says so. A setting makes the masks of the fragments
    that the other side has.

    Parameters
    ----------
    a, b : MaskSet
    fragments : sequence of str
        The only ones to compare; by default all, which both sides must have.

    Raises
    ------
    FragmentError
        If the sides have masks of different fragments, or of different shapes.
    """
    computed = [side.kind is SetKind.SETTING for side in (a, b)]
    paired = pair(
        masks_of(a, place=f"A ({a.name})"),
        masks_of(b, place=f"B ({b.name})"),
        every="both" if computed[0] == computed[1] else "b" if computed[0] else "a",
        only=fragments,
        hint=", or --fragment ID for those that both have",
    )
    pairs = tuple(MaskPair(image_id, *masks) for image_id, masks in paired.items())
    notes = tuple(
        f"{side.name} is compared as the fragment {one.image_id}, the only one of {other.name}"
        for one in pairs
        for side, other, mask in ((b, a, one.b), (a, b, one.a))
        if mask.image_id != one.image_id
    )
    return SidePairing(a, b, pairs, notes)
