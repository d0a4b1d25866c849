"""The tables of campaigns: their runs, how their tasks ended, and what became of the runs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from pydantic import JsonValue

from napari_nx46.files.workspace.campaign_rows import (
    CAMPAIGN,
    OUTCOME,
    PLANNED,
    TASK,
    PlannedRun,
    SavedCampaign,
    SavedOutcome,
    SavedResult,
    SavedTask,
)
from napari_nx46.files.workspace.columns import LONGEST_NOTE, Column, json_text
from napari_nx46.files.workspace.database import Database, Row, Select
from napari_nx46.files.workspace.errors import WorkspaceError
from napari_nx46.files.workspace.results import ResultTable
from napari_nx46.files.workspace.settings import SettingTable
from napari_nx46.setting import Setting

MOST_CAMPAIGNS = 1000
"""Campaigns that are read at a time, the newest ones."""

MOST_TASKS = 1_000_000
"""Tasks of a campaign."""

_CAMPAIGN_COLUMNS = "id, time, name, identity, details, image_ids"


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
        columns = CAMPAIGN.columns(campaign, "settings", "id")
        with self._database.writing():
            number = self._database.insert("campaigns", columns)
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
                columns = PLANNED.columns(PlannedRun(run_id, setting), "setting")
                columns |= {"campaign": campaign_id, "setting": self._settings.keep(setting)}
                self._database.insert("campaign_runs", columns)

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
        select = Select("campaigns", _CAMPAIGN_COLUMNS, limit=limit)
        return self._database.values(select, self._campaign)

    def one(self, campaign_id: int) -> SavedCampaign:
        """Return a campaign.

        Raises
        ------
        WorkspaceError
            If there is none of that id, or it is damaged.
        """
        with self._database.reading():
            select = Select("campaigns", _CAMPAIGN_COLUMNS, "id = ?", (campaign_id,))
            found = self._database.values(select, self._campaign)
            if not found:
                newest = Select("campaigns", "id", limit=10)
                numbers = self._database.values(newest, lambda row: row["id"])
                there = ", ".join(map(str, numbers)) or "none"
                raise WorkspaceError(
                    self._database.path,
                    f"there is no readable campaign {campaign_id}; the newest are: {there}",
                )
        return found[0]

    def newest_of(self, identity: str) -> int | None:
        """Return the id of the newest campaign of that identity; None if there is none."""
        return self._newest("identity = ?", identity)

    def newest(self) -> int | None:
        """Return the id of the newest campaign; None if there is none."""
        return self._newest("1")

    def _newest(self, condition: str, *values: Column) -> int | None:
        query = f"SELECT max(id) FROM campaigns WHERE {condition}"
        number: int | None = self._database.execute(query, values).fetchone()[0]
        return number

    def _campaign(self, row: Row) -> SavedCampaign:
        select = Select("campaign_runs", "run_id, setting", "campaign = ?", (row["id"],))
        self._settings.read_ahead(select)
        runs = self._database.rows(select)
        settings = {run["run_id"]: self._settings.read(run["setting"]) for run in runs}
        return CAMPAIGN.parse({**row, "settings": settings})

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
        shortened = None if task.error is None else task.error[:LONGEST_NOTE]
        columns = TASK.columns(replace(task, error=shortened))
        with self._database.writing():
            if result is not None:
                self._results.keep(result)
            self._database.execute(
                "DELETE FROM campaign_tasks WHERE campaign = ? AND run_id = ? AND image_id = ?",
                (campaign_id, task.run_id, task.image_id),
            )
            self._database.insert("campaign_tasks", {"campaign": campaign_id, **columns})

    def tasks(self, campaign_id: int, run_id: str | None = None) -> tuple[SavedTask, ...]:
        """Return the tasks that have ended, those that ended last being last.

        Parameters
        ----------
        campaign_id : int
        run_id : str, optional
            Of this run alone.
        """
        of_run: tuple[str, tuple[Column, ...]] = ("campaign = ?", (campaign_id,))
        if run_id is not None:
            of_run = ("campaign = ? AND run_id = ?", (campaign_id, run_id))
        columns = ", ".join(TASK.names)
        select = Select("campaign_tasks", columns, *of_run, limit=MOST_TASKS)
        return self._database.values(select, TASK.parse)

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
                shortened = None if outcome.fault is None else outcome.fault[:LONGEST_NOTE]
                columns = OUTCOME.columns(replace(outcome, fault=shortened))
                self._database.execute(
                    "UPDATE campaign_runs SET checked = :checked, fault = :fault,"
                    " archive_sha256 = :archive_sha256, exported_run = :exported_run,"
                    " verdict = :verdict WHERE campaign = :campaign AND run_id = :run_id",
                    {**columns, "campaign": campaign_id},
                )

    def outcomes(self, campaign_id: int) -> tuple[SavedOutcome, ...]:
        """Return what became of the runs, in the order of the plan; damaged ones are left out."""
        columns = ", ".join(OUTCOME.names)
        select = Select("campaign_runs", columns, "campaign = ?", (campaign_id,))
        return self._database.values(select, OUTCOME.parse)
