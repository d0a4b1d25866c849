"""What the masks of the pins amount to: measured once they are there, and their known scores."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from napari_nx46.core.mask_chain import MaskStage
from napari_nx46.core.measure.label_bits import LabelBits
from napari_nx46.core.measure.volume import measure_volume
from napari_nx46.live.derived.leaderboard_score import Label
from napari_nx46.live.derived.measured import MeasuredValue
from napari_nx46.live.derived.of_session import REST_SECONDS
from napari_nx46.live.derived.scoring import ScoreFollower
from napari_nx46.live.masks.pins import MaskKey, Metrics, Pins, mask_key
from napari_nx46.live.session import Session
from napari_nx46.voxels.workers import CancelCheck

__all__ = ["LEADERBOARD_SCORE", "PinMeasurer"]

LEADERBOARD_SCORE = "leaderboard_score"
"""Name of the leaderboard score among the metrics of a pin."""
MEASURED = "density"
MEASURED_WITH_LABEL = "recall"
"""Metrics that are there once a mask, or a mask and its label, have been measured."""


@dataclass(frozen=True)
class MeasureTask:
    """A mask to measure, with its label where that has been read.

    Parameters
    ----------
    key : MaskKey
        The pin's.
    mask : MaskStage
        Equal only to itself.
    has_label : bool
    label : (Z, Y, X) array of uint8, optional
    """

    key: MaskKey
    mask: MaskStage
    has_label: bool
    label: Label | None = field(compare=False)


class PinMeasurer(MeasuredValue[MeasureTask, Metrics]):
    """Notes the metrics of the pins of the fragment that is shown, one pin after the other.

    Parameters
    ----------
    session : Session
    pins : Pins
    scores : ScoreFollower
        Gives the label, and the leaderboard score of the sliders' setting.
    rest_seconds : float
        For how long nothing must have changed before the worker takes the cores.
    """

    def __init__(
        self,
        session: Session,
        pins: Pins,
        scores: ScoreFollower,
        *,
        rest_seconds: float = REST_SECONDS,
    ) -> None:
        super().__init__(session, scores, keep=0, rest_seconds=rest_seconds, priority=7)
        self.pins = pins
        self._follower = scores
        self._given_up: set[MaskKey] = set()
        pins.changed.connect(self._follow_pins)
        scores.scores_changed.connect(self._note_score)

    def touch(self) -> None:
        """Have the first mask measured that has not been, and note a score that is known."""
        super().touch()
        self._note_score()

    def key(self) -> MeasureTask | None:
        """Return the first mask that has not been measured."""
        image_id, label = self.session.fragment.image_id, self.label
        wanted = MEASURED if label is None else MEASURED_WITH_LABEL
        for pin in self.pins:
            mask = self.pins.packed_mask(pin.letter, image_id)
            known = wanted in pin.metrics.get(image_id, {})
            key = pin.mask_key(image_id)
            if mask is not None and not known and key not in self._given_up:
                return MeasureTask(key, mask, label is not None, label)
        return None

    def prepare(self, key: MeasureTask) -> Callable[[CancelCheck], Metrics]:
        """Return the function that measures the mask."""

        def measure(cancelled: CancelCheck) -> Metrics:
            label = None if key.label is None else LabelBits.of(key.label, self.workers)
            found = measure_volume(
                key.mask.mask(), label=label, workers=self.workers, cancelled=cancelled
            )
            return found.as_record()

        return measure

    def on_result(self, key: MeasureTask, result: Metrics) -> None:
        """Note the metrics with the pin."""
        self._note(key.key, result)
        super().on_result(key, result)

    def on_error(self, key: MeasureTask, error: BaseException) -> None:
        """Do not try again."""
        self._given_up.add(key.key)
        super().on_error(key, error)

    def close(self) -> None:
        """Disconnect from pins and session, and end the threads."""
        self.pins.changed.disconnect(self._follow_pins, missing_ok=True)
        self._follower.scores_changed.disconnect(self._note_score, missing_ok=True)
        super().close()

    def _follow_pins(self) -> None:
        # Pins may be changed in any thread, and what follows is the owner's.
        self.session.post(self.touch)

    def _note_score(self) -> None:
        """Note the leaderboard score if it is that of a setting that is pinned."""
        session, state = self.session, self._follower.scores.fragment
        if state.is_current and state.result is not None and session.settled:
            image_id, corrections = session.fragment.image_id, session.present_corrections
            key = mask_key(image_id, session.setting, corrections)
            self._note(key, {LEADERBOARD_SCORE: state.result.value})

    def _note(self, key: MaskKey, metrics: Metrics) -> None:
        """Note metrics beside those that are known of a mask."""
        pin = next((pin for pin in self.pins if pin.mask_key(key.image_id) == key), None)
        if pin is not None:
            known = {**pin.metrics.get(key.image_id, {}), **metrics}
            self.pins.note_metrics(key.setting, key.image_id, known, key.corrections)
