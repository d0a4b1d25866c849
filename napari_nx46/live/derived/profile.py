"""The profile of a session's mask, slice by slice and as a whole, from a worker thread."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from psygnal import Signal

from napari_nx46.core.measure.profile import (
    LabelBits,
    Percentiles,
    SliceProfile,
    percentiles_of_slices,
    profile_slices,
)
from napari_nx46.core.measure.volume import VolumeMetrics, measure_volume
from napari_nx46.core.pipeline import FragmentPipeline
from napari_nx46.core.threshold.thresholds import Threshold
from napari_nx46.data.fragments import Fragment
from napari_nx46.live.derived.latest_known import State
from napari_nx46.live.derived.scoring import REST_SECONDS, Label, ScoreFollower
from napari_nx46.live.derived.settled_follower import SettledFollower
from napari_nx46.live.session import Post, Session
from napari_nx46.setting import Setting
from napari_nx46.voxels.spans import find_runs
from napari_nx46.voxels.workers import CancelCheck

__all__ = ["MaskProfile", "ProfileFollower", "ProfileKey", "ProfileState"]

MOST_KNOWN_PROFILES = 32
"""So many profiles are remembered: going back to a setting shows its profile at once."""


@dataclass(frozen=True)
class ProfileKey:
    """What a profile belongs to: where these are equal, so are the profiles.

    Parameters
    ----------
    image_id : str
    setting : Setting
    has_label : bool
        Whether the mask was compared with the fragment's label.
    """

    image_id: str
    setting: Setting
    has_label: bool


@dataclass(frozen=True)
class MaskProfile:
    """The figures of an exact mask.

    Parameters
    ----------
    of : ProfileKey
    slices : tuple of SliceProfile
        In ascending z.
    volume : VolumeMetrics
    """

    of: ProfileKey
    slices: tuple[SliceProfile, ...]
    volume: VolumeMetrics


ProfileState = State[MaskProfile]


@dataclass(frozen=True, eq=False)
class ProfileRequest:
    """What the worker is asked for.

    Parameters
    ----------
    of : ProfileKey
    threshold : Threshold
        The exact one, which follows from the setting.
    pipeline : FragmentPipeline
    label : (Z, Y, X) array of uint8, optional
    """

    of: ProfileKey
    threshold: Threshold
    pipeline: FragmentPipeline
    label: Label | None


class ProfileFollower(SettledFollower[ProfileRequest, MaskProfile]):
    """Measures the exact mask of a session once its sliders have settled.

    Parameters are those of `SettledFollower`.

    Attributes
    ----------
    profile_changed : Signal(ProfileState)
    """

    profile_changed = Signal(State)

    def __init__(
        self,
        session: Session,
        scores: ScoreFollower | None,
        post: Post,
        *,
        rest_seconds: float = REST_SECONDS,
    ) -> None:
        self._label_bits: tuple[Label, LabelBits] | None = None
        super().__init__(
            session,
            scores,
            post,
            self.profile_changed.emit,
            most=MOST_KNOWN_PROFILES,
            rest_seconds=rest_seconds,
        )

    @property
    def profile(self) -> MaskProfile | None:
        """The newest profile of the fragment that is shown, stale or not."""
        return self.state.result

    def _show_fragment(self, fragment: Fragment) -> None:
        self._label_bits = None
        super()._show_fragment(fragment)

    def _want(self) -> None:
        session, threshold = self.session, self.session.exact_threshold
        if not session.settled or threshold is None:
            self._latest.outdate()
            return
        label, image_id = self._label, session.fragment.image_id
        of = ProfileKey(image_id, session.setting, label is not None)
        self._latest.want(ProfileRequest(of, threshold, session.pipelines[image_id], label))

    # ---- the worker ------------------------------------------------------------------------

    def _compute(self, request: ProfileRequest, cancelled: CancelCheck) -> MaskProfile:
        mask, percentiles = self._exact_mask(request, cancelled)
        label = self._packed_label(request.label)
        runs = find_runs(mask, workers=self._workers)
        slices = profile_slices(
            mask,
            label=label,
            percentiles=percentiles,
            runs=runs,
            workers=self._workers,
            cancelled=cancelled,
        )
        volume = measure_volume(
            mask, profile=slices, runs=runs, workers=self._workers, cancelled=cancelled
        )
        return MaskProfile(request.of, tuple(slices), volume)

    def _exact_mask(
        self, request: ProfileRequest, cancelled: CancelCheck
    ) -> tuple[np.ndarray, list[Percentiles]]:
        """Return the whole mask, and the percentiles of its scores."""
        pipeline, setting = request.pipeline, request.of.setting
        mask = np.empty(pipeline.shape, np.uint8)
        percentiles: list[Percentiles] = []
        for slab in pipeline.slabs(setting, request.threshold, cancelled):
            mask[slab.extent] = slab.mask
            percentiles += percentiles_of_slices(slab.score, self._workers, cancelled)
        return mask, percentiles

    def _packed_label(self, label: Label | None) -> LabelBits | None:
        """Return a label packed, once for all masks that it is compared with."""
        if label is None:
            return None
        known = self._label_bits
        if known is None or known[0] is not label:
            known = self._label_bits = (label, LabelBits.of(label, self._workers))
        return known[1]
