"""``nx46 campaign``: many settings over many fragments."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from napari_nx46.cli.commands.campaign.listing import list_campaigns
from napari_nx46.cli.commands.campaign.report import judge, report
from napari_nx46.cli.commands.campaign.running import resume_campaign, run_campaign
from napari_nx46.cli.output.console import echo, guarded, print_table
from napari_nx46.cli.output.help import SectionedCommand
from napari_nx46.cli.output.reporting import shown_knobs

campaign = typer.Typer(
    name="campaign",
    help="Try many settings over many fragments.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
for name, command in (
    ("run", run_campaign),
    ("resume", resume_campaign),
    ("list", list_campaigns),
    ("judge", judge),
    ("report", report),
):
    campaign.command(name, cls=SectionedCommand)(command)


@campaign.command("matrices", cls=SectionedCommand)
@guarded
def list_matrices(
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the runs as JSON, with every knob.")
    ] = False,
) -> None:
    """List the matrices that come with the program: their runs, and the knobs of each.

    nx46-v7.5 is the published campaign of NX46. nx47-v61.3 is this project's choice: NX47 V61.2,
    then nine runs that vary its percentiles and the blend weight, every pair of levels once.
    """
    from napari_nx46.campaign.plan.matrix import matrix_row, read_plan, shipped_matrices

    plans = [read_plan(name) for name in shipped_matrices()]
    if as_json:
        listed = {plan.name: [matrix_row(run) for run in plan.runs] for plan in plans}
        echo(json.dumps(listed, indent=2))
        return
    print_table(
        ("matrix", "run", "knobs"),
        [
            (plan.name, run.run_id, shown_knobs(run.setting) or "defaults")
            for plan in plans
            for run in plan.runs
        ],
    )
