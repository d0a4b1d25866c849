"""The plain definition of the mask, written out in NumPy: what every test compares with."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from napari_nx46.core.cleanup.step import StepContext
from napari_nx46.core.cleanup.steps import steps_of
from napari_nx46.setting import Domain, Setting, ThresholdRule
from napari_nx46.voxels.blocks import whole_block
from napari_nx46.voxels.workers import Workers

SCALES = {"uint8": np.float32(255), "uint16": np.float32(65535)}


def probability(voxels):
    """Convert voxels to probabilities."""
    if voxels.dtype.name in SCALES:
        return voxels.astype(np.float32) / SCALES[voxels.dtype.name]
    return voxels


def defined_score(p3d, p2d, setting: Setting):
    """Blend and z-smooth, slice by slice."""
    p3d, p2d = probability(p3d), probability(p2d).astype(np.float32)
    depth = p3d.shape[0]
    score = np.empty(p3d.shape, np.float32)
    for z in range(depth):
        total = np.zeros(p3d.shape[1:], np.float64)
        for near in range(z - setting.z_radius, z + setting.z_radius + 1):
            total = total + p3d[min(max(near, 0), depth - 1)].astype(np.float64)
        smoothed = (total / (2 * setting.z_radius + 1)).astype(np.float32)
        score[z] = setting.blend * smoothed + (1 - setting.blend) * p2d[z]
    return score


def defined_thresholds(scores, setting: Setting, which: int = 0):
    """Return threshold and low threshold of every slice of one fragment of a data set."""
    if setting.rule is ThresholdRule.PROBABILITY:
        low = setting.low_probability if setting.hysteresis else setting.probability
        return [(setting.probability, low)] * len(scores[which])
    if setting.rule is ThresholdRule.ADAPTIVE:
        return [adaptive_pair(part.astype(np.float64), setting) for part in scores[which]]
    low = setting.low_quantile if setting.hysteresis else setting.quantile
    parts = defined_domain(scores, setting, which)
    return [
        tuple(np.quantile(part.astype(np.float64), share) for share in (setting.quantile, low))
        for part in parts
    ]


def defined_domain(scores, setting: Setting, which: int):
    """Return for every slice the scores over which its quantile is taken."""
    score = scores[which]
    if setting.domain is Domain.SLICE:
        return list(score)
    if setting.domain is Domain.DATASET:
        values = np.concatenate([one.ravel() for one in scores])
    elif setting.domain is Domain.BLOCK:
        values = score[tuple(slice(*extent) for extent in setting.block)]
    elif setting.domain is Domain.NONZERO:
        values = (
            score[score > 0] if (score > 0).any() else np.full(1, np.nextafter(0, 1, dtype="f"))
        )
    else:
        values = score
    return [values] * score.shape[0]


def adaptive_pair(scores, setting: Setting):
    """Return NX47's pair for one slice, as its formula says."""
    p90, p95 = np.percentile(scores, (90, 95))
    std = scores.std()
    tail = (p95 - p90) / std if std > 0 else 0.0
    high = setting.adaptive_base + setting.adaptive_gain * tail
    high = np.clip(high, setting.adaptive_min, setting.adaptive_max)
    low = min(max(high - setting.adaptive_gap, setting.adaptive_low_min), high)
    return np.quantile(scores, high / 100), np.quantile(scores, low / 100)


def linked(low, high):
    """Keep components of `low` that have a voxel of `high`."""
    labels, _ = ndimage.label(low, np.ones((3, 3, 3)))
    return low & np.isin(labels, np.unique(labels[high & low]))


def defined_mask(sources, setting: Setting, which: int = 0):
    """Return the mask of one fragment of a data set of (p3d, p2d) pairs."""
    scores = [defined_score(p3d, p2d, setting) for p3d, p2d in sources]
    return mask_of_scores(scores, setting, which)


def mask_of_scores(scores, setting: Setting, which: int = 0):
    """Return the mask that follows from scores: thresholds, hysteresis, clean-up on the whole."""
    thresholds = defined_thresholds(scores, setting, which)
    pairs = list(zip(scores[which].astype(np.float64), thresholds, strict=True))
    high = np.stack([part >= threshold for part, (threshold, _) in pairs])
    low = np.stack([part >= threshold for part, (_, threshold) in pairs])
    mask = (linked(low, high) if setting.is_pair else high).astype(np.uint8)
    unjoined = mask
    for step in steps_of(setting):
        if step.name in ("zero_border", "remove_objects_first", "open_by_faces"):
            unjoined = None
        elif unjoined is None:
            unjoined = mask
        context = StepContext(setting, unjoined, Workers(1), whole_block(mask.shape), mask.shape)
        mask = step.apply(mask, context)
    return mask
