"""One call: from fragments and a setting to the best setting that some minutes give."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path

from napari_nx46.data.fragments import Fragment, FragmentError
from napari_nx46.leaderboard import COMPETITION
from napari_nx46.run.preflight import reads_dataset, sources_read
from napari_nx46.run.suggest.judging.answers import (
    Findings,
    MaskChange,
    changes_of,
    findings_of,
    knob_importance,
)
from napari_nx46.run.suggest.judging.choosing import Choice, choose
from napari_nx46.run.suggest.judging.folds import views_of
from napari_nx46.run.suggest.judging.trust import Trust, gain_of_octants, left_out
from napari_nx46.run.suggest.searching.search import Found, Search
from napari_nx46.run.suggest.searching.space import Space, default_space
from napari_nx46.run.suggest.trying.evaluator import Evaluator, open_evaluator
from napari_nx46.run.suggest.trying.journal import Journal, contents_of
from napari_nx46.run.suggest.trying.label_free import FIGURES, LabelFree, RankObjective
from napari_nx46.run.suggest.trying.measures import LabelScore
from napari_nx46.run.suggest.trying.results import Results, ScoreObjective, View
from napari_nx46.setting import DEFAULT_BAND, Setting, SettingError
from napari_nx46.voxels.blocks import slabs, whole_block
from napari_nx46.voxels.tiles import slab_thickness
from napari_nx46.voxels.workers import CancelCheck, Cancelled, never

__all__ = ["SuggestRequest", "Suggestion", "compared_of", "is_judged", "suggest"]

SEARCH_SHARE, CHOICE_SHARE = 0.9, 0.96
"""Of the time: the search ends, then the trial of what is around the best; the rest is for what it
is worth elsewhere."""


GRACE_SECONDS = 10.0
"""After a stop: so long at most for what can be said of what was tried."""


@dataclass(frozen=True)
class SuggestRequest:
    """What is looked for.

    Parameters
    ----------
    start : Setting
        Where the search begins, and what gains are measured against.
    space : Space, optional
        What may vary; all knobs that can matter by default.
    seconds : float, optional
        So long at most.
    evaluations : int, optional
        So many settings at most. With a number and no time the result follows from the seed.
    seed : int
    groups : mapping of str to str
        Group of a fragment, such as its scroll, by image_id; fragments that are not in it are
        groups of their own.
    weights : mapping of str to float
        Where there is no label: of the figures in `label_free.FIGURES`, those not in it weigh 1.
    band : tuple of float
        Where there is no label: the density aimed at.
    threads, memory_budget : int, optional
        All threads, and `pipelines.DEFAULT_MEMORY_BUDGET` bytes, by default.

    Raises
    ------
    SettingError
        If neither a time nor a number is given, or the start's quantile is over all fragments.
    """

    start: Setting
    space: Space | None = None
    seconds: float | None = None
    evaluations: int | None = None
    seed: int = 0
    groups: Mapping[str, str] = field(default_factory=dict, hash=False)
    weights: Mapping[str, float] = field(default_factory=dict, hash=False)
    band: tuple[float, float] = DEFAULT_BAND
    threads: int | None = None
    memory_budget: int | None = None

    def __post_init__(self) -> None:
        if self.seconds is None and self.evaluations is None:
            raise SettingError("found neither minutes nor evaluations, expected one of them")
        if reads_dataset(self.start):
            raise SettingError(
                "found a quantile over all fragments (domain dataset); expected one of each"
                " fragment, or a probability, which 'nx46 freeze' makes of it"
            )


@dataclass(frozen=True)
class Suggestion:
    """What was found.

    Parameters
    ----------
    choice : Choice
    start : Setting
    start_value : float
        What the start is worth.
    figures, start_figures : mapping of str to float
        Mean figures of the choice and of the start.
    tried, whole : int
        Settings tried at all, and on all whole fragments.
    image_ids : tuple of str
        The fragments that it was found on.
    trust : Trust
        What is to be expected elsewhere.
    findings : Findings
        What was seen of knobs and fragments; empty without labels.
    with_label : bool
        Whether values are leaderboard scores; else they are mean ranks, see `label_free`.
    stopped : bool
        Whether it was stopped before its time.
    """

    choice: Choice
    start: Setting
    start_value: float
    figures: Mapping[str, float] = field(hash=False)
    start_figures: Mapping[str, float] = field(hash=False)
    tried: int
    whole: int
    image_ids: tuple[str, ...]
    trust: Trust
    findings: Findings
    with_label: bool = True
    stopped: bool = False

    def sentences(self) -> tuple[str, ...]:
        """Return in plain words what is to be expected of the setting, and whether it gains."""
        if not self.with_label:
            return (
                "No fragment has a label: settings were compared by their mean rank in"
                f" {len(FIGURES)} figures that need none. That is no score, and nothing here shows"
                " what the score would be.",
            )
        return self.trust.sentences(self.choice.value - self.start_value)


def suggest(
    fragments: Sequence[Fragment],
    request: SuggestRequest,
    *,
    report: Callable[[Found], object] = lambda _found: None,
    journal: Path | None = None,
    cancelled: CancelCheck = never,
    given_up: CancelCheck = never,
) -> Suggestion:
    """Look for the best setting.

    Parameters
    ----------
    fragments : sequence of Fragment
        Those without a label are left out, unless none has one: then settings are compared by
        figures that need none.
    request : SuggestRequest
    report : callable
        Takes the best so far after each round, from the calling thread.
    journal : Path, optional
        File that every figure is appended to; what it has from before is not computed again.
    cancelled : callable
        Asked all the time; once it returns True, what is best so far is taken, and summed up in
        `GRACE_SECONDS` at most.
    given_up : callable
        Asked as often; once it returns True nothing is summed up, as nobody waits for it.

    Returns
    -------
    Suggestion

    Raises
    ------
    Cancelled
        If it was stopped before the start itself was known.
    FragmentError
        If there is no fragment, one lacks what the start reads, or the journal is of
        other data.
    VolumeError
        If a volume is damaged.
    """
    compared = compared_of(fragments)
    with_label = is_judged(compared[0])
    for one in compared:
        sources_read(one, request.start)
    space = request.space or default_space(compared, request.start)
    begun = time.monotonic()

    def over(share: float) -> CancelCheck:
        def is_over() -> bool:
            late = request.seconds is not None and (
                time.monotonic() - begun > share * request.seconds
            )
            return late or cancelled() or given_up()

        return is_over

    in_the_end = _with_grace(cancelled, given_up)
    with ExitStack() as stack:
        evaluator = stack.enter_context(
            open_evaluator(
                compared,
                LabelScore() if with_label else LabelFree(),
                threads=request.threads,
                memory_budget=request.memory_budget,
            )
        )
        objective = RankObjective(request.weights, request.band)
        results = Results(ScoreObjective() if with_label else objective)
        kept = None
        if journal is not None:
            kind = "score" if with_label else "without a label"
            contents = contents_of({one.image_id: one for one in compared})
            kept = stack.enter_context(Journal(journal, contents, kind))
        search = Search(
            space,
            request.start,
            evaluator,
            _views(compared, request.groups, with_label=with_label),
            results,
            seed=request.seed,
            journal=kept,
        )
        with suppress(Cancelled):
            search.run(request.evaluations, report, over(SEARCH_SHARE))
        choice = choose(search, space, over(CHOICE_SHARE))
        found = search.found()
        if choice is None or found is None:
            raise Cancelled("the search was stopped before the start's own score was known")
        view, pair = search.views[0], (choice.setting, request.start)
        means = [results.means(one, view, view.last) for one in pair]
        trust = Trust((), None)
        if with_label:
            with suppress(Cancelled):
                trust = _trusted(search, space, choice, evaluator, in_the_end)
        findings = Findings(importance=knob_importance(search.first_values))
        if with_label:
            changes: list[MaskChange] = []
            with suppress(Cancelled):
                changes = changes_of(evaluator, view.image_ids, pair, in_the_end)
            findings = findings_of(search, choice.setting, changes, request.band)
    image_ids = tuple(one.image_id for one in compared)
    return Suggestion(
        choice,
        request.start,
        choice.start_value,
        means[0],
        means[1],
        found.tried,
        found.whole,
        image_ids,
        trust,
        findings,
        with_label,
        stopped=cancelled(),
    )


def _with_grace(cancelled: CancelCheck, given_up: CancelCheck) -> CancelCheck:
    """Return a check that is True some seconds after the first, or once all is given up."""
    asked: list[float] = []

    def is_over() -> bool:
        if given_up():
            return True
        if not cancelled():
            return False
        asked.append(time.monotonic())
        return asked[-1] - asked[0] > GRACE_SECONDS

    return is_over


def compared_of(fragments: Iterable[Fragment]) -> list[Fragment]:
    """Return the fragments that settings are compared on: those with a label, or all without one.

    A label that ignores every voxel is none: all masks would have a score of 1.

    Raises
    ------
    FragmentError
        If there is none.
    """
    there = list(fragments)
    if not there:
        raise FragmentError("found no fragment, expected at least one")
    return [one for one in there if is_judged(one)] or there


def is_judged(fragment: Fragment) -> bool:
    """Return whether a fragment has a label that does not ignore every voxel."""
    label = fragment.label
    if label is None:
        return False
    blocks = slabs(whole_block(fragment.shape), slab_thickness(fragment.shape))
    return any(bool((label[block] != COMPETITION.ignore_label).any()) for block in blocks)


def _trusted(
    search: Search, space: Space, choice: Choice, evaluator: Evaluator, cancelled: CancelCheck
) -> Trust:
    """Return what is to be expected: by folds, on one fragment by its octants."""
    image_ids = search.views[0].image_ids
    label = evaluator.label(image_ids[0])
    if label is not None and len(image_ids) > 1:
        return left_out(search, space, cancelled)
    if label is None or choice.setting == search.start:
        return Trust((), None)
    new, old = (
        evaluator.mask(one, image_ids[0], cancelled) for one in (choice.setting, search.start)
    )
    return Trust((), gain_of_octants((new, old), label, cancelled))


def _views(
    fragments: Sequence[Fragment], groups: Mapping[str, str], *, with_label: bool
) -> list[View]:
    """Return the views; without labels nothing is left out, as nothing could be scored there."""
    views = views_of(fragments, groups)
    return views if with_label else views[:1]
