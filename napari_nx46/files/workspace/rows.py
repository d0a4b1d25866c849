"""What a workspace keeps, as values; their fields have the types of the columns."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Annotated

from pydantic import Field

from napari_nx46.files.workspace.columns import (
    ArchivePath,
    EntryId,
    ImageId,
    KeptCorrections,
    KeptSetting,
    Letter,
    Metrics,
    Note,
    Number,
    Position,
    Score,
    Sha256,
    Tag,
    Thumbnail,
    UtcTime,
)
from napari_nx46.files.workspace.errors import RowError
from napari_nx46.files.workspace.parsing import RowType

SettingsOfFragments = Annotated[Mapping[ImageId, KeptSetting], Field(min_length=1)]
"""By image_id, of at least one fragment."""


def utc_now() -> datetime:
    """Return the time now, in UTC."""
    return datetime.now(UTC)


def new_entry_id() -> str:
    """Return an id that no other entry has, in whatever program it was made."""
    return uuid.uuid4().hex


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """A setting that rested for a moment.

    Parameters
    ----------
    image_id : str
        The fragment that was shown.
    setting : Setting
    time : datetime
        In UTC.
    metrics : mapping of str to float or None
        Figures of the setting on that fragment.
    thumbnail : bytes, optional
        The mask that was shown, as PNG of at most `LARGEST_THUMBNAIL_BYTES`.
    tag : str
        A few words of the user.
    corrections : Corrections, optional
        What was corrected by hand in that fragment; None where that was not recorded.
    id : str
        32 hexadecimal digits.
    """

    image_id: ImageId
    setting: KeptSetting
    time: UtcTime = field(default_factory=utc_now)
    metrics: Metrics = field(default_factory=dict, hash=False)
    thumbnail: Thumbnail | None = field(default=None, repr=False)
    tag: Tag = ""
    corrections: KeptCorrections | None = field(default=None, repr=False)
    id: EntryId = field(default_factory=new_entry_id)


@dataclass(frozen=True, slots=True)
class SavedPin:
    """A setting that is pinned to a letter.

    Parameters
    ----------
    letter : str
        A to Z.
    setting : Setting
    time : datetime
        When it was pinned, in UTC.
    corrections : mapping of str to Corrections
        What was corrected by hand then, by image_id.
    """

    letter: Letter
    setting: KeptSetting
    time: UtcTime = field(default_factory=utc_now)
    corrections: Mapping[ImageId, KeptCorrections] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class Accepted:
    """A setting that is accepted for a fragment.

    Parameters
    ----------
    image_id : str
    setting : Setting
    corrections : Corrections, optional
        What was corrected by hand when it was accepted; None where nothing was.
    """

    image_id: ImageId
    setting: KeptSetting
    corrections: KeptCorrections | None = None


@dataclass(frozen=True, slots=True)
class CorrectedFragment:
    """What is corrected by hand in a fragment.

    Parameters
    ----------
    image_id : str
    corrections : Corrections
    """

    image_id: ImageId
    corrections: KeptCorrections


@dataclass(frozen=True, slots=True)
class Bookmark:
    """A position with a note.

    Parameters
    ----------
    image_id : str
        The fragment.
    z, y, x : int
        The voxel.
    note : str
        Words of the user.
    time : datetime
        When it was made, in UTC.
    id : int, optional
        Given by the workspace.
    """

    image_id: ImageId
    z: Position
    y: Position
    x: Position
    note: Note = ""
    time: UtcTime = field(default_factory=utc_now)
    id: Number | None = None


@dataclass(frozen=True, slots=True)
class SavedRun:
    """Settings applied to fragments, with what came of it.

    Parameters
    ----------
    settings : mapping of str to Setting
        By image_id.
    metrics : mapping of str to Metrics
        By image_id, of these fragments or some of them.
    tag, note : str
        Words of the user.
    archive : Path, optional
        The submission archive that was written.
    archive_sha256 : str, optional
        64 hexadecimal digits of that archive's bytes; given with `archive` or not at all.
    public_score, private_score : float, optional
        Leaderboard scores in [0, 1] that the competition returned.
    time : datetime
        In UTC.
    id : int, optional
        Given by the workspace.
    """

    settings: SettingsOfFragments = field(hash=False)
    metrics: Mapping[ImageId, Metrics] = field(default_factory=dict, hash=False)
    tag: Tag = ""
    note: Note = ""
    archive: ArchivePath | None = None
    archive_sha256: Sha256 | None = None
    public_score: Score | None = None
    private_score: Score | None = None
    time: UtcTime = field(default_factory=utc_now)
    id: Number | None = None


@dataclass(frozen=True, slots=True)
class Scores:
    """Columns of a run that can be changed.

    Parameters
    ----------
    public_score, private_score : float, optional
        In [0, 1].
    """

    public_score: Score | None = None
    private_score: Score | None = None


@dataclass(frozen=True, slots=True)
class Baseline:
    """A run as it was when it was frozen, to compare others with.

    Parameters
    ----------
    run_id : int
        Of the run; its scores may still be filled in there.
    time : datetime
        When it was frozen, in UTC.
    archive : Path
        Where its archive was.
    archive_sha256 : str
        64 hexadecimal digits of the archive's bytes.
    settings : mapping of str to Setting
        By image_id.
    metrics : mapping of str to Metrics
        By image_id.
    """

    run_id: Number
    time: UtcTime
    archive: ArchivePath
    archive_sha256: Sha256
    settings: SettingsOfFragments = field(hash=False)
    metrics: Mapping[ImageId, Metrics] = field(default_factory=dict, hash=False)


def _check_run(run: SavedRun) -> SavedRun:
    strangers = sorted(set(run.metrics) - set(run.settings))
    if strangers:
        raise RowError(f"found metrics of {', '.join(strangers)}, which it has no setting of")
    if (run.archive is None) != (run.archive_sha256 is None):
        raise RowError("found an archive or a SHA-256 of one; expected both or none")
    return run


ENTRY = RowType(HistoryEntry)
PIN = RowType(SavedPin)
ACCEPTED = RowType(Accepted)
CORRECTED = RowType(CorrectedFragment)
BOOKMARK = RowType(Bookmark)
RUN = RowType(SavedRun, _check_run)
SCORES = RowType(Scores)
BASELINE = RowType(Baseline)
