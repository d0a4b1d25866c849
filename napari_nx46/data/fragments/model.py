"""A fragment as a value, and the names of the folders that fragments are found in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from napari_nx46.data.fragments.names import FragmentError, checked_model_name
from napari_nx46.files.volumes.opening import Volume
from napari_nx46.files.volumes.origin import MAX_VOXELS
from napari_nx46.files.volumes.placement import Placement

__all__ = ["FolderNames", "Fragment"]


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
        the other, a model's name is not plain, it is too large to be one fragment, or the shapes
        or the grids of the volumes differ.
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
        if first.size > MAX_VOXELS:
            raise FragmentError(
                f"fragment {self.image_id}: found shape {first.shape} in {first.name}; expected at "
                f"most {MAX_VOXELS} voxels; choose boxes of it ('nx46 boxes', --box), or a coarser "
                "level (--level)"
            )
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
