"""Splits of thick objects that a label speaks against are refused."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from napari_nx46.data.fragments import Fragment, FragmentError
from napari_nx46.run.pipelines import PipelineSet
from napari_nx46.run.preflight import Settings
from napari_nx46.setting import Setting
from napari_nx46.voxels.blocks import Mask, octants_of
from napari_nx46.voxels.workers import never

__all__ = ["check_splits"]


def check_splits(
    pipelines: PipelineSet,
    fragments: Iterable[Fragment],
    settings: Settings,
    cancelled: Callable[[], bool] = never,
) -> None:
    """Check that `split_thick` lowers the block score of no fragment that has a label.

    The block is the octant of the fragment in which the split changes most voxels of the mask. With
    and without the split, everything else as it is, it is scored as the leaderboard would.

    Parameters
    ----------
    pipelines : PipelineSet
    fragments : iterable of Fragment
    settings : mapping of str to Setting
        By image_id.
    cancelled : callable
        Asked between tiles.

    Raises
    ------
    FragmentError
        Names the fragment, and both scores.
    Cancelled
        If `cancelled` returned True.
    """
    from napari_nx46.leaderboard import score

    for fragment in fragments:
        setting = settings[fragment.image_id]
        if setting.split_thick == 0 or fragment.label is None:
            continue
        split = _mask(pipelines, fragment.image_id, setting, cancelled)
        whole = _mask(pipelines, fragment.image_id, setting.changed(split_thick=0), cancelled)
        changed = split != whole
        block = max(octants_of(whole.shape), key=lambda block: np.count_nonzero(changed[block]))
        if not changed[block].any():
            continue
        label = np.asarray(fragment.label[block])
        before = score(whole[block], label, cancelled=cancelled).value
        after = score(split[block], label, cancelled=cancelled).value
        if after < before:
            raise FragmentError(
                f"fragment {fragment.image_id}: split_thick {setting.split_thick:g} lowers the "
                f"score from {before:.4f} to {after:.4f} in the octant that it changes most; "
                "switch it off (0), or raise it so that less is split"
            )


def _mask(
    pipelines: PipelineSet, image_id: str, setting: Setting, cancelled: Callable[[], bool]
) -> Mask:
    pipeline, threshold = pipelines.with_threshold(image_id, setting, cancelled)
    return pipeline.whole_mask(setting, threshold, cancelled).mask()
