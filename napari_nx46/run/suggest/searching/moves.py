"""Which settings to try next: presets, threshold curves, one switch at a time, and samples."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from napari_nx46.run.suggest.searching.space import COSTLY, THRESHOLDS, Space
from napari_nx46.run.suggest.trying.figures import Figures
from napari_nx46.setting import Domain, Setting, ThresholdRule, all_presets

__all__ = ["SCORE_KNOBS", "Known", "Moves", "Proposal"]

SCORE_KNOBS = frozenset({"blend", "weights", "averaging", "z_radius", "smooth", "sheetness"})
"""Those that change the scores: thresholds are kept at the same share of the voxels then."""

HIGH_SHARES = (0.90, 0.93, 0.955, 0.975)
LOW_SHARES = (0.84, 0.875, 0.90)
"""The coarse curve: high and low quantiles that published masks correspond to."""

SHARE_STEPS = (0.002, 0.005, 0.012)
PROBABILITY_STEPS = (0.005, 0.015, 0.04)

FIRST_GAP = 0.06
"""Share of the voxels between the thresholds of a pair that was none before."""

TWO_AT_ONCE = 0.35
"""Probability that a move changes two knobs."""

MOST_DRAWS = 200


@dataclass(frozen=True, slots=True)
class Proposal:
    """A setting to try.

    Parameters
    ----------
    setting : Setting
    origin : str
        Where it comes from, in a word or two.
    """

    setting: Setting
    origin: str


@dataclass(frozen=True, slots=True)
class Known:
    """A setting that moves begin from, with what its thresholds amount to.

    Parameters
    ----------
    setting : Setting
    high, low : float
        In units of probability, means over the fragments.
    high_share, low_share : float, optional
        Shares of the voxels below them.
    """

    setting: Setting
    high: float
    low: float
    high_share: float | None
    low_share: float | None

    @classmethod
    def of(cls, setting: Setting, figures: Sequence[Figures]) -> Known:
        """Return what is known of a setting from its figures on some fragments."""
        highs = [one.high_share for one in figures if one.high_share is not None]
        lows = [one.low_share for one in figures if one.low_share is not None]
        return cls(
            setting,
            fmean(one.high for one in figures),
            fmean(one.low for one in figures),
            fmean(highs) if highs else None,
            fmean(lows) if lows else None,
        )


class Moves:
    """Proposes settings within a space.

    Parameters
    ----------
    space : Space
    start : Setting
    """

    def __init__(self, space: Space, start: Setting) -> None:
        self.space = space
        self.start = start

    def presets(self) -> Iterator[Proposal]:
        """Yield thresholds and clean-up of every published preset, on the start's own scores."""
        for name, one in all_presets().items():
            knobs = {
                knob: value
                for knob, value in self.space.taken_from(one).items()
                if knob not in SCORE_KNOBS
            }
            if one.rule not in self.space.rules:
                knobs = {knob: knobs[knob] for knob in knobs if knob not in THRESHOLDS}
            elif "quantile" in knobs and one.rule is ThresholdRule.QUANTILE:
                knobs |= _of_fragment(self.start)
            yield from self._proposed(knobs, f"preset {name}")

    def coarse_curve(self, chain: Setting) -> Iterator[Proposal]:
        """Yield a chain of steps with thresholds all over the range in which masks are of use."""
        if ThresholdRule.QUANTILE not in self.space.rules:
            return
        for high in HIGH_SHARES:
            for low in (None, *LOW_SHARES):
                knobs = self._at_shares(chain, high, low)
                if knobs is not None:
                    yield from self._from(chain, knobs, "threshold curve")

    def near_thresholds(self, known: Known, chance: random.Random) -> Iterator[Proposal]:
        """Yield, without end, thresholds near those of a setting."""
        setting = known.setting
        by_quantile = setting.rule is ThresholdRule.QUANTILE
        names = ("quantile", "low_quantile")
        if not by_quantile:
            names = ("probability", "low_probability")
        movable = [
            name
            for name in (names if setting.hysteresis else names[:1])
            if name in self.space.by_name
        ]
        while movable:
            step = chance.choice(SHARE_STEPS if by_quantile else PROBABILITY_STEPS)
            knobs: dict[str, object] = {}
            for name in movable:
                moved = getattr(setting, name) + step * chance.choice((-2, -1, 0, 1, 2))
                knobs[name] = self._rounded(name, moved)
            yield from self._from(setting, knobs, "threshold curve")

    def switches(
        self, known: Known, chance: random.Random, *, with_costly: bool
    ) -> Iterator[Proposal]:
        """Yield, without end, a setting with one or two other knobs changed by a step."""
        names = [
            one.name for one in self.space.others if with_costly or one.name not in COSTLY
        ] + self._threshold_switches()
        while names:
            count = 2 if chance.random() < TWO_AT_ONCE else 1
            chosen = chance.sample(names, min(count, len(names)))
            knobs: dict[str, object] = {}
            for name in chosen:
                knobs |= self._switched(known, name, chance)
            yield from self._from(known.setting, self._keeping_shares(known, knobs), "switch")

    def late_steps(self, known: Known) -> list[Proposal]:
        """Return a setting with one late knob changed each, by any value that the knob has."""
        found: list[Proposal] = []
        for one in self.space.late:
            for value in one.values:
                if value != getattr(known.setting, one.name):
                    knobs = self._keeping_shares(known, {one.name: value})
                    found += self._from(known.setting, knobs, "late step")
        return found

    def _keeping_shares(self, known: Known, knobs: dict[str, object]) -> dict[str, object]:
        """Return knobs, and where they change the score thresholds at the same shares."""
        if not SCORE_KNOBS & knobs.keys() or known.high_share is None:
            return knobs
        low = known.low_share if known.setting.is_pair else None
        return knobs | (self._at_shares(known.setting, known.high_share, low) or {})

    def _threshold_switches(self) -> list[str]:
        both = len(self.space.rules) > 1 and "rule" in self.space.by_name
        pairs = "hysteresis" in self.space.by_name
        return ["rule"] * both + ["hysteresis"] * pairs

    def _switched(self, known: Known, name: str, chance: random.Random) -> dict[str, object]:
        setting = known.setting
        if name == "rule":
            return self._with_other_rule(known)
        if name == "hysteresis":
            return self._with_other_pair(known)
        near = self.space.by_name[name].neighbours(getattr(setting, name))
        return {name: chance.choice(near)} if near else {}

    def _with_other_rule(self, known: Known) -> dict[str, object]:
        setting = known.setting
        if setting.rule is ThresholdRule.QUANTILE:
            return {
                "rule": ThresholdRule.PROBABILITY,
                "probability": self._rounded("probability", known.high),
                "low_probability": self._rounded("low_probability", known.low),
            }
        if known.high_share is None:
            return {}
        low = known.low_share if setting.is_pair else None
        return self._at_shares(setting, known.high_share, low) or {}

    def _with_other_pair(self, known: Known) -> dict[str, object]:
        setting = known.setting
        if setting.hysteresis:
            return {"hysteresis": False}
        if setting.rule is ThresholdRule.QUANTILE and known.high_share is not None:
            return self._at_shares(setting, known.high_share, known.high_share - FIRST_GAP) or {}
        low = self._rounded("low_probability", 0.7 * known.high)
        return {"hysteresis": True, "low_probability": low}

    def _at_shares(
        self, setting: Setting, high: float, low: float | None
    ) -> dict[str, object] | None:
        """Return the knobs of thresholds at shares of the voxels; None where they are fixed."""
        space = self.space
        if ThresholdRule.QUANTILE not in space.rules:
            return None
        if setting.rule is not ThresholdRule.QUANTILE and "rule" not in space.by_name:
            return None
        top = self._rounded("quantile", high)
        knobs: dict[str, object] = {"quantile": top}
        knobs |= {"rule": ThresholdRule.QUANTILE, **_of_fragment(setting)}
        if "hysteresis" in space.by_name:
            knobs["hysteresis"] = low is not None
        if low is not None and "low_quantile" in space.by_name:
            knobs["low_quantile"] = min(self._rounded("low_quantile", low), top)
        return knobs

    def _rounded(self, name: str, value: float) -> float:
        """Return the value of a range nearest to a number; of a fixed knob the start's."""
        one = self.space.by_name.get(name)
        if one is None:
            return float(getattr(self.start, name))
        return one.numbers[one.index_of(value) or 0]

    def _from(
        self, setting: Setting, knobs: Mapping[str, object], origin: str
    ) -> Iterator[Proposal]:
        changed = {name: getattr(setting, name) for name in (*self.space.by_name, "domain")}
        yield from self._proposed({**changed, **knobs}, origin)

    def _proposed(self, knobs: Mapping[str, object], origin: str) -> Iterator[Proposal]:
        setting = self.space.setting_of(self.start, knobs)
        if setting is not None:
            yield Proposal(setting, origin)


def _of_fragment(setting: Setting) -> dict[str, object]:
    """Return the domain of quantiles that shares are of: all voxels of the fragment."""
    return {} if setting.domain is Domain.FRAGMENT else {"domain": Domain.FRAGMENT}
