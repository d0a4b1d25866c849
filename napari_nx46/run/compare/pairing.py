"""Which masks of two sides belong together, and the labels that belong to them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from napari_nx46.data.fragments import DataSet, FolderNames, FragmentError
from napari_nx46.files.atomic import WriteError
from napari_nx46.files.naming import few
from napari_nx46.files.submission.mask_tiff import Shape
from napari_nx46.files.volumes.opening import Role, Volume, is_volume_folder, open_volume
from napari_nx46.run.compare.mask_files import MOST_NAMES_TOLD, volumes_in
from napari_nx46.run.compare.mask_sides import Side, SideKind, SideMask
from napari_nx46.setting import Setting

__all__ = [
    "MaskPair",
    "SidePairing",
    "check_report_target",
    "find_labels",
    "pair_sides",
]


@dataclass(frozen=True, slots=True)
class MaskPair:
    """A fragment's masks of both sides, of one shape; neither has been read.

    Parameters
    ----------
    image_id : str
    a, b : SideMask
    setting_a, setting_b : Setting, optional
        None where it is not known.
    """

    image_id: str
    a: SideMask
    b: SideMask
    setting_a: Setting | None = None
    setting_b: Setting | None = None

    @property
    def shape(self) -> Shape:
        """(Z, Y, X) of both masks."""
        return self.a.shape


@dataclass(frozen=True, slots=True)
class SidePairing:
    """Which masks of two sides belong together.

    Parameters
    ----------
    a, b : Side
    pairs : tuple of MaskPair
        At least one.
    notes : tuple of str
        What a reader should know of it.
    """

    a: Side
    b: Side
    pairs: tuple[MaskPair, ...]
    notes: tuple[str, ...]


def pair_sides(a: Side, b: Side, fragments: Sequence[str] = ()) -> SidePairing:
    """Find which masks of two sides belong together, and check that their shapes are the same.

    Masks of one image_id belong together. A single mask file belongs to the only fragment of the
    other side whatever its name, and a note tells so. A setting makes the masks of the fragments
    that the other side has.

    Parameters
    ----------
    a, b : Side
    fragments : sequence of str
        The only ones to compare; by default all, which both sides must have.

    Raises
    ------
    FragmentError
        If the sides have masks of different fragments, or of different shapes.
    """
    # Of two files the second is given the first one's name.
    renamed_b, note_b = _renamed(b, a)
    renamed_a, note_a = _renamed(a, renamed_b)
    pairs = tuple(
        MaskPair(
            image_id,
            renamed_a.masks[image_id],
            renamed_b.masks[image_id],
            renamed_a.settings.get(image_id),
            renamed_b.settings.get(image_id),
        )
        for image_id in _compared_ids(renamed_a, renamed_b, fragments)
    )
    for pair in pairs:
        if pair.a.shape != pair.b.shape:
            raise FragmentError(
                f"fragment {pair.image_id}: found shape {pair.a.shape} in A ({a.name}) but "
                f"{pair.b.shape} in B ({b.name}); expected equal shapes (Z, Y, X)"
            )
    notes = tuple(note for note in (note_a, note_b) if note is not None)
    return SidePairing(a, b, pairs, notes)


def find_labels(
    pairs: Sequence[MaskPair], label: Path | None = None, dataset: DataSet | None = None
) -> dict[str, Volume]:
    """Return the labels of the fragments that are compared, by image_id; none has been read.

    Parameters
    ----------
    pairs : sequence of MaskPair
    label : Path, optional
        A label, if one fragment is compared; or a folder of labels, or a data folder, that holds
        the label of every fragment.
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
    if label is not None:
        labels = _labels_at(label, [pair.image_id for pair in pairs])
    else:
        found = {} if dataset is None else {one.image_id: one.label for one in dataset}
        of_pairs = {pair.image_id: found.get(pair.image_id) for pair in pairs}
        labels = {name: volume for name, volume in of_pairs.items() if volume is not None}
    for pair in pairs:
        volume = labels.get(pair.image_id)
        if volume is not None and volume.shape != pair.shape:
            raise FragmentError(
                f"fragment {pair.image_id}: found masks of shape {pair.shape} but {volume.shape} "
                f"in {volume.path}; expected equal shapes (Z, Y, X)"
            )
    return labels


def check_report_target(
    target: Path, sides: Sequence[Side], labels: Mapping[str, Volume], others: Sequence[Path] = ()
) -> None:
    """Check that writing a report would destroy nothing that is compared.

    Raises
    ------
    WriteError
        If the target is, or lies in, one of the files.
    """
    sources = [file.path for side in sides for file in side.files]
    sources += [volume.path for volume in labels.values()]
    resolved = target.resolve()
    taken = {path.resolve() for path in (*sources, *others)}
    if not taken.isdisjoint((resolved, *resolved.parents)):
        raise WriteError(target, "a file that is compared is there; choose another place")


def _renamed(side: Side, other: Side) -> tuple[Side, str | None]:
    """Give a single mask file the name of the other side's only fragment, and tell so."""
    if side.kind is not SideKind.FILE or len(other.masks) != 1:
        return side, None
    ((name, mask),) = side.masks.items()
    (image_id,) = other.masks
    if name == image_id:
        return side, None
    note = f"{side.name} is compared as the fragment {image_id}, the only one of {other.name}"
    return replace(side, masks={image_id: mask}), note


def _compared_ids(a: Side, b: Side, fragments: Sequence[str]) -> list[str]:
    """Return the image_ids to compare, ascending, each of which both sides have."""
    wanted = set(fragments) or _fragments_of(a, b)
    faults = [
        f"no mask of {few(missing, MOST_NAMES_TOLD)} in {letter} ({side.name})"
        for letter, side in (("A", a), ("B", b))
        if (missing := sorted(wanted - set(side.masks)))
    ]
    if faults:
        raise FragmentError(
            f"found {' and '.join(faults)}; expected masks of the same fragments, or "
            "--fragment ID for those that both have"
        )
    return sorted(wanted)


def _fragments_of(a: Side, b: Side) -> set[str]:
    """Return the image_ids of both sides; those of a setting follow the other side."""
    if a.kind is SideKind.SETTING and b.kind is not SideKind.SETTING:
        return set(b.masks)
    if b.kind is SideKind.SETTING and a.kind is not SideKind.SETTING:
        return set(a.masks)
    return set(a.masks) | set(b.masks)


def _labels_at(label: Path, image_ids: Sequence[str]) -> dict[str, Volume]:
    if not label.exists():
        raise FragmentError(
            f"{label}: found nothing at this path, expected a label or a folder of labels"
        )
    if not label.is_dir() or is_volume_folder(label):
        if len(image_ids) > 1:
            raise FragmentError(
                f"{label}: found a single volume, expected a folder of labels for the fragments "
                f"{few(image_ids, MOST_NAMES_TOLD)}"
            )
        return {name: open_volume(label, role=Role.LABEL, image_id=name) for name in image_ids}
    files = volumes_in(label, FolderNames().labels)
    missing = [name for name in image_ids if name not in files]
    if missing:
        raise FragmentError(
            f"{label}: found no label of {few(missing, MOST_NAMES_TOLD)}; expected one a fragment"
        )
    return {name: open_volume(files[name], role=Role.LABEL, image_id=name) for name in image_ids}
