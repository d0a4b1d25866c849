"""Measuring masks in files: figures of every slice and of the whole, as rows and as CSV."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from napari_nx46.core.measure.label_bits import LabelBits
from napari_nx46.core.measure.slices import SliceMeasures, measure_slices
from napari_nx46.core.measure.volume import VolumeMetrics, measure_volume
from napari_nx46.data.fragments import Place
from napari_nx46.files.stores.address import name_of
from napari_nx46.files.volumes.opening import Volume
from napari_nx46.run.compare.mask_sets import open_masks
from napari_nx46.run.compare.pairing import Party, open_labels, pair
from napari_nx46.run.compare.stored_mask import StoredMask, read_once
from napari_nx46.run.csv_text import CsvValue, csv_bytes, nine_digits
from napari_nx46.setting import DEFAULT_BAND
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
    path : Path or str
        The file, or the archive that it is in; the URL of a store on a server.
    image_id : str
    slices : tuple of SliceMeasures
        In ascending z.
    volume : VolumeMetrics
    """

    path: Path | str
    image_id: str
    slices: tuple[SliceMeasures, ...]
    volume: VolumeMetrics

    @property
    def name(self) -> str:
        """Name of the file or store, without folders."""
        return name_of(str(self.path))


def measure_masks(
    paths: Sequence[Place],
    label: Place | None = None,
    *,
    workers: Workers | None = None,
    progress: Callable[[str, int, int], None] = lambda _image_id, _done, _of: None,
    cancelled: Callable[[], bool] = never,
) -> list[MaskMeasures]:
    """Measure masks, one after the other.

    Parameters
    ----------
    paths : sequence of Path or StorePlace
        Each a mask, a folder of masks (or one whose ``masks`` is), a submission archive or a store,
        every mask of which is measured.
    label : Path or StorePlace, optional
        A label that every mask is compared with; or a folder of labels, a data folder or a store
        that holds the label of every mask under the mask's image_id, or box.
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
    masks = [
        mask for path in paths for mask in open_masks(path, cancelled=cancelled).masks.values()
    ]
    labels = _labels_of(masks, label)
    measured: list[MaskMeasures] = []
    for mask, true in zip(masks, labels, strict=True):
        if cancelled():
            raise Cancelled
        measured.append(_measure(mask, true, workers, cancelled))
        progress(mask.image_id, len(measured), len(masks))
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


# ---- measuring -----------------------------------------------------------------------------


def _labels_of(masks: Sequence[StoredMask], label: Place | None) -> Sequence[Volume | None]:
    """Return the label of every mask; a single one is that of all."""
    if label is None:
        return [None] * len(masks)
    labels = open_labels(label, [mask.image_id for mask in masks])
    parties = (Party("mask", str(mask.place), {mask.image_id: mask}) for mask in masks)
    return [true for one in parties for _, true in pair(one, labels, every="a").values()]


def _measure(
    stored: StoredMask,
    label: Volume | None,
    workers: Workers | None,
    cancelled: Callable[[], bool],
) -> MaskMeasures:
    if stored.place is None:
        raise ValueError("expected a mask in a file")
    mask = stored.read(cancelled)
    true = None
    if label is not None:
        true = LabelBits.of(read_once(label).astype(np.uint8, copy=False), workers)
    runs = find_runs(mask, workers=workers)
    slices = measure_slices(mask, label=true, runs=runs, workers=workers, cancelled=cancelled)
    volume = measure_volume(mask, profile=slices, runs=runs, workers=workers, cancelled=cancelled)
    return MaskMeasures(stored.place, stored.image_id, tuple(slices), volume)


# ---- writing -------------------------------------------------------------------------------


def _measure_row(measured: MaskMeasures, band: tuple[float, float]) -> list[CsvValue]:
    volume = measured.volume
    return [
        measured.name,
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
        measured.name,
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
