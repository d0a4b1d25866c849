"""The mask of one fragment as an array."""

from __future__ import annotations

import numpy as np

from napari_nx46.data.fragments import DataSet
from napari_nx46.run.pipelines import PipelineSet
from napari_nx46.run.preflight import check_corrections, checked_fragments
from napari_nx46.setting import Setting
from napari_nx46.voxels.blocks import Mask
from napari_nx46.voxels.corrections.corrections import Corrections
from napari_nx46.voxels.workers import CancelCheck, Workers, never


def mask_of_fragment(
    dataset: DataSet,
    image_id: str,
    setting: Setting,
    *,
    corrections: Corrections | None = None,
    threads: int = 1,
    cancelled: CancelCheck = never,
) -> Mask:
    """Return the exact mask of a fragment, that of an export.

    Parameters
    ----------
    dataset : DataSet
    image_id : str
    setting : Setting
    corrections : Corrections, optional
        Applied after clean-up.
    threads : int, optional
    cancelled : callable, optional
        Asked between tiles.

    Returns
    -------
    (Z, Y, X) array of uint8
        0 and 1.

    Raises
    ------
    FragmentError
        If the setting, or corrections, do not fit the fragment.
    VolumeError
        If a volume is damaged or holds what a probability cannot be.
    Cancelled
        If `cancelled` returned True.
    """
    (fragment,) = checked_fragments(dataset, {image_id: setting})
    if corrections is not None:
        check_corrections(fragment, corrections)
    mask = np.empty(fragment.shape, np.uint8)
    workers = Workers(threads)
    try:
        pipelines = PipelineSet(dataset, workers=workers)
        pipeline, threshold = pipelines.with_threshold(image_id, setting, cancelled)
        for slab in pipeline.slabs(setting, threshold, cancelled, corrections):
            mask[slab.extent] = slab.mask
    finally:
        workers.close()
    return mask
