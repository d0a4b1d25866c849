"""What the masks of the pins amount to: measured once they are there, and their known scores."""

from __future__ import annotations

from dataclasses import dataclass

from psygnal import Signal

from napari_nx46.core.mask_chain import MaskStage
from napari_nx46.core.measure.profile import LabelBits
from napari_nx46.core.measure.volume import measure_volume
from napari_nx46.live.derived.latest import LatestWins
from napari_nx46.live.derived.leaderboard_score import Label
from napari_nx46.live.derived.of_session import REST_SECONDS
from napari_nx46.live.derived.resting import wait_for_rest
from napari_nx46.live.derived.scoring import ScoreFollower
from napari_nx46.live.masks.pins import Metrics, Pins
from napari_nx46.live.session import Post, Session
from napari_nx46.setting import Setting
from napari_nx46.voxels.workers import CancelCheck, Workers

__all__ = ["LEADERBOARD_SCORE", "PinMeasurer"]

LEADERBOARD_SCORE = "leaderboard_score"
"""Name of the leaderboard score among the metrics of a pin."""
MEASURED = "density"
MEASURED_WITH_LABEL = "recall"
"""Metrics that are there once a mask, or a mask and its label, have been measured."""


@dataclass(frozen=True, eq=False)
class MeasureTask:
    """A mask to measure, with its label where that has been read."""

    image_id: str
    setting: Setting
    mask: MaskStage
    label: Label | None


@dataclass(frozen=True, eq=False)
class MeasuredMask:
    """What the worker found."""

    task: MeasureTask
    metrics: Metrics


class PinMeasurer:
    """Notes the metrics of the pins of the fragment that is shown, one pin after the other.

    Parameters
    ----------
    session : Session
    pins : Pins
    scores : ScoreFollower
        Gives the label, and the leaderboard score of the sliders' setting.
    post : callable
        Runs a function later in the thread that owns the session; called from the worker.
    rest_seconds : float
        For how long nothing must have changed before the worker takes the cores.

    Attributes
    ----------
    failed : Signal(BaseException)
    """

    failed = Signal(BaseException)

    def __init__(
        self,
        session: Session,
        pins: Pins,
        scores: ScoreFollower,
        post: Post,
        *,
        rest_seconds: float = REST_SECONDS,
    ) -> None:
        self.session = session
        self.pins = pins
        self._scores = scores
        self._post = post
        self._rest_seconds = rest_seconds
        self._workers = Workers(2)
        self._measuring: MeasureTask | None = None
        self._given_up: set[tuple[str, Setting]] = set()
        self._closed = False
        self._worker = LatestWins(
            self._measure,
            lambda measured: post(lambda: self._take(measured)),
            lambda error: post(lambda: self._give_up(error)),
        )
        pins.changed.connect(self._follow_pins)
        session.fragment_changed.connect(self._follow)
        scores.label_changed.connect(self._follow)
        scores.scores_changed.connect(self._note_score)

    def start(self) -> None:
        """Begin with the pins that are there, once the session has been started."""
        self._follow()
        self._note_score()

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
        self._worker.close(wait=False)
        self._workers.close()

    # ---- what is not known yet -------------------------------------------------------------

    def _follow_pins(self) -> None:
        # Pins may be changed in any thread, and what follows is the owner's.
        self._post(self.start)

    def _follow(self) -> None:
        """Have the first mask measured that has not been."""
        if self._closed:
            return
        task, measuring = self._next_task(), self._measuring
        if task is None or measuring is None or not _same(task, measuring):
            self._measuring = task
            if task is None:
                self._worker.cancel()
            else:
                self._worker.submit(task)

    def _next_task(self) -> MeasureTask | None:
        image_id, label = self.session.fragment.image_id, self._scores.label
        wanted = MEASURED if label is None else MEASURED_WITH_LABEL
        for pin in self.pins:
            mask = self.pins.packed_mask(pin.letter, image_id)
            known = wanted in pin.metrics.get(image_id, {})
            if mask is not None and not known and (image_id, pin.setting) not in self._given_up:
                return MeasureTask(image_id, pin.setting, mask, label)
        return None

    def _note_score(self) -> None:
        """Note the leaderboard score if it is that of a setting that is pinned."""
        session, state = self.session, self._scores.scores.fragment
        if not self._closed and state.is_current and state.result is not None and session.settled:
            self._note(
                session.setting, session.fragment.image_id, {LEADERBOARD_SCORE: state.result.value}
            )

    def _note(self, setting: Setting, image_id: str, metrics: Metrics) -> None:
        """Note metrics beside those that are known of a setting."""
        pin = next((pin for pin in self.pins if pin.setting == setting), None)
        if pin is not None:
            known = pin.metrics.get(image_id, {})
            self.pins.note_metrics(setting, image_id, {**known, **metrics})

    # ---- the worker ------------------------------------------------------------------------

    def _measure(self, task: MeasureTask, cancelled: CancelCheck) -> MeasuredMask:
        wait_for_rest(self.session.wait_until_compiled, self._rest_seconds, cancelled)
        label = None if task.label is None else LabelBits.of(task.label, self._workers)
        metrics = measure_volume(
            task.mask.mask(), label=label, workers=self._workers, cancelled=cancelled
        )
        return MeasuredMask(task, metrics.as_record())

    # ---- back in the owner's thread --------------------------------------------------------

    def _take(self, measured: MeasuredMask) -> None:
        if not self._closed:
            task, self._measuring = measured.task, None
            self._note(task.setting, task.image_id, measured.metrics)
            self._follow()

    def _give_up(self, error: BaseException) -> None:
        if self._closed:
            return
        task, self._measuring = self._measuring, None
        if task is not None:
            self._given_up.add((task.image_id, task.setting))
        self.failed.emit(error)
        self._follow()


def _same(task: MeasureTask, other: MeasureTask) -> bool:
    return task.mask is other.mask and task.label is other.label
