"""How far a found setting is to be trusted: what it is worth where nobody looked.

The score on the fragments that a setting was chosen on is too high. Each fold is a search of its
own, which never sees the fragments that are left out; what its choice scores on these is what a
search of this kind is worth on fragments it does not know.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from napari_nx46 import leaderboard
from napari_nx46.run.suggest.judging.choosing import best_plateau
from napari_nx46.run.suggest.searching.search import Search
from napari_nx46.run.suggest.searching.space import Space
from napari_nx46.run.suggest.trying.results import Results, View
from napari_nx46.setting import Setting
from napari_nx46.voxels.blocks import Mask
from napari_nx46.voxels.workers import CancelCheck

__all__ = ["Gain", "LeftOut", "Trust", "gain_of_octants", "left_out"]

FEWEST_FOR_T = 2
COVERAGE = 0.95
"""Of the range that is given for one fragment."""


@dataclass(frozen=True, slots=True)
class Gain:
    """What a setting gains over another one.

    Parameters
    ----------
    mean : float
        Of the paired differences.
    error : float
        Its standard error.
    worst : float
        The lowest difference; of octants the mean itself, because leaving one out loses nothing.
    of : int
        Differences.
    """

    mean: float
    error: float
    worst: float
    of: int

    @classmethod
    def of_pairs(cls, differences: Sequence[float]) -> Gain:
        """Return the gain of paired differences, at least two."""
        error = statistics.stdev(differences) / math.sqrt(len(differences))
        return cls(statistics.fmean(differences), error, min(differences), len(differences))

    @property
    def is_real(self) -> bool:
        """Whether it is more than noise: above its error, and nobody loses more than two."""
        return self.mean > self.error and self.worst > -2 * self.error


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A group of fragments that a search did not see.

    Parameters
    ----------
    group : str
    setting : Setting
        The choice of the search without it.
    score : float
        Of that choice, on the group.
    seen : float
        Of that choice, on the fragments that it was chosen on.
    start : float
        Of the start, on the group.
    """

    group: str
    setting: Setting
    score: float
    seen: float
    start: float


@dataclass(frozen=True)
class Trust:
    """What is to be expected on fragments that nobody has seen.

    Parameters
    ----------
    groups : tuple of LeftOut
        Empty for a single fragment.
    gain : Gain, optional
        Over the start: of the groups left out, or of the octants of a single fragment; None where
        it was not computed.
    """

    groups: tuple[LeftOut, ...]
    gain: Gain | None

    @property
    def expected(self) -> float | None:
        """The mean score of what was left out."""
        return statistics.fmean(one.score for one in self.groups) if self.groups else None

    @property
    def error(self) -> float | None:
        """The standard error of `expected`."""
        if len(self.groups) < FEWEST_FOR_T:
            return None
        scores = [one.score for one in self.groups]
        return statistics.stdev(scores) / math.sqrt(len(scores))

    @property
    def margin(self) -> float | None:
        """How far one new group may lie from `expected`, in 95 of 100 cases (Student's t)."""
        if self.error is None:
            return None
        from scipy.stats import t

        count = len(self.groups)
        quantile = float(t.ppf((1 + COVERAGE) / 2, count - 1))
        return quantile * self.error * math.sqrt(count + 1)

    @property
    def optimism(self) -> float | None:
        """By how much the score on the fragments of the choice is too high."""
        if not self.groups:
            return None
        return statistics.fmean(one.seen - one.score for one in self.groups)

    def sentences(self, gained: float) -> tuple[str, ...]:
        """Return what is to be expected in plain words.

        Parameters
        ----------
        gained : float
            By the choice over the start, on the fragments that it was chosen on.
        """
        return (*self._expectation(), self._verdict(gained))

    def _expectation(self) -> tuple[str, ...]:
        if self.expected is None:
            return (
                "It was found on one fragment: nothing here shows what it is worth on others."
                " Give more labelled fragments to learn that.",
            )
        if self.error is None or self.margin is None or self.optimism is None:
            return ()
        rough = " Two are few: the error is rough." if len(self.groups) == FEWEST_FOR_T else ""
        return (
            f"On fragments that it has not seen, expect {self.expected:.3f} ± {self.error:.3f} in"
            f" the mean, and {self._low:.3f} to {self._high:.3f} for one alone (95 in 100):"
            f" searches that left out one of {len(self.groups)} groups each gave that.{rough}",
            f"The score on the fragments of the search itself is {abs(self.optimism):.3f} "
            f"{'higher' if self.optimism >= 0 else 'lower'} than that.",
        )

    @property
    def _low(self) -> float:
        return max(0.0, (self.expected or 0.0) - (self.margin or 0.0))

    @property
    def _high(self) -> float:
        return min(1.0, (self.expected or 0.0) + (self.margin or 0.0))

    def _verdict(self, gained: float) -> str:
        gain = self.gain
        if gain is None:
            return f"It gains {gained:+.3f} over the start; the error of that was not computed."
        where = "on what was left out" if self.groups else "on this one fragment"
        found = f"{where} it gains {gain.mean:+.3f} ± {gain.error:.3f} over the start"
        if gain.is_real:
            return f"{found[0].upper()}{found[1:]}: more than noise."
        if gain.mean > gain.error:
            return (
                f"{found[0].upper()}{found[1:]}, but one of {gain.of} loses"
                f" {-gain.worst:.3f}: look at that one before you take it."
            )
        return f"{found[0].upper()}{found[1:]}: no more than noise."


def left_out(search: Search, space: Space, cancelled: CancelCheck) -> Trust:
    """Return what the folds of a search found on what they left out.

    Parameters
    ----------
    search : Search
        Whose views after the first are its folds.
    space : Space
    cancelled : callable

    Raises
    ------
    Cancelled
        If `cancelled` returned True.
    """
    view, results = search.views[0], search.results
    search.evaluate([search.start], view, view.last, cancelled)
    found: list[LeftOut] = []
    for fold in search.views[1:]:
        values = results.values(list(search.origins(fold)), fold, fold.last)
        if not values:
            values = results.values([search.start], fold, fold.last)
        setting, _, _ = best_plateau(values, space)
        search.evaluate([setting], view, view.last, cancelled)
        seen = results.values([setting], fold, fold.last)[setting]
        for group in _groups_without(view, fold):
            score, start = (_on_group(results, one, view, group) for one in (setting, search.start))
            found.append(LeftOut(group, setting, score, seen, start))
    gain = None
    if len(found) >= FEWEST_FOR_T:
        gain = Gain.of_pairs([one.score - one.start for one in found])
    return Trust(tuple(found), gain)


def _groups_without(view: View, fold: View) -> list[str]:
    there = {fold.groups[image_id] for image_id in fold.image_ids}
    return sorted({view.groups[image_id] for image_id in view.image_ids} - there)


def _on_group(results: Results, setting: Setting, view: View, group: str) -> float:
    places = [one for one in view.rungs[view.last] if view.groups[one.image_id] == group]
    return statistics.fmean(one.values["score"] for one in results.figures(setting, places))


def gain_of_octants(masks: tuple[Mask, Mask], label: Mask, cancelled: CancelCheck) -> Gain:
    """Return the gain of one mask over another on one fragment, by a jackknife over its octants.

    Parameters
    ----------
    masks : tuple of (Z, Y, X) array of uint8, {0, 1}
        The new one and the one that it is compared with.
    label : (Z, Y, X) array of uint8
        2 is ignored.
    cancelled : callable

    Returns
    -------
    Gain
        Its error is that of the eight differences of whole scores that leave out one octant each,
        sqrt(7/8 sum (d - mean d)^2).

    References
    ----------
    B. Efron and C. Stein, "The Jackknife Estimate of Variance", Annals of Statistics 9, 1981.
    """
    new, old = (
        leaderboard.scores_without_octants(one, label, cancelled=cancelled) for one in masks
    )
    whole, *differences = (ours.value - theirs.value for ours, theirs in zip(new, old, strict=True))
    count = len(differences)
    error = math.sqrt((count - 1) * statistics.pvariance(differences))
    return Gain(whole, error, whole, count)
