"""The runs of a workspace: keeping, finding, scoring and freezing them, and judging their archives.

`verdict` has the rules; `kept_exports` keeps what was exported, also after a crash.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from napari_nx46.core.measure.volume import measure_volume
from napari_nx46.files.naming import printable
from napari_nx46.files.submission.reading import ANY_DENSITY
from napari_nx46.files.submission.validation import validate_submission
from napari_nx46.files.workspace import Baseline, SavedRun, Workspace, WorkspaceError
from napari_nx46.run.compare.mask_sets import open_archive
from napari_nx46.run.export.manifest_reading import (
    ManifestError,
    RecordedRun,
    file_sha256,
    read_manifest,
)
from napari_nx46.run.export.targets import manifest_path
from napari_nx46.run.judge.kept_exports import keep_run
from napari_nx46.run.judge.verdict import (
    ArchiveCheck,
    FrozenRun,
    RunList,
    Verdict,
    changed_since_frozen,
    judge,
    listed_runs,
    run_name,
)
from napari_nx46.setting import Setting
from napari_nx46.voxels.workers import CancelCheck, Workers, never

__all__ = [
    "BASELINE_WORD",
    "SCORE_NAMES",
    "FreezeError",
    "accept_best",
    "add_archive",
    "as_frozen",
    "check_archive",
    "find_run",
    "freeze_run",
    "frozen_run",
    "give_verdict",
    "hash_archive",
    "list_runs",
    "score_run",
]

BASELINE_WORD = "baseline"
"""What stands for the run that is frozen, wherever a run is asked for."""

SCORE_NAMES = ("public_score", "private_score")
"""The scores of a run, by the names of its fields."""

_MOST_IDS_SHOWN = 10


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


# ---- keeping runs --------------------------------------------------------------------------


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
        As `napari_nx46.run.judge.kept_exports.register_export`.

    Raises
    ------
    ManifestError
        If there is no manifest, it cannot be used, or it describes other masks.
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
        If there is no such run, or several have this tag; says which there are.
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
        ids = ", ".join(str(run.id) for run in found[-_MOST_IDS_SHOWN:])
        raise WorkspaceError(
            workspace.path,
            f"found {len(found)} runs with the tag {printable(reference)!r}; "
            f"give the id of one: {ids}",
        )
    there = "; ".join(run_name(run) for run in runs[-_MOST_IDS_SHOWN:]) or "none"
    raise WorkspaceError(
        workspace.path,
        f"found no run with the tag {printable(reference)!r}; the newest runs are: {there}",
    )


def list_runs(workspace: Workspace) -> RunList:
    """Return the runs of a workspace; no archive is read.

    Raises
    ------
    WorkspaceError
        If the file cannot be read.
    """
    with workspace.snapshot():
        runs, frozen = workspace.runs(), workspace.baseline()
    return listed_runs(runs, frozen, workspace.damage)


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
        raise WorkspaceError(workspace.path, f"found {printable(reference)!r}, expected a run's id")
    return int(reference)


# ---- archives of runs ----------------------------------------------------------------------


def hash_archive(run: SavedRun) -> ArchiveCheck:
    """Check that a run's archive is there, with the bytes that it had; it is not validated."""
    if run.archive is None:
        return ArchiveCheck(None, None)
    try:
        found = file_sha256(run.archive)
    except FileNotFoundError:
        return ArchiveCheck(run.archive, run.archive_sha256)
    except OSError as error:
        reason = f"it cannot be read ({error.strerror or error})"
        return ArchiveCheck(run.archive, run.archive_sha256, errors=(reason,))
    return ArchiveCheck(run.archive, run.archive_sha256, found)


def check_archive(run: SavedRun, cancelled: CancelCheck = never) -> ArchiveCheck:
    """Check that a run's archive is as it was, and still a valid submission of its fragments.

    Parameters
    ----------
    run : SavedRun
    cancelled : callable
        Asked before every slice.

    Raises
    ------
    Cancelled
        If ``cancelled()`` became True; the one of the files.
    """
    check = hash_archive(run)
    if run.archive is None or check.found_sha256 is None:
        return check
    try:
        report = validate_submission(
            run.archive, profile=None, band=ANY_DENSITY, cancelled=cancelled
        )
    except OSError as error:
        return replace(check, errors=(f"it cannot be read ({error.strerror or error})",))
    errors = [str(fault) for fault in report.errors]
    found = {mask.image_id for mask in report.masks}
    if not errors and found != set(run.settings):
        errors.append(
            f"found masks of {', '.join(sorted(found))}, expected those of "
            f"{', '.join(sorted(run.settings))}"
        )
    return replace(check, errors=tuple(errors))


# ---- freezing and judging ------------------------------------------------------------------


def freeze_run(workspace: Workspace, run: SavedRun, cancelled: CancelCheck = never) -> Baseline:
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
    cancelled: CancelCheck = never,
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
