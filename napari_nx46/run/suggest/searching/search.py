"""The search: rounds of settings, tried on eighths first, the promising ones on whole fragments.

What a round tries follows from the seed and from what the rounds before it found, never from the
time that anything took: the same seed and number of evaluations try the same settings.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import cycle, islice

from napari_nx46.run.suggest.searching.moves import Known, Moves, Proposal
from napari_nx46.run.suggest.searching.nearest import Nearest
from napari_nx46.run.suggest.searching.sampler import samples
from napari_nx46.run.suggest.searching.space import THRESHOLDS, Space
from napari_nx46.run.suggest.trying.evaluator import Evaluator, Task
from napari_nx46.run.suggest.trying.figures import Figures
from napari_nx46.run.suggest.trying.journal import Journal
from napari_nx46.run.suggest.trying.results import Results, View
from napari_nx46.setting import Setting
from napari_nx46.voxels.workers import CancelCheck

__all__ = ["Found", "Search"]

ROUND = 16
"""Settings that are tried together."""
PROMOTED = 3
"""Of them, and of those before, so many go on to whole fragments; twice as many a rung before."""
CURVE, SWITCHES = 3, 6
"""Of a round: thresholds near the best, and other knobs changed by a step; the rest TPE samples."""
ELITES = (0, 0, 1, 0, 2)
"""Which of the best settings the rounds begin from, in turn."""
COSTLY_FROM = 8
"""Rounds of a view before knobs that take long are tried."""
REST, REST_FROM = 6, 14
"""After so many rounds without a gain, and so many in all, a search rests: late knobs are tried."""
LATE = 2
"""Of a round, then: steps of late knobs around the best, each once, those that are quick twice."""
GAIN = 0.001
"""Less is none."""
MOST_DRAWS = 300
"""A move that gives nothing new is drawn again so often."""


@dataclass(frozen=True)
class Found:
    """What a search has found so far.

    Parameters
    ----------
    best : Setting
        The highest of all on whole fragments.
    value, start_value : float
        What it is worth, and the start.
    tried, whole : int
        Settings tried at all, and on all whole fragments.
    origin : str
        Where the best comes from.
    """

    best: Setting
    value: float
    start_value: float
    tried: int
    whole: int
    origin: str


@dataclass
class _Trials:
    """The settings of one view, in the order in which they were proposed."""

    view: View
    origins: dict[Setting, str] = field(default_factory=dict)
    rounds: int = 0
    late: int = 0
    best: float = -math.inf
    since: int = 0
    seen: list[set[Hashable]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.seen = [set() for _ in self.view.rungs]

    @property
    def rests(self) -> bool:
        """Whether it has found nothing better for some rounds."""
        return self.rounds >= REST_FROM and self.since >= REST

    def end_round(self, best: float) -> None:
        """Count a round, by the best value that is known after it."""
        self.rounds += 1
        self.since = 0 if best > self.best + GAIN else self.since + 1
        self.best = max(best, self.best)


class Search:
    """Looks for the best setting.

    Parameters
    ----------
    space : Space
    start : Setting
    evaluator : Evaluator
    views : sequence of View
        All fragments first, then what is left when each fold is left out: a view's settings are
        proposed after its own fragments alone.
    results : Results
        Empty; has what this search has asked for, so that nothing else decides what comes next.
    seed : int
    journal : Journal, optional
        Open; what it has from before is not computed again, and it is given what is.
    """

    def __init__(
        self,
        space: Space,
        start: Setting,
        evaluator: Evaluator,
        views: Sequence[View],
        results: Results,
        *,
        seed: int = 0,
        journal: Journal | None = None,
    ) -> None:
        self.start = start
        self.views = tuple(views)
        self.results = results
        self._moves = Moves(space, start)
        self._nearest = Nearest([*space.by_name, "domain"])
        self._evaluator = evaluator
        self._seed = seed
        self._journal = journal
        self._trials = {view.name: _Trials(view) for view in views}
        self._before: dict[Task, Figures] = {}
        if journal is not None:
            self._before = {Task(one, place): figures for one, place, figures in journal.known()}
        self._count: set[Setting] = set()
        self._asked: dict[Setting, None] = {}

    @property
    def whole(self) -> list[Setting]:
        """The settings that are known on all whole fragments."""
        places = self.views[0].rungs[-1]
        return [one for one in self._asked if self.results.is_known(one, places)]

    @property
    def first_values(self) -> dict[Setting, float]:
        """What all settings are worth that it has asked for, on the first rung."""
        return self.results.values(list(self._asked), self.views[0], 0)

    @property
    def tried(self) -> int:
        """Settings that this search has tried."""
        return len(self._count)

    def origins(self, view: View) -> dict[Setting, str]:
        """Return the settings proposed in a view, each with where it comes from."""
        return self._trials[view.name].origins

    def run(
        self,
        evaluations: int | None,
        report: Callable[[Found], object],
        cancelled: CancelCheck,
    ) -> None:
        """Try settings until so many were tried, or for as long as it is not cancelled.

        Parameters
        ----------
        evaluations : int, optional
            Settings; with none, there is no end but cancelling.
        report : callable
            Takes a `Found` after each round.
        cancelled : callable
            Asked between and within evaluations.

        Raises
        ------
        Cancelled
            If `cancelled` returned True; everything that was computed is in the results.
        """
        idle = 0
        for number, view in enumerate(cycle(self.views)):
            trials, before = self._trials[view.name], self.tried
            most = ROUND
            if evaluations is not None:
                left = evaluations - self.tried
                if left <= 0:
                    return
                # What is left is for all views alike, in this and the rounds to come.
                most = min(ROUND, max(1, left // (len(self.views) - number % len(self.views))))
            self._round(trials, most, cancelled)
            whole = self.results.values(list(trials.origins), trials.view, trials.view.last)
            trials.end_round(max(whole.values(), default=-math.inf))
            found = self.found()
            if found is not None:
                report(found)
            idle = 0 if self.tried > before else idle + 1
            if idle > len(self.views):
                return  # the space is exhausted

    def found(self) -> Found | None:
        """Return what is best so far; None before the start itself is known."""
        view = self.views[0]
        values = self.results.values(list(self.origins(view)), view, view.last)
        if self.start not in values:
            return None
        best = max(values, key=lambda one: values[one])
        return Found(
            best,
            values[best],
            values[self.start],
            self.tried,
            len(values),
            self.origins(view)[best],
        )

    def evaluate(
        self, settings: Iterable[Setting], view: View, rung: int, cancelled: CancelCheck
    ) -> None:
        """Compute what is not known of settings on the places of a rung."""
        settings = list(settings)
        self._asked |= dict.fromkeys(settings)
        tasks = [
            Task(setting, place)
            for setting in settings
            for place in view.rungs[rung]
            if self.results.get(setting, place) is None
        ]
        unknown = [task for task in tasks if task not in self._before]
        fresh: dict[Task, Figures] = {}

        def take(task: Task, figures: Figures) -> None:
            fresh[task] = figures

        def keep() -> None:
            # In the order of the tasks: what is known never depends on which was done first.
            for task in tasks:
                figures = self._before.get(task)
                if figures is not None:
                    self.results.put(*task, figures)
                elif task in fresh:
                    self._keep(task, fresh[task])

        try:
            self._evaluator.evaluate(unknown, take, cancelled)
        finally:
            keep()

    def _keep(self, task: Task, figures: Figures) -> None:
        self.results.put(task.setting, task.place, figures)
        if self._journal is not None:
            self._journal.put(task.setting, task.place, figures)

    # ---- a round -------------------------------------------------------------------------------

    def _round(self, trials: _Trials, most: int, cancelled: CancelCheck) -> None:
        view = trials.view
        proposals = list(islice(self._proposals(trials), most))
        new = {one.setting: one.origin for one in proposals}
        self._count |= new.keys()
        self.evaluate(new, view, 0, cancelled)
        trials.origins |= {one: new[one] for one in new if one not in trials.origins}
        for rung in range(1, len(view.rungs)):
            self.evaluate(self._chosen(trials, rung), view, rung, cancelled)

    def _chosen(self, trials: _Trials, rung: int) -> list[Setting]:
        """Return those expected best that have not gone on; the start goes on at once.

        Of settings of the same figures the first goes on alone: their masks are the same.
        """
        values = self._expected(trials, rung - 1)
        first = [self.start] if self.start in values else []
        ranked = sorted(values, key=lambda one: -values[one])
        most = PROMOTED << (trials.view.last - rung)
        return list(islice(self._unequal(trials, rung, [*first, *ranked]), most))

    def _unequal(
        self, trials: _Trials, rung: int, settings: Iterable[Setting]
    ) -> Iterator[Setting]:
        """Yield settings whose figures on the rung before are those of none that went on."""
        for one in settings:
            figures = self.results.figures(one, trials.view.rungs[rung - 1])
            key = tuple(tuple(place.values.items()) for place in figures)
            if key not in trials.seen[rung]:
                trials.seen[rung].add(key)
                yield one

    def _proposals(self, trials: _Trials) -> Iterator[Proposal]:
        """Yield what a view tries next, nothing that it has tried."""
        given: set[Setting] = set()

        def is_new(one: Proposal) -> bool:
            if one.setting in given or one.setting in trials.origins:
                return False
            given.add(one.setting)
            return True

        number = trials.rounds
        chance = random.Random(f"{self._seed}, {trials.view.name}, {number}")
        yield from filter(is_new, self._first(trials))
        yield from filter(is_new, self._adopted(trials))
        elites = self._elites(trials)
        if not elites:
            return
        known = elites[min(ELITES[number % len(ELITES)], len(elites) - 1)]
        near = self._moves.near_thresholds(known, chance)
        switches = self._moves.switches(known, chance, with_costly=number >= COSTLY_FROM)
        if trials.rests:
            yield from filter(is_new, self._late(trials, elites[0]))
        for stream, count in ((near, CURVE), (switches, SWITCHES)):
            yield from islice(filter(is_new, islice(stream, MOST_DRAWS)), count)
        drawn = samples(
            self._moves.space, self.start, self._history(trials), chance.getrandbits(31), ROUND
        )
        yield from filter(is_new, (Proposal(one, "sampler") for one in drawn))
        more = self._moves.switches(known, chance, with_costly=True)
        yield from filter(is_new, islice(more, MOST_DRAWS))
        while late := self._late(trials, elites[0]):
            yield from filter(is_new, late)

    def _late(self, trials: _Trials, known: Known) -> list[Proposal]:
        """Return the next steps of late knobs."""
        steps = self._moves.late_steps(known)
        again = [one for one in steps if self._is_quick(one.setting)]
        first, trials.late = trials.late, trials.late + LATE
        return [*steps, *again][first : trials.late]

    def _is_quick(self, setting: Setting) -> bool:
        """Return whether it has no late knob that takes long, or that of the start."""
        slow = (one.name for one in self._moves.space.slow)
        return all(getattr(setting, name) == getattr(self.start, name) for name in slow)

    def _first(self, trials: _Trials) -> Iterator[Proposal]:
        """Yield what is tried before anything is known: start, presets, then coarse curves."""
        yield Proposal(self.start, "start")
        yield from self._moves.presets()
        values = self.results.values(list(trials.origins), trials.view, 0)
        chains: dict[Setting, float] = {}
        for one, value in values.items():
            chain = one.model_copy(update={name: getattr(self.start, name) for name in THRESHOLDS})
            chains[chain] = max(value, chains.get(chain, value))
        if trials.rounds < 2:  # noqa: PLR2004
            return
        for chain in sorted(chains, key=lambda one: -chains[one])[:2]:
            yield from self._moves.coarse_curve(chain)

    def _adopted(self, trials: _Trials) -> Iterator[Proposal]:
        """Yield for all fragments what was best where a fold was left out."""
        if trials.view is not self.views[0]:
            return
        for fold in self.views[1:]:
            values = self.results.values(list(self.origins(fold)), fold, fold.last)
            if values:
                yield Proposal(max(values, key=lambda one: values[one]), "fold")

    def _elites(self, trials: _Trials) -> list[Known]:
        """Return the best whole settings, of those that differ in thresholds alone the best one.

        None has a late knob that takes long: all that is tried around it would take as long. None
        is worth the same as another: where a knob changes no mask, that is another knob's setting.
        """
        view = trials.view
        quick = [one for one in trials.origins if self._is_quick(one)]
        values = self.results.values(quick, view, view.last)
        best = {value: one for one, value in sorted(values.items(), key=lambda row: row[1])}
        elites: dict[Setting, Setting] = {}
        for one in reversed(best.values()):
            chain = one.model_copy(
                update={name: getattr(self.start, name) for name in (*THRESHOLDS, "domain")}
            )
            elites.setdefault(chain, one)
            if len(elites) > max(ELITES):
                break
        return [self._known(one, view) for one in elites.values()]

    def _known(self, setting: Setting, view: View) -> Known:
        return Known.of(setting, self.results.figures(setting, view.rungs[view.last]))

    def _expected(self, trials: _Trials, rung: int) -> dict[Setting, float]:
        """Return what the settings known on a rung are worth whole, or expected to be."""
        view, settings = trials.view, list(trials.origins)
        part, whole = (self.results.values(settings, view, one) for one in (rung, view.last))
        return self._nearest.expected(part, whole)

    def _history(self, trials: _Trials) -> list[tuple[Known, float]]:
        """Return what a view's settings are worth: whole, or as the first rung makes expect."""
        history = []
        for one, value in self._expected(trials, 0).items():
            last = self.results.is_known(one, trials.view.rungs[-1])
            places = trials.view.rungs[-1 if last else 0]
            history.append((Known.of(one, self.results.figures(one, places)), value))
        return history
