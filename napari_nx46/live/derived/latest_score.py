"""The exact leaderboard score of the newest mask, from a worker thread."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from napari_nx46 import leaderboard
from napari_nx46.core.line import is_local
from napari_nx46.core.pipeline import FragmentPipeline
from napari_nx46.core.threshold.thresholds import Threshold
from napari_nx46.leaderboard import LeaderboardScore
from napari_nx46.live.derived.latest import LatestWins
from napari_nx46.live.derived.resting import wait_for_rest
from napari_nx46.live.session import Post
from napari_nx46.live.view import Extents
from napari_nx46.setting import Setting
from napari_nx46.voxels.blocks import Block, Mask, block_shape, slabs
from napari_nx46.voxels.workers import CancelCheck

MOST_KNOWN_SCORES = 256
"""So many scores are remembered: going back to a setting shows its score at once."""
SLICES_PER_SLAB = 32
WORKERS = max(1, min(2, os.cpu_count() or 1))


@dataclass(frozen=True)
class ScoredBlock:
    """What a leaderboard score belongs to: where these are equal, so are the scores.

    Parameters
    ----------
    image_id : str
    setting : Setting
    extents : three (start, stop)
        Of the block along z, y and x.
    """

    image_id: str
    setting: Setting
    extents: Extents

    @property
    def block(self) -> Block:
        """The block as slices along z, y and x."""
        z, y, x = (slice(*extent) for extent in self.extents)
        return z, y, x


@dataclass(frozen=True, eq=False)
class ScoreRequest:
    """A block to score, and what that takes.

    Parameters
    ----------
    of : ScoredBlock
    threshold : Threshold
        The exact one, which follows from the setting.
    label : (Z, Y, X) array of uint8
        Of the whole fragment.
    pipeline : FragmentPipeline
        The fragment's.
    """

    of: ScoredBlock
    threshold: Threshold
    label: npt.NDArray[np.uint8]
    pipeline: FragmentPipeline

    def mask(self, cancelled: CancelCheck) -> Mask:
        """Return the mask of the block, uint8 {0, 1}, computed slab by slab to save memory."""
        block = self.of.block
        if not is_local(self.of.setting):
            return self.pipeline.mask(self.of.setting, self.threshold, block, cancelled)
        mask = np.empty(block_shape(block), np.uint8)
        done = 0
        for slab in slabs(block, SLICES_PER_SLAB):
            part = self.pipeline.mask(self.of.setting, self.threshold, slab, cancelled)
            mask[done : done + len(part)] = part
            done += len(part)
        return mask


@dataclass(frozen=True)
class ScoreState:
    """A leaderboard score as it is known now.

    Parameters
    ----------
    score : LeaderboardScore, optional
        The newest one of the fragment.
    current : bool
        Whether it belongs to the mask of the sliders.
    busy : bool
        Whether the current one is being computed.
    """

    score: LeaderboardScore | None = None
    current: bool = False
    busy: bool = False


@dataclass(frozen=True)
class FinishedScore:
    """What the worker found."""

    of: ScoredBlock
    score: LeaderboardScore


class LatestScore:
    """Scores the newest request in a worker thread, once no newer one has come for a while.

    Its methods and callbacks run in the owner's thread.

    Parameters
    ----------
    post : callable
        Runs a function later in the owner's thread; called from the worker.
    wait_until_compiled : callable
        Waits at most so many seconds for the kernels; returns whether they are compiled.
    changed : callable
        Called when `state` is another one because the worker has finished.
    failed : callable
        Called with what went wrong in the worker.
    rest_seconds : float
        For how long no newer request may come before the worker takes the cores.

    Attributes
    ----------
    state : ScoreState
    """

    def __init__(
        self,
        post: Post,
        wait_until_compiled: Callable[[float], bool],
        changed: Callable[[], None],
        failed: Callable[[BaseException], None],
        *,
        rest_seconds: float,
    ) -> None:
        self.state = ScoreState()
        self._wait_until_compiled = wait_until_compiled
        self._changed = changed
        self._failed = failed
        self._rest_seconds = rest_seconds
        self._wanted: ScoredBlock | None = None
        self._computing: ScoredBlock | None = None
        self._known: dict[ScoredBlock, LeaderboardScore] = {}
        self._worker = LatestWins(
            self._compute,
            lambda finished: post(lambda: self._take(finished)),
            lambda error: self._post_failure(post, error),
        )

    @property
    def begun(self) -> int:
        """How many requests the worker began so far, stale ones included."""
        return self._worker.begun

    def want(self, request: ScoreRequest) -> None:
        """Ask for a score in place of what was asked for before."""
        if request.of == self._wanted:
            return
        self._wanted = request.of
        known = self._known.get(request.of)
        if known is None:
            self.state = replace(self.state, current=False, busy=True)
            self._worker.submit(request)
        else:
            self._worker.cancel()
            self.state = ScoreState(known, current=True)

    def outdate(self) -> None:
        """Note that the sliders have moved on: the score is not theirs any more."""
        self._wanted = None
        self._worker.cancel()
        self.state = replace(self.state, current=False, busy=False)

    def forget(self) -> None:
        """Show no score any more."""
        self.outdate()
        self.state = ScoreState()

    def wait_until_idle(self, timeout: float | None = None) -> bool:
        """Wait until the worker rests; return False if that took too long."""
        return self._worker.wait_until_idle(timeout)

    def close(self) -> None:
        """Tell nothing any more; the worker ends by itself at its next octant."""
        self._wanted = None
        self._worker.close(wait=False)

    # ---- the worker ------------------------------------------------------------------------

    def _compute(self, request: ScoreRequest, cancelled: CancelCheck) -> FinishedScore:
        self._computing = request.of
        wait_for_rest(self._wait_until_compiled, self._rest_seconds, cancelled)
        score = leaderboard.score(
            request.mask(cancelled),
            request.label[request.of.block],
            cancelled=cancelled,
            workers=WORKERS,
        )
        return FinishedScore(request.of, score)

    def _post_failure(self, post: Post, error: BaseException) -> None:
        scored = self._computing
        post(lambda: self._give_up(scored, error))

    # ---- back in the owner's thread --------------------------------------------------------

    def _take(self, finished: FinishedScore) -> None:
        self._known[finished.of] = finished.score
        if len(self._known) > MOST_KNOWN_SCORES:
            del self._known[next(iter(self._known))]
        if finished.of == self._wanted:
            self.state = ScoreState(finished.score, current=True)
            self._changed()

    def _give_up(self, scored: ScoredBlock | None, error: BaseException) -> None:
        if scored is not None and scored == self._wanted:
            self.state = replace(self.state, busy=False)
            self._changed()
            self._failed(error)
