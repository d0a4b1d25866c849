"""Computes the masks of pinned settings that are not there, one after the other."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np
from psygnal import Signal

from napari_nx46.core.line import is_local
from napari_nx46.core.mask_chain import MaskStage
from napari_nx46.core.pipeline import FragmentPipeline
from napari_nx46.core.threshold.thresholds import Threshold
from napari_nx46.live.derived.of_session import SessionValue
from napari_nx46.live.masks.pins import Pins, packed_bytes
from napari_nx46.live.session import Session
from napari_nx46.run.pipelines import PipelineSet
from napari_nx46.setting import Setting
from napari_nx46.voxels.blocks import Block, Mask, block_shape, slabs, whole_block
from napari_nx46.voxels.corrections.corrections import Corrections
from napari_nx46.voxels.workers import CancelCheck, Cancelled, Workers

__all__ = ["MissingMask", "PinFollower", "compute_mask"]

SLICES_PER_SLAB = 32


@dataclass(frozen=True)
class MissingMask:
    """A mask that is to be computed.

    Parameters
    ----------
    image_id : str
    setting : Setting
    corrections : Corrections, optional
        None where nothing is corrected.
    """

    image_id: str
    setting: Setting
    corrections: Corrections | None = None


ComputeMask = Callable[[PipelineSet, MissingMask, CancelCheck], MaskStage]


def compute_mask(pipelines: PipelineSet, wanted: MissingMask, cancelled: CancelCheck) -> MaskStage:
    """Return the mask of a setting, computed slab by slab.

    Raises
    ------
    VolumeError
        If a volume is damaged or holds what a probability cannot be.
    Cancelled
        If `cancelled` returned True.
    """
    setting, corrections = wanted.setting, wanted.corrections
    pipeline, threshold = pipelines.with_threshold(wanted.image_id, setting, cancelled)
    slabs_of_mask = pipeline.slabs(setting, threshold, cancelled, corrections)
    return packed((slab.mask for slab in slabs_of_mask), pipeline.shape)


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


@dataclass(frozen=True)
class Release:
    """Nothing is missing any more: the memory of the volumes is released."""


class PinFollower(SessionValue[MissingMask | Release, MaskStage | None]):
    """Computes the masks of the pins that are missing for the fragment shown, one by one.

    The mask of the session's own setting is taken from what the session has computed. Others are
    computed from volumes of the follower's own, which are released when all masks are there.

    Parameters
    ----------
    session : Session
    pins : Pins
    memory_budget : int, optional
        Bytes for one fragment's volumes and score while masks are computed.
    compute : callable
        Computes a mask that the session does not have; called in a worker.

    Attributes
    ----------
    busy_changed : Signal(bool)
        Whether a mask is being computed.
    failed : Signal(BaseException)
        A mask could not be computed; it is tried again when its fragment is shown again.
    """

    busy_changed = Signal(bool)

    def __init__(
        self,
        session: Session,
        pins: Pins,
        *,
        memory_budget: int | None = None,
        compute: ComputeMask = compute_mask,
    ) -> None:
        super().__init__(session, keep=0, rest_seconds=0.0, priority=6)
        self.pins = pins
        self._compute_mask = compute
        self._workers = Workers(2)
        self._pipelines = PipelineSet(
            session.dataset, workers=self._workers, memory_budget=memory_budget
        )
        self._holds_volumes = False
        self._was_busy = False
        self._given_up: set[MissingMask | Release] = set()
        pins.changed.connect(self._follow_pins)
        session.fragment_changed.connect(self._show_fragment)
        session.call_at_end(self._pipelines.release)

    @property
    def busy(self) -> bool:
        """Whether a mask is being computed."""
        return self.state.busy and isinstance(self.wanted, MissingMask)

    def touch(self) -> None:
        """Have the first mask computed that is missing, in place of one that nobody misses."""
        super().touch()
        if self.busy != self._was_busy:
            self._was_busy = self.busy
            self.busy_changed.emit(self.busy)

    def key(self) -> MissingMask | Release | None:
        """Return the first mask that is missing; else that volumes are to be released."""
        missing = next(self._missing(), None)
        return missing or (Release() if self._holds_volumes else None)

    def prepare(self, key: MissingMask | Release) -> Callable[[CancelCheck], MaskStage | None]:
        """Return the function that computes the mask, or releases the volumes."""
        if isinstance(key, Release):
            return lambda _cancelled: self._pipelines.release()
        self._holds_volumes = True
        session = self.session
        known = session.settled and session.setting == key.setting
        threshold = session.exact_threshold if known else None
        task = MaskTask(key, session.pipelines[key.image_id], threshold)
        return lambda cancelled: self._compute(task, cancelled)

    def on_result(self, key: MissingMask | Release, result: MaskStage | None) -> None:
        """Keep a mask with its pin."""
        if result is None:
            self._holds_volumes = False
        elif isinstance(key, MissingMask):
            self.pins.keep_mask(key.setting, key.image_id, result, key.corrections)
        super().on_result(key, result)

    def on_error(self, key: MissingMask | Release, error: BaseException) -> None:
        """Do not try again until the fragment is shown again."""
        self._given_up.add(key)
        super().on_error(key, error)

    def close(self) -> None:
        """Disconnect from pins and session, and end the threads."""
        self.pins.changed.disconnect(self._follow_pins, missing_ok=True)
        super().close()
        self._workers.close()

    # ---- what is missing -------------------------------------------------------------------

    def _show_fragment(self) -> None:
        self._given_up.clear()
        self.touch()

    def _follow_pins(self) -> None:
        # Pins may be changed in any thread, and what follows is the owner's.
        self.session.post(self.touch)

    def _missing(self) -> Iterator[MissingMask]:
        """Go through the missing masks of the fragment shown, as many as fit into the memory.

        Those that are there count as used now, so that they are not dropped for the others.
        """
        fragment = self.session.fragment
        room = self.pins.memory_bytes // packed_bytes(fragment.shape)
        letters: dict[MissingMask, str] = {}
        for pin in self.pins:
            key = pin.mask_key(fragment.image_id)
            letters.setdefault(MissingMask(key.image_id, key.setting, key.corrections), pin.letter)
        wanted = [
            missing
            for missing, letter in islice(letters.items(), room)
            if self.pins.packed_mask(letter, fragment.image_id) is None
        ]
        return (missing for missing in wanted if missing not in self._given_up)

    # ---- in the workers --------------------------------------------------------------------

    def _compute(self, task: MaskTask, cancelled: CancelCheck) -> MaskStage:
        known = _known_mask(task, cancelled)
        if known is not None:
            return known
        return self._compute_mask(self._pipelines, task.wanted, cancelled)


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
        part = pipeline.known_mask(setting, threshold, block, task.wanted.corrections)
        if part is None:
            return None
        parts.append(part)
    return packed(iter(parts), pipeline.shape)


def _blocks(whole: Block) -> Iterator[Block]:
    """Cut a volume into slabs, or leave it whole where it is flat."""
    return slabs(whole, min(SLICES_PER_SLAB, block_shape(whole)[0]))
