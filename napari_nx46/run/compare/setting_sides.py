"""A side of a comparison whose masks are computed from settings, and that of a workspace's run."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from napari_nx46.core.threshold.thresholds import Threshold
from napari_nx46.data.fragments import FragmentError
from napari_nx46.files.workspace import SavedRun
from napari_nx46.run.compare.mask_sets import HashedFile, MaskSet, SetKind, open_archive
from napari_nx46.run.compare.stored_mask import StoredMask
from napari_nx46.run.export.manifest_reading import file_sha256
from napari_nx46.run.judge.kept_runs import hash_archive
from napari_nx46.run.judge.verdict import run_name
from napari_nx46.run.pipelines import PipelineSet
from napari_nx46.run.preflight import Settings, checked_fragments, reads_dataset
from napari_nx46.setting import Setting
from napari_nx46.voxels.blocks import Mask
from napari_nx46.voxels.workers import CancelCheck, never

__all__ = ["run_side", "setting_side"]


def setting_side(
    name: str, settings: Settings, pipelines: PipelineSet, file: Path | None = None
) -> MaskSet:
    """Return masks that are computed when they are read, in memory.

    Parameters
    ----------
    name : str
        What people call it.
    settings : mapping of str to Setting
        By image_id, for fragments of the pipelines' data.
    pipelines : PipelineSet
    file : Path, optional
        The setting file.

    Raises
    ------
    FragmentError
        If a setting does not fit its fragment.
    OSError
        If the setting file cannot be read.
    """
    fragments = checked_fragments(pipelines.dataset, settings)
    computed = _ComputedMasks(pipelines, settings)
    return MaskSet(
        name,
        SetKind.SETTING,
        {
            fragment.image_id: StoredMask(
                fragment.image_id,
                fragment.shape,
                None,
                partial(computed.read, fragment.image_id),
                settings[fragment.image_id],
                is_binary=True,
            )
            for fragment in fragments
        },
        files=() if file is None else (HashedFile(file, file_sha256(file)),),
    )


def run_side(
    run: SavedRun, pipelines: PipelineSet | None = None, cancelled: CancelCheck = never
) -> MaskSet:
    """Return the masks of a run of the workspace.

    They are those of its archive while that is as it was. Otherwise they are computed from the
    run's settings where there are data to do so, and a note says why.

    Parameters
    ----------
    run : SavedRun
    pipelines : PipelineSet, optional
        Of the data that the run was made from.
    cancelled : callable
        Asked before every slice.

    Raises
    ------
    FragmentError
        If the archive is missing or changed, and there are no data or not those of the run.
    VolumeError, OSError, Cancelled
        As `open_archive`.
    """
    fault = next(iter(hash_archive(run).faults), None)
    if fault is None and run.archive is not None:
        # What the workspace says of the run counts, not a file beside the archive.
        side = open_archive(run.archive, with_record=True, cancelled=cancelled)
        side = replace(side.with_settings(run.settings), name=run_name(run), notes=())
    elif pipelines is None:
        raise FragmentError(
            f"{run_name(run)}: {fault}; expected its archive, or --data DATA to compute its masks "
            "from its settings"
        )
    else:
        side = setting_side(run_name(run), run.settings, pipelines)
        note = f"{run_name(run)}: {fault}; its masks are computed from its settings"
        side = replace(side, notes=(note,))
    return replace(
        side,
        tag=run.tag,
        public_score=run.public_score,
        private_score=run.private_score,
        kept_metrics=run.metrics,
    )


class _ComputedMasks:
    """Masks of settings, computed one at a time; thresholds are kept, for they are small.

    Parameters
    ----------
    pipelines : PipelineSet
    settings : mapping of str to Setting
        By image_id.
    """

    def __init__(self, pipelines: PipelineSet, settings: Settings) -> None:
        self._pipelines = pipelines
        self._settings = settings
        self._of_dataset: dict[Setting, Threshold] = {}

    def read(self, image_id: str, cancelled: CancelCheck) -> Mask:
        setting = self._settings[image_id]
        threshold = self._threshold(image_id, setting, cancelled)
        pipeline = self._pipelines.loaded(image_id, setting)
        mask = np.empty(pipeline.shape, np.uint8)
        for slab in pipeline.slabs(setting, threshold, cancelled):
            mask[slab.extent] = slab.mask
        return mask

    def _threshold(self, image_id: str, setting: Setting, cancelled: CancelCheck) -> Threshold:
        if setting in self._of_dataset:
            return self._of_dataset[setting]
        _, threshold = self._pipelines.with_threshold(image_id, setting, cancelled)
        if reads_dataset(setting):  # one threshold for all fragments, which takes all to find
            self._of_dataset[setting] = threshold
        return threshold
