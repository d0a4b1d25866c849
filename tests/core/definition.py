"""The plain definition of the mask, written out in NumPy: what every test compares with."""

from __future__ import annotations

import numpy as np

from napari_nx46.setting import Domain, Setting

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
    """Return the threshold of every slice of one fragment of a data set."""
    score = scores[which]
    depth = score.shape[0]
    if setting.domain is Domain.SLICE:
        return [np.quantile(part.astype(np.float64), setting.quantile) for part in score]
    if setting.domain is Domain.DATASET:
        values = np.concatenate([one.ravel() for one in scores])
    elif setting.domain is Domain.BLOCK:
        values = score[tuple(slice(*extent) for extent in setting.block)]
    else:
        values = score
    return [np.quantile(values.astype(np.float64), setting.quantile)] * depth


def defined_mask(sources, setting: Setting, which: int = 0):
    """Return the mask of one fragment of a data set of (p3d, p2d) pairs."""
    scores = [defined_score(p3d, p2d, setting) for p3d, p2d in sources]
    thresholds = defined_thresholds(scores, setting, which)
    pairs = zip(scores[which].astype(np.float64), thresholds, strict=True)
    return np.stack([part >= threshold for part, threshold in pairs]).astype(np.uint8)
