"""Whether the archives of runs are as they were, and still valid."""

from __future__ import annotations

from dataclasses import replace

from napari_nx46.files.submission.reading import ANY_DENSITY
from napari_nx46.files.submission.validation import validate_submission
from napari_nx46.files.workspace import SavedRun
from napari_nx46.run.export.manifest_reading import file_sha256
from napari_nx46.run.judge.verdict import ArchiveCheck
from napari_nx46.voxels.workers import CancelCheck, never

__all__ = ["check_archive", "hash_archive"]


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
