"""``nx46 campaign report`` and ``nx46 campaign judge``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from napari_nx46.cli.commands.workspaces import opened_workspace
from napari_nx46.cli.flags import options as flag
from napari_nx46.cli.flags.data import held_pipelines, shared_workers
from napari_nx46.cli.flags.groups import with_flag_groups
from napari_nx46.cli.flags.rules import RuleFlags, best_words
from napari_nx46.cli.output.console import (
    ExitCode,
    echo,
    fail,
    guarded,
    interruptible,
    note,
    print_table,
    share_bar,
)
from napari_nx46.files.naming import printable
from napari_nx46.run.findings.gained import SHORTEST_REPEAT

if TYPE_CHECKING:
    from napari_nx46.campaign.records.results import CampaignResults
    from napari_nx46.campaign.records.store import CampaignStore
    from napari_nx46.campaign.verdicts.rules import Rules
    from napari_nx46.data.fragments import DataSet

CampaignWork = Annotated[
    Path,
    typer.Option(
        "--work", metavar="DIR", help="Folder of the campaign's workspace, or its SQLite file."
    ),
]
CampaignId = Annotated[
    int | None,
    typer.Option(
        "--campaign", metavar="ID", help="Id of the campaign.", show_default="the newest one"
    ),
]


@guarded
@with_flag_groups
def report(
    work: CampaignWork,
    out: Annotated[
        Path,
        typer.Option("--out", metavar="FOLDER", help="Folder to write to; made if it is missing."),
    ],
    rules: RuleFlags,
    campaign: CampaignId = None,
    data: Annotated[
        list[Path] | None,
        typer.Option(
            "--data",
            metavar="DATA",
            help="The campaign's data: then the masks of the best run and of the baseline are"
            " computed, to say how much of the gained foreground is near true surface, and which"
            " errors were mended and which are new, in points.",
        ),
    ] = None,
    shortest_repeat: Annotated[
        int,
        typer.Option(
            "--shortest-repeat",
            metavar="N",
            min=2,
            help="Gained foreground is repeated structure if it stays at its place for so many"
            " slices, far from true surface.",
        ),
    ] = SHORTEST_REPEAT,
    workers: flag.WorkerCount = None,
    memory: flag.Memory = 4.0,
) -> None:
    """Write the report of a campaign: one page of HTML, Markdown, and every table as CSV."""
    rules.rules()  # what makes no sense is refused before anything is opened
    from napari_nx46.campaign.report.making import make_report
    from napari_nx46.campaign.report.sections import summary_section

    with ExitStack() as stack:
        cancelled = stack.enter_context(interruptible())
        store = stack.enter_context(opened_campaigns(work))
        results = store.results(campaign_id(store, campaign))
        chosen = _rules_of(store, results, rules)
        threads = stack.enter_context(shared_workers(workers))
        dataset = _opened(store, results.campaign_id, data) if data else None
        pipelines = stack.enter_context(held_pipelines(dataset, threads, memory))
        progress = stack.enter_context(share_bar("comparing masks"))
        analysis = make_report(
            results,
            chosen,
            out,
            pipelines,
            shortest_repeat=shortest_repeat,
            progress=progress,
            cancelled=cancelled,
        )
    for point in summary_section(analysis).points:
        echo(point)
    note(f"wrote {out / 'report.html'}, and report.md and the tables beside it")


@guarded
@with_flag_groups
def judge(work: CampaignWork, rules: RuleFlags, campaign: CampaignId = None) -> None:
    """Accept or reject the runs of a campaign by rules, and keep the verdicts in the workspace.

    Where a rule is not given, that holds which the campaign was begun with.
    """
    rules.rules()  # what makes no sense is refused before anything is opened
    from napari_nx46.campaign.verdicts.judging import judge_and_keep
    from napari_nx46.campaign.verdicts.rules import best_run

    with opened_campaigns(work) as store:
        results = store.results(campaign_id(store, campaign), with_slices=False)
        chosen = _rules_of(store, results, rules)
        verdicts = judge_and_keep(store, results, chosen)
    print_table(
        ("run", "verdict", "reasons"),
        [
            (printable(one.run_id), one.decision.value, "; ".join(map(printable, one.reasons)))
            for one in verdicts
        ],
    )
    best = best_run(results, verdicts, chosen.band)
    for line in best_words(results, verdicts, best):
        note(line)


def _rules_of(store: CampaignStore, results: CampaignResults, flags: RuleFlags) -> Rules:
    """Return the rules of a campaign: those given, else those that it was begun with."""
    run_ids = [run.run_id for run in results.plan.runs]
    flags.check_baseline(run_ids, f"campaign {results.campaign_id}")
    return flags.rules(store.rules(results.campaign_id))


@contextmanager
def opened_campaigns(work: Path) -> Iterator[CampaignStore]:
    """Open the campaigns of a workspace that is there.

    Parameters
    ----------
    work : Path
        Its folder or file.

    Yields
    ------
    CampaignStore
    """
    from napari_nx46.campaign.records.store import CampaignStore, work_file

    with opened_workspace(work_file(work)) as workspace:
        yield CampaignStore(workspace)


def campaign_id(store: CampaignStore, given: int | None) -> int:
    """Return the id of the campaign that is meant: the one given, else the newest."""
    newest = store.newest() if given is None else given
    if newest is None:
        fail(f"error: {store.workspace.path}: found no campaign in it", ExitCode.BAD_INPUT)
    return newest


def _opened(store: CampaignStore, campaign: int, data: list[Path]) -> DataSet:
    """Open data as the campaign's were opened: folder names, channel, and what can be read."""
    from napari_nx46.campaign.plan.source import DataSource

    asked = store.request(campaign).source
    source = DataSource.of(*data, folders=asked.folders, read_as=asked.read_as)
    dataset, faults = source.opened()
    for image_id, fault in faults.items():
        note(f"warning: fragment {image_id} is left out: {fault}")
    return dataset
