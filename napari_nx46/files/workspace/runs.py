"""The tables of runs and of the frozen baselines."""

from __future__ import annotations

from collections.abc import Mapping

from napari_nx46.files.workspace.columns import Column, metrics_text
from napari_nx46.files.workspace.database import Database, Row, Select
from napari_nx46.files.workspace.errors import WorkspaceError
from napari_nx46.files.workspace.rows import BASELINE, RUN, SCORES, Baseline, SavedRun, utc_now
from napari_nx46.files.workspace.settings import SettingTable

_RUN_COLUMNS = "id, time, tag, note, archive, archive_sha256, public_score, private_score"
_BASELINE_COLUMNS = "run_id, time, archive, archive_sha256"
_FRAGMENT_COLUMNS = "image_id, setting, metrics"


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
        columns = RUN.columns(run, "settings", "metrics", "id")
        with self._database.writing():
            number = self._database.insert("runs", columns)
            for image_id, setting in run.settings.items():
                metrics = run.metrics.get(image_id)
                fragment: dict[str, Column] = {
                    "run_id": number,
                    "image_id": image_id,
                    "setting": self._settings.keep(setting),
                    "metrics": None if metrics is None else metrics_text(metrics),
                }
                self._database.insert("run_fragments", fragment)
        return number

    def all(self, limit: int) -> tuple[SavedRun, ...]:
        """Return the newest runs, oldest first."""
        with self._database.reading():
            of_them = "run_id IN (SELECT id FROM runs ORDER BY rowid DESC LIMIT ?)"
            self._settings.read_ahead(Select("run_fragments", "setting", of_them, (limit,)))
            return self._database.values(Select("runs", _RUN_COLUMNS, limit=limit), self._run)

    def one(self, run_id: int) -> SavedRun:
        """Return a run; see `Workspace.run`."""
        select = Select("runs", _RUN_COLUMNS, "id = ?", (run_id,))
        found = self._database.values(select, self._run)
        if not found:
            raise self._missing(run_id)
        return found[0]

    def set_scores(self, run_id: int, scores: Mapping[str, float | None]) -> None:
        """Set columns of scores, by their name."""
        SCORES.parse(scores)
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
            frozen = Baseline(
                run_id, utc_now(), run.archive, run.archive_sha256, run.settings, run.metrics
            )
            number = self._database.insert(
                "baselines", BASELINE.columns(frozen, "settings", "metrics")
            )
            self._database.execute(
                "INSERT INTO baseline_fragments (baseline, image_id, setting, metrics)"
                " SELECT ?, image_id, setting, metrics FROM run_fragments WHERE run_id = ?",
                (number, run_id),
            )
        return frozen

    def baseline(self) -> Baseline | None:
        """Return what was frozen last; see `Workspace.baseline`."""
        select = Select("baselines", _BASELINE_COLUMNS, limit=1)
        found = self._database.values(select, self._baseline)
        return found[0] if found else None

    def _run(self, row: Row) -> SavedRun:
        return RUN.parse({**row, **self._fragments("run_fragments", "run_id", row["id"])})

    def _baseline(self, row: Row) -> Baseline:
        return BASELINE.parse(
            {**row, **self._fragments("baseline_fragments", "baseline", row["rowid"])}
        )

    def _fragments(self, table: str, owner: str, number: Column) -> dict[str, object]:
        """Return what belongs to a run or a baseline: all of it, or it counts as damaged."""
        rows = self._database.rows(Select(table, _FRAGMENT_COLUMNS, f"{owner} = ?", (number,)))
        return {
            "settings": {row["image_id"]: self._settings.read(row["setting"]) for row in rows},
            "metrics": {
                row["image_id"]: row["metrics"] for row in rows if row["metrics"] is not None
            },
        }

    def _check_is_there(self, run_id: int) -> None:
        query = "SELECT id FROM runs WHERE id = ?"
        if self._database.execute(query, (run_id,)).fetchone() is None:
            raise self._missing(run_id)

    def _missing(self, run_id: int) -> WorkspaceError:
        numbers = self._database.values(Select("runs", "id", limit=10), lambda row: row["id"])
        there = ", ".join(map(str, numbers)) or "none"
        return WorkspaceError(
            self._database.path, f"there is no readable run {run_id}; the newest runs are: {there}"
        )
