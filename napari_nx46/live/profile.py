"""The profile of a session's mask, slice by slice and as a whole, from a worker thread."""

from __future__ import annotations

from dataclasses import dataclass, replace

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
from napari_nx46.core.threshold import Threshold
from napari_nx46.core.workers import CancelCheck, Workers
from napari_nx46.fragments import Fragment
from napari_nx46.live.latest import LatestWins
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


@dataclass(frozen=True)
class ProfileState:
    """A profile as it is known now.

    Parameters
    ----------
    profile : MaskProfile, optional
        The newest one of the fragment.
    stale : bool
        Whether it is older than the sliders, or than the label.
    busy : bool
        Whether the current one is being computed.
    """

    profile: MaskProfile | None = None
    stale: bool = False
    busy: bool = False


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

    profile_changed = Signal(ProfileState)
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
        self._post = post
        self._rest_seconds = rest_seconds
        self._state = ProfileState()
        self._wanted: ProfileKey | None = None
        self._begun: ProfileKey | None = None
        self._known: dict[ProfileKey, MaskProfile] = {}
        self._label_bits: tuple[Label, LabelBits] | None = None
        self._workers = Workers(2)
        self._closed = False
        self._worker = LatestWins(
            self._compute,
            lambda profile: post(lambda: self._take(profile)),
            self._post_failure,
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
        return self._state

    @property
    def profile(self) -> MaskProfile | None:
        """The newest profile of the fragment that is shown, stale or not."""
        return self._state.profile

    @property
    def stale(self) -> bool:
        """Whether the profile is older than the sliders."""
        return self._state.stale

    @property
    def requests_begun(self) -> int:
        """How many profiles were begun so far, stale ones included."""
        return self._worker.begun

    # ---- what a user does ------------------------------------------------------------------

    def start(self) -> None:
        """Measure what is settled already, once the session has been started."""
        self._follow()

    def wait_until_idle(self, timeout: float | None = None) -> bool:
        """Wait until the worker rests; return False if that took too long.

        Its last result may still have to pass through `post`.
        """
        return self._worker.wait_until_idle(timeout)

    def close(self) -> None:
        """Tell nothing any more and end the threads; to be called before the session is closed."""
        if self._closed:
            return
        self._closed = True
        self._worker.close()
        self._workers.close()

    # ---- following the session -------------------------------------------------------------

    def _show_fragment(self, _fragment: Fragment) -> None:
        """Show no profile of the old fragment any more."""
        self._wanted = None
        self._worker.cancel()
        self._label_bits = None
        self._publish(ProfileState())

    def _follow(self) -> None:
        """Ask for the profile of the exact mask, or mark the old one while there is none."""
        if self._closed:
            return
        session, threshold = self.session, self.session.exact_threshold
        if not session.settled or threshold is None:
            self._wanted = None
            self._worker.cancel()
            known = self._state.profile is not None
            self._publish(replace(self._state, stale=known, busy=False))
            return
        label = None if self._scores is None else self._scores.label
        image_id = session.fragment.image_id
        of = ProfileKey(image_id, session.setting, label is not None)
        if of != self._wanted:
            self._want(ProfileRequest(of, threshold, session.pipelines[image_id], label))

    def _want(self, request: ProfileRequest) -> None:
        self._wanted = request.of
        known = self._known.get(request.of)
        if known is None:
            self._worker.submit(request)
            shown = self._state.profile
            self._publish(ProfileState(shown, stale=shown is not None, busy=True))
        else:
            self._worker.cancel()
            self._remember(known)
            self._publish(ProfileState(known))

    def _remember(self, profile: MaskProfile) -> None:
        """Keep the newest profiles, those that are looked at again being the newest."""
        self._known.pop(profile.of, None)
        self._known[profile.of] = profile
        if len(self._known) > MOST_KNOWN_PROFILES:
            del self._known[next(iter(self._known))]

    def _publish(self, state: ProfileState) -> None:
        if state != self._state and not self._closed:
            self._state = state
            self.profile_changed.emit(state)

    # ---- the worker ------------------------------------------------------------------------

    def _compute(self, request: ProfileRequest, cancelled: CancelCheck) -> MaskProfile:
        self._begun = request.of
        wait_for_rest(self.session.wait_until_compiled, self._rest_seconds, cancelled)
        mask, percentiles = self._exact_mask(request, cancelled)
        label = self._packed_label(request.label)
        slices = profile_slices(
            mask,
            label=label,
            percentiles=percentiles,
            workers=self._workers,
            cancelled=cancelled,
        )
        volume = measure_volume(mask, profile=slices, workers=self._workers, cancelled=cancelled)
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

    def _post_failure(self, error: BaseException) -> None:
        begun = self._begun
        self._post(lambda: self._give_up(begun, error))

    # ---- back in the owner's thread --------------------------------------------------------

    def _take(self, profile: MaskProfile) -> None:
        if self._closed:
            return
        self._remember(profile)
        if profile.of == self._wanted:
            self._publish(ProfileState(profile))

    def _give_up(self, begun: ProfileKey | None, error: BaseException) -> None:
        if not self._closed and begun is not None and begun == self._wanted:
            self._publish(replace(self._state, busy=False))
            self.failed.emit(error)
