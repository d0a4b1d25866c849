"""Campaigns in a workspace: what is kept, as the values of `results`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import JsonValue, ValidationError

from napari_nx46.campaign.execute.keys import DataContents, digest_of_json
from napari_nx46.campaign.execute.suggest import Search, sampler_record
from napari_nx46.campaign.plan.source import DataSource
from napari_nx46.campaign.records.results import (
    CampaignPlan,
    CampaignResults,
    FragmentResult,
    PlannedRun,
    SliceResult,
    TaskState,
)
from napari_nx46.campaign.verdicts.rules import Rules, RunVerdict
from napari_nx46.files.naming import printable
from napari_nx46.files.workspace import (
    SavedCampaign,
    SavedOutcome,
    SavedResult,
    SavedTask,
    Workspace,
    WorkspaceError,
)
from napari_nx46.setting import Setting

__all__ = ["CampaignRequest", "CampaignStore", "work_file"]

WORK_FILE = "runs.sqlite"
_RULES = "rules"
_SAMPLER = "sampler"


@dataclass(frozen=True, slots=True)
class CampaignRequest:
    """What a campaign is to compute.

    Parameters
    ----------
    plan : CampaignPlan or Search
    source : DataSource
    with_score : bool
        Whether the leaderboard score of fragments with a label is computed.
    """

    plan: CampaignPlan | Search
    source: DataSource
    with_score: bool = True

    @property
    def runs(self) -> tuple[PlannedRun, ...]:
        """The runs that are known from the beginning; none of a search."""
        return self.plan.runs if isinstance(self.plan, CampaignPlan) else ()


def work_file(work: Path) -> Path:
    """Return the workspace file of what is given as ``--work``: a folder, or the file itself."""
    is_file = work.is_file() or work.suffix.lower() in {".sqlite", ".db"}
    return work if is_file else work / WORK_FILE


class CampaignStore:
    """The campaigns of an open workspace.

    Parameters
    ----------
    workspace : Workspace
    """

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self._table = workspace.campaigns

    # ---- writing ---------------------------------------------------------------------------

    def begin(self, request: CampaignRequest, contents: DataContents) -> int:
        """Return the id of the campaign of a request; the one that was begun before, if any.

        Parameters
        ----------
        request : CampaignRequest
        contents : DataContents

        Raises
        ------
        WorkspaceError
            If it cannot be kept.
        """
        identity = _identity(request, contents)
        with self.workspace.transaction():
            known = self._table.newest_of(identity)
            if known is not None:
                return known
            try:
                return self._table.add(
                    SavedCampaign(
                        name=request.plan.name,
                        identity=identity,
                        details={**_details(request), **_origin(request)},
                        image_ids=contents.image_ids,
                        settings={run.run_id: run.setting for run in request.runs},
                    )
                )
            except WorkspaceError:
                raise
            except ValueError as error:
                raise WorkspaceError(
                    self.workspace.path, f"the campaign cannot be kept: {error}"
                ) from error

    def add_runs(self, campaign_id: int, runs: Iterable[PlannedRun]) -> None:
        """Keep the runs that a search suggested; those that are there already stay.

        Raises
        ------
        WorkspaceError
            If one of them is there with another setting.
        """
        kept = self._table.one(campaign_id).settings
        for run in runs:
            if run.run_id not in kept:
                self._table.add_runs(campaign_id, {run.run_id: run.setting})
            elif kept[run.run_id] != run.setting:
                raise WorkspaceError(
                    self.workspace.path,
                    f"campaign {campaign_id}: the search suggests another setting for "
                    f"{printable(run.run_id)} than before; begin it with another seed",
                )

    def keep_rules(self, campaign_id: int, rules: Rules) -> None:
        """Keep the rules of a campaign, by which it is judged when it is resumed."""
        details = self._table.one(campaign_id).details
        kept = {**details, _RULES: rules.model_dump(mode="json")}
        if kept != details:
            self._table.set_details(campaign_id, kept)

    def finish(
        self, campaign_id: int, run_id: str, image_id: str, saved: SavedResult, *, is_new: bool
    ) -> FragmentResult:
        """Keep that a task is done, and return it.

        Parameters
        ----------
        campaign_id : int
        run_id, image_id : str
        saved : SavedResult
        is_new : bool
            Whether the result is not in the workspace yet.
        """
        task = SavedTask(run_id, image_id, key=saved.key)
        self._table.finish(campaign_id, task, saved if is_new else None)
        return _done_result(run_id, image_id, saved)

    def fail(self, campaign_id: int, run_id: str, image_id: str, reason: str) -> FragmentResult:
        """Keep that a task has failed, and return it."""
        self._table.finish(campaign_id, SavedTask(run_id, image_id, error=reason))
        return FragmentResult(run_id, image_id, TaskState.FAILED, error=reason)

    def set_outcomes(self, campaign_id: int, outcomes: Iterable[SavedOutcome]) -> None:
        """Keep what became of runs as a whole."""
        self._table.set_outcomes(campaign_id, outcomes)

    # ---- reading ---------------------------------------------------------------------------

    def measured(self, key: str) -> SavedResult | None:
        """Return what was computed under a key, in whatever campaign."""
        return self._table.result(key)

    def campaign_ids(self) -> tuple[int, ...]:
        """Return the ids of the campaigns, oldest first."""
        return tuple(one.id for one in self._table.all() if one.id is not None)

    def newest(self) -> int | None:
        """Return the id of the campaign that was begun last; None if there is none."""
        return self._table.newest()

    def request(self, campaign_id: int) -> CampaignRequest:
        """Return what a campaign was asked to compute, to go on with it.

        Raises
        ------
        WorkspaceError
            If there is no such campaign, or it is damaged.
        """
        saved = self._table.one(campaign_id)
        try:
            return _request_of(saved)
        except ValidationError as error:
            raise self._damaged(campaign_id, error) from error

    def rules(self, campaign_id: int) -> Rules:
        """Return the rules that a campaign was begun with; the usual ones if none were kept.

        Raises
        ------
        WorkspaceError
            If there is no such campaign, or it is damaged.
        """
        kept = self._table.one(campaign_id).details.get(_RULES)
        try:
            return Rules() if kept is None else Rules.model_validate(kept)
        except ValidationError as error:
            raise self._damaged(campaign_id, error) from error

    def sampler(self, campaign_id: int) -> JsonValue:
        """Return what suggested the runs of a search, as `suggest.sampler_record` returns it.

        None of other campaigns, and of searches of older versions.
        """
        return self._table.one(campaign_id).details.get(_SAMPLER)

    def settings(self, campaign_id: int) -> dict[str, Setting]:
        """Return the settings of the runs that are kept, by run_id, in the order of the plan."""
        return dict(self._table.one(campaign_id).settings)

    def results(self, campaign_id: int, *, with_slices: bool = True) -> CampaignResults:
        """Return a campaign as it stands at this moment, whoever writes meanwhile.

        Parameters
        ----------
        campaign_id : int
        with_slices : bool
            Whether the figures of the slices are wanted too.

        Raises
        ------
        WorkspaceError
            If there is no such campaign, or it is damaged.
        """
        with self.workspace.snapshot():
            saved = self._table.one(campaign_id)
            request = self.request(campaign_id)
            runs = tuple(PlannedRun(*pair) for pair in saved.settings.items())
            fragments = {
                (run.run_id, image_id): FragmentResult(run.run_id, image_id, TaskState.WAITING)
                for run in runs
                for image_id in saved.image_ids
            }
            for task in self._table.tasks(campaign_id):
                place = (task.run_id, task.image_id)
                ended = self._ended(task, with_slices) if place in fragments else None
                if ended is not None:
                    fragments[place] = ended
            outcomes = self._table.outcomes(campaign_id)
            return CampaignResults(
                campaign_id,
                CampaignPlan(saved.name, runs),
                saved.image_ids,
                fragments,
                request.source.reported,
                saved.time,
                {one.run_id: one.fault for one in outcomes if one.checked},
                self._public_scores(outcomes),
                not isinstance(request.plan, Search) or request.plan.runs_base,
            )

    def mask_digests(self, campaign_id: int, run_id: str) -> dict[str, str]:
        """Return the SHA-256 of a run's masks, by image_id, of the tasks that are done."""
        with self.workspace.snapshot():
            keys = {
                task.image_id: task.key
                for task in self._table.tasks(campaign_id, run_id)
                if task.key is not None
            }
            found = {
                image_id: self._table.result(key, with_slices=False)
                for image_id, key in keys.items()
            }
        return {image_id: one.mask_sha256 for image_id, one in found.items() if one is not None}

    def outcomes(self, campaign_id: int) -> dict[str, SavedOutcome]:
        """Return what became of the runs as a whole, by run_id."""
        return {one.run_id: one for one in self._table.outcomes(campaign_id)}

    def verdicts(self, campaign_id: int) -> dict[str, RunVerdict]:
        """Return the verdicts that were kept, by run_id; damaged ones are left out."""
        found = {}
        for run_id, outcome in self.outcomes(campaign_id).items():
            try:
                if outcome.verdict is not None:
                    found[run_id] = RunVerdict.model_validate(outcome.verdict, strict=False)
            except ValidationError:
                continue
        return found

    def _ended(self, task: SavedTask, with_slices: bool) -> FragmentResult | None:
        """Return how a task ended; None if its result is not there any more."""
        if task.key is None:
            return FragmentResult(task.run_id, task.image_id, TaskState.FAILED, error=task.error)
        saved = self._table.result(task.key, with_slices=with_slices)
        return None if saved is None else _done_result(task.run_id, task.image_id, saved)

    def _damaged(self, campaign_id: int, error: ValidationError) -> WorkspaceError:
        return WorkspaceError(
            self.workspace.path, f"campaign {campaign_id} is damaged: {printable(str(error))}"
        )

    def _public_scores(self, outcomes: Iterable[SavedOutcome]) -> dict[str, float]:
        """Return what the user entered for the runs of the workspace that exports were kept as."""
        exported = {
            one.exported_run: one.run_id for one in outcomes if one.exported_run is not None
        }
        if not exported:
            return {}
        return {
            exported[run.id]: run.public_score
            for run in self.workspace.runs()
            if run.id in exported and run.public_score is not None
        }


def _done_result(run_id: str, image_id: str, saved: SavedResult) -> FragmentResult:
    """Return a result as that of a run on a fragment."""
    return FragmentResult(
        run_id,
        image_id,
        TaskState.DONE,
        {name: value for name, value in saved.metrics.items() if value is not None},
        _slices(saved.slices),
        saved.mask_sha256,
        saved.seconds,
    )


def _slices(columns: Mapping[str, tuple[float | None, ...]]) -> tuple[SliceResult, ...]:
    depth = max(map(len, columns.values()), default=0)
    return tuple(
        SliceResult(
            z,
            {name: value for name, figures in columns.items() if (value := figures[z]) is not None},
        )
        for z in range(depth)
    )


def _origin(request: CampaignRequest) -> dict[str, JsonValue]:
    """Return what is kept of a campaign without being part of what it computes."""
    return {_SAMPLER: {**sampler_record()}} if isinstance(request.plan, Search) else {}


def _details(request: CampaignRequest) -> dict[str, JsonValue]:
    search = request.plan.model_dump(mode="json") if isinstance(request.plan, Search) else None
    return {
        "source": request.source.as_json(),
        "with_score": request.with_score,
        "search": search,
    }


def _request_of(saved: SavedCampaign) -> CampaignRequest:
    details = saved.details
    source = DataSource.model_validate(details.get("source"))
    with_score = details.get("with_score") is True
    if details.get("search") is not None:
        # Searches of older versions began with a random setting.
        search = {"runs_base": False, **_object(details["search"])}
        return CampaignRequest(Search.model_validate(search), source, with_score)
    runs = tuple(PlannedRun(*pair) for pair in saved.settings.items())
    return CampaignRequest(CampaignPlan(saved.name, runs), source, with_score)


def _object(value: JsonValue) -> dict[str, JsonValue]:
    return value if isinstance(value, dict) else {}


def _identity(request: CampaignRequest, contents: DataContents) -> str:
    runs = [[run.run_id, run.setting.model_dump(mode="json")] for run in request.runs]
    return digest_of_json(
        {
            **_details(request),
            "name": request.plan.name,
            "runs": runs,
            "contents": {one: contents.content_of(one) for one in contents.image_ids},
        }
    )
