"""Solving for the threshold at which the final mask, after clean-up, has the density aimed at."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import reduce
from operator import add

from napari_nx46.core.threshold.quantile import ScoreHistogram, approximate_quantile
from napari_nx46.run.pipelines import PipelineSet
from napari_nx46.setting import Domain, Setting, ThresholdRule
from napari_nx46.voxels.workers import never

TOLERANCE = 5e-4
"""A single density is met when the mask's differs by no more (share of voxels)."""
MOST_STEPS = 20
"""So many masks are computed at most to close in on a density."""
_SHIFTED_TOGETHER = ("adaptive_base", "adaptive_min", "adaptive_max", "adaptive_low_min")
_LOW_ENDS = {
    ThresholdRule.QUANTILE: ("low_quantile", "quantile"),
    ThresholdRule.PROBABILITY: ("low_probability", "probability"),
}


@dataclass(frozen=True)
class DensityTarget:
    """A density, or a band of densities, that is aimed at.

    Parameters
    ----------
    low, high : float
        Share of foreground voxels, in [0, 1]; equal for a single density.

    Raises
    ------
    ValueError
        If they are not 0 <= low <= high <= 1.
    """

    low: float
    high: float

    def __post_init__(self) -> None:
        if not 0.0 <= self.low <= self.high <= 1.0:
            raise ValueError(
                f"expected densities 0 <= low <= high <= 1, found {self.low} and {self.high}"
            )

    @property
    def aim(self) -> float:
        """The density that is steered to: the middle of the band."""
        return (self.low + self.high) / 2

    def is_met_by(self, density: float) -> bool:
        """Return whether a density lies in the band, or near enough to a single density."""
        if self.low == self.high:
            return abs(density - self.low) <= TOLERANCE
        return self.low <= density <= self.high

    def __str__(self) -> str:
        low, high = f"{self.low:g}", f"{self.high:g}"
        return low if self.low == self.high else f"{low} to {high}"


@dataclass(frozen=True)
class DensitySolution:
    """The settings that come nearest to a target.

    Parameters
    ----------
    settings : dict of str to Setting
        By image_id.
    densities : dict of str to float
        What the fragments' final masks have with them.
    target : DensityTarget
    met : bool
        Whether the target is met: by every fragment, or by all together where they share a
        threshold.
    message : str
        What was found, in words.
    """

    settings: dict[str, Setting]
    densities: dict[str, float]
    target: DensityTarget
    met: bool
    message: str


def solve_density(
    pipelines: PipelineSet,
    image_ids: Sequence[str],
    setting: Setting,
    target: DensityTarget,
    *,
    shared: bool = False,
    cancelled: Callable[[], bool] = never,
    progress: Callable[[float], None] | None = None,
) -> DensitySolution:
    """Find the threshold at which the final masks have the density aimed at.

    The quantile or the probability of the setting is moved, the low one of a pair by as much; where
    whole components that come and go leave a rest, the low one is then moved alone. Of the adaptive
    rule four percentiles are shifted together. All other knobs stand.

    Parameters
    ----------
    pipelines : PipelineSet
    image_ids : sequence of str
        The fragments to solve for.
    setting : Setting
        To begin with.
    target : DensityTarget
    shared : bool
        One threshold for all these fragments, whose voxels are counted together; a quantile is
        then taken over the whole data set. Otherwise each has its own.
    cancelled : callable
        Asked between tiles.
    progress : callable, optional
        Called with the share of the work done, in [0, 1]; an estimate.

    Returns
    -------
    DensitySolution
        The nearest found, whether it meets the target or not.

    Raises
    ------
    Cancelled
        If `cancelled` returned True.
    VolumeError
        If a volume is damaged or holds what a probability cannot be.
    """
    if shared and setting.rule is ThresholdRule.QUANTILE:
        setting = setting.changed(domain=Domain.DATASET, block=None)
    groups = [tuple(image_ids)] if shared else [(image_id,) for image_id in image_ids]
    found = []
    for number, group in enumerate(groups):

        def notify(share: float, before: int = number) -> None:
            if progress is not None:
                progress((before + share) / len(groups))

        found.append(_Search(pipelines, group, setting, target, cancelled, notify).solved())
    return DensitySolution(
        {image_id: best.setting for best in found for image_id in best.densities},
        {image_id: density for best in found for image_id, density in best.densities.items()},
        target,
        all(best.met for best in found),
        "\n".join(best.message for best in found),
    )


@dataclass(frozen=True)
class _Evaluation:
    """The density that one position of the threshold's knob gives."""

    setting: Setting
    densities: dict[str, float]
    density: float


@dataclass(frozen=True)
class _Solved:
    setting: Setting
    densities: dict[str, float]
    met: bool
    message: str


@dataclass(frozen=True)
class _Knob:
    """A knob that makes the mask thinner the higher it stands.

    Parameters
    ----------
    at : callable
        Returns the setting with the knob at a position.
    lowest, highest : float
    start, step : float
        Where to look first, and how far from there next.
    """

    at: Callable[[float], Setting]
    lowest: float
    highest: float
    start: float
    step: float

    def moved(self, position: float, step: float) -> float:
        """Return a position so far away, as far as the knob goes."""
        return min(max(position + step, self.lowest), self.highest)


@dataclass
class _Search:
    """The search for one threshold."""

    pipelines: PipelineSet
    image_ids: tuple[str, ...]
    setting: Setting
    target: DensityTarget
    cancelled: Callable[[], bool]
    progress: Callable[[float], None]
    known: dict[Setting, _Evaluation] = field(default_factory=dict)

    def solved(self) -> _Solved:
        """Move the threshold; of a pair then the low one alone, to split what goes as a whole."""
        self._close_in(self._threshold_knob())
        best = self._best()
        if not self._is_met() and best.setting.hysteresis and best.setting.rule in _LOW_ENDS:
            self._close_in(_low_knob(best.setting))
            best = self._best()
        self.progress(1.0)
        met = self.target.is_met_by(best.density)
        return _Solved(best.setting, best.densities, met, self._message(best, met))

    def _close_in(self, knob: _Knob) -> None:
        """Evaluate positions of a knob that come nearer and nearer to the target."""
        from scipy.optimize import brentq

        bracket = self._bracket(knob)
        if bracket is not None and not self._is_met():
            brentq(
                lambda position: self._excess(knob.at(position)),
                *bracket,
                xtol=1e-7,
                maxiter=MOST_STEPS,
                disp=False,
            )

    def _bracket(self, knob: _Knob) -> tuple[float, float] | None:
        """Return two positions of the knob, one too dense and one too thin, or None."""
        position, step = knob.moved(knob.start, 0.0), knob.step
        excess = self._excess(knob.at(position))
        while excess != 0.0:
            further = knob.moved(position, math.copysign(step, excess))
            if further == position:
                return None
            before, previous = excess, position
            position, excess = further, self._excess(knob.at(further))
            if (excess > 0) != (before > 0):
                return previous, position
            step *= 2
        return None

    def _threshold_knob(self) -> _Knob:
        """Return the knob of the setting's rule, to begin where it would stand without clean-up."""
        setting, quantile = self.setting, 1.0 - self.target.aim
        if setting.rule is ThresholdRule.ADAPTIVE:
            values = [getattr(setting, name) for name in _SHIFTED_TOGETHER]
            return _Knob(self._at, -max(values), 100.0 - min(values), 0.0, 1.0)
        start = quantile
        if setting.rule is ThresholdRule.PROBABILITY:
            histograms = map(self._histogram, self.image_ids)
            start = approximate_quantile(reduce(add, histograms), quantile)
        return _Knob(self._at, 0.0, 1.0, start, 0.01)

    def _histogram(self, image_id: str) -> ScoreHistogram:
        pipeline = self.pipelines.loaded(image_id, self.setting)
        return pipeline.stage(self.setting, self.cancelled).histogram

    def _at(self, position: float) -> Setting:
        return _with_threshold(self.setting, position)

    def _excess(self, setting: Setting) -> float:
        """Return by how much the mask is too dense; exactly 0 where the target is met."""
        density = self._evaluated(setting).density
        return 0.0 if self.target.is_met_by(density) else density - self.target.aim

    def _evaluated(self, setting: Setting) -> _Evaluation:
        if setting not in self.known:
            densities, foreground, voxels = {}, 0.0, 0
            for image_id in self.image_ids:
                density = self._density(image_id, setting)
                size = math.prod(self.pipelines.dataset[image_id].shape)
                densities[image_id] = density
                foreground, voxels = foreground + density * size, voxels + size
            self.known[setting] = _Evaluation(setting, densities, foreground / voxels)
            self.progress(1.0 - 0.8 ** len(self.known))  # how many it takes is not known
        return self.known[setting]

    def _density(self, image_id: str, setting: Setting) -> float:
        pipeline, threshold = self.pipelines.with_threshold(image_id, setting, self.cancelled)
        return pipeline.density(setting, threshold, self.cancelled)

    def _is_met(self) -> bool:
        return any(self.target.is_met_by(one.density) for one in self.known.values())

    def _best(self) -> _Evaluation:
        def distance(one: _Evaluation) -> tuple[bool, float]:
            return not self.target.is_met_by(one.density), abs(one.density - self.target.aim)

        return min(self.known.values(), key=distance)

    def _message(self, best: _Evaluation, met: bool) -> str:
        names = ", ".join(self.image_ids)
        where = f"{knob_text(best.setting)} gives density {best.density:.4f}"
        if met:
            return f"{names}: {where}, target {self.target}"
        return f"{names}: the target {self.target} cannot be met; nearest: {where}"


def knob_text(setting: Setting) -> str:
    """Return the knob that a solution moves, with its value, in words."""
    match setting.rule:
        case ThresholdRule.QUANTILE:
            low = f" / {setting.low_quantile:.5f}" if setting.hysteresis else ""
            return f"quantile {setting.quantile:.5f}{low}"
        case ThresholdRule.PROBABILITY:
            low = f" / {setting.low_probability:.5f}" if setting.hysteresis else ""
            return f"probability {setting.probability:.5f}{low}"
        case ThresholdRule.ADAPTIVE:
            return f"adaptive base {setting.adaptive_base:.3f} %"


def _with_threshold(setting: Setting, position: float) -> Setting:
    """Return the setting with its threshold at a position, or shifted by it if adaptive."""
    if setting.rule is ThresholdRule.ADAPTIVE:
        shifted = {
            name: min(max(getattr(setting, name) + position, 0.0), 100.0)
            for name in _SHIFTED_TOGETHER
        }
        return setting.changed(**shifted)
    low, high = _LOW_ENDS[setting.rule]
    gap = getattr(setting, high) - getattr(setting, low)
    below = {low: _below(position, gap)} if setting.hysteresis else {}
    return setting.changed(**{high: position}, **below)


def _low_knob(setting: Setting) -> _Knob:
    """Return the low threshold of a pair as a knob."""
    low, high = _LOW_ENDS[setting.rule]
    return _Knob(
        lambda position: setting.changed(**{low: position}),
        0.0,
        getattr(setting, high),
        getattr(setting, low),
        0.01,
    )


def _below(position: float, gap: float) -> float:
    """Return the low threshold that lies a gap below the high one, within [0, 1]."""
    return min(max(position - max(gap, 0.0), 0.0), position)
