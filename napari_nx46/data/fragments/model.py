"""Fragments and data sets as values, and the names that they may have."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from napari_nx46.files.naming import LONGEST_IMAGE_ID, few, shown
from napari_nx46.files.volumes.opening import ReadAs, Volume
from napari_nx46.setting.choices import LONGEST_SOURCE_NAME

__all__ = [
    "DataSet",
    "FolderNames",
    "Fragment",
    "FragmentError",
    "checked_image_id",
    "checked_model_name",
    "is_plain_name",
]

_PLAIN_NAME = re.compile(r"[A-Za-z0-9_-]([A-Za-z0-9._-]*[A-Za-z0-9_-])?")
_TAKEN_NAMES = ("p3d", "p2d", "image")
_MOST_NAMES = 10


class FragmentError(ValueError):
    """Data that do not form fragments; the message says what was found and what was expected."""


@dataclass(frozen=True, slots=True)
class FolderNames:
    """Names of the folders in a data folder.

    Attributes
    ----------
    p3d, p2d : str
        Folders of the probability volumes.
    images, labels : tuple of str
        Folders of CT images and of labels; a fragment is looked for in all of them.
    models : str
        Folder of folders of further probability volumes, each named after its model.
    """

    p3d: str = "p3d"
    p2d: str = "p2d"
    images: tuple[str, ...] = ("test_images", "train_images")
    labels: tuple[str, ...] = ("train_labels",)
    models: str = "models"


@dataclass(frozen=True, slots=True)
class Fragment:
    """One fragment: its probability volumes, and its image and label where there are any.

    With one source of probabilities only, `p3d` and `p2d` are the same volume; without any for
    them, both are None.

    Attributes
    ----------
    image_id : str
        Name of the fragment.
    p3d, p2d : Volume or None
        The two paths.
    image, label : Volume or None
        Density of the CT; labels 0 background, 1 surface, 2 ignore.
    models : mapping of str to Volume
        Further probability volumes by name.

    Raises
    ------
    FragmentError
        If there is neither a probability volume nor an image, one of the paths is there without
        the other, a model's name is not plain, or the shapes of the volumes differ.
    """

    image_id: str
    p3d: Volume | None
    p2d: Volume | None
    image: Volume | None = None
    label: Volume | None = None
    models: Mapping[str, Volume] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        if (self.p3d is None) != (self.p2d is None):
            raise FragmentError(f"fragment {self.image_id}: found one path; expected both or none")
        if not self.sources and self.image is None:
            raise FragmentError(f"fragment {self.image_id}: found no volume to make a score from")
        for name in self.models:
            checked_model_name(name)
        first, *others = self.volumes
        for other in others:
            if other.shape != first.shape:
                raise FragmentError(
                    f"fragment {self.image_id}: found shape {first.shape} in {first.path} "
                    f"but {other.shape} in {other.path}; expected equal shapes (Z, Y, X)"
                )

    @property
    def shape(self) -> tuple[int, int, int]:
        """Number of voxels along (Z, Y, X), of all its volumes."""
        return self.volumes[0].shape

    @property
    def sources(self) -> dict[str, Volume]:
        """The distinct probability volumes by name: ``p3d``, ``p2d``, then the models, ascending.

        A single source, which both paths read, is listed once, as ``p3d``.
        """
        paths = {} if self.p3d is None else {"p3d": self.p3d}
        if self.p2d is not None and self.p2d is not self.p3d:
            paths["p2d"] = self.p2d
        return paths | {name: self.models[name] for name in sorted(self.models)}

    @property
    def volumes(self) -> tuple[Volume, ...]:
        """All its volumes: the sources, then image and label where there are any."""
        others = (volume for volume in (self.image, self.label) if volume is not None)
        return *self.sources.values(), *others


@dataclass(frozen=True, slots=True)
class DataSet:
    """The fragments that were opened together, in ascending order of image_id.

    Attributes
    ----------
    name : str
        Name of the data folder or of the volume.
    root : pathlib.Path or None
        The data folder; ``None`` for single volumes.
    fragments : tuple of Fragment
        The fragments.
    folders : FolderNames
        Names of the folders in the data folder.
    read_as : ReadAs
        What is read of its probability volumes.
    notes : tuple of str
        What a reader should know of how they were found.
    left_out : tuple of str
        What is wrong with the names of files that no fragment can have; they were passed over.
    """

    name: str
    root: Path | None
    fragments: tuple[Fragment, ...]
    folders: FolderNames = FolderNames()
    read_as: ReadAs = field(default_factory=ReadAs)
    notes: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()

    @property
    def image_ids(self) -> tuple[str, ...]:
        """The image_id of every fragment, in ascending order."""
        return tuple(fragment.image_id for fragment in self.fragments)

    def __getitem__(self, image_id: str) -> Fragment:
        """Return a fragment by its image_id.

        Raises
        ------
        KeyError
            If there is none; the message lists those that there are.
        """
        for fragment in self.fragments:
            if fragment.image_id == image_id:
                return fragment
        raise KeyError(
            f"no fragment {image_id!r} in {self.name}; it has {few(self.image_ids, _MOST_NAMES)}"
        )

    def __len__(self) -> int:
        """Return the number of fragments."""
        return len(self.fragments)

    def __iter__(self) -> Iterator[Fragment]:
        """Go through the fragments."""
        return iter(self.fragments)


def checked_image_id(image_id: str, path: Path | None = None) -> str:
    """Check that an image_id is a plain name, which can name a file anywhere, and return it.

    Parameters
    ----------
    image_id : str
        Name of a fragment.
    path : pathlib.Path, optional
        The file that has it, for the message.

    Raises
    ------
    FragmentError
        If it has other characters than letters, digits, ``.``, ``_`` and ``-``, begins or ends
        with a dot, or is too long.
    """
    if len(image_id) <= LONGEST_IMAGE_ID and is_plain_name(image_id):
        return image_id
    where = "" if path is None else f"{path}: "
    raise FragmentError(
        f"{where}found image_id {shown(image_id)!r}; expected at most {LONGEST_IMAGE_ID} letters, "
        "digits, '.', '_' and '-', with no dot at either end; rename the file"
    )


def checked_model_name(name: str, path: Path | None = None) -> str:
    """Check that the name of a model is plain and not that of another volume, and return it.

    Raises
    ------
    FragmentError
        If it is not plain as an image_id is, too long, or ``p3d``, ``p2d`` or ``image``.
    """
    plain = len(name) <= LONGEST_SOURCE_NAME and is_plain_name(name)
    if plain and name not in _TAKEN_NAMES:
        return name
    where = "" if path is None else f"{path}: "
    raise FragmentError(
        f"{where}found a model named {shown(name)!r}; expected at most {LONGEST_SOURCE_NAME} "
        "letters, digits, '.', '_' and '-', with no dot at either end, and none of "
        f"{', '.join(_TAKEN_NAMES)}; rename the folder"
    )


def is_plain_name(name: str) -> bool:
    """Return whether a name can name a file or folder anywhere."""
    return _PLAIN_NAME.fullmatch(name) is not None
