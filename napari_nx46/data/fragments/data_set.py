"""Data sets as values: fragments that are opened together."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from napari_nx46.data.fragments.arrays import ArrayEntry, open_entry
from napari_nx46.data.fragments.lazy import LazyFragments
from napari_nx46.data.fragments.model import FolderNames, Fragment
from napari_nx46.data.fragments.names import FragmentError, checked_image_id
from napari_nx46.files.naming import first_few
from napari_nx46.files.volumes.opening import Logits, ReadAs

__all__ = ["DataSet"]

_MOST_NAMES = 10


@dataclass(frozen=True, slots=True)
class DataSet:
    """The fragments that are opened together, in ascending order of image_id.

    Attributes
    ----------
    name : str
        Name of the data folder or of the volume.
    root : pathlib.Path or None
        The data folder; ``None`` for single volumes.
    fragments : tuple of Fragment, or LazyFragments
        The fragments; lazy ones are opened when they are asked for, and raise what is wrong then.
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
    fragments: tuple[Fragment, ...] | LazyFragments
    folders: FolderNames = field(default_factory=FolderNames)
    read_as: ReadAs = field(default_factory=ReadAs)
    notes: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()

    @classmethod
    def from_arrays(
        cls,
        fragments: Mapping[str, ArrayEntry],
        *,
        name: str | None = None,
        channel: int | None = None,
        channel_axis: int | str | None = None,
        logits: Logits | None = None,
    ) -> DataSet:
        """Return a data set of arrays in memory; no voxel is read, and nothing is copied.

        Parameters
        ----------
        fragments : mapping of str to mapping
            By image_id the arrays of a fragment: any of ``p3d``, ``p2d``, ``image``, ``label``,
            and ``models``, a mapping of arrays by name; with one of p3d and p2d alone both paths
            read it. Each is anything with shape, type and slices (NumPy, Dask, Zarr, the data of a
            napari layer), ``(Z, Y, X)``, or ``(Y, X)`` for one slice; probabilities may have an
            axis of channels. Of a sequence of arrays of descending sizes the first is read.
            ``scale``, ``translate`` (three numbers along z, y, x) and ``units`` say what size and
            where the voxels are.
        name : str, optional
            Of the data set; by default the image_id of a single fragment, else ``arrays``.
        channel : int, optional
            Of probability volumes that have several; the last by default.
        channel_axis : int or str, optional
            Which axis of probability volumes of four axes is of channels: its number, negative ones
            counted from the last, or its name, where they have names. By default a leading one, or
            one at the end that is clearly smaller than the others.
        logits : Logits, optional
            How the values of probability volumes become probabilities, if they are logits.

        Returns
        -------
        DataSet

        Raises
        ------
        FragmentError
            If there is none, a name is not plain, a key is unknown, arrays are missing, or their
            shapes differ.
        VolumeError
            If an array is no volume of a type that its place allows. Values are checked when they
            are read.

        Examples
        --------
        >>> import numpy as np
        >>> from napari_nx46 import DataSet
        >>> surface = np.random.default_rng(46).random((8, 32, 32), np.float32)
        >>> data = DataSet.from_arrays({"a": {"p3d": surface, "scale": (7.91, 7.91, 7.91)}})
        >>> data["a"].shape, data["a"].placement.scale
        ((8, 32, 32), (7.91, 7.91, 7.91))
        """
        if not fragments:
            raise FragmentError("found no fragment; expected arrays of at least one")
        read_as = ReadAs(channel, None if logits is None else Logits(logits), channel_axis)
        found = []
        for image_id in sorted(fragments):
            volumes = open_entry(checked_image_id(image_id), fragments[image_id], read_as)
            found.append(Fragment(image_id, **volumes))
        named = name or (found[0].image_id if len(found) == 1 else "arrays")
        return cls(named, None, tuple(found), read_as=read_as)

    @property
    def image_ids(self) -> tuple[str, ...]:
        """The image_id of every fragment, in ascending order; opens none."""
        if isinstance(self.fragments, LazyFragments):
            return self.fragments.image_ids
        return tuple(fragment.image_id for fragment in self.fragments)

    @property
    def opened(self) -> tuple[Fragment, ...]:
        """The fragments that are open already."""
        lazy = self.fragments
        return lazy.opened if isinstance(lazy, LazyFragments) else lazy

    def __getitem__(self, image_id: str) -> Fragment:
        """Return a fragment by its image_id.

        Raises
        ------
        KeyError
            If there is none; the message lists those that there are.
        FragmentError, VolumeError
            If it is opened only now, and is faulty.
        """
        if image_id not in self.image_ids:
            raise KeyError(
                f"no fragment {image_id!r} in {self.name}; "
                f"it has {first_few(self.image_ids, _MOST_NAMES)}"
            )
        if isinstance(self.fragments, LazyFragments):
            return self.fragments.by_id(image_id)
        return next(one for one in self.fragments if one.image_id == image_id)

    @property
    def by_id(self) -> Mapping[str, Fragment]:
        """The fragments by their image_id; each is opened when it is looked up."""
        return _ById(self)

    def is_open(self, image_id: str) -> bool:
        """Return whether a fragment is open already."""
        return any(fragment.image_id == image_id for fragment in self.opened)

    def chosen(self, image_ids: Collection[str]) -> list[Fragment]:
        """Return the fragments of these names that there are, in ascending order."""
        return [self[image_id] for image_id in self.image_ids if image_id in image_ids]

    def __len__(self) -> int:
        """Return the number of fragments."""
        return len(self.fragments)

    def __iter__(self) -> Iterator[Fragment]:
        """Go through the fragments, opening those that are not open."""
        return iter(self.fragments)


class _ById(Mapping[str, Fragment]):
    """A view of a data set by image_id."""

    def __init__(self, dataset: DataSet) -> None:
        self._dataset = dataset

    def __getitem__(self, image_id: str) -> Fragment:
        return self._dataset[image_id]

    def __iter__(self) -> Iterator[str]:
        return iter(self._dataset.image_ids)

    def __len__(self) -> int:
        return len(self._dataset)
