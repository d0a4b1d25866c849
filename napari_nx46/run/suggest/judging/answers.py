"""Answers to the questions that an expert asks before the last run, in words with figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from napari_nx46.files.naming import plural
from napari_nx46.run.findings.design import varied
from napari_nx46.run.findings.gained import GainedForeground, PackedLabel, gained_foreground
from napari_nx46.run.findings.importance import importances
from napari_nx46.run.findings.precision_fall import fall_of, fall_sentence, fitted_precision
from napari_nx46.run.findings.words import THE_QUESTIONS, what_matters
from napari_nx46.run.suggest.searching.search import Search
from napari_nx46.run.suggest.trying.evaluator import Evaluator
from napari_nx46.run.suggest.trying.figures import Figures
from napari_nx46.run.suggest.trying.results import View
from napari_nx46.setting import Setting
from napari_nx46.voxels.blocks import Mask
from napari_nx46.voxels.packed import pack
from napari_nx46.voxels.workers import CancelCheck

__all__ = ["Answer", "Findings", "MaskChange", "changes_of", "findings_of", "knob_importance"]

MOST_NAMED = 6
"""Fragments or knobs that a sentence names."""
BEST_SHARE = 0.1
"""Of the settings: among the best."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A question and its answer.

    Parameters
    ----------
    question, answer : str
    """

    question: str
    answer: str


@dataclass(frozen=True, slots=True)
class MaskChange:
    """What the choice changes of the start's mask on a fragment.

    Parameters
    ----------
    image_id : str
    counts : GainedForeground
    missed : tuple of tuple
        The slices that miss most of the label: number, and share of all that is missed.
    """

    image_id: str
    counts: GainedForeground
    missed: tuple[tuple[int, float], ...]


@dataclass(frozen=True)
class Findings:
    """What a search has shown of knobs and fragments.

    Parameters
    ----------
    answers : tuple of Answer
    importance : mapping of str to float
        Of each knob, the most important first; empty where too few settings were tried.
    fragments : mapping of str to tuple of Figures
        By image_id: of the start and of the choice.
    """

    answers: tuple[Answer, ...] = ()
    importance: Mapping[str, float] | None = None
    fragments: Mapping[str, tuple[Figures, Figures]] | None = None


def knob_importance(values: Mapping[Setting, float]) -> dict[str, float]:
    """Return how much each knob decides whether a setting is among the best, by PED-ANOVA.

    Parameters
    ----------
    values : mapping of Setting to float
        What settings are worth.

    Returns
    -------
    dict of str to float
        The most important first; empty with too few settings.
    """
    settings = list(values)
    found = importances(varied(settings), settings, list(values.values())) or {}
    return dict(sorted(found.items(), key=lambda pair: -pair[1]))


def changes_of(
    evaluator: Evaluator,
    image_ids: Sequence[str],
    pair: tuple[Setting, Setting],
    cancelled: CancelCheck,
) -> list[MaskChange]:
    """Return what a setting changes of the masks of another one, fragment by fragment.

    Parameters
    ----------
    evaluator : Evaluator
    image_ids : sequence of str
        Fragments with a label.
    pair : tuple of Setting
        The new one and the old one.
    cancelled : callable

    Raises
    ------
    Cancelled
        If `cancelled` returned True.
    """
    changes = []
    for image_id in image_ids:
        label = evaluator.label(image_id)
        if label is None:
            continue
        new, old = (evaluator.mask(one, image_id, cancelled) for one in pair)
        counts = gained_foreground(
            pack(new).words,
            pack(old).words,
            new.shape[2],
            PackedLabel.of(label),
            cancelled=cancelled,
        )
        changes.append(MaskChange(image_id, counts, _most_missed(new, label)))
    return changes


def _most_missed(mask: Mask, label: Mask) -> tuple[tuple[int, float], ...]:
    missed = np.count_nonzero((label == 1) & (mask == 0), axis=(1, 2))
    total = max(int(missed.sum()), 1)
    worst = np.argsort(-missed, kind="stable")[:3]
    return tuple((int(z), float(missed[z]) / total) for z in worst if missed[z])


def findings_of(
    search: Search, choice: Setting, changes: Sequence[MaskChange], band: tuple[float, float]
) -> Findings:
    """Return the answers that a search on labelled fragments gives.

    Parameters
    ----------
    search : Search
    choice : Setting
    changes : sequence of MaskChange
        Empty where they were not computed.
    band : tuple of float
        Density aimed at.
    """
    view, results = search.views[0], search.results
    first = search.first_values
    importance = knob_importance(first)
    places = view.rungs[view.last]
    both = [results.figures(one, places) for one in (search.start, choice)]
    fragments = {
        place.image_id: pair for place, pair in zip(places, zip(*both, strict=True), strict=True)
    }
    whole = {one: results.means(one, view, view.last) for one in search.whole}
    found = {
        "compromise": _compromise(fragments),
        "matters": what_matters(importance, "importance for a setting to be among the best"),
        "fall": _fall(whole),
        "gained": _gained(changes),
        "band": _in_band(search, whole, band),
        "blend": _blend(first),
        "slices": _slices(changes),
    }
    answers = tuple(
        Answer(question, text)
        for name, question in THE_QUESTIONS.items()
        if (text := found[name]) is not None
    )
    return Findings(answers, importance, fragments)


def _compromise(fragments: Mapping[str, tuple[Figures, Figures]]) -> str:
    named = [
        f"{image_id}: recall {new.values['recall']:.3f} at precision {new.values['precision']:.3f}"
        f" (start {old.values['recall']:.3f} at {old.values['precision']:.3f})"
        for image_id, (old, new) in list(fragments.items())[:MOST_NAMED]
    ]
    more = len(fragments) - len(named)
    rest = f"; and {plural(more, 'fragment')} more, in the table" if more else ""
    return f"{'; '.join(named)}{rest}."


def _fall(whole: Mapping[Setting, Mapping[str, float]]) -> str | None:
    pairs = sorted((one["density"], one["precision"]) for one in whole.values())
    fall = fall_of(fitted_precision(pairs))
    return None if fall is None else fall_sentence(fall)


def _gained(changes: Sequence[MaskChange]) -> str | None:
    gained = sum(one.counts.gained for one in changes)
    if not gained:
        return None
    near = sum(one.counts.near or 0 for one in changes)
    repeated = sum(one.counts.repeated for one in changes)
    rest = gained - near - repeated
    return (
        f"Of {gained:,} voxels that it adds to the start's masks {100 * near / gained:.1f} % lie"
        f" near true surface, {100 * repeated / gained:.1f} % are repeated along z, and"
        f" {100 * rest / gained:.1f} % are scattered."
    )


def _in_band(
    search: Search, whole: Mapping[Setting, Mapping[str, float]], band: tuple[float, float]
) -> str:
    inside = {one: row for one, row in whole.items() if band[0] <= row["density"] <= band[1]}
    if not inside:
        return f"None of {len(whole)} settings has a density of {band[0]:g} to {band[1]:g}."
    best = max(inside, key=lambda one: inside[one]["score"])
    view: View = search.views[0]
    figures = search.results.figures(best, view.rungs[view.last])
    shares = [one.high_share for one in figures if one.high_share is not None]
    threshold = f"probability {np.mean([one.high for one in figures]):.3f}"
    if shares:
        threshold += f", quantile {np.mean(shares):.3f}"
    row = inside[best]
    return (
        f"{len(inside)} of {len(whole)} settings lie between {band[0]:g} and {band[1]:g}; the best"
        f" of them (score {row['score']:.3f}) has a density of {row['density']:.3f} with"
        f" {threshold}, and precision {row['precision']:.3f}."
    )


def _blend(first: Mapping[Setting, float]) -> str | None:
    ranked = sorted(first, key=lambda one: -first[one])
    best = ranked[: max(3, round(BEST_SHARE * len(ranked)))]
    values = [one.blend for one in best if not one.weights]
    if len({one.blend for one in first}) < 2 or not values:  # noqa: PLR2004
        return None
    low, high = min(values), max(values)
    middle = float(np.median(values))
    return f"The best tenth of the settings has a blend of {low:g} to {high:g}, median {middle:g}."


def _slices(changes: Sequence[MaskChange]) -> str | None:
    named = [
        f"{one.image_id}: {', '.join(f'{z} ({100 * share:.1f} %)' for z, share in one.missed)}"
        for one in changes[:MOST_NAMED]
        if one.missed
    ]
    return f"{'; '.join(named)} of what is missed there." if named else None
