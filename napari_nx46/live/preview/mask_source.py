"""What is shown of a mask before the worker has passed over the fragment."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from napari_nx46.core.line import is_local
from napari_nx46.core.pipeline import FragmentPipeline
from napari_nx46.core.score.smoothing import shown_meanwhile
from napari_nx46.core.threshold.thresholds import Threshold
from napari_nx46.live.preview.threshold import PreviewSource, ScoreSample
from napari_nx46.live.view import ShownMask
from napari_nx46.setting import Setting
from napari_nx46.voxels.blocks import Block, block_shape
from napari_nx46.voxels.corrections.corrections import Corrections


@dataclass(frozen=True)
class MaskSource:
    """What is known of a fragment now, from which the mask of any block is shown at once.

    Parameters
    ----------
    pipeline : FragmentPipeline
    pool : tuple of FragmentPipeline
        Those whose scores the quantile is taken over together.
    sample : ScoreSample, optional
        Of the fragment; not there until it has been loaded.
    exact_threshold : Threshold, optional
        If the worker has found it.
    three_d : bool
        Whether the volume is rendered as a whole.
    cleans_up : bool
        Whether hysteresis and clean-up are compiled; until then the threshold alone is previewed.
    corrections : Corrections
        Of the fragment.
    """

    pipeline: FragmentPipeline
    pool: tuple[FragmentPipeline, ...]
    sample: ScoreSample | None
    exact_threshold: Threshold | None
    three_d: bool
    cleans_up: bool
    corrections: Corrections

    def shown(self, setting: Setting, block: Block) -> ShownMask:
        """Return the mask of a block, exact where that takes no pass over the fragment."""
        pipeline = self.pipeline
        plain = shown_meanwhile(setting)
        if not pipeline.is_ready(setting) and plain != setting:
            # What follows from the whole fragment, or takes longer than a frame: until a worker
            # has been there, the mask is shown without.
            shown = self.shown(plain, block)
            return replace(shown, setting=setting, threshold=None, exact=False)
        if not pipeline.is_ready(setting):
            nothing = np.zeros(block_shape(block), np.uint8)
            return ShownMask(setting, None, block, nothing, exact=False)
        threshold = self._threshold(setting, block)
        mask = pipeline.known_mask(setting, threshold, block, self.corrections)
        exact = threshold.exact and mask is not None
        if mask is None:
            preview = pipeline.preview if self.cleans_up else pipeline.thresholded
            mask = preview(setting, threshold, block, self.corrections)
        return ShownMask(setting, threshold, block, mask, exact)

    def _threshold(self, setting: Setting, block: Block) -> Threshold:
        """Return the exact threshold if the worker has found it, else a preview."""
        if self.exact_threshold is not None:
            return self.exact_threshold
        source = PreviewSource(self.pipeline, self.pool, self.sample)
        return source.threshold(setting, block, three_d=self.three_d)


def same_mask(
    pipeline: FragmentPipeline, shown: ShownMask, threshold: Threshold, corrections: Corrections
) -> bool:
    """Return whether a threshold gives a plane the mask that is shown there.

    Parameters
    ----------
    pipeline : FragmentPipeline
    shown : ShownMask
        Perhaps a preview; with the corrections.
    threshold : Threshold
        The exact one of its setting.
    corrections : Corrections
    """
    setting = shown.setting
    if is_local(setting) and shown.threshold is not None:
        lowest = shown.threshold.lowest_scores(shown.plane[0])
        return np.array_equal(lowest, threshold.lowest_scores(shown.plane[0]))
    exact = pipeline.known_mask(setting, threshold, shown.plane, corrections)
    return exact is not None and np.array_equal(shown.mask, exact)
