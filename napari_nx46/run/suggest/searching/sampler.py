"""Samples of the knobs that do best together, by Optuna's tree-structured Parzen estimator."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from napari_nx46.run.suggest.searching.moves import SCORE_KNOBS, Known
from napari_nx46.run.suggest.searching.space import KnobRange, Space
from napari_nx46.run.tpe import hold, new_study
from napari_nx46.setting import Domain, Setting, ThresholdRule

if TYPE_CHECKING:
    import optuna
    from optuna.distributions import BaseDistribution

__all__ = ["samples"]

MOST_BEST = 100
MOST_NEWEST = 100
"""TPE learns from so many of the best and of the newest settings: more only take time."""

_HIGH, _LOW = "high threshold", "gap below it"


def samples(
    space: Space,
    start: Setting,
    history: Sequence[tuple[Known, float]],
    seed: int,
    most: int,
) -> Iterator[Setting]:
    """Yield settings that TPE suggests after what is known; all of them share one score.

    A score takes longer than the mask that follows from it, and what it is worth shows only with
    thresholds and clean-up that suit it.

    Parameters
    ----------
    space : Space
    start : Setting
        Has the knobs that do not vary.
    history : sequence of tuple
        Settings and what they were worth, oldest first.
    seed : int
    most : int
        So many are drawn; knobs that exclude each other give none.
    """
    study = new_study(seed)
    axes = _Axes(space, start)
    for known, value in _kept(history):
        params = axes.params_of(known)
        if params is not None:
            study.add_trial(_trial(params, axes.distributions, value))
    scored = [name for name in axes.distributions if name in SCORE_KNOBS]
    for _ in range(most):
        trial = study.ask(axes.distributions)
        if scored:
            hold(study, {name: trial.params[name] for name in scored})
            scored = []
        setting = space.setting_of(start, axes.knobs_of(trial.params))
        if setting is not None:
            yield setting


class _Axes:
    """What TPE varies: thresholds as one height and a gap, other knobs by which value it is."""

    def __init__(self, space: Space, start: Setting) -> None:
        self._space = space
        self._start = start
        self._rule = next(iter(space.rules), None)
        self.distributions: dict[str, BaseDistribution] = dict(self._thresholds())
        for one in space.others:
            self.distributions[one.name] = _distribution(one)
        if "hysteresis" in space.by_name:
            self.distributions["hysteresis"] = _distribution(space.by_name["hysteresis"])

    def params_of(self, known: Known) -> dict[str, object] | None:
        """Return the place of a setting; None where one of its values is in no range."""
        params: dict[str, object] = {}
        for name in self.distributions:
            if name in self._space.by_name:
                index = self._space.by_name[name].index_of(getattr(known.setting, name))
                if index is None:
                    return None
                params[name] = index
        thresholds = self._heights_of(known)
        if thresholds is None:
            return None
        return {**params, **thresholds}

    def knobs_of(self, params: Mapping[str, object]) -> dict[str, object]:
        """Return the knobs at a place."""
        knobs: dict[str, object] = {}
        for name, index in params.items():
            if name in self._space.by_name and isinstance(index, int):
                knobs[name] = self._space.by_name[name].values[index]
        if self._rule is None:
            return knobs
        high_name, low_name = self._names
        high = float(params[_HIGH])  # type: ignore[arg-type]
        values = self._space.by_name[high_name]
        knobs[high_name] = values.values[values.index_of(high) or 0]
        if low_name in self._space.by_name:
            lows = self._space.by_name[low_name]
            low = high - float(params[_LOW])  # type: ignore[arg-type]
            knobs[low_name] = lows.values[lows.index_of(low) or 0]
        knobs["rule"] = self._rule
        if self._rule is ThresholdRule.QUANTILE:
            knobs["domain"] = Domain.FRAGMENT
        return knobs

    @property
    def _names(self) -> tuple[str, str]:
        if self._rule is ThresholdRule.QUANTILE:
            return "quantile", "low_quantile"
        return "probability", "low_probability"

    def _thresholds(self) -> Iterator[tuple[str, BaseDistribution]]:
        from optuna.distributions import FloatDistribution

        if self._rule is None:
            return
        high_name, low_name = self._names
        highs = self._space.by_name[high_name].numbers
        yield _HIGH, FloatDistribution(highs[0], highs[-1])
        if low_name in self._space.by_name:
            lows = self._space.by_name[low_name].numbers
            yield _LOW, FloatDistribution(0.0, max(highs[-1] - lows[0], 1e-3))

    def _heights_of(self, known: Known) -> dict[str, object] | None:
        if self._rule is None:
            return {}
        high, low = known.high, known.low
        if self._rule is ThresholdRule.QUANTILE:
            if known.high_share is None or known.low_share is None:
                return None
            high, low = known.high_share, known.low_share
        heights: dict[str, object] = {}
        for name, value in ((_HIGH, high), (_LOW, high - low)):
            if name in self.distributions:
                ends = self.distributions[name]
                heights[name] = min(max(value, ends.low), ends.high)  # type: ignore[attr-defined]
        return heights


def _distribution(one: KnobRange) -> BaseDistribution:
    from optuna.distributions import CategoricalDistribution, IntDistribution

    if one.is_ordered:
        return IntDistribution(0, len(one.values) - 1)
    return CategoricalDistribution(range(len(one.values)))


def _kept(history: Sequence[tuple[Known, float]]) -> list[tuple[Known, float]]:
    """Return the best and the newest, in the order in which they were tried."""
    newest = range(max(0, len(history) - MOST_NEWEST), len(history))
    best = sorted(range(len(history)), key=lambda n: (-history[n][1], n))[:MOST_BEST]
    return [history[number] for number in sorted({*newest, *best})]


def _trial(
    params: Mapping[str, object], distributions: Mapping[str, BaseDistribution], value: float
) -> optuna.trial.FrozenTrial:
    import optuna

    return optuna.create_trial(params=dict(params), distributions=dict(distributions), value=value)
