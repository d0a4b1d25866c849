"""The leaderboard score of a session's mask, which follows the sliders.

The figures of the displayed slice are there before `Session.change` returns, unless it is a huge
one. The score of the whole
fragment, and of the visible block where that is switched on, follow from workers once the session's
mask is exact and the sliders rest. Everything else here runs in the session's own thread.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum, auto

import numpy as np
from psygnal import Signal

from napari_nx46.data.fragments import Fragment, FragmentError
from napari_nx46.leaderboard import LeaderboardScore
from napari_nx46.live.derived.graph import State, Value
from napari_nx46.live.derived.leaderboard_score import BlockScore, Label
from napari_nx46.live.derived.of_session import REST_SECONDS
from napari_nx46.live.derived.score_warm_up import ScoreWarmUp
from napari_nx46.live.derived.slice_score import SliceRequest, SliceScore, score_slice
from napari_nx46.live.session import Session
from napari_nx46.live.view import Extents, Figures, ShownMask, extents_of
from napari_nx46.voxels.blocks import whole_block
from napari_nx46.voxels.workers import CancelCheck

MOST_VOXELS_AT_ONCE = 1 << 20
"""A slice of at most so many voxels is compared at once, in a few milliseconds."""


class LabelState(Enum):
    """What is known of the label of the fragment that is shown."""

    NONE = auto()
    LOADING = auto()
    READY = auto()
    DAMAGED = auto()


@dataclass(frozen=True)
class Scores:
    """How the mask agrees with the label, as it is known now.

    Parameters
    ----------
    label : LabelState
    slice : SliceScore, optional
        Of the displayed slice as it is shown; None without a label, and in 3D.
    slice_exact : bool
        Whether the slice that is shown has the exact mask, not a preview.
    fragment, block : State of LeaderboardScore
        Of the whole fragment and of the visible block.
    """

    label: LabelState = LabelState.NONE
    slice: SliceScore | None = None
    slice_exact: bool = False
    fragment: State[LeaderboardScore] = field(default_factory=State)
    block: State[LeaderboardScore] = field(default_factory=State)


@dataclass(frozen=True, eq=False)
class LoadedLabel:
    """A label in memory."""

    image_id: str
    voxels: Label


class LoadedLabels(Value[str, LoadedLabel]):
    """The label of the session's fragment, read as a whole.

    Parameters
    ----------
    session : Session
    """

    def __init__(self, session: Session) -> None:
        super().__init__(priority=-1)
        self._session = session
        self.started = False

    def key(self) -> str | None:
        """Return the fragment that is shown, if it has a label."""
        fragment = self._session.fragment
        return fragment.image_id if self.started and fragment.label is not None else None

    def prepare(self, key: str) -> Callable[[CancelCheck], LoadedLabel]:
        """Return the function that reads the label."""
        fragment = self._session.fragment
        return lambda _cancelled: load_label(fragment)


class HugeSlice(Value[SliceRequest, SliceScore]):
    """The measures of a slice that is too large to be compared at once.

    Attributes
    ----------
    request : SliceRequest, optional
        The slice that is shown.
    """

    request: SliceRequest | None = None

    def __init__(self) -> None:
        super().__init__(priority=-2)

    def key(self) -> SliceRequest | None:
        """Return the slice that is shown; no two are equal."""
        return self.request

    def prepare(self, key: SliceRequest) -> Callable[[CancelCheck], SliceScore]:
        """Return the function that compares the slice."""
        return lambda _cancelled: score_slice(key)


class ScoreFollower:
    """Scores what a session shows against the label of its fragment.

    Parameters
    ----------
    session : Session
    rest_seconds : float
        For how long the sliders must not have moved before a worker takes the cores.

    Attributes
    ----------
    scores_changed : Signal(Scores)
    label_changed : Signal()
        The label has been loaded.
    failed : Signal(BaseException)
        A label could not be read, or a score not be computed.
    """

    scores_changed = Signal(Scores)
    label_changed = Signal()
    failed = Signal(BaseException)

    def __init__(self, session: Session, *, rest_seconds: float = REST_SECONDS) -> None:
        self.session = session
        self._closed = False
        self._compiled = False
        self._follows_block = False
        self._label_is_damaged = False
        self._slice: SliceScore | None = None
        self._scores = Scores()
        self._warm_up = ScoreWarmUp(
            session.warm_up.wait_for_masks,
            lambda: session.post(self._measure_surfaces),
            session.report_compiling,
            session.warm_up.helped,
            session.graph.wake,
        )
        self._labels = session.graph.add(LoadedLabels(session))
        self._huge = session.graph.add(HugeSlice())
        self._fragment, self._block = (
            BlockScore(
                session,
                extents,
                lambda: self.label,
                self.is_compiled,
                rest_seconds=rest_seconds,
            )
            for extents in (self._whole_extents, self._block_extents)
        )
        self._labels.changed.connect(self._label_came)
        self._labels.failed.connect(self._miss_label)
        self._huge.changed.connect(self._slice_came)
        for value in (self._fragment, self._block):
            value.changed.connect(self._publish)
            value.failed.connect(self.failed)
        self._huge.failed.connect(self.failed)
        # Connected before anyone who may look at another slice when the fragment changes.
        session.fragment_changed.connect(self._show_fragment)
        session.mask_changed.connect(self._measure_slice)
        session.figures_changed.connect(self._update)

    # ---- what is current -------------------------------------------------------------------

    @property
    def scores(self) -> Scores:
        """The scores, as they are known now."""
        return self._scores

    @property
    def label(self) -> Label | None:
        """The label, (Z, Y, X) uint8: 0 background, 1 surface, 2 ignore; None until it is there."""
        label = self._labels.state.result
        if label is None or label.image_id != self.session.fragment.image_id:
            return None
        return label.voxels

    @property
    def has_label(self) -> bool:
        """Whether the fragment that is shown has a label."""
        return self.session.fragment.label is not None

    @property
    def follows_block(self) -> bool:
        """Whether the visible block is scored too."""
        return self._follows_block

    @property
    def kernels_ready(self) -> bool:
        """Whether the kernels are compiled; until then nothing but voxels is compared."""
        return self._compiled

    def is_compiled(self) -> bool:
        """Return whether workers may score: the kernels are compiled. Called from any thread."""
        return self._warm_up.wait(0)

    @property
    def begun(self) -> int:
        """How many scores of whole fragments were begun so far, stale ones included."""
        return self._fragment.begun

    # ---- what a user does ------------------------------------------------------------------

    def start(self) -> None:
        """Read the first fragment's label, once the session has been started."""
        self._labels.started = True
        self._show_fragment(self.session.fragment)

    def follow_block(self, follow: bool) -> None:
        """Score the visible block too, or do so no longer."""
        self._follows_block = follow
        if follow:
            self._block.touch()
        else:
            self._block.clear()
        self._publish()

    def close(self) -> None:
        """Disconnect from the session's graph; to be called before the session is closed."""
        if self._closed:
            return
        self._closed = True
        self._warm_up.close()
        for value in (self._labels, self._huge, self._fragment, self._block):
            self.session.graph.remove(value)

    # ---- following the session -------------------------------------------------------------

    def _show_fragment(self, fragment: Fragment) -> None:
        """Forget the old fragment's label and scores, and have the new one's label read."""
        self._label_is_damaged = False
        self._forget_slice()
        if self.has_label and not self._closed:
            self._warm_up.start()
            self._labels.touch()
        self._publish()

    def _update(self, figures: Figures) -> None:
        if self._closed:
            return
        if figures.slice_density is None or self.session.view.three_d:
            self._forget_slice()
        self._publish()

    def _measure_slice(self, shown: ShownMask) -> None:
        """Compare the slice that is shown; `figures_changed`, which comes next, publishes it."""
        label = self.label
        if self._closed or label is None or self.session.view.three_d:
            self._forget_slice()
            return
        request = SliceRequest(shown.mask, label[shown.plane], self._compiled)
        is_huge = shown.mask.size > MOST_VOXELS_AT_ONCE
        self._huge.request = request if is_huge else None
        self._huge.touch()
        if not is_huge:
            self._slice = score_slice(request)

    def _forget_slice(self) -> None:
        self._huge.request = self._slice = None
        self._huge.touch()

    def _whole_extents(self) -> Extents:
        return extents_of(whole_block(self.session.fragment.shape))

    def _block_extents(self) -> Extents | None:
        """Return the visible block if it is scored by itself; in 3D it is the whole fragment."""
        view = self.session.view
        return view.extents if self._follows_block and not view.three_d else None

    def _publish(self) -> None:
        scores = Scores(
            self._label_state(),
            self._slice,
            self._slice_is_exact(),
            self._fragment.state,
            self._block_state(),
        )
        if scores != self._scores and not self._closed:
            self._scores = scores
            self.scores_changed.emit(scores)

    def _label_state(self) -> LabelState:
        if not self.has_label:
            return LabelState.NONE
        if self._label_is_damaged:
            return LabelState.DAMAGED
        return LabelState.LOADING if self.label is None else LabelState.READY

    def _slice_is_exact(self) -> bool:
        known = self._slice is not None and self._huge.request is None
        return known and self.session.figures.exact

    def _block_state(self) -> State[LeaderboardScore]:
        if self._follows_block and self.session.view.three_d:
            return self._fragment.state
        return self._block.state

    # ---- what the workers found ------------------------------------------------------------

    def _label_came(self, state: State[LoadedLabel]) -> None:
        if self._closed or not state.is_current:
            return
        self._measure_shown_slice()
        self.session.graph.touch()
        self._publish()
        self.label_changed.emit()

    def _slice_came(self, state: State[SliceScore]) -> None:
        if not self._closed and state.is_current and self._huge.request is not None:
            self._huge.request = None
            self._slice = state.result
            self._publish()

    def _miss_label(self, error: BaseException) -> None:
        self._label_is_damaged = True
        self._publish()
        self.failed.emit(error)

    def _measure_surfaces(self) -> None:
        self._compiled = True
        if not self._closed:
            self._measure_shown_slice()
            self._publish()

    def _measure_shown_slice(self) -> None:
        """Compare the slice that is on the screen already, unless there is none."""
        if self.session.shown is not None:
            self._measure_slice(self.session.shown)


def load_label(fragment: Fragment) -> LoadedLabel:
    """Read a label as a whole.

    Raises
    ------
    FragmentError
        If its shape is not the fragment's.
    VolumeError
        If the file is damaged, or holds other values than 0, 1 and 2.
    """
    volume = fragment.label
    if volume is None:
        raise FragmentError(f"fragment {fragment.image_id}: found no label; expected one")
    voxels = volume.read()
    if voxels.shape != fragment.shape:
        raise FragmentError(
            f"fragment {fragment.image_id}: found shape {voxels.shape} in the label {volume.name};"
            f" expected {fragment.shape} (Z, Y, X)"
        )
    return LoadedLabel(fragment.image_id, voxels.astype(np.uint8, copy=False))
