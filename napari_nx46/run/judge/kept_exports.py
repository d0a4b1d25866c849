"""Keeping exports as runs of a workspace, at once or when the workspace is next opened."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from pathlib import Path

from napari_nx46.files.naming import printable
from napari_nx46.files.workspace import SavedRun, Workspace, WorkspaceError, announcements
from napari_nx46.run.export.export import RunResult, exported_run
from napari_nx46.run.export.manifest import RunOptions
from napari_nx46.run.export.manifest_reading import ManifestError, file_sha256, read_manifest
from napari_nx46.run.export.targets import manifest_path
from napari_nx46.run.judge.verdict import run_name

__all__ = ["delete_export", "keep_run", "reconcile", "register_export"]


def register_export(workspace: Workspace, result: RunResult, options: RunOptions) -> SavedRun:
    """Keep an export that has just been written as a run of the workspace.

    Parameters
    ----------
    workspace : Workspace
    result : RunResult
        Of `napari_nx46.run.export.export.export`.
    options : RunOptions
        Its tag names the run.

    Returns
    -------
    SavedRun
        With its id. The same archive under the same tag is kept once: the run that is there
        already is returned.

    Raises
    ------
    WorkspaceError
        If the run cannot be kept.
    """
    return keep_run(workspace, exported_run(result, options))


def keep_run(workspace: Workspace, run: SavedRun) -> SavedRun:
    """Keep a run once, and settle what was announced of it.

    Parameters
    ----------
    workspace : Workspace
    run : SavedRun
        With its archive.

    Returns
    -------
    SavedRun
        With its id. The same archive under the same tag is kept once: the run that is there
        already is returned.

    Raises
    ------
    WorkspaceError
        If the run cannot be kept; says whether it is when the workspace is next opened.
    """
    try:
        kept = _kept_once(workspace, run)
    except WorkspaceError as error:
        if not _is_announced(workspace, run):
            raise
        raise WorkspaceError(
            workspace.path,
            f"{error.reason}; {run.archive} is written, and is kept as a run when the workspace "
            "is next opened",
        ) from error
    except ValueError as error:
        delete_export(workspace, run)
        raise WorkspaceError(workspace.path, f"the run cannot be kept: {error}") from error
    delete_export(workspace, run)
    return kept


def delete_export(workspace: Workspace, run: SavedRun) -> None:
    """Settle what was announced of an export, which is kept already or shall not be.

    Parameters
    ----------
    workspace : Workspace
    run : SavedRun
    """
    for announcement in announcements(workspace.path):
        if announcement.run is not None and _same_export(run, announcement.run):
            announcement.settle()


def reconcile(workspace: Workspace) -> tuple[str, ...]:
    """Keep the exports that are in their places but were not kept as runs.

    An export is announced beside the workspace before its archive takes its name. If its process
    was killed after that, or the workspace could not be written, it is kept now, provided that
    the archive is still the one that was announced; otherwise the announcement is removed.

    Parameters
    ----------
    workspace : Workspace

    Returns
    -------
    tuple of str
        What was done, in words; empty if nothing was to be done.
    """
    notes = []
    for announcement in announcements(workspace.path):
        run = announcement.run
        if run is None:
            announcement.settle()
            continue
        try:
            notes.append(_settled(workspace, run))
        except WorkspaceError as error:
            notes.append(f"{_export_name(run)} could not be kept as a run yet: {error}")
            break  # so could none of the others, and each would be waited for
        except OSError as error:
            reason = error.strerror or str(error)
            notes.append(f"{_export_name(run)} could not be kept as a run yet: {reason}")
            continue
        announcement.settle()
    return tuple(note for note in notes if note)


def _settled(workspace: Workspace, run: SavedRun) -> str:
    """Keep an announced run if its archive is there, and return what was done."""
    if _kept(workspace, run) is not None:
        return ""
    try:
        found = None if run.archive is None else file_sha256(run.archive)
    except FileNotFoundError:
        found = None
    if found != run.archive_sha256:
        return (
            f"{_export_name(run)} is not kept as a run: it was stopped before its archive was in "
            "place, or another has replaced that since"
        )
    try:
        kept = _kept_once(workspace, run)
    except WorkspaceError:
        raise
    except ValueError as error:
        return f"{_export_name(run)} is not kept as a run: {error}"
    words = f"kept as {run_name(kept)}: {_export_name(run)}, which had not been kept yet"
    if run.archive is None or _has_manifest(run, run.archive):
        return words
    return (
        f"{words}; the manifest and metrics.csv beside it are not its own, for it was stopped "
        "before they were replaced: export once more to get them"
    )


def _has_manifest(run: SavedRun, archive: Path) -> bool:
    """Return whether the manifest beside an archive describes the run that made it."""
    try:
        recorded = read_manifest(manifest_path(archive))
    except (OSError, ManifestError):
        return False
    return (recorded.tag, recorded.settings) == (run.tag, dict(run.settings))


def _export_name(run: SavedRun) -> str:
    return f"the export of {_minute(run.time)} to {printable(str(run.archive))}"


def _minute(time: datetime) -> str:
    return time.astimezone().strftime("%Y-%m-%d %H:%M")


def _kept_once(workspace: Workspace, run: SavedRun) -> SavedRun:
    with workspace.transaction():
        return _kept(workspace, run) or replace(run, id=workspace.add_run(run))


def _kept(workspace: Workspace, run: SavedRun) -> SavedRun | None:
    return next((other for other in workspace.runs() if _same_export(run, other)), None)


def _is_announced(workspace: Workspace, run: SavedRun) -> bool:
    return any(
        announced.run is not None and _same_export(run, announced.run)
        for announced in announcements(workspace.path)
    )


def _same_export(run: SavedRun, other: SavedRun) -> bool:
    return (run.archive, run.archive_sha256, run.tag, dict(run.settings)) == (
        other.archive,
        other.archive_sha256,
        other.tag,
        dict(other.settings),
    )
