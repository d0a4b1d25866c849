"""Freezing a baseline, judging a run against it, and keeping the best one's settings accepted."""

from __future__ import annotations

from collections.abc import Callable

from napari_nx46.files.workspace import Baseline, SavedRun, Workspace, WorkspaceError
from napari_nx46.run.judge.archive_checks import check_archive, hash_archive
from napari_nx46.run.judge.registry import as_frozen, frozen_run
from napari_nx46.run.judge.verdict import Verdict, judge, run_name
from napari_nx46.setting import Setting
from napari_nx46.voxels.workers import never

__all__ = ["FreezeError", "accept_best", "freeze_run", "give_verdict"]


class FreezeError(ValueError):
    """A run whose archive does not stand for it, so that it is no baseline.

    Parameters
    ----------
    run : SavedRun
    faults : tuple of str
        What is wrong with the archive, in words.
    """

    def __init__(self, run: SavedRun, faults: tuple[str, ...]) -> None:
        super().__init__("\n".join(f"{run_name(run)}: {fault}" for fault in faults))
        self.faults = faults


def freeze_run(
    workspace: Workspace, run: SavedRun, cancelled: Callable[[], bool] = never
) -> Baseline:
    """Freeze a run as the baseline, if its archive is there, unchanged and valid.

    Parameters
    ----------
    workspace : Workspace
    run : SavedRun
    cancelled : callable
        Asked before every slice.

    Raises
    ------
    FreezeError
        If the archive does not stand for the run; the baseline stays as it was.
    WorkspaceError
        If the file cannot be written.
    Cancelled
        If ``cancelled()`` became True; the one of the files.
    """
    check = check_archive(run, cancelled)
    if run.id is None or not check.stands:
        raise FreezeError(run, check.faults)
    return workspace.freeze_baseline(run.id)


def give_verdict(
    workspace: Workspace,
    run: SavedRun,
    baseline: SavedRun | None = None,
    cancelled: Callable[[], bool] = never,
) -> Verdict:
    """Judge a run of a workspace against a baseline, whose archive is checked as well.

    Parameters
    ----------
    workspace : Workspace
    run : SavedRun
    baseline : SavedRun, optional
        By default the frozen one. Of the run that is frozen what was frozen counts.
    cancelled : callable
        Asked before every slice.

    Raises
    ------
    WorkspaceError
        If there is no baseline.
    Cancelled
        If ``cancelled()`` became True; the one of the files.
    """
    against = frozen_run(workspace) if baseline is None else as_frozen(workspace, baseline)
    if against is None:
        raise WorkspaceError(
            workspace.path,
            "found no frozen baseline; freeze a run with: nx46 runs freeze RUN, or give one with "
            "--baseline RUN",
        )
    check = check_archive(run, cancelled)
    faults = (*against.changes, *hash_archive(against.run).faults)
    return judge(run, against.run, workspace.runs(), check, faults)


def accept_best(workspace: Workspace, best: SavedRun) -> dict[str, Setting]:
    """Make the settings of the best run the accepted ones of its fragments; others keep theirs.

    Parameters
    ----------
    workspace : Workspace
    best : SavedRun

    Returns
    -------
    dict
        By image_id the accepted settings that were other ones before.

    Raises
    ------
    WorkspaceError
        If the file cannot be written.
    """
    with workspace.transaction():
        before = workspace.accepted()
        workspace.set_accepted(best.settings)
    return {
        image_id: before[image_id]
        for image_id, setting in best.settings.items()
        if image_id in before and before[image_id] != setting
    }
