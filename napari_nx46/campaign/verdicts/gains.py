"""What the best run of a campaign gains on the baseline, with both masks computed once more."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from napari_nx46.campaign.records.results import CampaignResults, FragmentResult, TaskState
from napari_nx46.data.fragments import Fragment, FragmentError
from napari_nx46.leaderboard import explain
from napari_nx46.run.compare.changes import WonAndLost, won_and_lost
from napari_nx46.run.compare.mask_sets import MaskSet
from napari_nx46.run.compare.setting_sides import setting_side
from napari_nx46.run.compare.stored_mask import read_once
from napari_nx46.run.findings.gained import (
    SHORTEST_REPEAT,
    GainedForeground,
    PackedLabel,
    gained_foreground,
)
from napari_nx46.run.pipelines import PipelineSet
from napari_nx46.voxels.blocks import Mask
from napari_nx46.voxels.packed import pack
from napari_nx46.voxels.workers import CancelCheck, never

__all__ = ["FragmentGain", "measure_gains"]


@dataclass(frozen=True, slots=True)
class FragmentGain:
    """What a run gains on the baseline on one fragment.

    Parameters
    ----------
    run_id, baseline, image_id : str
    counts : GainedForeground
    errors : WonAndLost, optional
        Errors of the leaderboard score that the run mends and adds; None without a label.
    """

    run_id: str
    baseline: str
    image_id: str
    counts: GainedForeground
    errors: WonAndLost | None = None


def measure_gains(
    results: CampaignResults,
    run_id: str,
    baseline: str,
    pipelines: PipelineSet,
    *,
    shortest_repeat: int = SHORTEST_REPEAT,
    progress: Callable[[float], None] = lambda _share: None,
    cancelled: CancelCheck = never,
) -> tuple[FragmentGain, ...]:
    """Compute the masks of two runs; count what one gains on the other, in voxels and in points.

    Parameters
    ----------
    results : CampaignResults
    run_id, baseline : str
        Two runs of it.
    pipelines : PipelineSet
        Of the campaign's data, with labels where there are any.
    shortest_repeat : int
        Slices over which gained foreground counts as repeated; see `findings.gained`.
    progress : callable
        Called with the share that is done, in [0, 1].
    cancelled : callable
        Asked between tiles and slices.

    Returns
    -------
    tuple of FragmentGain
        Of the fragments on which both runs are done.

    Raises
    ------
    FragmentError
        If the data lack such a fragment, or give another mask than the campaign's.
    VolumeError
        If a volume is damaged.
    Cancelled
        If `cancelled` returned True.
    """
    pairs = [
        (results.fragments[run_id, image_id], results.fragments[baseline, image_id])
        for image_id in results.image_ids
    ]
    done = [pair for pair in pairs if all(one.state is TaskState.DONE for one in pair)]
    masks = _Masks(results, pipelines, [one.image_id for one, _ in done])
    gains = []
    for index, (one, other) in enumerate(done):
        progress(index / len(done))
        fragment = pipelines.dataset[one.image_id]
        label = _label(fragment)
        mask, before = masks.read(one, cancelled), masks.read(other, cancelled)
        counts = gained_foreground(
            pack(mask).words,
            pack(before).words,
            fragment.shape[2],
            None if label is None else PackedLabel.of(label),
            shortest_repeat=shortest_repeat,
            cancelled=cancelled,
        )
        errors = None
        if label is not None:
            first, second = (
                explain(voxels, label, cancelled=cancelled).items for voxels in (before, mask)
            )
            errors = won_and_lost(first, second)
        gains.append(FragmentGain(run_id, baseline, one.image_id, counts, errors))
    return tuple(gains)


class _Masks:
    """Masks of a campaign, computed one at a time and checked against what the campaign found.

    Parameters
    ----------
    results : CampaignResults
    pipelines : PipelineSet
    image_ids : sequence of str
        Fragments that are wanted.
    """

    def __init__(
        self, results: CampaignResults, pipelines: PipelineSet, image_ids: list[str]
    ) -> None:
        missing = [one for one in image_ids if one not in pipelines.dataset.image_ids]
        if missing:
            raise FragmentError(
                f"fragment {missing[0]}: not found in the data; expected the data of campaign "
                f"{results.campaign_id}, which were {results.data}"
            )
        self._settings = {run.run_id: run.setting for run in results.plan.runs}
        self._image_ids = image_ids
        self._pipelines = pipelines
        self._sides: dict[str, MaskSet] = {}

    def read(self, result: FragmentResult, cancelled: CancelCheck) -> Mask:
        """Return a mask."""
        mask = self._side(result.run_id).masks[result.image_id].read(cancelled)
        _check_same(result, mask)
        return mask

    def _side(self, run_id: str) -> MaskSet:
        if run_id not in self._sides:
            settings = dict.fromkeys(self._image_ids, self._settings[run_id])
            self._sides[run_id] = setting_side(run_id, settings, self._pipelines)
        return self._sides[run_id]


def _check_same(result: FragmentResult, mask: Mask) -> None:
    found = hashlib.sha256(np.ascontiguousarray(mask).data).hexdigest()
    if result.mask_sha256 is not None and found != result.mask_sha256:
        raise FragmentError(
            f"fragment {result.image_id}: found data that give run {result.run_id} the mask "
            f"{found[:12]}…, expected those of the campaign, which gave {result.mask_sha256[:12]}…"
        )


def _label(fragment: Fragment) -> Mask | None:
    if fragment.label is None:
        return None
    return read_once(fragment.label).astype(np.uint8, copy=False)
