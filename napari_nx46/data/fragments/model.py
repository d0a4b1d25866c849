"""Fragments and data sets as values, and the names that they may have."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from napari_nx46.data.fragments.arrays import ArrayEntry, open_entry
from napari_nx46.data.fragments.names import FragmentError, checked_image_id, checked_model_name
from napari_nx46.files.naming import first_few
from napari_nx46.files.volumes.opening import Logits, ReadAs, Volume
from napari_nx46.files.volumes.placement import Placement

__all__ = ["DataSet", "FolderNames", "Fragment"]

_MOST_NAMES = 10


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
        the other, a model's name is not plain, or the shapes or the grids of the volumes differ.
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
                    f"fragment {self.image_id}: found shape {first.shape} in {first.name} "
                    f"but {other.shape} in {other.name}; expected equal shapes (Z, Y, X)"
                )
        self._check_grid()

    def _check_grid(self) -> None:
        """Check that voxels of equal index lie at the same place in all volumes that say where."""
        placed = [(one.name, one.placement) for one in self.volumes if one.placement is not None]
        for name, placement in placed[1:]:
            first_name, first = placed[0]
            if not first.is_same_grid(placement):
                raise FragmentError(
                    f"fragment {self.image_id}: found {first.in_words()} in {first_name} but "
                    f"{placement.in_words()} in {name}; expected the same grid; resample one of "
                    "them, or correct its voxel size"
                )

    @property
    def placement(self) -> Placement | None:
        """Size and place of the voxels, as the first of its volumes says that knows them."""
        known = (one.placement for one in self.volumes if one.placement is not None)
        return next(known, None)

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

    @classmethod
    def from_arrays(
        cls,
        fragments: Mapping[str, ArrayEntry],
        *,
        name: str | None = None,
        channel: int | None = None,
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
        read_as = ReadAs(channel, None if logits is None else Logits(logits))
        found = []
        for image_id in sorted(fragments):
            volumes = open_entry(checked_image_id(image_id), fragments[image_id], read_as)
            found.append(Fragment(image_id, **volumes))
        named = name or (found[0].image_id if len(found) == 1 else "arrays")
        return cls(named, None, tuple(found), read_as=read_as)

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
            f"no fragment {image_id!r} in {self.name}; "
            f"it has {first_few(self.image_ids, _MOST_NAMES)}"
        )

    def __len__(self) -> int:
        """Return the number of fragments."""
        return len(self.fragments)

    def __iter__(self) -> Iterator[Fragment]:
        """Go through the fragments."""
        return iter(self.fragments)
