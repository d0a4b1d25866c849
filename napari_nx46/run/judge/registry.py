"""The runs of a workspace: keeping what was exported, scoring it, and finding it again."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from napari_nx46.core.measure.volume import measure_volume
from napari_nx46.files.naming import shown
from napari_nx46.files.workspace import SavedRun, Workspace, WorkspaceError
from napari_nx46.run.compare.mask_sets import open_archive
from napari_nx46.run.export.export import RunResult, exported_run
from napari_nx46.run.export.manifest import RunOptions
from napari_nx46.run.export.manifest_reading import (
    ManifestError,
    RecordedRun,
    read_manifest,
)
from napari_nx46.run.export.targets import manifest_path
from napari_nx46.run.judge.kept_exports import keep_run
from napari_nx46.run.judge.verdict import changed_since_frozen, run_name
from napari_nx46.voxels.workers import CancelCheck, Workers, never

__all__ = [
    "BASELINE_WORD",
    "SCORE_NAMES",
    "FrozenRun",
    "add_archive",
    "as_frozen",
    "find_run",
    "frozen_run",
    "register_export",
    "score_run",
]

BASELINE_WORD = "baseline"
"""What stands for the run that is frozen, wherever a run is asked for."""

SCORE_NAMES = ("public_score", "private_score")
"""The scores of a run, by the names of its fields."""

_MOST_IDS_TOLD = 10


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


# ---- keeping runs --------------------------------------------------------------------------


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


def add_archive(
    workspace: Workspace,
    archive: Path,
    *,
    tag: str | None = None,
    workers: Workers | None = None,
    cancelled: CancelCheck = never,
) -> SavedRun:
    """Keep an archive that lies somewhere, with the manifest beside it, as a run.

    Parameters
    ----------
    workspace : Workspace
    archive : Path
    tag : str, optional
        By default the manifest's.
    workers : Workers, optional
        Threads to measure the masks with.
    cancelled : callable
        Asked between slices.

    Returns
    -------
    SavedRun
        As `register_export`.

    Raises
    ------
    ManifestError
        If there is no manifest, it cannot be used, or it tells of other masks.
    VolumeError
        If the archive is not valid, or changed meanwhile.
    WorkspaceError
        If the run cannot be kept.
    OSError
        If a file cannot be read.
    Cancelled
        If ``cancelled()`` became True; the one of the core or of the files.
    """
    recorded = _manifest_of(archive)
    masks = open_archive(archive, with_record=True, cancelled=cancelled)
    if masks.notes:
        raise ManifestError(f"{masks.notes[0]}; expected the manifest of {archive}")
    (file,) = masks.files
    metrics = {
        image_id: measure_volume(
            mask.read(cancelled), workers=workers, cancelled=cancelled
        ).as_record()
        for image_id, mask in masks.masks.items()
    }
    return keep_run(
        workspace,
        SavedRun(
            settings=masks.settings,
            metrics=metrics,
            tag=recorded.tag if tag is None else tag,
            archive=archive.absolute(),
            archive_sha256=file.sha256,
        ),
    )


def score_run(workspace: Workspace, run_id: int, name: str, score: float | None) -> SavedRun:
    """Give a run one of its scores, or take it back; the other one stays.

    Parameters
    ----------
    workspace : Workspace
    run_id : int
    name : str
        One of `SCORE_NAMES`.
    score : float, optional
        In [0, 1].

    Returns
    -------
    SavedRun
        As it is kept now.

    Raises
    ------
    ValueError
        If the score is not in [0, 1].
    WorkspaceError
        If there is no such run, or the file cannot be written.
    """
    with workspace.transaction():
        run = workspace.run(run_id)
        scores = {known: getattr(run, known) for known in SCORE_NAMES} | {name: score}
        workspace.clear_scores(run_id)
        workspace.set_scores(run_id, scores["public_score"], scores["private_score"])
        return workspace.run(run_id)


def _manifest_of(archive: Path) -> RecordedRun:
    if not archive.is_file():
        raise ManifestError(f"{archive}: found no file, expected a submission archive")
    path = manifest_path(archive)
    if not path.exists():
        raise ManifestError(
            f"{archive}: found no manifest beside it, expected {path.name}, as nx46 export "
            "writes it: without it nobody knows the settings"
        )
    return read_manifest(path)


# ---- finding runs --------------------------------------------------------------------------


def find_run(workspace: Workspace, reference: str) -> SavedRun:
    """Return the run that people mean.

    Parameters
    ----------
    workspace : Workspace
    reference : str
        The run's id; else `BASELINE_WORD` for the frozen one, where there is one; else its tag.

    Raises
    ------
    WorkspaceError
        If there is no such run, or several have this tag; tells which there are.
    """
    if reference.isascii() and reference.isdecimal():
        return workspace.run(_bounded_id(workspace, reference))
    if reference == BASELINE_WORD:
        frozen = frozen_run(workspace)
        if frozen is not None:
            return frozen.run
    runs = workspace.runs()
    found = [run for run in runs if run.tag and run.tag == reference]
    if len(found) == 1:
        return found[0]
    if found:
        ids = ", ".join(str(run.id) for run in found[-_MOST_IDS_TOLD:])
        raise WorkspaceError(
            workspace.path,
            f"found {len(found)} runs with the tag {shown(reference)!r}; give the id of one: {ids}",
        )
    there = "; ".join(run_name(run) for run in runs[-_MOST_IDS_TOLD:]) or "none"
    raise WorkspaceError(
        workspace.path,
        f"found no run with the tag {shown(reference)!r}; the newest runs are: {there}",
    )


def frozen_run(workspace: Workspace) -> FrozenRun | None:
    """Return the baseline that was frozen last; None if nothing was.

    Raises
    ------
    WorkspaceError
        If its run cannot be read.
    """
    baseline = workspace.baseline()
    if baseline is None:
        return None
    run = workspace.run(baseline.run_id)
    frozen = replace(
        run,
        archive=baseline.archive,
        archive_sha256=baseline.archive_sha256,
        settings=baseline.settings,
        metrics=baseline.metrics,
    )
    return FrozenRun(frozen, changed_since_frozen(baseline, run))


def as_frozen(workspace: Workspace, run: SavedRun) -> FrozenRun:
    """Return a run as it was frozen, if it is the baseline; else as it is.

    Raises
    ------
    WorkspaceError
        If the baseline's run cannot be read.
    """
    frozen = frozen_run(workspace)
    return frozen if frozen is not None and frozen.run.id == run.id else FrozenRun(run, ())


def _bounded_id(workspace: Workspace, reference: str) -> int:
    """Return an id that SQLite can be asked for."""
    most_digits = 18
    if len(reference) > most_digits:
        raise WorkspaceError(workspace.path, f"found {shown(reference)!r}, expected a run's id")
    return int(reference)
