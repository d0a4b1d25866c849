"""What a workspace keeps, as values."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from napari_nx46.setting import Setting

Metrics = Mapping[str, float | None]
"""Figures by name; None where one is not known."""

LARGEST_THUMBNAIL_BYTES = 256 * 1024
"""A picture of 96 x 96 voxels takes a few kilobytes; anything beyond this is none."""


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
    id : str
        32 hexadecimal digits.
    """

    image_id: str
    setting: Setting
    time: datetime = field(default_factory=utc_now)
    metrics: Metrics = field(default_factory=dict, hash=False)
    thumbnail: bytes | None = field(default=None, repr=False)
    tag: str = ""
    id: str = field(default_factory=new_entry_id)


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
    """

    letter: str
    setting: Setting
    time: datetime = field(default_factory=utc_now)


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

    settings: Mapping[str, Setting] = field(hash=False)
    metrics: Mapping[str, Metrics] = field(default_factory=dict, hash=False)
    tag: str = ""
    note: str = ""
    archive: Path | None = None
    archive_sha256: str | None = None
    public_score: float | None = None
    private_score: float | None = None
    time: datetime = field(default_factory=utc_now)
    id: int | None = None


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

    run_id: int
    time: datetime
    archive: Path
    archive_sha256: str
    settings: Mapping[str, Setting] = field(hash=False)
    metrics: Mapping[str, Metrics] = field(default_factory=dict, hash=False)
