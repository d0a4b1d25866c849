"""The exact figures of a whole fragment, which follow the preview from a worker."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from napari_nx46.core.score.blend import PathKey
from napari_nx46.core.threshold.notes import threshold_notes
from napari_nx46.core.threshold.thresholds import Threshold
from napari_nx46.live.derived.graph import Value
from napari_nx46.live.preview.threshold import ScoreSample
from napari_nx46.run.pipelines import PipelineSet
from napari_nx46.setting import Setting, ThresholdRule
from napari_nx46.voxels.blocks import Mask
from napari_nx46.voxels.corrections.corrections import Corrections
from napari_nx46.voxels.workers import CancelCheck

WhenDrawn = Callable[[Callable[[], None]], None]
"""Runs a function in the session's own thread once the canvas has drawn what it was asked to."""


def at_once(function: Callable[[], None]) -> None:
    """Run a function now: nothing draws."""
    function()


@dataclass(frozen=True)
class ExactRequest:
    """What the worker is asked for: the exact figures of one setting on one fragment."""

    image_id: str
    setting: Setting
    three_d: bool
    corrections: Corrections


@dataclass(frozen=True, eq=False)
class ExactResult:
    """What the worker found.

    Parameters
    ----------
    request : ExactRequest
    threshold : Threshold
    density : float
        Of the whole fragment.
    volume : (Z, Y, X) array of uint8, optional
        The whole mask, where the view is in 3D.
    sample : ScoreSample
        For the previews to come.
    notes : tuple of str
        What is odd about the threshold, in words.
    """

    request: ExactRequest
    threshold: Threshold
    density: float
    volume: Mask | None
    sample: ScoreSample
    notes: tuple[str, ...] = ()


class ExactFigures(Value[ExactRequest, ExactResult]):
    """The exact figures of what a session shows.

    Parameters
    ----------
    pipelines : PipelineSet
    take : callable
        Called with every result, stale ones included.

    Attributes
    ----------
    sample : ScoreSample, optional
        For the previews; of the fragment that is shown, once it has been loaded.
    """

    sample: ScoreSample | None = None

    def __init__(self, pipelines: PipelineSet, take: Callable[[ExactResult], None]) -> None:
        super().__init__(keep=0, priority=-3)
        self._pipelines = pipelines
        self._take = take
        self._asked: ExactRequest | None = None
        self._drawing: ExactRequest | None = None

    def drop_other_than(self, request: ExactRequest) -> None:
        """Compute nothing that was asked for but this: something is about to be drawn."""
        self._drawing = None
        if request != self._asked:
            self.ask(None)

    def ask_when_drawn(self, request: ExactRequest, when_drawn: WhenDrawn) -> None:
        """Ask for the exact figures of what is drawn, unless something else is drawn by then."""
        if self._asked is None:
            self._drawing = request
            when_drawn(self._ask_for_drawn)

    def ask(self, request: ExactRequest | None) -> None:
        """Ask for exact figures in place of those that were asked for before, or for none."""
        self._asked = request
        self.touch()

    def key(self) -> ExactRequest | None:
        """Return what is asked for, or None."""
        return self._asked

    def prepare(self, key: ExactRequest) -> Callable[[CancelCheck], ExactResult]:
        """Return the function that computes the figures."""
        return lambda cancelled: compute_exact(self._pipelines, key, self.sample, cancelled)

    def on_result(self, key: ExactRequest, result: ExactResult) -> None:
        """Hand the result on: a stale one still has a sample for the previews to come."""
        super().on_result(key, result)
        if key == self._asked:
            self._asked = None
        self._take(result)

    def on_error(self, key: ExactRequest, error: BaseException) -> None:
        """Ask for it no more: it would fail again."""
        if key == self._asked:
            self._asked = None
        super().on_error(key, error)

    def _ask_for_drawn(self) -> None:
        if self._drawing is not None:
            drawn, self._drawing = self._drawing, None
            self.ask(drawn)


def compute_exact(
    pipelines: PipelineSet,
    request: ExactRequest,
    sample: ScoreSample | None,
    cancelled: CancelCheck,
) -> ExactResult:
    """Compute the exact figures; runs in the worker.

    Parameters
    ----------
    pipelines : PipelineSet
    request : ExactRequest
    sample : ScoreSample, optional
        The fragment's, where there is one already; it learns from the result.
    cancelled : callable
        Asked between tiles.

    Raises
    ------
    Cancelled
        If `cancelled` returned True.
    VolumeError
        If a volume is damaged or holds what a probability cannot be.
    """
    setting = request.setting
    pipeline, threshold = pipelines.with_threshold(request.image_id, setting, cancelled)
    corrections = request.corrections
    density = pipeline.density(setting, threshold, cancelled, corrections)
    volume = None
    if request.three_d:
        volume = pipeline.whole_mask(setting, threshold, cancelled, corrections).mask()
    if sample is None or not sample.can_answer(setting):
        paths = pipeline.paths(setting, cancelled)
        sample = ScoreSample(paths, pipeline.kernels, PathKey.of(setting))
    if setting.rule is ThresholdRule.QUANTILE and not threshold.per_slice:
        sample.learn(setting, threshold)
    found = threshold_notes(pipeline, setting, threshold, cancelled)
    notes = tuple(note.text(setting) for note in found)
    return ExactResult(request, threshold, density, volume, sample, notes)
