"""Measuring masks in files: figures of every slice and of the whole, as rows and as CSV."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from napari_nx46.core.measure.label_bits import LabelBits
from napari_nx46.core.measure.slices import SliceMeasures, measure_slices
from napari_nx46.core.measure.volume import VolumeMetrics, measure_volume
from napari_nx46.data.fragments import FolderNames, FragmentError, checked_image_id
from napari_nx46.files.volumes.opening import (
    Role,
    Volume,
    image_id_of,
    is_volume_folder,
    open_volume,
)
from napari_nx46.run.compare.mask_files import (
    MASK_FOLDERS,
    binary_mask,
    open_any_submission,
    read_once,
    volumes_in,
)
from napari_nx46.run.csv_text import CsvValue, csv_bytes, nine_digits
from napari_nx46.setting import DEFAULT_BAND
from napari_nx46.voxels.blocks import Mask
from napari_nx46.voxels.spans import find_runs
from napari_nx46.voxels.workers import Cancelled, Workers, never

__all__ = [
    "MEASURE_COLUMNS",
    "SLICE_COLUMNS",
    "MaskMeasures",
    "measure_masks",
    "measures_csv",
    "slices_csv",
]

MEASURE_COLUMNS = (
    *("file", "fragment", "slices", "density", "band_distance", "mean_continuity"),
    *("components", "largest_share", "euler_number", "precision", "recall", "dice"),
)
"""Columns of `measures_csv`: one row a mask."""
SLICE_COLUMNS = (
    *("file", "fragment", "z", "density", "continuity", "components", "largest_share"),
    *("euler_number", "precision", "recall", "dice", "recall_loss", "ignored"),
)
"""Columns of `slices_csv`: one row a slice.

``ignored`` is 1 where the label ignores the whole slice, with no figures against it then."""


@dataclass(frozen=True)
class MaskMeasures:
    """What one mask amounts to.

    Parameters
    ----------
    path : Path
        The file, or the archive that it is in.
    image_id : str
    slices : tuple of SliceMeasures
        In ascending z.
    volume : VolumeMetrics
    """

    path: Path
    image_id: str
    slices: tuple[SliceMeasures, ...]
    volume: VolumeMetrics


@dataclass(frozen=True)
class _MaskFile:
    """A mask that has not been read.

    Parameters
    ----------
    path : Path
    image_id : str
    read : callable
        Returns its voxels, (Z, Y, X) of any type.
    """

    path: Path
    image_id: str
    read: Callable[[], np.ndarray]


def measure_masks(
    paths: Sequence[Path],
    label: Path | None = None,
    *,
    workers: Workers | None = None,
    progress: Callable[[str, int, int], None] = lambda _image_id, _done, _of: None,
    cancelled: Callable[[], bool] = never,
) -> list[MaskMeasures]:
    """Measure masks, one after the other.

    Parameters
    ----------
    paths : sequence of Path
        Each a mask, a folder of masks (or one whose ``masks`` is), or a submission archive, every
        mask of which is measured.
    label : Path, optional
        A label that every mask is compared with; or a folder of labels, or a data folder, that
        holds the label of every mask under the mask's image_id.
    workers : Workers, optional
        Threads to share the work.
    progress : callable
        Called with image_id, masks done and all masks, after each mask.
    cancelled : callable
        Asked between masks, and between slices while one is measured.

    Returns
    -------
    list of MaskMeasures
        In the order of `paths`; the masks of a folder or archive in that of their image_ids.

    Raises
    ------
    FragmentError
        If there is nothing at a path, a mask is not binary, has no label or is not of its shape.
    VolumeError
        If a volume cannot be read, or an archive is not valid.
    OSError
        If a folder cannot be listed or an archive cannot be opened.
    Cancelled
        If ``cancelled()`` became True; the one of the core or of the files.
    """
    files = [file for path in paths for file in _mask_files(path, cancelled)]
    labels = [None if label is None else _label_of(file, label) for file in files]
    measured = []
    for file, true in zip(files, labels, strict=True):
        if cancelled():
            raise Cancelled
        measured.append(_measure(file, true, workers, cancelled))
        progress(file.image_id, len(measured), len(files))
    return measured


def measures_csv(
    measures: Sequence[MaskMeasures], band: tuple[float, float] = DEFAULT_BAND
) -> bytes:
    """Return one row a mask, `MEASURE_COLUMNS`, figures to nine significant digits.

    What is not known, as recall without a label, is left empty.

    Parameters
    ----------
    measures : sequence of MaskMeasures
    band : tuple of float
        Density aimed at: lowest and highest.
    """
    return csv_bytes(
        MEASURE_COLUMNS,
        (map(nine_digits, _measure_row(measured, band)) for measured in measures),
    )


def slices_csv(measures: Sequence[MaskMeasures]) -> bytes:
    """Return one row a slice, `SLICE_COLUMNS`, figures to nine significant digits.

    What is not known, as the continuity of the first slice, is left empty.
    """
    return csv_bytes(
        SLICE_COLUMNS,
        (
            map(nine_digits, _slice_row(measured, figures))
            for measured in measures
            for figures in measured.slices
        ),
    )


# ---- finding masks and labels --------------------------------------------------------------


def _mask_files(path: Path, cancelled: Callable[[], bool]) -> list[_MaskFile]:
    if not path.exists():
        raise FragmentError(
            f"{path}: found nothing at this path, expected a mask, a folder of masks or a "
            "submission archive"
        )
    if path.is_dir() and not is_volume_folder(path):
        files = volumes_in(path, MASK_FOLDERS)
        return [_mask_file(file, image_id) for image_id, file in files.items()]
    if path.suffix.lower() == ".zip" and not path.is_dir():
        return _archive_files(path, cancelled)
    return [_mask_file(path, checked_image_id(image_id_of(path), path))]


def _mask_file(path: Path, image_id: str) -> _MaskFile:
    volume = open_volume(path, role=Role.IMAGE, image_id=image_id)
    return _MaskFile(path, image_id, partial(read_once, volume))


def _archive_files(archive: Path, cancelled: Callable[[], bool]) -> list[_MaskFile]:
    """Return the masks of an archive, whichever fragments it holds."""
    masks, shapes = open_any_submission(archive, cancelled)
    return [
        _MaskFile(archive, image_id, partial(masks.read, image_id, cancelled))
        for image_id in sorted(shapes)
    ]


def _label_of(file: _MaskFile, label: Path) -> Volume:
    """Return the label that a mask is compared with; nothing of it is read but its head."""
    if not label.exists():
        raise FragmentError(
            f"{label}: found nothing at this path, expected a label or a folder of labels"
        )
    if not label.is_dir() or is_volume_folder(label):
        return open_volume(label, role=Role.LABEL, image_id=file.image_id)
    labels = volumes_in(label, FolderNames().labels)
    if file.image_id not in labels:
        raise FragmentError(
            f"fragment {file.image_id}: found no label in {label} for the mask {file.path}; "
            f"expected a volume named {file.image_id}"
        )
    return open_volume(labels[file.image_id], role=Role.LABEL, image_id=file.image_id)


# ---- measuring -----------------------------------------------------------------------------


def _measure(
    file: _MaskFile, label: Volume | None, workers: Workers | None, cancelled: Callable[[], bool]
) -> MaskMeasures:
    mask = binary_mask(file.read(), file.image_id, file.path)
    true = None if label is None else LabelBits.of(_read_label(file, mask, label), workers)
    runs = find_runs(mask, workers=workers)
    slices = measure_slices(mask, label=true, runs=runs, workers=workers, cancelled=cancelled)
    volume = measure_volume(mask, profile=slices, runs=runs, workers=workers, cancelled=cancelled)
    return MaskMeasures(file.path, file.image_id, tuple(slices), volume)


def _read_label(file: _MaskFile, mask: Mask, label: Volume) -> Mask:
    if label.shape != mask.shape:
        raise FragmentError(
            f"fragment {file.image_id}: found shape {mask.shape} in {file.path} but "
            f"{label.shape} in {label.path}; expected equal shapes (Z, Y, X)"
        )
    voxels: Mask = read_once(label).astype(np.uint8, copy=False)
    return voxels


# ---- writing -------------------------------------------------------------------------------


def _measure_row(measured: MaskMeasures, band: tuple[float, float]) -> list[CsvValue]:
    volume = measured.volume
    return [
        measured.path.name,
        measured.image_id,
        len(measured.slices),
        volume.density,
        volume.distance_from(band),
        volume.mean_continuity,
        volume.components,
        volume.largest_share,
        volume.euler_number,
        volume.precision,
        volume.recall,
        volume.dice,
    ]


def _slice_row(measured: MaskMeasures, figures: SliceMeasures) -> list[CsvValue]:
    return [
        measured.path.name,
        measured.image_id,
        figures.z,
        figures.density,
        figures.continuity,
        figures.components,
        figures.largest_share,
        figures.euler_number,
        figures.precision,
        figures.recall,
        figures.dice,
        figures.recall_loss,
        int(figures.ignored),
    ]
