"""The files of a data folder: which volumes each fragment has, and what is odd about them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from napari_nx46.data.fragments.listing import (
    READ_FORMATS,
    FolderListing,
    list_volumes,
    looks_like_volume,
)
from napari_nx46.data.fragments.model import (
    FolderNames,
    Fragment,
)
from napari_nx46.data.fragments.names import FragmentError, checked_model_name
from napari_nx46.files.naming import first_few, plural, printable
from napari_nx46.files.volumes.opening import ReadAs, Role, Volume, open_volume

__all__ = ["FragmentFiles"]

_MOST_NAMES = 10
_FIRST_CHANNEL = "_0000"
"""nnU-Net's ending of the name of an image, for its first channel."""


@dataclass(frozen=True, slots=True)
class FragmentFiles:
    """The files of a data folder, by what they stand for.

    Parameters
    ----------
    root : Path
        The data folder.
    folders : FolderNames
        Names of the folders in it.
    p3d, p2d, image, label : FolderListing
    models : mapping of str to FolderListing
        By the model's name.
    """

    root: Path
    folders: FolderNames
    p3d: FolderListing
    p2d: FolderListing
    image: FolderListing
    label: FolderListing
    models: Mapping[str, FolderListing]

    @classmethod
    def of(cls, root: Path, folders: FolderNames) -> FragmentFiles:
        """List the files of a data folder; none is opened but those that may be slices.

        Raises
        ------
        FragmentError
            If a volume lies beside the folders of models, or a model's name is not plain.
        OSError
            If a folder cannot be listed.
        """
        owner = root.resolve().name

        def listed(*names: str) -> FolderListing:
            return list_volumes([root / name for name in names], owner)

        p3d, p2d, image = listed(folders.p3d), listed(folders.p2d), listed(*folders.images)
        models = _models(root / folders.models, owner)
        files = cls(root, folders, p3d, p2d, image, listed(*folders.labels), models)
        _pair_first_channels(image, files.scored_ids)
        return files

    @property
    def scored_ids(self) -> set[str]:
        """The fragments that have a probability volume."""
        return {*self.p3d.image_ids, *self.p2d.image_ids}.union(
            *(one.image_ids for one in self.models.values())
        )

    @property
    def image_ids(self) -> list[str]:
        """The fragments: images count only where there is no probability volume at all."""
        return sorted(self.scored_ids or self.image.image_ids)

    @property
    def misnamed(self) -> tuple[str, ...]:
        """What is wrong with the names of files that no fragment can have."""
        return tuple(fault for one in self._listings for fault in one.misnamed)

    def fragment(self, image_id: str, read_as: ReadAs) -> Fragment:
        """Open all volumes of a fragment, one for both paths if there is only one.

        Raises
        ------
        FragmentError, VolumeError
            If their files do not say which they are, cannot be opened, or do not fit together.
        """
        faults = [one.faults[image_id] for one in self._listings if image_id in one.faults]
        if faults:
            raise FragmentError("; ".join(faults))

        def opened(files: FolderListing, role: Role = Role.PROBABILITY) -> Volume | None:
            path = files.files.get(image_id)
            if path is None:
                return None
            if role is not Role.PROBABILITY:
                return open_volume(path, role=role, image_id=image_id)
            return open_volume(
                path, channel=read_as.channel, logits=read_as.logits, image_id=image_id
            )

        p3d, p2d = opened(self.p3d), opened(self.p2d)
        models = {name: opened(files) for name, files in self.models.items()}
        return Fragment(
            image_id,
            p3d=p2d if p3d is None else p3d,
            p2d=p3d if p2d is None else p2d,
            image=opened(self.image, Role.IMAGE),
            label=opened(self.label, Role.LABEL),
            models={name: volume for name, volume in models.items() if volume is not None},
        )

    def notes(self, chosen: Collection[str]) -> tuple[str, ...]:
        """Return what a reader should know: volumes that pair with nothing.

        Parameters
        ----------
        chosen : collection of str
            The fragments that are of interest.
        """
        all_chosen = set(chosen) >= set(self.image_ids)
        found = [
            note
            for one in self._listings
            for image_id, note in one.notes
            if all_chosen or image_id in chosen
        ]
        for name, one in self._scored_kinds():
            missing = set(chosen) - one.image_ids
            if one.files and missing:
                found.append(f"{self.root / name} has no volume of {_few(missing)}")
        return (*found, *(self._strangers() if all_chosen else ()))

    def _strangers(self) -> Iterator[str]:
        """Yield notes on files that belong to no fragment, or are not read."""
        for kind, one in (("image", self.image), ("label", self.label)):
            strangers = one.image_ids - set(self.image_ids)
            if strangers:
                yield (
                    f"{self.root}: {plural(len(strangers), kind)} without a "
                    f"{'probability volume' if self.scored_ids else 'CT image'}, passed over: "
                    f"{_few(strangers)}"
                )
        yield from (text for one in self._listings for text in one.not_read)

    def nothing_found(self) -> FragmentError:
        """Return the error of a folder that has no fragments."""
        there = sorted(path.name + ("/" if path.is_dir() else "") for path in self.root.iterdir())
        others = [text for one in self._listings for text in one.not_read]
        own = list_volumes([self.root], self.root.resolve().name)
        found = "; ".join([_few(there), *others, *own.not_read])
        return FragmentError(
            f"{self.root}: found {found}; expected a folder {self.folders.p3d}, "
            f"{self.folders.p2d} or {self.folders.models}/NAME with probability volumes, or "
            f"{' or '.join(self.folders.images)} with images, one volume a fragment "
            f"({READ_FORMATS})"
        )

    @property
    def _listings(self) -> tuple[FolderListing, ...]:
        return (*(one for _, one in self._scored_kinds()), self.image, self.label)

    def _scored_kinds(self) -> list[tuple[str, FolderListing]]:
        """Return the listings of probability volumes, by their folder's name."""
        models = [(f"{self.folders.models}/{name}", one) for name, one in self.models.items()]
        return [(self.folders.p3d, self.p3d), (self.folders.p2d, self.p2d), *models]


def _pair_first_channels(images: FolderListing, scored: set[str]) -> None:
    """Give images that nnU-Net named CASE_0000 to the fragment CASE, where that has none."""
    for name in sorted(images.files):
        case = name.removesuffix(_FIRST_CHANNEL)
        if case != name and name not in scored and case in scored - images.image_ids:
            path = images.files.pop(name)
            images.files[case] = path
            images.notes.append(
                (case, f"{path} is taken for the CT image of fragment {case}, as nnU-Net names it")
            )


def _models(folder: Path, owner: str) -> dict[str, FolderListing]:
    """Return the listing of each model's folder, by the model's name."""
    if not folder.is_dir():
        return {}
    for path in sorted(folder.iterdir()):
        if looks_like_volume(path):
            raise FragmentError(f"{path}: found a volume; expected it in a folder of its model")
    return {
        checked_model_name(path.name, path): list_volumes([path], owner)
        for path in sorted(folder.iterdir())
        if path.is_dir() and not path.name.startswith(".")
    }


def _few(names: Iterable[str]) -> str:
    return first_few([printable(name) for name in sorted(names)], _MOST_NAMES) or "nothing"
