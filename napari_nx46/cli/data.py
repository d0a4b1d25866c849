"""The data that a command is given."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from napari_nx46.cli import options as flag
from napari_nx46.cli.flag_groups import FlagGroup
from napari_nx46.files.reading import ReadAs

if TYPE_CHECKING:
    from napari_nx46.core.workers import Workers
    from napari_nx46.files.masks import Shape
    from napari_nx46.fragments import DataSet, FolderNames
    from napari_nx46.run.pipelines import PipelineSet


@dataclass(frozen=True)
class DataFlags(FlagGroup):
    """The arguments and flags that tell which data to open.

    Parameters
    ----------
    paths : list of Path
        A data folder, one volume, or two.
    p3d, p2d, models : str
        Names of folders in a data folder.
    images, labels : str, optional
        Likewise; by default the usual ones.
    channel : int, optional
        Of probability volumes that have several.
    logits : Logits, optional
        How their values become probabilities, if they are logits.
    """

    paths: flag.Data
    p3d: flag.P3dFolder = "p3d"
    p2d: flag.P2dFolder = "p2d"
    models: flag.ModelsFolder = "models"
    images: flag.ImageFolder = None
    labels: flag.LabelFolder = None
    channel: flag.Channel = None
    logits: flag.AsLogits = None

    def opened(self) -> DataSet:
        """Open the data; only headers are read.

        Raises
        ------
        FragmentError, VolumeError
            As `open_data`.
        """
        from napari_nx46.fragments import open_data

        return open_data(
            *self.paths, folders=self.folder_names(), channel=self.channel, logits=self.logits
        )

    def opened_as_far_as_possible(self) -> tuple[DataSet, dict[str, str]]:
        """Open the fragments that can be opened, and tell what is wrong with the others.

        Raises
        ------
        FragmentError, VolumeError
            As `open_readable`.
        """
        from napari_nx46.fragments import open_readable

        return open_readable(
            *self.paths, folders=self.folder_names(), channel=self.channel, logits=self.logits
        )

    @property
    def read_as(self) -> ReadAs:
        """What is read of probability volumes."""
        return ReadAs(self.channel, self.logits)

    def folder_names(self) -> FolderNames:
        """Return the names of the folders in a data folder."""
        from napari_nx46.fragments import FolderNames

        usual = FolderNames()
        return FolderNames(
            p3d=self.p3d,
            p2d=self.p2d,
            models=self.models,
            images=usual.images if self.images is None else (self.images,),
            labels=usual.labels if self.labels is None else (self.labels,),
        )


@contextmanager
def shared_workers(count: int | None) -> Iterator[Workers]:
    """Give so many threads, by default one a core; they end with the block."""
    from napari_nx46.core.workers import Workers

    workers = Workers(count or os.cpu_count() or 1)
    try:
        yield workers
    finally:
        workers.close()


@contextmanager
def held_pipelines(
    dataset: DataSet | None, workers: Workers, memory: float
) -> Iterator[PipelineSet | None]:
    """Prepare the pipelines of data, if there are any; the memory is given back afterwards.

    Parameters
    ----------
    dataset : DataSet, optional
    workers : Workers
    memory : float
        GiB that a fragment's volumes may take before they are streamed.

    Yields
    ------
    PipelineSet or None
    """
    if dataset is None:
        yield None
        return
    from napari_nx46.run.pipelines import PipelineSet

    pipelines = PipelineSet(dataset, workers=workers, memory_budget=int(memory * 2**30))
    try:
        yield pipelines
    finally:
        pipelines.release()


def image_shapes(folder: Path) -> dict[str, Shape]:
    """Return the shapes of the CT images in a folder, by image_id.

    Parameters
    ----------
    folder : Path
        Holds one volume a fragment, or is a data folder whose ``test_images`` does, or, without
        that, whose ``train_images`` does.

    Returns
    -------
    dict
        image_id to (Z, Y, X); only headers were read.

    Raises
    ------
    FragmentError
        If there is no volume, two of one fragment, or a name that cannot be an image_id.
    VolumeError
        If a volume cannot be opened.
    OSError
        If the folder cannot be listed.
    """
    from napari_nx46.files.volumes import Role, image_id_of, open_volume, volume_suffix
    from napari_nx46.fragments import FolderNames, FragmentError, checked_image_id

    inside = (folder / name for name in FolderNames().images)
    images = next((path for path in inside if path.is_dir()), folder)
    shapes: dict[str, Shape] = {}
    for path in sorted(images.iterdir()):
        if path.name.startswith(".") or not volume_suffix(path.name):
            continue
        image_id = checked_image_id(image_id_of(path), path)
        if image_id in shapes:
            raise FragmentError(f"fragment {image_id}: found two images in {images}, expected one")
        shapes[image_id] = open_volume(path, role=Role.IMAGE, image_id=image_id).shape
    if not shapes:
        raise FragmentError(f"{images}: found no image, expected one volume a fragment")
    return shapes
