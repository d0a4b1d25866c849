"""Computes the masks of pinned settings that are not there, one after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import islice

from psygnal import Signal

from napari_nx46.core.mask_chain import MaskStage
from napari_nx46.live.derived.mask_bits import mask_bits_of
from napari_nx46.live.derived.of_session import SessionValue
from napari_nx46.live.masks.pins import MaskKey, Pins, mask_key, packed_bytes
from napari_nx46.live.session import Session
from napari_nx46.run.pipelines import PipelineSet
from napari_nx46.voxels.workers import CancelCheck, Workers

__all__ = ["PinFollower", "compute_mask"]


ComputeMask = Callable[[PipelineSet, MaskKey, CancelCheck], MaskStage]


def compute_mask(pipelines: PipelineSet, wanted: MaskKey, cancelled: CancelCheck) -> MaskStage:
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
    parts = (slab.mask for slab in pipeline.slabs(setting, threshold, cancelled, corrections))
    return MaskStage.of_slabs((), parts, pipeline.shape)


@dataclass(frozen=True)
class Release:
    """Nothing is missing any more: the memory of the volumes is released."""


class PinFollower(SessionValue[MaskKey | Release, MaskStage | None]):
    """Computes the masks of the pins that are missing for the fragment shown, one by one.

    The mask of the session's own setting is taken from what the session has computed. Others are
    computed from volumes of the follower's own, which are released when all masks are there.

    Parameters
    ----------
    session : Session
    pins : Pins
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
        compute: ComputeMask = compute_mask,
    ) -> None:
        super().__init__(session, keep=0, rest_seconds=0.0, priority=6)
        self.pins = pins
        self._compute_mask = compute
        self._workers = Workers(session.workers.count)
        self._pipelines = PipelineSet(
            session.dataset, workers=self._workers, memory_budget=session.memory_budget
        )
        self._holds_volumes = False
        self._was_busy = False
        self._given_up: set[MaskKey | Release] = set()
        pins.changed.connect(self._follow_pins)
        session.fragment_changed.connect(self._show_fragment)
        session.call_at_end(self._pipelines.release)

    @property
    def busy(self) -> bool:
        """Whether a mask is being computed."""
        return self.state.busy and isinstance(self.wanted, MaskKey)

    def touch(self) -> None:
        """Have the first mask computed that is missing, in place of one that nobody misses."""
        super().touch()
        if self.busy != self._was_busy:
            self._was_busy = self.busy
            self.busy_changed.emit(self.busy)

    def key(self) -> MaskKey | Release | None:
        """Return the first mask that is missing; else that volumes are to be released."""
        missing = next(self._missing(), None)
        return missing or (Release() if self._holds_volumes else None)

    def prepare(self, key: MaskKey | Release) -> Callable[[CancelCheck], MaskStage | None]:
        """Return the function that computes the mask, or releases the volumes."""
        if isinstance(key, Release):
            return lambda _cancelled: self._pipelines.release()
        bits = mask_bits_of(self.session)
        if bits is not None and key == self._shown_key():
            return bits.stage
        self._holds_volumes = True
        return partial(self._compute_mask, self._pipelines, key)

    def on_result(self, key: MaskKey | Release, result: MaskStage | None) -> None:
        """Keep a mask with its pin."""
        if result is None:
            self._holds_volumes = False
        elif isinstance(key, MaskKey):
            self.pins.keep_mask(key.setting, key.image_id, result, key.corrections)
        super().on_result(key, result)

    def on_error(self, key: MaskKey | Release, error: BaseException) -> None:
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

    def _missing(self) -> Iterator[MaskKey]:
        """Go through the missing masks of the fragment shown, as many as fit into the memory.

        Those that are there count as used now, so that they are not dropped for the others. That
        of what the session shows is left to the session until its exact figures are there.
        """
        fragment = self.session.fragment
        room = self.pins.memory_bytes // packed_bytes(fragment.shape)
        letters: dict[MaskKey, str] = {}
        for pin in self.pins:
            letters.setdefault(pin.mask_key(fragment.image_id), pin.letter)
        wanted = [
            missing
            for missing, letter in islice(letters.items(), room)
            if self.pins.packed_mask(letter, fragment.image_id) is None
        ]
        not_yet = None if self.session.settled else self._shown_key()
        return (one for one in wanted if one != not_yet and one not in self._given_up)

    def _shown_key(self) -> MaskKey:
        """Return what the session's own mask follows from."""
        session = self.session
        return mask_key(session.fragment.image_id, session.setting, session.present_corrections)
