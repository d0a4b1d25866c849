"""The workspace: what of a calibration is kept, and how it is asked for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from pydantic import JsonValue

from napari_nx46.files.workspace.bookmarks import BookmarkTable
from napari_nx46.files.workspace.campaigns import CampaignTable
from napari_nx46.files.workspace.columns import LONGEST_KEY, Column, json_text, parse_json
from napari_nx46.files.workspace.corrections.table import CorrectionTable
from napari_nx46.files.workspace.database import BUSY_SECONDS, Database, Row, Select
from napari_nx46.files.workspace.errors import Damage
from napari_nx46.files.workspace.landscapes.table import LandscapeTable
from napari_nx46.files.workspace.rows import (
    ACCEPTED,
    ENTRY,
    PIN,
    Accepted,
    Baseline,
    HistoryEntry,
    SavedPin,
    SavedRun,
    utc_now,
)
from napari_nx46.files.workspace.runs import RunTable
from napari_nx46.files.workspace.settings import SettingTable
from napari_nx46.setting import Setting
from napari_nx46.voxels.corrections.corrections import Corrections

MOST_HISTORY_ENTRIES = 10_000
"""Older ones are removed."""

MOST_RUNS = 1000
"""Runs that are read at a time, the newest ones."""


class Workspace:
    """An open workspace file; to be used by the thread that opened it.

    Every method that writes keeps all of it or nothing. Several programs, or threads with a
    workspace each, may use the same file: readers see what was last written as a whole.

    Parameters
    ----------
    database : Database
        See `Workspace.open`.

    Attributes
    ----------
    landscapes : LandscapeTable
        Scores over one or two knobs.

    Examples
    --------
    >>> with Workspace.open(Path("runs.sqlite")) as workspace:  # doctest: +SKIP
    ...     workspace.save_state("setting", {"quantile": 0.95})
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._settings = SettingTable(database)
        self._corrections = CorrectionTable(database)
        self._runs = RunTable(database, self._settings)
        self.landscapes = LandscapeTable(database, self._settings, self._corrections)
        self._campaigns = CampaignTable(database, self._settings)
        self.bookmarks = BookmarkTable(database)

    @classmethod
    def open(
        cls,
        path: Path,
        *,
        create: bool = True,
        check_pages: bool = True,
        busy_seconds: float = BUSY_SECONDS,
    ) -> Workspace:
        """Open a workspace file; an older one is brought to the newest version.

        Parameters
        ----------
        path : Path
        create : bool
            Make the file, and its folder, where there is none.
        check_pages : bool
            Check all pages of the file, which reads all of it. Without, a file that is up to date
            is opened at once; for where it is, or will be, checked by another opening.
        busy_seconds : float
            For how long another program's writing is waited for.

        Raises
        ------
        WorkspaceError
            If there is no such file and none is to be made, if it is damaged, no workspace, or of
            a newer version, or cannot be written. It is left as it is.
        """
        return cls(
            Database.open(path, create=create, check_pages=check_pages, busy_seconds=busy_seconds)
        )

    @property
    def path(self) -> Path:
        """The file."""
        return self._database.path

    @property
    def damage(self) -> tuple[Damage, ...]:
        """Rows that were left out of what was read so far, because of what they hold."""
        return self._database.damage

    def close(self) -> None:
        """Give the file back; the workspace must not be used any more."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Keep everything that is written within, or nothing of it.

        Raises
        ------
        WorkspaceError
            If the file cannot be written.
        """
        with self._database.writing():
            yield

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Read everything within as it is at one moment, whoever writes meanwhile.

        Raises
        ------
        WorkspaceError
            If the file cannot be read.
        """
        with self._database.reading():
            yield

    # ---- history ---------------------------------------------------------------------------

    def add_history(self, entry: HistoryEntry) -> None:
        """Keep an entry as the newest one; one that is there already gets the new figures.

        Raises
        ------
        ValueError
            If the entry's parts are larger than what is kept, or could not be read back.
        WorkspaceError
            If the file cannot be written.
        """
        columns = ENTRY.columns(entry, "setting", "corrections")
        with self._database.writing():
            referred = {
                "setting": self._settings.keep(entry.setting),
                "corrections": self._corrections.keep_any(entry.corrections),
            }
            self._database.insert(
                "history",
                {**columns, **referred},
                "ON CONFLICT (id) DO UPDATE SET metrics = excluded.metrics,"
                " thumbnail = excluded.thumbnail, tag = excluded.tag",
            )
            self._prune_history()

    def history(self, limit: int = MOST_HISTORY_ENTRIES) -> tuple[HistoryEntry, ...]:
        """Return the newest entries, oldest first; damaged ones are left out, see `damage`."""
        return self._settings.values("history", ENTRY, limit, others=self._referred)

    def history_ids(self) -> frozenset[str]:
        """Return the ids of all entries."""
        ids = self._database.values(
            Select("history", "id", limit=MOST_HISTORY_ENTRIES), lambda row: row["id"]
        )
        return frozenset(entry_id for entry_id in ids if isinstance(entry_id, str))

    def remove_history(self, entry_ids: Iterable[str]) -> None:
        """Remove entries; those that are not there are ignored."""
        with self._database.writing():
            for entry_id in entry_ids:
                self._remove("history", "id = ?", entry_id)

    def _prune_history(self) -> None:
        # Numbers only ever grow, so that as a rule the span of them says enough, at once.
        span = "SELECT max(number) - min(number) FROM history"
        if self._database.execute(span).fetchone()[0] < MOST_HISTORY_ENTRIES:
            return
        query = "SELECT number FROM history ORDER BY number DESC LIMIT 1 OFFSET ?"
        newest_to_go = self._database.execute(query, (MOST_HISTORY_ENTRIES,)).fetchone()
        if newest_to_go is not None:
            self._remove("history", "number <= ?", newest_to_go[0])

    # ---- pins and accepted settings --------------------------------------------------------

    def set_pin(
        self,
        letter: str,
        setting: Setting,
        time: datetime | None = None,
        corrections: Mapping[str, Corrections] | None = None,
    ) -> None:
        """Pin a setting to a letter, in place of the one that was pinned to it.

        Parameters
        ----------
        letter : str
            A to Z.
        setting : Setting
        time : datetime, optional
            When it was pinned; by default now.
        corrections : mapping of str to Corrections, optional
            What was corrected by hand then, by image_id.

        Raises
        ------
        ValueError
            If it is no such letter.
        WorkspaceError
            If the file cannot be written.
        """
        pin = SavedPin(letter, setting, time or utc_now(), corrections or {})
        columns = PIN.columns(pin, "setting", "corrections")
        with self._database.writing():
            self._corrections.delete("pinned_corrections", "letter = ?", letter)
            self._replace("pins", "letter", columns, setting)
            self._corrections.pin(letter, pin.corrections)

    def remove_pin(self, letter: str) -> None:
        """Remove a pin; a letter without one is ignored."""
        with self._database.writing():
            self._corrections.delete("pinned_corrections", "letter = ?", letter)
            self._remove("pins", "letter = ?", letter)

    def pins(self) -> tuple[SavedPin, ...]:
        """Return the pins in the order of their letters; damaged ones are left out."""
        pins = self._settings.values(
            *("pins", PIN),
            columns=("letter", "setting", "time"),
            others=lambda row: {"corrections": self._corrections.pinned(row["letter"])},
        )
        return tuple(sorted(pins, key=lambda pin: pin.letter))

    def set_corrections(self, image_id: str, corrections: Corrections) -> None:
        """Keep what is corrected by hand in a fragment, in place of what was.

        Raises
        ------
        ValueError
            If no fragment can have that name, or there is more than is kept.
        WorkspaceError
            If the file cannot be written.
        """
        with self._database.writing():
            self._corrections.correct(image_id, corrections)

    def corrections(self) -> dict[str, Corrections]:
        """Return what is corrected by hand, by image_id; what is damaged is left out."""
        return self._corrections.corrected()

    def set_accepted(
        self,
        accepted: Mapping[str, Setting],
        corrections: Mapping[str, Corrections] | None = None,
    ) -> None:
        """Keep which setting is accepted for which fragment; other fragments keep theirs.

        Parameters
        ----------
        accepted : mapping of str to Setting
            By image_id.
        corrections : mapping of str to Corrections, optional
            What was corrected by hand in these fragments when that was accepted. By default what
            is kept with their accepted settings stays.

        Raises
        ------
        ValueError
            If no fragment can have one of the names.
        WorkspaceError
            If the file cannot be written.
        """
        with self._database.writing():
            frozen = self.accepted_corrections() if corrections is None else corrections
            for image_id, setting in accepted.items():
                row = Accepted(image_id, setting, frozen.get(image_id))
                columns = ACCEPTED.columns(row, "setting", "corrections")
                self._replace("accepted", "image_id", columns, setting)
                self._corrections.refer("accepted", "image_id", image_id, row.corrections)

    def remove_accepted(self, image_ids: Iterable[str]) -> None:
        """Remove the accepted setting of these fragments; those without one are ignored."""
        with self._database.writing():
            for image_id in image_ids:
                self._remove("accepted", "image_id = ?", image_id)

    def accepted(self) -> dict[str, Setting]:
        """Return the accepted settings by image_id; damaged ones are left out, see `damage`."""
        return {row.image_id: row.setting for row in self._accepted_rows()}

    def accepted_corrections(self) -> dict[str, Corrections]:
        """Return what was corrected by hand when settings were accepted, by image_id."""
        rows = self._accepted_rows()
        return {row.image_id: row.corrections for row in rows if row.corrections is not None}

    def _accepted_rows(self) -> tuple[Accepted, ...]:
        return self._settings.values("accepted", ACCEPTED, others=self._referred)

    def _referred(self, row: Row) -> dict[str, object]:
        """Return the corrections that a row refers to."""
        return {"corrections": self._corrections.read_any(row["corrections"])}

    def _replace(
        self, table: str, key: str, columns: Mapping[str, Column], setting: Setting
    ) -> None:
        """Keep a row with a setting in place of the one that has its key."""
        self._remove(table, f"{key} = ?", columns[key])
        self._database.insert(table, {**columns, "setting": self._settings.keep(setting)})

    def _remove(self, table: str, condition: str, value: Column) -> None:
        """Remove rows, and the settings and corrections that no other row has."""
        digests = self._settings.used(table, condition, (value,))
        self._corrections.delete(table, condition, value)
        self._settings.delete_unused(digests)

    # ---- state -----------------------------------------------------------------------------

    def save_state(self, key: str, value: JsonValue) -> None:
        """Keep a value under a key, in place of the one that was there.

        Raises
        ------
        ValueError
            If the key or the value is too long, or the value is no JSON.
        WorkspaceError
            If the file cannot be written.
        """
        if not 0 < len(key) <= LONGEST_KEY:
            raise ValueError(f"found a key of {len(key)} characters, expected 1 to {LONGEST_KEY}")
        text = json_text(value)
        with self._database.writing():
            self._database.execute(
                "INSERT OR REPLACE INTO state (key, value) VALUES (?, ?)", (key, text)
            )

    def state(self, key: str, default: JsonValue = None) -> JsonValue:
        """Return the value of a key; the default where there is none or it is damaged."""
        select = Select("state", "value", "key = ?", (key,))
        found = self._database.values(select, lambda row: parse_json(row["value"]))
        return found[0] if found else default

    # ---- runs and campaigns ----------------------------------------------------------------

    @property
    def campaigns(self) -> CampaignTable:
        """Campaigns with their runs, tasks and results."""
        return self._campaigns

    def add_run(self, run: SavedRun) -> int:
        """Keep a run as a new one.

        Returns
        -------
        int
            Its id.

        Raises
        ------
        ValueError
            If its parts are larger than what is kept, or could not be read back.
        WorkspaceError
            If the file cannot be written.
        """
        return self._runs.add(run)

    def runs(self, limit: int = MOST_RUNS) -> tuple[SavedRun, ...]:
        """Return the newest runs, oldest first; damaged ones are left out, see `damage`."""
        return self._runs.all(limit)

    def run(self, run_id: int) -> SavedRun:
        """Return a run.

        Raises
        ------
        WorkspaceError
            If there is none of that id, or it is damaged.
        """
        return self._runs.one(run_id)

    def set_scores(
        self, run_id: int, public: float | None = None, private: float | None = None
    ) -> None:
        """Keep the scores that the competition returned for a run.

        Parameters
        ----------
        run_id : int
        public, private : float, optional
            In [0, 1]; what is not given stays as it is.

        Raises
        ------
        ValueError
            If a score is not in [0, 1].
        WorkspaceError
            If there is no such run, or the file cannot be written.
        """
        given = {"public_score": public, "private_score": private}
        self._runs.set_scores(
            run_id, {name: score for name, score in given.items() if score is not None}
        )

    def clear_scores(self, run_id: int) -> None:
        """Remove both scores of a run, which were given by mistake.

        Raises
        ------
        WorkspaceError
            If there is no such run, or the file cannot be written.
        """
        self._runs.set_scores(run_id, {"public_score": None, "private_score": None})

    def freeze_baseline(self, run_id: int) -> Baseline:
        """Freeze a run as what others are compared with: its archive, settings and metrics.

        Raises
        ------
        WorkspaceError
            If there is no such run, it has no archive, or the file cannot be written.
        """
        return self._runs.freeze(run_id)

    def baseline(self) -> Baseline | None:
        """Return what was frozen last; None if nothing was, or it is damaged, see `damage`."""
        return self._runs.baseline()
