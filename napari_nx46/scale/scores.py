"""What the scores of a tile are read from, and what they are where nothing is stored."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from napari_nx46.core.score.ct_paths import ct_halo
from napari_nx46.core.score.fragment_score import FragmentScore
from napari_nx46.core.score.measured import NOT_MEASURED, Measured
from napari_nx46.core.score.smoothing import smoothed_alone, smoothing_reach
from napari_nx46.core.threshold.thresholds import Threshold
from napari_nx46.setting import CtGate, ScoreFrom, Setting
from napari_nx46.voxels.blocks import FragmentVolumes, whole_block

__all__ = ["absent_score", "is_reached", "source_halo"]


def source_halo(setting: Setting) -> tuple[int, int, int]:
    """Return how far around a box the volumes are read for its scores, along z, y and x."""
    reaches = [(setting.z_radius, 0, 0), smoothing_reach(setting)]
    alone = smoothed_alone(setting)
    if alone is not None:
        reaches.append(smoothing_reach(alone))
    if setting.source is not ScoreFrom.PROBABILITIES:
        reaches.append(ct_halo(setting.source, setting.residual_sigma))
    if setting.ct_gate is CtGate.SCORE:
        reaches.append((setting.ct_margin,) * 3)
    z, y, x = (sum(axis) for axis in zip(*reaches, strict=True))
    return z, y, x


def absent_score(
    setting: Setting, fills: Mapping[str, Any], measured: Measured = NOT_MEASURED
) -> float:
    """Return the score of a voxel far from every chunk that is stored.

    Parameters
    ----------
    setting : Setting
    fills : mapping of str to scalar
        What a voxel of an absent chunk reads as, of the volume's own type: by ``"p3d"``,
        ``"p2d"``, ``"image"`` or the name of a model. A single source is given as ``"p3d"``.
    measured : Measured
        Of the whole volume.

    Returns
    -------
    float
        A float32.
    """
    arrays = {name: np.full((1, 1, 1), fill) for name, fill in fills.items()}
    p3d, p2d, image = (arrays.pop(name, None) for name in ("p3d", "p2d", "image"))
    volumes = FragmentVolumes(p3d, p2d if p2d is not None else p3d, arrays, image)
    score = FragmentScore(volumes, keep_score=False, measured=measured)
    return float(score.score(setting, whole_block(volumes.shape))[0, 0, 0])


def is_reached(threshold: Threshold, score: float, extent: slice) -> bool:
    """Return whether a score is foreground, or may be by hysteresis, in any of some slices."""
    return bool((threshold.lower.lowest_scores(extent) <= np.float32(score)).any())
