"""The leaderboard score of a session's mask, which follows the sliders.

The figures of the displayed slice are there before `Session.change` returns, unless it is a huge
one. The score of the whole
fragment, and of the visible block where that is switched on, follow from workers once the session's
mask is exact and the sliders rest. Everything else here runs in the session's own thread.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, auto

import numpy as np
import numpy.typing as npt
from psygnal import Signal

from napari_nx46.data.fragments import Fragment, FragmentError
from napari_nx46.live.derived.latest import LatestWins
from napari_nx46.live.derived.latest_score import LatestScore, ScoredBlock, ScoreRequest, ScoreState
from napari_nx46.live.derived.of_session import REST_SECONDS
from napari_nx46.live.derived.score_warm_up import ScoreWarmUp
from napari_nx46.live.derived.slice_score import SliceRequest, SliceScore, score_slice
from napari_nx46.live.session import Post, Session
from napari_nx46.live.view import Extents, Figures, extents_of
from napari_nx46.voxels.blocks import whole_block
from napari_nx46.voxels.workers import CancelCheck

MOST_VOXELS_AT_ONCE = 1 << 20
"""A slice of at most so many voxels is compared at once, in a few milliseconds."""

Label = npt.NDArray[np.uint8]


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
    fragment, block : ScoreState
        Leaderboard score of the whole fragment and of the visible block.
    """

    label: LabelState = LabelState.NONE
    slice: SliceScore | None = None
    slice_exact: bool = False
    fragment: ScoreState = field(default_factory=ScoreState)
    block: ScoreState = field(default_factory=ScoreState)


@dataclass(frozen=True, eq=False)
class LoadedLabel:
    """A label in memory."""

    image_id: str
    voxels: Label


@dataclass(frozen=True, eq=False)
class ComparedSlice:
    """What the worker found of a huge slice."""

    request: SliceRequest
    score: SliceScore


class ScoreFollower:
    """Scores what a session shows against the label of its fragment.

    Parameters
    ----------
    session : Session
    post : callable
        Runs a function later in the thread that owns the session; called from the workers.
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

    def __init__(self, session: Session, post: Post, *, rest_seconds: float = REST_SECONDS) -> None:
        self.session = session
        self._post = post
        self._closed = False
        self._compiled = False
        self._follows_block = False
        self._label: LoadedLabel | None = None
        self._label_state = LabelState.NONE
        self._slice: SliceScore | None = None
        self._slice_wanted: SliceRequest | None = None
        self._slice_worker = LatestWins(
            _compare_slice,
            lambda compared: post(lambda: self._take_slice(compared)),
            lambda error: post(lambda: self._report(error)),
        )
        self._scores = Scores()
        self._label_worker = LatestWins(
            _load_label,
            lambda loaded: post(lambda: self._take_label(loaded)),
            lambda error: post(lambda: self._miss_label(error)),
        )
        self._warm_up = ScoreWarmUp(
            session.wait_until_masks_are_compiled,
            lambda: post(self._measure_surfaces),
            session.report_compiling,
            session.compiled_elsewhere,
        )
        self._fragment, self._block = (
            LatestScore(
                post,
                self._warm_up.wait,
                self._publish,
                self._report,
                rest_seconds=rest_seconds,
            )
            for _ in range(2)
        )
        # Connected before anyone who may look at another slice when the fragment changes.
        session.fragment_changed.connect(self._show_fragment)
        session.mask_changed.connect(self._measure_slice)
        session.figures_changed.connect(self._follow)
        self.label_changed.connect(session.graph.touch)

    # ---- what is current -------------------------------------------------------------------

    @property
    def scores(self) -> Scores:
        """The scores, as they are known now."""
        return self._scores

    @property
    def label(self) -> Label | None:
        """The label, (Z, Y, X) uint8: 0 background, 1 surface, 2 ignore; None until it is there."""
        label = self._label
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

    @property
    def requests_begun(self) -> int:
        """How many scores of whole fragments were begun so far, stale ones included."""
        return self._fragment.begun

    # ---- what a user does ------------------------------------------------------------------

    def start(self) -> None:
        """Read the first fragment's label, once the session has been started."""
        self._show_fragment(self.session.fragment)

    def follow_block(self, follow: bool) -> None:
        """Score the visible block too, or do so no longer."""
        self._follows_block = follow
        if follow:
            self._want_scores()
        else:
            self._block.forget()
        self._publish()

    def close(self) -> None:
        """Tell nothing any more and end the threads, without waiting for them.

        To be called before the session is closed.
        """
        if self._closed:
            return
        self._closed = True
        self._warm_up.close()
        self._label_worker.close(wait=False)
        self._slice_worker.close(wait=False)
        self._fragment.close()
        self._block.close()

    def wait_until_scored(self, timeout: float | None = None) -> bool:
        """Wait until label and scores rest; return False if that took too long.

        Their last results may still have to pass through `post`.
        """
        workers = (self._label_worker, self._slice_worker, self._fragment, self._block)
        return all(worker.wait_until_idle(timeout) for worker in workers)

    # ---- following the session -------------------------------------------------------------

    def _show_fragment(self, fragment: Fragment) -> None:
        """Forget the old fragment's label and scores, and have the new one's label read."""
        self._label = None
        self._forget_slice()
        self._fragment.forget()
        self._block.forget()
        self._label_worker.cancel()
        self._label_state = LabelState.LOADING if self.has_label else LabelState.NONE
        if self.has_label and not self._closed:
            self._warm_up.start()
            self._label_worker.submit(fragment)
        self._publish()

    def _follow(self, figures: Figures) -> None:
        if self._closed:
            return
        if figures.slice_density is None or self.session.view.three_d:
            self._forget_slice()
        self._want_scores()
        self._publish()

    def _measure_slice(self) -> None:
        """Compare the slice that is shown; `figures_changed`, which comes next, publishes it."""
        view, label = self.session.view, self.label
        if self._closed or label is None or view.three_d:
            self._forget_slice()
            return
        mask = self.session.mask_block(view.plane)
        request = SliceRequest(mask, label[view.plane], self._compiled)
        if mask.size > MOST_VOXELS_AT_ONCE:
            self._slice_wanted = request
            self._slice_worker.submit(request)
        else:
            self._slice_wanted = None
            self._slice = score_slice(request)

    def _forget_slice(self) -> None:
        self._slice_worker.cancel()
        self._slice = self._slice_wanted = None

    def _want_scores(self) -> None:
        """Ask for the scores of the exact mask, or mark them as stale while there is none."""
        session, label, threshold = self.session, self.label, self.session.exact_threshold
        if self._closed or label is None or threshold is None or not session.settled:
            self._fragment.outdate()
            self._block.outdate()
            return

        def request(extents: Extents) -> ScoreRequest:
            image_id = session.fragment.image_id
            of = ScoredBlock(image_id, session.setting, extents)
            return ScoreRequest(of, threshold, label, session.pipelines[image_id])

        self._fragment.want(request(extents_of(whole_block(session.fragment.shape))))
        if self._follows_block and not session.view.three_d:
            self._block.want(request(session.view.extents))

    def _publish(self) -> None:
        scores = Scores(
            self._label_state,
            self._slice,
            self._slice_is_exact(),
            self._fragment.state,
            self._block_state(),
        )
        if scores != self._scores and not self._closed:
            self._scores = scores
            self.scores_changed.emit(scores)

    def _slice_is_exact(self) -> bool:
        known = self._slice is not None and self._slice_wanted is None
        return known and self.session.figures.exact

    def _block_state(self) -> ScoreState:
        """Return the score of the visible block, which in 3D is the whole fragment."""
        if self._follows_block and self.session.view.three_d:
            return self._fragment.state
        return self._block.state

    # ---- what the workers post -------------------------------------------------------------

    def _take_label(self, loaded: LoadedLabel) -> None:
        if self._closed or loaded.image_id != self.session.fragment.image_id:
            return
        self._label = loaded
        self._label_state = LabelState.READY
        self._measure_shown_slice()
        self._want_scores()
        self._publish()
        self.label_changed.emit()

    def _take_slice(self, compared: ComparedSlice) -> None:
        if not self._closed and compared.request is self._slice_wanted:
            self._slice_wanted = None
            self._slice = compared.score
            self._publish()

    def _miss_label(self, error: BaseException) -> None:
        if self._closed:
            return
        self._label_state = LabelState.DAMAGED
        self._publish()
        self.failed.emit(error)

    def _measure_surfaces(self) -> None:
        self._compiled = True
        if not self._closed:
            self._measure_shown_slice()
            self._publish()

    def _measure_shown_slice(self) -> None:
        """Compare the slice that is on the screen already, unless there is none."""
        if self.session.figures.slice_density is not None:
            self._measure_slice()

    def _report(self, error: BaseException) -> None:
        if not self._closed:
            self.failed.emit(error)


def label_of(scores: ScoreFollower | None) -> Label | None:
    """Return the label of the fragment that is shown, or None while there is none."""
    return None if scores is None else scores.label


def _load_label(fragment: Fragment, cancelled: CancelCheck) -> LoadedLabel:
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
            f"fragment {fragment.image_id}: found shape {voxels.shape} in the label {volume.path};"
            f" expected {fragment.shape} (Z, Y, X)"
        )
    return LoadedLabel(fragment.image_id, voxels.astype(np.uint8, copy=False))


def _compare_slice(request: SliceRequest, cancelled: CancelCheck) -> ComparedSlice:
    return ComparedSlice(request, score_slice(request))
