"""The tables of campaigns: their runs, how their tasks ended, and what became of the runs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from pydantic import JsonValue

from napari_nx46.files.workspace.campaign_rows import (
    SavedCampaign,
    SavedOutcome,
    SavedResult,
    SavedTask,
)
from napari_nx46.files.workspace.database import MOST_ROWS, Database
from napari_nx46.files.workspace.encoding import (
    LONGEST_NOTE,
    LONGEST_TAG,
    Column,
    json_text,
    parse_image_id,
    parse_json,
    parse_object,
    parse_sha256,
    parse_text,
    parse_time,
    time_text,
)
from napari_nx46.files.workspace.errors import RowError, WorkspaceError
from napari_nx46.files.workspace.results import ResultTable
from napari_nx46.files.workspace.settings import SettingTable
from napari_nx46.setting import Setting

MOST_CAMPAIGNS = 1000
"""Campaigns that are read at a time, the newest ones."""

MOST_TASKS = 1_000_000
"""Tasks of a campaign."""

_CAMPAIGN_COLUMNS = "id, time, name, identity, details, image_ids"
_OUTCOME_COLUMNS = "run_id, checked, fault, archive_sha256, exported_run, verdict"


class CampaignTable:
    """Campaigns with their runs and tasks; the results are shared by all of them.

    Every method that writes keeps all of it or nothing. One program at a time runs a campaign;
    any number of others read meanwhile.

    Parameters
    ----------
    database : Database
    settings : SettingTable
    """

    def __init__(self, database: Database, settings: SettingTable) -> None:
        self._database = database
        self._settings = settings
        self._results = ResultTable(database)

    # ---- campaigns and runs ----------------------------------------------------------------

    def add(self, campaign: SavedCampaign) -> int:
        """Keep a campaign as a new one.

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
        if not campaign.image_ids:
            raise ValueError("found a campaign without fragments, expected at least one")
        values = (
            time_text(campaign.time),
            parse_text(campaign.name, LONGEST_TAG),
            parse_sha256(campaign.identity),
            json_text(campaign.details),
            json_text([parse_image_id(image_id) for image_id in campaign.image_ids]),
        )
        with self._database.writing():
            number = self._database.execute(
                "INSERT INTO campaigns (time, name, identity, details, image_ids)"
                " VALUES (?, ?, ?, ?, ?)",
                values,
            ).lastrowid
            if number is None:
                raise WorkspaceError(self._database.path, "the new campaign was given no number")
            self.add_runs(number, campaign.settings)
        return number

    def add_runs(self, campaign_id: int, settings: Mapping[str, Setting]) -> None:
        """Keep further runs of a campaign, after those that are there.

        Raises
        ------
        ValueError
            If a run_id is too long.
        WorkspaceError
            If there is no such campaign or it has such a run, or the file cannot be written.
        """
        with self._database.writing():
            for run_id, setting in settings.items():
                self._database.execute(
                    "INSERT INTO campaign_runs (campaign, run_id, setting) VALUES (?, ?, ?)",
                    (campaign_id, _parse_run_id(run_id), self._settings.keep(setting)),
                )

    def set_details(self, campaign_id: int, details: Mapping[str, JsonValue]) -> None:
        """Keep other details of a campaign, in place of those that are there.

        Raises
        ------
        ValueError
            If they are no JSON, or too long.
        WorkspaceError
            If the file cannot be written.
        """
        text = json_text(details)
        with self._database.writing():
            self._database.execute(
                "UPDATE campaigns SET details = ? WHERE id = ?", (text, campaign_id)
            )

    def all(self, limit: int = MOST_CAMPAIGNS) -> tuple[SavedCampaign, ...]:
        """Return the newest campaigns, oldest first; damaged ones are left out."""
        with self._database.reading():
            rows = self._database.rows("campaigns", _CAMPAIGN_COLUMNS, limit=limit)
            return tuple(filter(None, (self._checked(row) for _, row in rows)))

    def one(self, campaign_id: int) -> SavedCampaign:
        """Return a campaign.

        Raises
        ------
        WorkspaceError
            If there is none of that id, or it is damaged.
        """
        with self._database.reading():
            row = self._database.row("campaigns", _CAMPAIGN_COLUMNS, "id = ?", campaign_id)
            found = None if row is None else self._checked(row)
            if found is None:
                numbers = [number for number, _ in self._database.rows("campaigns", "id", limit=10)]
                there = ", ".join(map(str, numbers)) or "none"
                raise WorkspaceError(
                    self._database.path,
                    f"there is no readable campaign {campaign_id}; the newest are: {there}",
                )
        return found

    def newest_of(self, identity: str) -> int | None:
        """Return the id of the newest campaign of that identity; None if there is none."""
        rows = self._database.rows("campaigns", "id", "identity = ?", (identity,), limit=1)
        return rows[0][0] if rows else None

    def newest(self) -> int | None:
        """Return the id of the newest campaign; None if there is none."""
        rows = self._database.rows("campaigns", "id", limit=1)
        return rows[0][0] if rows else None

    def _checked(self, row: tuple[Column, ...]) -> SavedCampaign | None:
        try:
            return self._parse(row)
        except RowError as error:
            self._database.note_damage("campaigns", str(row[0]), str(error))
            return None

    def _parse(self, row: tuple[Column, ...]) -> SavedCampaign:
        number, time, name, identity, details, image_ids = row
        listed = parse_json(image_ids)
        if not isinstance(number, int) or not isinstance(listed, list) or not listed:
            raise RowError("found no fragments, expected a list of them")
        return SavedCampaign(
            name=parse_text(name, LONGEST_TAG),
            identity=parse_sha256(identity),
            details=parse_object(details),
            image_ids=tuple(parse_image_id(_plain(image_id)) for image_id in listed),
            settings=self._settings_of(number),
            time=parse_time(time),
            id=number,
        )

    def _settings_of(self, campaign_id: int) -> dict[str, Setting]:
        rows = self._database.rows(
            *("campaign_runs", "run_id, setting", "campaign = ?", (campaign_id,)), limit=MOST_ROWS
        )
        return {
            _parse_run_id(run_id): self._settings.read(setting) for _, (run_id, setting) in rows
        }

    # ---- tasks and results -----------------------------------------------------------------

    def result(self, key: str, *, with_slices: bool = True) -> SavedResult | None:
        """Return the result of a key; None if there is none, or it is damaged.

        Parameters
        ----------
        key : str
        with_slices : bool
            Whether the figures of the slices are read, which are most of it.
        """
        return self._results.read(key, with_slices=with_slices)

    def finish(self, campaign_id: int, task: SavedTask, result: SavedResult | None = None) -> None:
        """Keep how a task ended, in place of how it ended before.

        Parameters
        ----------
        campaign_id : int
        task : SavedTask
        result : SavedResult, optional
            Of the task's key, where it has just been computed.

        Raises
        ------
        ValueError
            If the task has neither a key nor an error, or both, or the result cannot be kept.
        WorkspaceError
            If the file cannot be written.
        """
        if (task.key is None) == (task.error is None):
            raise ValueError("expected the key of a result or an error, found both or none")
        values = (
            campaign_id,
            _parse_run_id(task.run_id),
            parse_image_id(task.image_id),
            None if task.key is None else parse_sha256(task.key),
            None if task.error is None else task.error[:LONGEST_NOTE],
        )
        with self._database.writing():
            if result is not None:
                self._results.keep(result)
            self._database.execute(
                "INSERT OR REPLACE INTO campaign_tasks (campaign, run_id, image_id, key, error)"
                " VALUES (?, ?, ?, ?, ?)",
                values,
            )

    def tasks(self, campaign_id: int, run_id: str | None = None) -> tuple[SavedTask, ...]:
        """Return the tasks that have ended, those that ended last being last.

        Parameters
        ----------
        campaign_id : int
        run_id : str, optional
            Of this run alone.
        """
        tasks = []
        of_run: tuple[str, tuple[Column, ...]] = ("campaign = ?", (campaign_id,))
        if run_id is not None:
            of_run = ("campaign = ? AND run_id = ?", (campaign_id, run_id))
        rows = self._database.rows(
            "campaign_tasks",
            "run_id, image_id, key, error",
            *of_run,
            limit=MOST_TASKS,
        )
        for number, row in rows:
            try:
                tasks.append(_parse_task(row))
            except RowError as error:
                self._database.note_damage("campaign_tasks", number, str(error))
        return tuple(tasks)

    # ---- what became of runs ---------------------------------------------------------------

    def set_outcomes(self, campaign_id: int, outcomes: Iterable[SavedOutcome]) -> None:
        """Keep what became of runs, in place of what was kept before.

        Raises
        ------
        ValueError
            If something of it could not be read back.
        WorkspaceError
            If the file cannot be written.
        """
        with self._database.writing():
            for outcome in outcomes:
                self._database.execute(
                    "UPDATE campaign_runs SET checked = ?, fault = ?, archive_sha256 = ?,"
                    " exported_run = ?, verdict = ? WHERE campaign = ? AND run_id = ?",
                    (*_outcome_values(outcome), campaign_id, _parse_run_id(outcome.run_id)),
                )

    def outcomes(self, campaign_id: int) -> tuple[SavedOutcome, ...]:
        """Return what became of the runs, in the order of the plan; damaged ones are left out."""
        outcomes = []
        rows = self._database.rows(
            "campaign_runs", _OUTCOME_COLUMNS, "campaign = ?", (campaign_id,), limit=MOST_ROWS
        )
        for number, row in rows:
            try:
                outcomes.append(_parse_outcome(row))
            except RowError as error:
                self._database.note_damage("campaign_runs", number, str(error))
        return tuple(outcomes)


# ---- rows --------------------------------------------------------------------------------------


def _parse_run_id(column: Column) -> str:
    text = parse_text(column, LONGEST_TAG)
    if not text:
        raise RowError("found an empty run_id")
    return text


def _plain(value: object) -> Column:
    return value if isinstance(value, str) else None


def _parse_task(row: Sequence[Column]) -> SavedTask:
    run_id, image_id, key, error = row
    if (key is None) == (error is None):
        raise RowError("found a key and an error, or none of both")
    return SavedTask(
        _parse_run_id(run_id),
        parse_image_id(image_id),
        None if key is None else parse_sha256(key),
        None if error is None else parse_text(error, LONGEST_NOTE),
    )


def _outcome_values(outcome: SavedOutcome) -> tuple[Column, ...]:
    if outcome.fault is not None and not outcome.checked:
        raise ValueError("found a fault of an export that was not checked")
    return (
        int(outcome.checked),
        None if outcome.fault is None else outcome.fault[:LONGEST_NOTE],
        None if outcome.archive_sha256 is None else parse_sha256(outcome.archive_sha256),
        outcome.exported_run,
        None if outcome.verdict is None else json_text(outcome.verdict),
    )


def _parse_outcome(row: Sequence[Column]) -> SavedOutcome:
    run_id, checked, fault, archive_sha256, exported_run, verdict = row
    if checked not in (0, 1) or not isinstance(exported_run, int | None):
        raise RowError("found no outcome of a run")
    return SavedOutcome(
        run_id=_parse_run_id(run_id),
        checked=checked == 1,
        fault=None if fault is None else parse_text(fault, LONGEST_NOTE),
        archive_sha256=None if archive_sha256 is None else parse_sha256(archive_sha256),
        exported_run=exported_run,
        verdict=None if verdict is None else parse_object(verdict),
    )
