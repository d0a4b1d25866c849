"""The profile of a session's mask, slice by slice and as a whole, from a worker thread."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from napari_nx46.core.measure.label_bits import LabelBits
from napari_nx46.core.measure.slices import (
    Percentiles,
    SliceMeasures,
    measure_slices,
    percentiles_of_slices,
)
from napari_nx46.core.measure.volume import VolumeMetrics, measure_volume
from napari_nx46.core.pipeline import FragmentPipeline
from napari_nx46.core.threshold.thresholds import Threshold
from napari_nx46.live.derived.leaderboard_score import Label
from napari_nx46.live.derived.measured import MeasuredValue
from napari_nx46.live.derived.of_session import REST_SECONDS
from napari_nx46.live.derived.scoring import ScoreFollower
from napari_nx46.live.session import Session
from napari_nx46.setting import Setting
from napari_nx46.voxels.corrections.corrections import Corrections
from napari_nx46.voxels.spans import find_runs
from napari_nx46.voxels.workers import CancelCheck

__all__ = ["MaskProfile", "Profile", "ProfileKey"]

MOST_KNOWN_PROFILES = 32
"""So many profiles are remembered: going back to a setting shows its profile at once."""


@dataclass(frozen=True)
class ProfileKey:
    """What a profile belongs to: where these are equal, so are the profiles.

    Parameters
    ----------
    image_id : str
    setting : Setting
    corrections : Corrections
    has_label : bool
        Whether the mask was compared with the fragment's label.
    """

    image_id: str
    setting: Setting
    corrections: Corrections
    has_label: bool


@dataclass(frozen=True)
class MaskProfile:
    """The figures of an exact mask.

    Parameters
    ----------
    key : ProfileKey
    slices : tuple of SliceMeasures
        In ascending z.
    volume : VolumeMetrics
    """

    key: ProfileKey
    slices: tuple[SliceMeasures, ...]
    volume: VolumeMetrics


class Profile(MeasuredValue[ProfileKey, MaskProfile]):
    """The measures of the session's exact mask, slice by slice and as a whole.

    Parameters
    ----------
    session : Session
    scores : ScoreFollower, optional
        Gives the label of the fragment that is shown; without it there is none.
    rest_seconds : float
        See `SessionValue`.
    """

    def __init__(
        self,
        session: Session,
        scores: ScoreFollower | None = None,
        *,
        rest_seconds: float = REST_SECONDS,
    ) -> None:
        super().__init__(
            session, scores, keep=MOST_KNOWN_PROFILES, rest_seconds=rest_seconds, priority=2
        )
        self._label_bits: tuple[Label, LabelBits] | None = None

    def key(self) -> ProfileKey | None:
        """Return the mask that is shown, once it is exact."""
        session = self.session
        if not session.settled or session.exact_threshold is None:
            return None
        return ProfileKey(
            session.fragment.image_id,
            session.setting,
            session.present_corrections,
            self.label is not None,
        )

    def prepare(self, key: ProfileKey) -> Callable[[CancelCheck], MaskProfile]:
        """Return the function that measures the mask."""
        threshold = self.session.exact_threshold
        assert threshold is not None  # `key` returned one
        pipeline = self.session.pipelines[key.image_id]
        return partial(self._compute, key, threshold, pipeline, self.label)

    def _compute(
        self,
        key: ProfileKey,
        threshold: Threshold,
        pipeline: FragmentPipeline,
        label: Label | None,
        cancelled: CancelCheck,
    ) -> MaskProfile:
        mask, percentiles = self._exact_mask(key, threshold, pipeline, cancelled)
        runs = find_runs(mask, workers=self.workers)
        slices = measure_slices(
            mask,
            label=self._packed_label(label),
            percentiles=percentiles,
            runs=runs,
            workers=self.workers,
            cancelled=cancelled,
        )
        volume = measure_volume(
            mask, profile=slices, runs=runs, workers=self.workers, cancelled=cancelled
        )
        return MaskProfile(key, tuple(slices), volume)

    def _exact_mask(
        self,
        key: ProfileKey,
        threshold: Threshold,
        pipeline: FragmentPipeline,
        cancelled: CancelCheck,
    ) -> tuple[np.ndarray, list[Percentiles]]:
        """Return the whole mask, and the percentiles of its scores."""
        mask = np.empty(pipeline.shape, np.uint8)
        percentiles: list[Percentiles] = []
        for slab in pipeline.slabs(key.setting, threshold, cancelled, key.corrections):
            mask[slab.extent] = slab.mask
            percentiles += percentiles_of_slices(slab.score, self.workers, cancelled)
        return mask, percentiles

    def _packed_label(self, label: Label | None) -> LabelBits | None:
        """Return a label packed, once for all masks that it is compared with."""
        if label is None:
            return None
        known = self._label_bits
        if known is None or known[0] is not label:
            known = self._label_bits = (label, LabelBits.of(label, self.workers))
        return known[1]
