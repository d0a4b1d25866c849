"""The data that a command is given."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from napari_nx46.cli.flags import options as flag
from napari_nx46.cli.flags.groups import FlagGroup
from napari_nx46.cli.output.console import note
from napari_nx46.files.volumes.reading import ReadAs

if TYPE_CHECKING:
    from napari_nx46.data.fragments import DataSet, FolderNames, Place
    from napari_nx46.files.submission.mask_tiff import Shape
    from napari_nx46.run.pipelines import PipelineSet
    from napari_nx46.voxels.workers import Workers

_OF_SERVERS = ("endpoint", "signed", "absent_on_403")
"""What the environment may set for all stores on servers; without effect on a path."""


@dataclass(frozen=True)
class DataFlags(FlagGroup):
    """The arguments and flags that say which data to open.

    Parameters
    ----------
    paths : list of str
        A data folder, one volume, or two; paths or URLs.
    p3d, p2d, models : str
        Names of folders in a data folder.
    images, labels : str, optional
        Likewise; by default the usual ones.
    channel : int, optional
        Of probability volumes that have several.
    logits : Logits, optional
        How their values become probabilities, if they are logits.
    level, box, boxes, label_store, ct_store, endpoint, signed, absent_on_403
        What is read of a store; see `StorePlace`.
    """

    paths: Annotated[
        list[str],
        typer.Argument(
            metavar="DATA",
            help="A data folder; or one probability volume; or two of them, p3d and p2d. A Zarr "
            "store may also be the URL of one: https://, s3:// or file://.",
        ),
    ]
    p3d: Annotated[
        str,
        typer.Option(
            "--p3d",
            metavar="NAME",
            help="Folder of the p3d volumes in DATA.",
            rich_help_panel=flag.DATA_SECTION,
        ),
    ] = "p3d"
    p2d: Annotated[
        str,
        typer.Option(
            "--p2d",
            metavar="NAME",
            help="Folder of the p2d volumes in DATA.",
            rich_help_panel=flag.DATA_SECTION,
        ),
    ] = "p2d"
    models: Annotated[
        str,
        typer.Option(
            "--models",
            metavar="NAME",
            help="Folder in DATA that holds a folder of further probability volumes for each "
            "model.",
            rich_help_panel=flag.DATA_SECTION,
        ),
    ] = "models"
    images: Annotated[
        str | None,
        typer.Option(
            "--images",
            metavar="NAME",
            help="Folder of the CT images in DATA.",
            show_default="test_images, train_images",
            rich_help_panel=flag.DATA_SECTION,
        ),
    ] = None
    labels: Annotated[
        str | None,
        typer.Option(
            "--labels",
            metavar="NAME",
            help="Folder of the labels in DATA.",
            show_default="train_labels",
            rich_help_panel=flag.DATA_SECTION,
        ),
    ] = None
    channel: flag.Channel = None
    logits: flag.AsLogits = None
    level: flag.Level = None
    box: flag.Boxes = None
    boxes: flag.BoxFile = None
    label_store: flag.LabelStore = None
    ct_store: flag.CtStore = None
    endpoint: flag.Endpoint = None
    signed: flag.Signed = False
    absent_on_403: flag.AbsentOn403 = False

    @property
    def places(self) -> tuple[Place, ...]:
        """The paths, and stores with what is chosen of them.

        Raises
        ------
        FragmentError
            If the file of boxes cannot be read, or a box or URL makes no sense.
        """
        from napari_nx46.data.fragments import StorePlace, place_of

        given = tuple(map(place_of, self.paths))
        chosen = self._chosen()
        if not chosen:
            return given
        if given and isinstance(given[0], Path):
            chosen = {name: value for name, value in chosen.items() if name not in _OF_SERVERS}
        stores = (StorePlace(str(one)) if isinstance(one, Path) else one for one in given)
        return tuple(replace(one, **chosen) for one in stores) if chosen else given

    def _chosen(self) -> dict[str, Any]:
        """Return what flags choose of a store, by the names of `StorePlace`."""
        from napari_nx46.data.fragments import FragmentError
        from napari_nx46.data.fragments.boxes import Box, BoxList

        listed = None if self.boxes is None else BoxList.read(self.boxes)
        try:
            parsed = tuple(Box.parse(text) for text in self.box or ())
        except ValueError as error:
            raise FragmentError(str(error)) from error
        given = {
            "level": self.level if listed is None else self.level or listed.level,
            "boxes": parsed if listed is None else (*listed.boxes, *parsed),
            "label": self.label_store,
            "image": self.ct_store,
            "endpoint": self.endpoint,
            "signed": self.signed,
            "absent_on_403": self.absent_on_403,
        }
        return {name: value for name, value in given.items() if value}

    def opened(self, only: Sequence[str] = (), *, skip_faulty: bool = False) -> DataSet:
        """Open the data, and print what a reader should know of them; only headers are read.

        Parameters
        ----------
        only : sequence of str
            The fragments to open; all if there is none.
        skip_faulty : bool
            Leave out fragments that cannot be opened. They are listed in `DataSet.left_out`, as
            files whose names no fragment can have are always.

        Raises
        ------
        FragmentError, VolumeError
            As `open_data`; all faults are listed at once.
        """
        from napari_nx46.data.fragments import fault_error

        dataset, faults = self.opened_as_far_as_possible(only)
        if faults and not skip_faulty:
            raise fault_error(dataset.name, tuple(faults.values()))
        return replace(dataset, left_out=(*dataset.left_out, *faults.values()))

    def opened_as_far_as_possible(self, only: Sequence[str] = ()) -> tuple[DataSet, dict[str, str]]:
        """Open the fragments that can be opened, and return what is wrong with the others.

        Parameters
        ----------
        only : sequence of str
            The fragments to open; all if there is none.

        Raises
        ------
        FragmentError, VolumeError
            As `open_readable`.
        """
        from napari_nx46.data.fragments import open_readable

        dataset, faults = open_readable(
            *self.places,
            folders=self.folder_names(),
            channel=self.channel,
            logits=self.logits,
            only=only,
        )
        for text in dataset.notes:
            note(f"note: {text}")
        for text in dataset.left_out:
            note(f"warning: left out {text}")
        return dataset, faults

    @property
    def read_as(self) -> ReadAs:
        """What is read of probability volumes."""
        return ReadAs(self.channel, self.logits)

    def folder_names(self) -> FolderNames:
        """Return the names of the folders in a data folder."""
        from napari_nx46.data.fragments import FolderNames

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
    from napari_nx46.voxels.workers import Workers

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
    from napari_nx46.scale.by_slabs import mask_by_slabs

    pipelines = PipelineSet(
        dataset, workers=workers, memory_budget=int(memory * 2**30), by_slabs=mask_by_slabs
    )
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
    from napari_nx46.data.fragments import FolderNames, sole_listing
    from napari_nx46.files.volumes.opening import Role, open_volume

    files = sole_listing(folder, FolderNames().images).files
    return {
        image_id: open_volume(path, role=Role.IMAGE, image_id=image_id).shape
        for image_id, path in sorted(files.items())
    }
