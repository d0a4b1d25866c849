"""Which knob puts a threshold at a score: what dragging a line in a histogram does."""

from __future__ import annotations

import numpy as np

from napari_nx46.core.threshold.quantile import ScoreHistogram, approximate_share_below
from napari_nx46.live.session import Session
from napari_nx46.live.view import slice_view
from napari_nx46.setting import Domain, Setting, ThresholdRule
from napari_nx46.setting.knobs import described_knobs
from napari_nx46.voxels.blocks import clipped_block

__all__ = ["knob_at", "threshold_knob"]

FINER_DIGITS = 1
"""Digits that a value is typed with beyond those of the knob's step."""

_KNOBS = {
    ThresholdRule.QUANTILE: ("quantile", "low_quantile"),
    ThresholdRule.PROBABILITY: ("probability", "low_probability"),
}


def threshold_knob(setting: Setting, *, low: bool = False) -> str | None:
    """Return the name of the knob that moves the (low) threshold.

    Parameters
    ----------
    setting : Setting
    low : bool
        The low threshold of a pair.

    Returns
    -------
    str or None
        None where no single knob does: the adaptive rule, and the low threshold without a pair.
    """
    knobs = _KNOBS.get(setting.rule)
    if knobs is None or (low and not setting.hysteresis):
        return None
    return knobs[1] if low else knobs[0]


def knob_at(
    session: Session, score: float, histogram: ScoreHistogram, *, low: bool = False
) -> tuple[str, float] | None:
    """Return the knob, and its value, that puts the (low) threshold of a session at a score.

    Parameters
    ----------
    session : Session
    score : float
        In units of probability.
    histogram : ScoreHistogram
        Of the fragment's scores; a quantile of the slice or the block is taken over that.
    low : bool
        The low threshold of a pair.

    Returns
    -------
    (str, float) or None
        The value has as many digits as the knob shows; None where no single knob moves the
        threshold.
    """
    setting = session.setting
    name = threshold_knob(setting, low=low)
    if name is None:
        return None
    value = min(max(score, 0.0), 1.0)
    if setting.rule is ThresholdRule.QUANTILE:
        value = _share_below(session, value, histogram)
    return name, round(value, described_knobs(Setting)[name].decimals + FINER_DIGITS)


def _share_below(session: Session, score: float, histogram: ScoreHistogram) -> float:
    """Return the share of the domain's scores below a score."""
    setting, pipeline = session.setting, session.pipelines[session.fragment.image_id]
    match setting.domain:
        case Domain.FRAGMENT:
            return approximate_share_below(histogram, score)
        case Domain.NONZERO:
            above_zero = histogram.without_zeros(int(histogram.counts[0]))
            return approximate_share_below(above_zero, score) if above_zero.total else 0.0
        case Domain.DATASET:
            return approximate_share_below(_pooled(session) or histogram, score)
        case Domain.SLICE:
            block = slice_view(pipeline.shape, session.view.slice_index).plane
        case Domain.BLOCK:
            block = clipped_block(setting.block or (), pipeline.shape)
    scores = pipeline.score(setting, block)
    return float(np.count_nonzero(scores < score)) / scores.size


def _pooled(session: Session) -> ScoreHistogram | None:
    """Return the histogram over all fragments, if the score of each is there already."""
    stages = [
        session.pipelines[image_id].cached_stage(session.setting)
        for image_id in session.dataset.image_ids
    ]
    histograms = [stage.histogram for stage in stages if stage is not None]
    if len(histograms) < len(stages):
        return None
    return sum(histograms[1:], start=histograms[0])
