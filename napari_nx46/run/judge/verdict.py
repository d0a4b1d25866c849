"""Go or no-go: whether a run is better than a baseline, which is the best so far, and their list.

Values and rules only: nothing here reads a file, which is left to `kept_runs`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from napari_nx46.files.naming import printable
from napari_nx46.files.workspace import Baseline, Damage, Metrics, SavedRun

__all__ = [
    "ArchiveCheck",
    "FigureDelta",
    "FrozenRun",
    "ListedRun",
    "RunList",
    "Verdict",
    "best_scored",
    "changed_since_frozen",
    "figure_deltas",
    "judge",
    "listed_runs",
    "mean_metrics",
    "run_name",
]

_MOST_ERRORS_SHOWN = 5
_SCORES = ("public_score", "private_score")


@dataclass(frozen=True, slots=True)
class ArchiveCheck:
    """What became of a run's archive.

    Parameters
    ----------
    archive : Path, optional
        Where it should be; None for a run without one.
    expected_sha256 : str, optional
        Of its bytes when the run was kept.
    found_sha256 : str, optional
        Of its bytes now; None where there is no such file.
    errors : tuple of str
        Why it is no valid submission, or cannot be read.
    """

    archive: Path | None
    expected_sha256: str | None
    found_sha256: str | None = None
    errors: tuple[str, ...] = ()

    @property
    def stands(self) -> bool:
        """Whether the archive is there, unchanged and without errors."""
        return not self.faults

    @property
    def faults(self) -> tuple[str, ...]:
        """Everything that keeps the archive from standing for its run, in words."""
        if self.archive is None:
            return ("it has no archive",)
        if self.found_sha256 is None:
            return self._invalid or (f"its archive {self.archive} is missing",)
        if self.found_sha256 != self.expected_sha256:
            changed = (
                f"its archive {self.archive} was changed: found SHA-256 {self.found_sha256}, "
                f"expected {self.expected_sha256}"
            )
            return changed, *self._invalid
        return self._invalid

    @property
    def _invalid(self) -> tuple[str, ...]:
        if not self.errors:
            return ()
        reported = list(self.errors[:_MOST_ERRORS_SHOWN])
        if len(self.errors) > len(reported):
            reported.append(f"and {len(self.errors) - len(reported)} more")
        return (f"its archive {self.archive} is not valid: {'; '.join(reported)}",)


@dataclass(frozen=True, slots=True)
class FigureDelta:
    """One figure of two runs.

    Parameters
    ----------
    name : str
    value, baseline : float, optional
        Of the run and of the baseline; None where it is not known.
    """

    name: str
    value: float | None
    baseline: float | None

    @property
    def delta(self) -> float | None:
        """By how much the run's is above the baseline's; None where one is not known."""
        if self.value is None or self.baseline is None:
            return None
        return self.value - self.baseline


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether to go on with a run.

    Parameters
    ----------
    go : bool
    reasons : tuple of str
        Why; of a no-go every reason.
    best_run : SavedRun, optional
        The run whose settings are to be the accepted ones; None while none has a score.
    deltas : tuple of FigureDelta
        The run against the baseline: scores, then the means of the metrics.
    notes : tuple of str
        What should be known of the baseline, but does not decide.
    unscored : tuple of SavedRun
        Those of the two that have no public score yet.
    """

    go: bool
    reasons: tuple[str, ...]
    best_run: SavedRun | None
    deltas: tuple[FigureDelta, ...] = ()
    notes: tuple[str, ...] = ()
    unscored: tuple[SavedRun, ...] = ()


@dataclass(frozen=True, slots=True)
class FrozenRun:
    """A run as others are compared with it.

    Parameters
    ----------
    run : SavedRun
        If it is the baseline as it was when it was frozen, with the scores that are known now.
    changes : tuple of str
        What is kept of the run now that is another, in words.
    """

    run: SavedRun
    changes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ListedRun:
    """A run among the others.

    Parameters
    ----------
    run : SavedRun
        With its id.
    means : mapping of str to float
        Of the metrics, over the run's fragments.
    delta : float, optional
        By how much its public score is above the baseline's; None where one is not known.
    best, baseline : bool
        Whether it is the best scored one, or the one that is frozen.
    """

    run: SavedRun
    means: Mapping[str, float] = field(hash=False)
    delta: float | None = None
    best: bool = False
    baseline: bool = False

    @property
    def run_id(self) -> int:
        """The id that the workspace gave it."""
        if self.run.id is None:
            raise RuntimeError("a run of a workspace has an id")
        return self.run.id

    @property
    def marks(self) -> tuple[str, ...]:
        """What is said of it in a list."""
        words = (("best", self.best), ("baseline", self.baseline))
        return tuple(word for word, holds in words if holds)


@dataclass(frozen=True, slots=True)
class RunList:
    """The runs of a workspace, as they were at one moment.

    Parameters
    ----------
    runs : tuple of ListedRun
        Oldest first.
    baseline_changes : tuple of str
        What is kept of the baseline's run now that is another than when it was frozen, in words.
    damage : tuple of Damage
        Rows that were left out.
    """

    runs: tuple[ListedRun, ...] = ()
    baseline_changes: tuple[str, ...] = ()
    damage: tuple[Damage, ...] = ()

    @property
    def baseline(self) -> ListedRun | None:
        """The run that is frozen; None if none is."""
        return next((listed for listed in self.runs if listed.baseline), None)

    @property
    def best(self) -> ListedRun | None:
        """The best scored run; None while none has a score."""
        return next((listed for listed in self.runs if listed.best), None)

    def find(self, run_id: int | None) -> ListedRun | None:
        """Return a run by its id; None if it is not there."""
        return next((listed for listed in self.runs if listed.run_id == run_id), None)


def judge(
    run: SavedRun,
    baseline: SavedRun,
    runs: Sequence[SavedRun],
    check: ArchiveCheck,
    baseline_faults: Sequence[str] = (),
) -> Verdict:
    """Judge a run against a baseline.

    It is a go only if the run's public score is above the baseline's, and its archive stands as it
    was kept. If it does not stand, the best one is looked for among the other runs; whether theirs
    stand does not matter, for the next export is often written over the one before.

    Parameters
    ----------
    run : SavedRun
    baseline : SavedRun
        As it was when it was frozen, if it was, with the scores that are known now.
    runs : sequence of SavedRun
        All that there are.
    check : ArchiveCheck
        Of the run's archive.
    baseline_faults : sequence of str
        What is wrong with the baseline.

    Returns
    -------
    Verdict
    """
    against = _faults_of_scores(run, baseline)
    faults = (*against, *(f"{run_name(run)}: {fault}" for fault in check.faults))
    trusted = [other for other in runs if check.stands or other.id != run.id]
    return Verdict(
        go=not faults,
        reasons=faults or (_told_gain(run, baseline), "its archive is unchanged and valid"),
        best_run=best_scored(trusted),
        deltas=figure_deltas(run, baseline),
        notes=tuple(f"baseline {run_name(baseline)}: {fault}" for fault in baseline_faults),
        unscored=_unscored(run, baseline),
    )


def best_scored(runs: Sequence[SavedRun]) -> SavedRun | None:
    """Return the run with the highest public score, the first of equal ones; None if none has."""
    scored = [run for run in runs if run.public_score is not None]
    return max(scored, key=lambda run: (run.public_score or 0.0, -(run.id or 0)), default=None)


def figure_deltas(run: SavedRun, baseline: SavedRun) -> tuple[FigureDelta, ...]:
    """Return scores and mean metrics of two runs, those that one of them has at least.

    The means are taken over the fragments of both, or over each run's own where they share none.
    """
    shared = run.metrics.keys() & baseline.metrics.keys()
    means, base = (
        mean_metrics(
            {name: of.metrics[name] for name in of.metrics if name in shared or not shared}
        )
        for of in (run, baseline)
    )
    scores = [FigureDelta(name, getattr(run, name), getattr(baseline, name)) for name in _SCORES]
    names = [*means, *(name for name in base if name not in means)]
    metrics = [FigureDelta(name, means.get(name), base.get(name)) for name in names]
    known = (one for one in scores if one.value is not None or one.baseline is not None)
    return (*known, *metrics)


def mean_metrics(metrics: Mapping[str, Metrics]) -> dict[str, float]:
    """Return the mean over the fragments of every figure that all of them have.

    Parameters
    ----------
    metrics : mapping of str to Metrics
        By image_id.
    """
    by_name: dict[str, list[float]] = {}
    for figures in metrics.values():
        for name, value in figures.items():
            if value is not None:
                by_name.setdefault(name, []).append(value)
    return {
        name: math.fsum(values) / len(values)
        for name, values in by_name.items()
        if len(values) == len(metrics)
    }


def changed_since_frozen(baseline: Baseline, run: SavedRun) -> tuple[str, ...]:
    """Return what of a run is another than when it was frozen, in words.

    Parameters
    ----------
    baseline : Baseline
    run : SavedRun
        The same run as it is kept now.
    """
    pairs = {
        "archive": (baseline.archive_sha256, run.archive_sha256),
        "settings": (dict(baseline.settings), dict(run.settings)),
        "metrics": (dict(baseline.metrics), dict(run.metrics)),
    }
    return tuple(
        f"its {name} are kept as others than when it was frozen; those frozen count"
        if name != "archive"
        else "another archive is kept of it than when it was frozen; the one frozen counts"
        for name, (frozen, now) in pairs.items()
        if frozen != now
    )


def listed_runs(
    runs: Sequence[SavedRun], frozen: Baseline | None, damage: Sequence[Damage] = ()
) -> RunList:
    """Return runs with their means, marks, and deltas to the baseline.

    Parameters
    ----------
    runs : sequence of SavedRun
        Oldest first.
    frozen : Baseline, optional
    damage : sequence of Damage
        Rows that were left out.
    """
    baseline = next((run for run in runs if frozen is not None and run.id == frozen.run_id), None)
    best = best_scored(runs)
    return RunList(
        tuple(
            ListedRun(
                run,
                mean_metrics(run.metrics),
                None
                if baseline is None
                else FigureDelta("public_score", run.public_score, baseline.public_score).delta,
                best=best is not None and run.id == best.id,
                baseline=baseline is not None and run.id == baseline.id,
            )
            for run in runs
        ),
        () if frozen is None or baseline is None else changed_since_frozen(frozen, baseline),
        tuple(damage),
    )


def run_name(run: SavedRun) -> str:
    """Return what people call a run: its id, and its tag if it has one."""
    tag = f" ({printable(run.tag)})" if run.tag else ""
    return f"run {run.id}{tag}"


def _faults_of_scores(run: SavedRun, baseline: SavedRun) -> tuple[str, ...]:
    """Return why the run's public score is not above the baseline's."""
    if run.id == baseline.id:
        return (f"{run_name(run)} is the baseline itself",)
    if run.public_score is None or baseline.public_score is None:
        return tuple(f"{run_name(one)} has no public score yet" for one in _unscored(run, baseline))
    if run.public_score > baseline.public_score:
        return ()
    return (
        f"the public score {run.public_score:g} is not above the {baseline.public_score:g} of the "
        f"baseline, {run_name(baseline)}",
    )


def _unscored(*runs: SavedRun) -> tuple[SavedRun, ...]:
    return tuple(run for run in runs if run.public_score is None)


def _told_gain(run: SavedRun, baseline: SavedRun) -> str:
    value, base = run.public_score or 0.0, baseline.public_score or 0.0
    return (
        f"the public score {value:g} is above the {base:g} of the baseline, "
        f"{run_name(baseline)}, by {value - base:.6g}"
    )
