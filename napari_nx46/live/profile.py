"""The profile of a session's mask, slice by slice and as a whole, from a worker thread."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from psygnal import Signal

from napari_nx46.core.measure_volume import VolumeMetrics, measure_volume
from napari_nx46.core.pipeline import FragmentPipeline
from napari_nx46.core.profile import (
    LabelBits,
    Percentiles,
    SliceProfile,
    percentiles_of_slices,
    profile_slices,
)
from napari_nx46.core.runs import find_runs
from napari_nx46.core.threshold import Threshold
from napari_nx46.core.workers import CancelCheck, Workers
from napari_nx46.fragments import Fragment
from napari_nx46.live.latest_known import LatestKnown, State
from napari_nx46.live.resting import wait_for_rest
from napari_nx46.live.scoring import REST_SECONDS, Label, ScoreFollower
from napari_nx46.live.session import Post, Session
from napari_nx46.setting import Setting

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


class ProfileFollower:
    """Measures the exact mask of a session once its sliders have settled.

    Parameters
    ----------
    session : Session
    scores : ScoreFollower, optional
        Gives the label of the fragment that is shown; without it no label is compared with.
    post : callable
        Runs a function later in the thread that owns the session; called from the worker.
    rest_seconds : float
        For how long the sliders must not have moved before the worker takes the cores.

    Attributes
    ----------
    profile_changed : Signal(ProfileState)
    failed : Signal(BaseException)
    """

    profile_changed = Signal(State)
    failed = Signal(BaseException)

    def __init__(
        self,
        session: Session,
        scores: ScoreFollower | None,
        post: Post,
        *,
        rest_seconds: float = REST_SECONDS,
    ) -> None:
        self.session = session
        self._scores = scores
        self._rest_seconds = rest_seconds
        self._label_bits: tuple[Label, LabelBits] | None = None
        self._workers = Workers(2)
        self._closed = False
        self._latest: LatestKnown[ProfileRequest, MaskProfile] = LatestKnown(
            self._compute,
            post,
            self.profile_changed.emit,
            self.failed.emit,
            most=MOST_KNOWN_PROFILES,
        )
        session.fragment_changed.connect(self._show_fragment)
        session.figures_changed.connect(self._follow)
        session.setting_changed.connect(self._follow)
        if scores is not None:
            scores.label_changed.connect(self._follow)

    # ---- what is current -------------------------------------------------------------------

    @property
    def state(self) -> ProfileState:
        """The profile, as it is known now."""
        return self._latest.state

    @property
    def profile(self) -> MaskProfile | None:
        """The newest profile of the fragment that is shown, stale or not."""
        return self._latest.state.result

    @property
    def stale(self) -> bool:
        """Whether the profile is older than the sliders."""
        return self._latest.state.stale

    @property
    def requests_begun(self) -> int:
        """How many profiles were begun so far, stale ones included."""
        return self._latest.begun

    # ---- what a user does ------------------------------------------------------------------

    def start(self) -> None:
        """Measure what is settled already, once the session has been started."""
        self._follow()

    def wait_until_idle(self, timeout: float | None = None) -> bool:
        """Wait until the worker rests; return False if that took too long.

        Its last result may still have to pass through `post`.
        """
        return self._latest.wait_until_idle(timeout)

    def close(self) -> None:
        """Tell nothing any more and end the threads; to be called before the session is closed."""
        self._closed = True
        self._latest.close()
        self._workers.close()

    # ---- following the session -------------------------------------------------------------

    def _show_fragment(self, _fragment: Fragment) -> None:
        """Show no profile of the old fragment any more."""
        self._label_bits = None
        self._latest.forget()

    def _follow(self) -> None:
        """Ask for the profile of the exact mask, or mark the old one while there is none."""
        if self._closed:
            return
        session, threshold = self.session, self.session.exact_threshold
        if not session.settled or threshold is None:
            self._latest.outdate()
            return
        label = None if self._scores is None else self._scores.label
        image_id = session.fragment.image_id
        of = ProfileKey(image_id, session.setting, label is not None)
        self._latest.want(ProfileRequest(of, threshold, session.pipelines[image_id], label))

    # ---- the worker ------------------------------------------------------------------------

    def _compute(self, request: ProfileRequest, cancelled: CancelCheck) -> MaskProfile:
        wait_for_rest(self.session.wait_until_compiled, self._rest_seconds, cancelled)
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
