"""The tables of runs and of the frozen baselines."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from napari_nx46.files.workspace.database import Database
from napari_nx46.files.workspace.encoding import (
    LONGEST_NOTE,
    LONGEST_TAG,
    Column,
    as_metrics,
    metrics_text,
    parse_image_id,
    parse_json,
    parse_score,
    parse_sha256,
    parse_text,
    parse_time,
    time_text,
)
from napari_nx46.files.workspace.errors import RowError, WorkspaceError
from napari_nx46.files.workspace.rows import Baseline, Metrics, SavedRun, utc_now
from napari_nx46.files.workspace.settings import SettingTable
from napari_nx46.setting import Setting

_LONGEST_PATH = 4096
_RUN_COLUMNS = "id, time, tag, note, archive, archive_sha256, public_score, private_score"
_MOST_FRAGMENTS = 10_000

Fragments = tuple[dict[str, Setting], dict[str, Metrics]]
"""Settings and metrics by image_id."""


class RunTable:
    """Runs with their fragments, and baselines with copies of those.

    Parameters
    ----------
    database : Database
    settings : SettingTable
    """

    def __init__(self, database: Database, settings: SettingTable) -> None:
        self._database = database
        self._settings = settings

    def add(self, run: SavedRun) -> int:
        """Keep a run; see `Workspace.add_run`."""
        values = _run_values(run)
        with self._database.writing():
            cursor = self._database.execute(
                "INSERT INTO runs (time, tag, note, archive, archive_sha256, public_score,"
                " private_score) VALUES (?, ?, ?, ?, ?, ?, ?)",
                values,
            )
            number = cursor.lastrowid
            if number is None:
                raise WorkspaceError(self._database.path, "the new run was given no number")
            for image_id, setting in run.settings.items():
                metrics = run.metrics.get(image_id)
                self._database.execute(
                    "INSERT INTO run_fragments VALUES (?, ?, ?, ?)",
                    (
                        number,
                        parse_image_id(image_id),
                        self._settings.keep(setting),
                        None if metrics is None else metrics_text(metrics),
                    ),
                )
        return number

    def all(self, limit: int) -> tuple[SavedRun, ...]:
        """Return the newest runs, oldest first."""
        with self._database.reading():
            rows = self._database.rows("runs", _RUN_COLUMNS, limit=limit)
            runs = (self._checked_run(row) for _, row in rows)
            return tuple(run for run in runs if run is not None)

    def one(self, run_id: int) -> SavedRun:
        """Return a run; see `Workspace.run`."""
        with self._database.reading():
            row = self._database.row("runs", _RUN_COLUMNS, "id = ?", run_id)
            run = None if row is None else self._checked_run(row)
        if run is None:
            raise self._missing(run_id)
        return run

    def set_scores(self, run_id: int, scores: Mapping[str, float | None]) -> None:
        """Set columns of scores, by their name."""
        for name, score in scores.items():
            parse_score(score, name)
        with self._database.writing():
            self._check_is_there(run_id)
            for name, score in scores.items():
                self._database.execute(f"UPDATE runs SET {name} = ? WHERE id = ?", (score, run_id))

    def freeze(self, run_id: int) -> Baseline:
        """Freeze a run as it is now; see `Workspace.freeze_baseline`."""
        with self._database.writing():
            run = self.one(run_id)
            if run.archive is None or run.archive_sha256 is None:
                raise WorkspaceError(
                    self._database.path,
                    f"run {run_id} has no archive to compare with; export it, then freeze that run",
                )
            frozen_at = utc_now()
            cursor = self._database.execute(
                "INSERT INTO baselines (run_id, time, archive, archive_sha256) VALUES (?, ?, ?, ?)",
                (run_id, time_text(frozen_at), str(run.archive), run.archive_sha256),
            )
            self._database.execute(
                "INSERT INTO baseline_fragments (baseline, image_id, setting, metrics)"
                " SELECT ?, image_id, setting, metrics FROM run_fragments WHERE run_id = ?",
                (cursor.lastrowid, run_id),
            )
        return Baseline(
            run_id, frozen_at, run.archive, run.archive_sha256, run.settings, run.metrics
        )

    def baseline(self) -> Baseline | None:
        """Return what was frozen last; see `Workspace.baseline`."""
        columns = "run_id, time, archive, archive_sha256"
        with self._database.reading():
            for number, row in self._database.rows("baselines", columns, limit=1):
                try:
                    return self._parse_baseline(number, row)
                except RowError as error:
                    self._database.note_damage("baselines", number, str(error))
        return None

    def _checked_run(self, row: tuple[Column, ...]) -> SavedRun | None:
        """Return the run of a row, or note that it is damaged."""
        try:
            return self._parse_run(row)
        except RowError as error:
            self._database.note_damage("runs", str(row[0]), str(error))
            return None

    def _parse_run(self, row: tuple[Column, ...]) -> SavedRun:
        number, time, tag, note, archive, archive_sha256, public_score, private_score = row
        settings, metrics = self._fragments("run_fragments", "run_id", number)
        run = SavedRun(
            settings=settings,
            metrics=metrics,
            tag=parse_text(tag, LONGEST_TAG),
            note=parse_text(note, LONGEST_NOTE),
            archive=None if archive is None else parse_path(archive),
            archive_sha256=None if archive_sha256 is None else parse_sha256(archive_sha256),
            public_score=parse_score(public_score, "public_score"),
            private_score=parse_score(private_score, "private_score"),
            time=parse_time(time),
            id=number if isinstance(number, int) else None,
        )
        _check_archive(run)
        return run

    def _parse_baseline(self, number: int, row: tuple[Column, ...]) -> Baseline:
        run_id, time, archive, archive_sha256 = row
        if not isinstance(run_id, int):
            raise RowError(f"found {type(run_id).__name__}, expected the number of a run")
        settings, metrics = self._fragments("baseline_fragments", "baseline", number)
        return Baseline(
            run_id,
            parse_time(time),
            parse_path(archive),
            parse_sha256(archive_sha256),
            settings,
            metrics,
        )

    def _fragments(self, table: str, owner: str, number: Column) -> Fragments:
        """Return what belongs to a run or a baseline: all of it, or it counts as damaged."""
        settings: dict[str, Setting] = {}
        figures: dict[str, Metrics] = {}
        query = f"SELECT rowid FROM {table} WHERE {owner} = ? ORDER BY rowid LIMIT ?"
        numbers = self._database.execute(query, (number, _MOST_FRAGMENTS)).fetchall()
        for (row_number,) in numbers:
            row = self._database.row(table, "image_id, setting, metrics", "rowid = ?", row_number)
            if row is None:
                raise RowError("one of its fragments cannot be read")
            image_id = parse_image_id(row[0])
            settings[image_id] = self._settings.read(row[1])
            if row[2] is not None:
                figures[image_id] = as_metrics(parse_json(row[2]))
        if not settings:
            raise RowError("found no fragments, expected at least one")
        return settings, figures

    def _check_is_there(self, run_id: int) -> None:
        if self._database.row("runs", "id", "id = ?", run_id) is None:
            raise self._missing(run_id)

    def _missing(self, run_id: int) -> WorkspaceError:
        numbers = [number for number, _ in self._database.rows("runs", "id", limit=10)]
        there = ", ".join(map(str, numbers)) or "none"
        return WorkspaceError(
            self._database.path, f"there is no readable run {run_id}; the newest runs are: {there}"
        )


def _run_values(run: SavedRun) -> tuple[Column, ...]:
    """Return the columns of a run, checked.

    Raises
    ------
    ValueError
        If one could not be read back.
    """
    if not run.settings:
        raise ValueError("found a run without fragments, expected at least one")
    strangers = sorted(set(run.metrics) - set(run.settings))
    if strangers:
        raise ValueError(
            f"found metrics of {', '.join(strangers)}, which the run has no setting of"
        )
    _check_archive(run)
    return (
        time_text(run.time),
        parse_text(run.tag, LONGEST_TAG),
        parse_text(run.note, LONGEST_NOTE),
        None if run.archive is None else parse_text(str(run.archive.absolute()), _LONGEST_PATH),
        None if run.archive_sha256 is None else parse_sha256(run.archive_sha256),
        parse_score(run.public_score, "public_score"),
        parse_score(run.private_score, "private_score"),
    )


def _check_archive(run: SavedRun) -> None:
    if (run.archive is None) != (run.archive_sha256 is None):
        raise RowError("found an archive or a SHA-256 of one; expected both or none")


def parse_path(column: Column) -> Path:
    """Return the path of an archive.

    Raises
    ------
    RowError
        If it is none, or too long.
    """
    text = parse_text(column, _LONGEST_PATH)
    if not text or "\0" in text:
        raise RowError("found no path of an archive")
    return Path(text)
