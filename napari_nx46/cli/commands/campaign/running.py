"""``nx46 campaign run`` and ``nx46 campaign resume``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from napari_nx46.campaign.verdicts.rules import Decision
from napari_nx46.cli.commands.campaign.report import CampaignWork, campaign_id
from napari_nx46.cli.commands.workspaces import usual_workspace
from napari_nx46.cli.flags import options as flag
from napari_nx46.cli.flags.campaign import (
    AskedCampaign,
    CampaignDataFlags,
    CampaignDryRun,
    PlanFlags,
    asked_campaign,
)
from napari_nx46.cli.flags.cluster import ClusterFlags
from napari_nx46.cli.flags.groups import with_flag_groups
from napari_nx46.cli.flags.knob_flags import KnobFlags
from napari_nx46.cli.flags.rules import BaselineRun, ExportsValidate, LargestRecallFall, RuleFlags
from napari_nx46.cli.output.console import (
    ExitCode,
    counting_bar,
    echo,
    fail,
    guarded,
    interruptible,
    note,
)

if TYPE_CHECKING:
    from napari_nx46.campaign.execute.ledger import CampaignProgress
    from napari_nx46.campaign.execute.runner import CampaignRun, Resources
    from napari_nx46.campaign.plan.source import DataSource
    from napari_nx46.campaign.records.exports import ExportCheck
    from napari_nx46.campaign.records.results import CampaignResults, FragmentResult
    from napari_nx46.campaign.records.store import CampaignRequest
    from napari_nx46.campaign.verdicts.rules import Rules
    from napari_nx46.cli.flags.data import DataFlags
    from napari_nx46.data.fragments import Place

CampaignFolder = Annotated[
    Path | None,
    typer.Option(
        "--work",
        metavar="DIR",
        help="Folder that the campaign is kept in (DIR/runs.sqlite), or a workspace file.",
        show_default="that of the data folder",
    ),
]
WithScore = Annotated[
    bool,
    typer.Option(
        "--score/--no-score",
        help="Compute the leaderboard score of fragments with a label; it takes longest.",
    ),
]


CheckExports = Annotated[
    bool,
    typer.Option(
        "--exports/--no-exports",
        help="Make and validate the archive of every run that no other rule rejects, and keep that"
        " of the best run.",
    ),
]


def _resources(cluster: ClusterFlags, memory: float) -> Resources:
    """Return what the campaign takes.

    Raises
    ------
    typer.BadParameter
        If more than one of the flags is given.
    """
    from napari_nx46.campaign.execute.runner import Resources

    return Resources(cluster.choice(), int(memory * 2**30))


@guarded
@with_flag_groups
def run_campaign(
    data: CampaignDataFlags,
    plan: PlanFlags,
    knobs: KnobFlags,
    cluster: ClusterFlags,
    memory: flag.Memory = 4.0,
    work: CampaignFolder = None,
    score: WithScore = True,
    exports: CheckExports = True,
    baseline: BaselineRun = None,
    largest_recall_fall: LargestRecallFall = None,
    valid_exports: ExportsValidate = None,
    dry_run: CampaignDryRun = False,
) -> None:
    """Run every setting of a matrix, a grid or a search on every fragment, and measure the masks.

    Every result is kept as it comes. The same command again goes on where a campaign was cancelled
    or killed; results of the same setting on the same data are never computed twice. Runs are
    judged by their density (--band), their export, and by recall if --largest-recall-fall asks for
    it, which `resume` keeps to; the best run's archive is kept as
    campaign-ID/submission.zip beside the workspace. The exit code is 1 if a task failed.
    """
    asked = asked_campaign(plan, data, knobs)
    resources = _resources(cluster, memory)
    rule_flags = RuleFlags(baseline, largest_recall_fall, plan.band, valid_exports)
    rules = rule_flags.rules()
    rule_flags.check_baseline(asked.plan.run_ids, "the plan")
    file = _work_file(work, asked.data.places[0])
    if dry_run:
        from napari_nx46.cli.commands.campaign.preflight import check_campaign

        check_campaign(asked, workers=cluster.lanes, leaderboard=score, work=work)
        return
    _check_objective(asked, score)
    from napari_nx46.campaign.records.store import CampaignRequest

    request = CampaignRequest(asked.plan, _source(asked.data), score)
    _run(request, file, resources, _Ending(rules, exports))


@guarded
@with_flag_groups
def resume_campaign(
    campaign: Annotated[
        int | None,
        typer.Argument(metavar="[CAMPAIGN]", help="Its id.", show_default="the newest"),
    ] = None,
    *,
    work: CampaignWork,
    exports: CheckExports = True,
    rules: RuleFlags,
    cluster: ClusterFlags,
    memory: flag.Memory = 4.0,
) -> None:
    """Go on with a campaign that was cancelled or killed; tasks that failed are tried again.

    Its runs are judged by the rules that it was begun with, and by those that are given here
    instead.
    """
    from napari_nx46.campaign.records.store import CampaignStore, work_file
    from napari_nx46.cli.commands.workspaces import opened_workspace

    resources = _resources(cluster, memory)
    rules.rules()  # what makes no sense is refused before anything is opened
    file = work_file(work)
    with opened_workspace(file) as workspace:
        store = CampaignStore(workspace)
        number = campaign_id(store, campaign)
        request = store.request(number)
        rules.check_baseline([*request.plan.run_ids, *store.settings(number)], f"campaign {number}")
        ending = _Ending(rules.rules(store.rules(number)), exports)
    _run(request, file, resources, ending, number)


# ---- running -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Ending:
    """What is done when all tasks have ended."""

    rules: Rules
    exports: bool


def _run(
    request: CampaignRequest,
    file: Path,
    resources: Resources,
    ending: _Ending,
    campaign_id: int | None = None,
) -> None:
    from napari_nx46.campaign.execute.cluster import CampaignError
    from napari_nx46.campaign.execute.runner import CampaignRun, CampaignState
    from napari_nx46.campaign.records.results import TaskState
    from napari_nx46.files.workspace import WorkspaceError

    with interruptible() as cancelled:
        run = CampaignRun(
            *(request, file, resources),
            rules=ending.rules,
            check_exports=ending.exports,
            with_slices=False,
            campaign_id=campaign_id,
            cancelled=cancelled,
        )
        try:
            with _shown(run):
                results = run.run()
        except (CampaignError, WorkspaceError) as error:
            fail(f"error: {error}", ExitCode.BAD_INPUT)
    _print_end(results, run.progress)
    _print_best(results, ending.rules, file)
    if run.state is CampaignState.CANCELLED:
        work = file.parent if file.name == "runs.sqlite" else file
        fail(
            f"cancelled; to go on: nx46 campaign resume {results.campaign_id} --work {work}",
            ExitCode.CANCELLED,
        )
    if any(one.state is TaskState.FAILED for one in results.fragments.values()):
        raise typer.Exit(int(ExitCode.CHECK_FAILED))


@contextmanager
def _shown(run: CampaignRun) -> Iterator[None]:
    """Show the progress of a campaign, and a line for each run that has ended."""
    with counting_bar("reading the data") as update:
        rows = _RunRows(run)

        def show(progress: CampaignProgress) -> None:
            ended = progress.done + progress.failed
            update(
                f"done {progress.done}, running {progress.running}, failed {progress.failed}",
                ended,
                progress.total,
            )

        run.task_changed.connect(rows.take)
        run.warned.connect(lambda text: note(f"warning: {text}"))

        def show_check(check: ExportCheck) -> None:
            update("checking exports", check.number, check.total)
            if check.fault is not None:
                note(f"export of {check.run_id}: {check.fault}")

        run.progress_changed.connect(show)
        run.export_checked.connect(show_check)
        yield


class _RunRows:
    """Prints a line for each run once all its tasks have ended."""

    def __init__(self, run: CampaignRun) -> None:
        self._run = run
        self._ended: dict[str, dict[str, FragmentResult]] = {}

    def take(self, result: FragmentResult) -> None:
        from napari_nx46.campaign.records.results import TaskState

        if result.state is TaskState.RUNNING:
            return
        of_run = self._ended.setdefault(result.run_id, {})
        of_run[result.image_id] = replace(result, slices=())
        if result.error is not None:
            note(f"failed: {result.run_id} on {result.image_id}: {result.error}")
        if len(of_run) == len(self._run.image_ids):
            echo(f"{result.run_id}  {_figures(list(of_run.values()))}".rstrip())
            self._ended[result.run_id] = {}


def _figures(results: list[FragmentResult]) -> str:
    """Return the means over the fragments of the figures that say most."""
    shown = []
    for name in ("density", "recall", "precision", "leaderboard_score"):
        values = [one.metrics[name] for one in results if name in one.metrics]
        if values:
            shown.append(f"{name} {sum(values) / len(values):.6f}")
    return ", ".join(shown)


def _print_end(results: CampaignResults, progress: CampaignProgress) -> None:
    waiting = f", waiting {progress.total - progress.done - progress.failed}"
    ended = progress.done + progress.failed == progress.total
    echo(
        f"campaign {results.campaign_id} ({results.plan.name}): tasks {progress.total}, "
        f"done {progress.done} (known before: {progress.known}), failed {progress.failed}"
        f"{'' if ended else waiting}"
    )


def _print_best(results: CampaignResults, rules: Rules, file: Path) -> None:
    from napari_nx46.campaign.verdicts.rules import best_run, judge
    from napari_nx46.cli.flags.rules import best_words

    verdicts = judge(results, rules)
    for verdict in verdicts:
        if verdict.decision is Decision.REJECTED:
            note(f"rejected: {verdict.run_id}: {'; '.join(verdict.reasons)}")
        else:
            for text in verdict.notes:
                note(f"note: {verdict.run_id}: {text}")
    best = best_run(results, verdicts, rules.band)
    for line in best_words(results, verdicts, best):
        echo(line)
    if best is None:
        return
    archive = file.parent / f"campaign-{results.campaign_id}" / "submission.zip"
    if best.run_id in results.export_faults and archive.is_file():
        echo(f"kept {archive}")


# ---- small ---------------------------------------------------------------------------------


def _work_file(work: Path | None, data: Place) -> Path:
    from napari_nx46.campaign.records.store import work_file
    from napari_nx46.data.fragments import workspace_key

    return usual_workspace(workspace_key(data)) if work is None else work_file(work)


def _check_objective(asked: AskedCampaign, score: bool) -> None:
    """Check that what a search aims at can be computed, before anything is."""
    from napari_nx46.campaign.execute.suggest import Search, check_objective

    if isinstance(asked.plan, Search):
        dataset, _ = asked.data.opened_as_far_as_possible()
        has_labels = any(fragment.label is not None for fragment in dataset)
        check_objective(asked.plan, has_labels=has_labels, leaderboard=score)


def _source(data: DataFlags) -> DataSource:
    from napari_nx46.campaign.plan.source import DataSource

    return DataSource.of(*data.places, folders=data.folder_names(), read_as=data.read_as)
