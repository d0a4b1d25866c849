"""What a campaign would run, and what it may cost, printed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from napari_nx46.cli.output.console import (
    ExitCode,
    echo,
    interruptible,
    note,
    print_table,
    share_bar,
)
from napari_nx46.cli.output.reporting import shown_knobs, shown_shape

if TYPE_CHECKING:
    from pathlib import Path

    from napari_nx46.campaign.plan.preflight import CampaignPreflight
    from napari_nx46.cli.flags.campaign import AskedCampaign

_MINUTE = 60
_HOUR = 3600
_KIB = 1024


def check_campaign(
    asked: AskedCampaign, *, workers: int, leaderboard: bool, work: Path | None
) -> None:
    """Print what a campaign would run, and what it may cost; nothing is run or written.

    Parameters
    ----------
    asked : AskedCampaign
    workers : int
        That would share the tasks.
    leaderboard : bool
        Whether labelled fragments would be scored.
    work : Path, optional
        Where the results would be written.

    Raises
    ------
    typer.Exit
        With the exit code of a failed check, if tasks could not be run.
    PlanError, FragmentError, VolumeError, Cancelled
        If there is nothing to look at.
    """
    dataset, unopened = asked.data.opened_as_far_as_possible()
    from napari_nx46.campaign.plan.preflight import campaign_preflight

    with interruptible() as cancelled, share_bar("checking") as progress:
        found = campaign_preflight(
            dataset,
            asked.plan,
            unopened=unopened.values(),
            workers=workers,
            leaderboard=leaderboard,
            work=work,
            progress=progress,
            cancelled=cancelled,
        )
    _print_plan(found)
    _print_cost(found)
    for line in found.notes:
        note(f"note: {line}")
    for fault in found.faults:
        note(f"error: {fault}")
    if found.faults:
        raise typer.Exit(int(ExitCode.CHECK_FAILED))


def duration(seconds: float) -> str:
    """Return a duration in the unit that fits it."""
    if seconds < 1:
        return "less than a second"
    for size, unit in ((_HOUR, "h"), (_MINUTE, "min")):
        if seconds >= size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.0f} s"


def _print_plan(found: CampaignPreflight) -> None:
    print_table(
        ("run", "knobs"),
        [(run.run_id, shown_knobs(run.setting) or "defaults") for run in found.runs],
    )
    more = found.run_count - len(found.runs)
    if more:
        echo(f"... and {more} more, each batch by what the runs before it gave")
    print_table(
        ("fragment", "shape", "sources", "label"),
        [
            (
                fragment.image_id,
                shown_shape(fragment.shape),
                ", ".join(fragment.sources),
                "yes" if fragment.has_label else "no",
            )
            for fragment in found.fragments
        ],
    )


def _print_cost(found: CampaignPreflight) -> None:
    echo(
        f"{found.name}: runs {found.run_count}, fragments {found.fragment_count}, "
        f"tasks {found.task_count}"
    )
    if found.cost is not None and found.seconds is not None:
        echo(
            f"estimated time: {duration(found.seconds)} with workers {found.workers} "
            f"(from {found.cost.settings} settings on {found.cost.voxels} voxels of fragment "
            f"{found.cost.image_id})"
        )
    echo(f"estimated memory: {_bytes(found.memory_bytes)} a worker")
    echo(f"estimated disk: {_bytes(found.disk_bytes)}")
    echo("nothing was run, nothing was written")


def _bytes(count: int) -> str:
    size, unit = float(count), "B"
    for larger in ("KiB", "MiB", "GiB", "TiB"):
        if size < _KIB:
            break
        size, unit = size / _KIB, larger
    return f"{size:.1f} {unit}"
