"""The runs of a workspace as people read them: means, marks, and the deltas to the baseline."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from napari_nx46.files.workspace import Damage, SavedRun, Workspace
from napari_nx46.run.judge.verdict import best_scored, changed_since_frozen, mean_metrics

__all__ = ["ListedRun", "RunList", "list_runs"]


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


def list_runs(workspace: Workspace) -> RunList:
    """Return the runs of a workspace; no archive is read.

    Raises
    ------
    WorkspaceError
        If the file cannot be read.
    """
    with workspace.snapshot():
        runs, frozen = workspace.runs(), workspace.baseline()
    baseline = next((run for run in runs if frozen is not None and run.id == frozen.run_id), None)
    best = best_scored(runs)
    return RunList(
        tuple(
            ListedRun(
                run,
                mean_metrics(run.metrics),
                None if baseline is None else _delta(run.public_score, baseline.public_score),
                best=best is not None and run.id == best.id,
                baseline=baseline is not None and run.id == baseline.id,
            )
            for run in runs
        ),
        () if frozen is None or baseline is None else changed_since_frozen(frozen, baseline),
        workspace.damage,
    )


def _delta(score: float | None, baseline: float | None) -> float | None:
    return None if score is None or baseline is None else score - baseline
