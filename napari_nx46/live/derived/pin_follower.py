"""Computes the masks of pinned settings that are not there, one after the other."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np
from psygnal import Signal

from napari_nx46.core.line import is_local
from napari_nx46.core.mask_chain import MaskStage
from napari_nx46.core.pipeline import FragmentPipeline
from napari_nx46.core.threshold.thresholds import Threshold
from napari_nx46.live.derived.latest import LatestWins
from napari_nx46.live.derived.resting import wait_for_rest
from napari_nx46.live.masks.pins import Pins, packed_bytes
from napari_nx46.live.session import Post, Session
from napari_nx46.run.pipelines import PipelineSet
from napari_nx46.setting import Setting
from napari_nx46.voxels.blocks import Block, Mask, block_shape, slabs, whole_block
from napari_nx46.voxels.workers import CancelCheck, Cancelled, Workers

__all__ = ["PinFollower"]

SLICES_PER_SLAB = 32


@dataclass(frozen=True)
class MissingMask:
    """A mask that is to be computed.

    Parameters
    ----------
    image_id : str
    setting : Setting
    """

    image_id: str
    setting: Setting


@dataclass(frozen=True, eq=False)
class MaskTask:
    """A missing mask, and what is known of it already.

    Parameters
    ----------
    wanted : MissingMask
    pipeline : FragmentPipeline
        The session's own, whose cache must be left as it is.
    threshold : Threshold, optional
        The exact one, where the session has found it for these very knobs.
    """

    wanted: MissingMask
    pipeline: FragmentPipeline
    threshold: Threshold | None


@dataclass(frozen=True, eq=False)
class ComputedMask:
    """What the worker made."""

    wanted: MissingMask
    mask: MaskStage


class PinFollower:
    """Sees to it that the pins have their masks of the fragment that is shown.

    The mask of the session's own setting is taken from what the session has computed. Others are
    computed from volumes of the follower's own, which are given back when all masks are there.

    Parameters
    ----------
    session : Session
    pins : Pins
    post : callable
        Runs a function later in the thread that owns the session; called from the worker.
    memory_budget : int, optional
        Bytes for one fragment's volumes and score while masks are computed.

    Attributes
    ----------
    busy_changed : Signal(bool)
        Whether a mask is being computed.
    failed : Signal(BaseException)
        A mask could not be computed; it is tried again when its fragment is shown anew.
    """

    busy_changed = Signal(bool)
    failed = Signal(BaseException)

    def __init__(
        self,
        session: Session,
        pins: Pins,
        post: Post,
        *,
        memory_budget: int | None = None,
    ) -> None:
        self.session = session
        self.pins = pins
        self._post = post
        self._workers = Workers(2)
        self._pipelines = PipelineSet(
            session.dataset, workers=self._workers, memory_budget=memory_budget
        )
        self._computing: MissingMask | None = None
        self._begun: MissingMask | None = None
        self._given_up: set[MissingMask] = set()
        self._closed = False
        self._worker: LatestWins[MaskTask | None, ComputedMask | None] = LatestWins(
            self._compute,
            lambda computed: post(lambda: self._take(computed)),
            self._post_failure,
        )
        pins.changed.connect(self._follow_pins)
        session.fragment_changed.connect(self._show_fragment)

    @property
    def busy(self) -> bool:
        """Whether a mask is being computed."""
        return self._computing is not None

    def start(self) -> None:
        """Begin with the pins that are there, once the session has been started."""
        self._follow()

    def wait_until_idle(self, timeout: float | None = None) -> bool:
        """Wait until the worker rests; return False if that took too long.

        Its last result may still have to pass through `post`, and then it goes on with the next.
        """
        return self._worker.wait_until_idle(timeout)

    def close(self) -> None:
        """Tell nothing any more and end the threads; to be called before the session is closed."""
        if self._closed:
            return
        self._closed = True
        self.pins.changed.disconnect(self._follow_pins)
        self._worker.close(wait=False, then=self._pipelines.release)
        self._workers.close()

    # ---- what is missing -------------------------------------------------------------------

    def _show_fragment(self) -> None:
        self._given_up.clear()
        self._follow()

    def _follow_pins(self) -> None:
        # Pins may be changed in any thread, and what follows is the owner's.
        self._post(self._follow)

    def _follow(self) -> None:
        """Have the first mask computed that is missing, in place of one that nobody misses."""
        if self._closed:
            return
        missing = next(self._missing(), None)
        if missing == self._computing:
            return
        was_busy, self._computing = self.busy, missing
        self._worker.submit(None if missing is None else self._task(missing))
        if self.busy != was_busy:
            self.busy_changed.emit(self.busy)

    def _missing(self) -> Iterator[MissingMask]:
        """Go through the missing masks of the fragment shown, as many as fit into the memory.

        Those that are there count as used now, so that they are not dropped for the others.
        """
        fragment = self.session.fragment
        room = self.pins.memory_bytes // packed_bytes(fragment.shape)
        letters: dict[Setting, str] = {}
        for pin in self.pins:
            letters.setdefault(pin.setting, pin.letter)
        wanted = [
            MissingMask(fragment.image_id, setting)
            for setting, letter in islice(letters.items(), room)
            if self.pins.packed_mask(letter, fragment.image_id) is None
        ]
        return (missing for missing in wanted if missing not in self._given_up)

    def _task(self, missing: MissingMask) -> MaskTask:
        session = self.session
        known = session.settled and session.setting == missing.setting
        threshold = session.exact_threshold if known else None
        return MaskTask(missing, session.pipelines[missing.image_id], threshold)

    # ---- the worker ------------------------------------------------------------------------

    def _compute(self, task: MaskTask | None, cancelled: CancelCheck) -> ComputedMask | None:
        """Compute a mask; or, where nothing is missing any more, give the memory back."""
        if task is None:
            self._pipelines.release()
            return None
        self._begun = task.wanted
        wait_for_rest(self.session.wait_until_compiled, 0.0, cancelled)
        mask = _known_mask(task, cancelled)
        if mask is None:
            mask = self._computed_mask(task.wanted, cancelled)
        return ComputedMask(task.wanted, mask)

    def _computed_mask(self, wanted: MissingMask, cancelled: CancelCheck) -> MaskStage:
        setting = wanted.setting
        pipeline, threshold = self._pipelines.with_threshold(wanted.image_id, setting, cancelled)
        parts = (slab.mask for slab in pipeline.slabs(setting, threshold, cancelled))
        return packed(parts, pipeline.shape)

    def _post_failure(self, error: BaseException) -> None:
        begun = self._begun
        self._post(lambda: self._give_up(begun, error))

    # ---- back in the owner's thread --------------------------------------------------------

    def _take(self, computed: ComputedMask | None) -> None:
        if self._closed or computed is None:
            return
        wanted = computed.wanted
        self.pins.keep_mask(wanted.setting, wanted.image_id, computed.mask)
        self._follow()

    def _give_up(self, begun: MissingMask | None, error: BaseException) -> None:
        if self._closed:
            return
        if begun is not None:
            self._given_up.add(begun)
        self.failed.emit(error)
        self._follow()


def packed(parts: Iterator[Mask], shape: tuple[int, int, int]) -> MaskStage:
    """Pack a mask that comes in consecutive slabs.

    Parameters
    ----------
    parts : iterator of (n, Y, X) array of uint8, {0, 1}
    shape : tuple of int
        (Z, Y, X) of the whole.

    Returns
    -------
    MaskStage
        With an empty key.
    """
    depth, height, width = shape
    bits = np.empty((depth, height, math.ceil(width / 8)), np.uint8)
    done = foreground = 0
    for part in parts:
        bits[done : done + len(part)] = np.packbits(part, axis=-1)
        foreground += int(np.count_nonzero(part))
        done += len(part)
    return MaskStage((), bits, shape, foreground)


def _known_mask(task: MaskTask, cancelled: CancelCheck) -> MaskStage | None:
    """Return the mask from what the session has computed; None if it has not."""
    setting, threshold, pipeline = task.wanted.setting, task.threshold, task.pipeline
    if threshold is None:
        return None
    whole = whole_block(pipeline.shape)
    stage = pipeline.cached_stage(setting)
    if is_local(setting) and (stage is None or stage.score is None):
        return None  # it would have to be streamed, from volumes that the session reads now
    parts: list[Mask] = []
    for block in _blocks(whole):
        if cancelled():
            raise Cancelled
        part = pipeline.known_mask(setting, threshold, block)
        if part is None:
            return None
        parts.append(part)
    return packed(iter(parts), pipeline.shape)


def _blocks(whole: Block) -> Iterator[Block]:
    """Cut a volume into slabs, or leave it whole where it is flat."""
    return slabs(whole, min(SLICES_PER_SLAB, block_shape(whole)[0]))
