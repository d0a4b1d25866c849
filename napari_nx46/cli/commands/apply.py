"""``nx46 apply``."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from napari_nx46.cli.flags import options as flag
from napari_nx46.cli.flags.cluster import ClusterFlags
from napari_nx46.cli.flags.groups import with_flag_groups
from napari_nx46.cli.flags.knob_flags import KnobFlags
from napari_nx46.cli.flags.knobs import chosen_setting
from napari_nx46.cli.flags.store import ImageFlags, StoreFlags
from napari_nx46.cli.output.console import (
    ExitCode,
    counting_bar,
    echo,
    fail,
    guarded,
    interruptible,
    note,
)
from napari_nx46.scale.execute.progress import duration_words

if TYPE_CHECKING:
    from napari_nx46.scale.execute.estimate import Estimate
    from napari_nx46.scale.execute.progress import ApplyProgress
    from napari_nx46.scale.plan.plan import ApplyPlan
    from napari_nx46.voxels.workers import CancelCheck

_GB = 1e9

_MOST_FAILURES = 20
_SECONDS_BETWEEN_LINES = 10.0


class Over(StrEnum):
    """Over which voxels quantiles are taken."""

    VOLUME = "volume"
    WRITTEN = "written"


_OVER: dict[Over, Literal["volume", "written"]] = {Over.VOLUME: "volume", Over.WRITTEN: "written"}

OutImage = Annotated[
    Path,
    typer.Option("--out", metavar="OUT.zarr", help="The OME-Zarr image to write."),
]
CtAbove = Annotated[
    float | None,
    typer.Option(
        "--ct-above",
        metavar="VALUE",
        help="Background where the CT is not above this, e.g. 0 outside a masked scroll.",
        rich_help_panel=flag.DATA_SECTION,
    ),
]
QuantilesOver = Annotated[
    Over | None,
    typer.Option(
        "--quantile-over",
        help="Take quantiles over all voxels of the volume, or over those of chunks that are "
        "there; without it they are refused.",
    ),
]
TileSide = Annotated[
    int,
    typer.Option(
        "--tile",
        metavar="N",
        min=2,
        help="Side of the tiles; a multiple of the chunk.",
        rich_help_panel=flag.RESOURCE_SECTION,
    ),
]
MemoryOfAll = Annotated[
    float | None,
    typer.Option(
        "--memory",
        metavar="GIB",
        min=0.0,
        help="GiB of all workers together; fewer workers, then smaller tiles, keep to it.",
        show_default="half of what is free",
        rich_help_panel=flag.RESOURCE_SECTION,
    ),
]
Submission = Annotated[
    Path | None,
    typer.Option(
        "--submission",
        metavar="FILE.zip",
        help="Write the mask into a submission archive as well, if it is of at most 2 Gvoxel.",
    ),
]
Restart = Annotated[
    bool,
    typer.Option("--restart", help="Begin again, and replace the image that is there."),
]
KeepScratch = Annotated[
    bool, typer.Option("--keep-scratch", help="Leave OUT.zarr.work when the image is complete.")
]
PartOf = Annotated[
    str,
    typer.Option(
        "--part",
        metavar="I/N",
        help="Do the I-th of N shares of each stage, as batch systems start them.",
        rich_help_panel=flag.RESOURCE_SECTION,
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print an event as JSON a line.")]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Check everything, time a few tiles, and write nothing.")
]


@guarded
@with_flag_groups
def apply(
    data: StoreFlags,
    out: OutImage,
    knobs: KnobFlags,
    image: ImageFlags,
    cluster: ClusterFlags,
    ct_above: CtAbove = None,
    quantile_over: QuantilesOver = None,
    corrections: flag.CorrectionsFile = None,
    tile: TileSide = 256,
    memory: MemoryOfAll = None,
    part: PartOf = "1/1",
    submission: Submission = None,
    restart: Restart = False,
    keep_scratch: KeepScratch = False,
    as_json: AsJson = False,
    dry_run: DryRun = False,
) -> None:
    """Apply a setting to a store of any size, tile by tile, exactly as in memory.

    Writes an OME-Zarr image with a pyramid, and OUT.zarr.receipt.json beside it. The same command
    goes on where it was cancelled, killed or failed. Exit code 1: some tiles failed; all others
    are done.
    """
    choice, number = cluster.choice(), _parsed_part(part)
    if submission is not None and submission.suffix.lower() != ".zip":
        raise typer.BadParameter(
            f"found {str(submission)!r}, expected FILE.zip", param_hint="--submission"
        )
    setting = chosen_setting(knobs, os.environ, note)

    from napari_nx46.files.corrections import read_corrections
    from napari_nx46.scale.execute.estimate import fitted
    from napari_nx46.scale.execute.lanes import StartedCluster
    from napari_nx46.scale.execute.run import RunOptions
    from napari_nx46.scale.execute.run import apply as run
    from napari_nx46.scale.plan.plan import plan_apply

    plan = plan_apply(
        *(data.sources(), setting, out),
        tile=tile,
        output=image.output(),
        ct_above=ct_above,
        quantile_over=None if quantile_over is None else _OVER[quantile_over],
        corrections=None if corrections is None else read_corrections(corrections),
    )
    for image_id, one in plan.corrections.by_fragment.items():
        note(f"{image_id}: {one.added:,} voxels added and {one.erased:,} erased by hand")
    options = RunOptions(choice, *number, restart=restart, keep_scratch=keep_scratch)
    if choice.is_local:
        processes = choice.workers is not None
        plan, lanes = fitted(plan, cluster.lanes, _bytes(memory), processes=processes)
        options = options.with_lanes(lanes)
        if lanes < cluster.lanes or plan.tile < tile:
            note(f"note: {lanes} at a time with tiles of {plan.tile}, to keep to the memory")
    with interruptible() as cancelled, ExitStack() as stack:
        if dry_run:
            _print_estimate(plan, options.lanes, cancelled, as_json=as_json)
            return
        # The workers start while a few tiles are timed.
        started = None
        if not (plan.work.exists() or plan.out.exists()):
            started = stack.enter_context(StartedCluster(options.cluster))
            _print_estimate(plan, options.lanes, cancelled, as_json=as_json)
        with _reporting(as_json) as report:
            for progress in run(plan, options=options, cluster=started, cancelled=cancelled):
                report(progress)
        if submission is not None and progress.state == "done" and plan.out.exists():
            _write_submission(plan, submission, cancelled)
    _end(plan, progress, as_json=as_json)


def _write_submission(plan: ApplyPlan, archive: Path, cancelled: CancelCheck) -> None:
    """Write the mask into an archive of its own, which is validated first."""
    from napari_nx46.scale.results.submission import write_submission

    write_submission(plan, archive, cancelled)
    echo(f"wrote {archive}")


def _parsed_part(text: str) -> tuple[int, int]:
    first, separator, second = text.partition("/")
    if not (separator and first.isdigit() and second.isdigit()):
        raise typer.BadParameter(f"found {text!r}, expected I/N", param_hint="--part")
    return int(first), int(second)


def _bytes(memory: float | None) -> int:
    if memory is not None:
        return int(memory * 2**30)
    import psutil

    return int(psutil.virtual_memory().available) // 2


def _print_estimate(plan: ApplyPlan, lanes: int, cancelled: CancelCheck, *, as_json: bool) -> None:
    """Print what a plan will take; end the command if the disk has no room for it."""
    from napari_nx46.scale.execute.estimate import estimate

    found = estimate(plan, workers=lanes, cancelled=cancelled)
    if as_json:
        echo(json.dumps({"event": "estimate", **asdict(found)}))
    else:
        _print_lines(found)
    if not found.fits:
        needed = (found.scratch_bytes + found.output_bytes) / _GB
        fail(
            f"error: {plan.out.parent}: about {needed:.1f} GB are needed, and "
            f"{found.free_bytes / _GB:.1f} GB are free",
            ExitCode.BAD_INPUT,
        )


def _print_lines(found: Estimate) -> None:
    z, y, x = found.shape
    echo(f"mask: {z} x {y} x {x} voxels, {z * y * x / _GB:.3g} Gvoxel")
    echo(f"tiles: {found.tiles_present} of {found.tiles} have chunks, of side {found.tile}")
    echo(f"to read: {found.bytes_to_read / _GB:.3g} GB, decoded")
    echo(f"to write: {found.output_bytes / _GB:.3g} GB, and {found.scratch_bytes / _GB:.3g} GB of "
         f"scratch; {found.free_bytes / _GB:.3g} GB are free")  # fmt: skip
    echo(f"memory: {found.memory_bytes / 2**30:.2g} GiB, {found.workers} tiles at a time")
    echo(f"time: about {duration_words(found.seconds)}")
    for text in found.notes:
        note(f"note: {text}")


@contextmanager
def _reporting(as_json: bool) -> Iterator[Callable[[ApplyProgress], None]]:
    """Yield what shows progress: JSON lines, or a bar and a line for each stage."""
    if as_json:
        last: list[float] = [0.0]

        def print_event(progress: ApplyProgress) -> None:
            now = time.monotonic()
            if progress.state == "running" and now - last[0] < 1.0:
                return
            last[0] = now
            echo(json.dumps({"event": "progress", **asdict(progress)}))

        yield print_event
        return
    with counting_bar("applying") as update:

        def show(progress: ApplyProgress) -> None:
            rate = f"{progress.voxels_per_second / 1e6:.0f} Mvoxel/s"
            read = f"{progress.bytes_per_second / 1e6:.0f} MB/s"
            left = progress.seconds_left
            ending = "" if left is None else f", {duration_words(left)} left"
            words = f"{progress.stage}/{progress.stages} {progress.name} ({rate}, {read}{ending})"
            update(words, progress.done, progress.total)

        yield show


def _end(plan: ApplyPlan, progress: ApplyProgress, *, as_json: bool) -> None:
    """End the command as the run ended."""
    for failure in progress.failures[:_MOST_FAILURES]:
        note(f"failed: {failure}")
    match progress.state:
        case "failed":
            count = len(progress.failures)
            fail(f"{count} tiles failed; {progress.words}", ExitCode.CHECK_FAILED)
        case "cancelled":
            fail(f"cancelled; {progress.words}", ExitCode.CANCELLED)
        case "waiting":
            note(progress.words)
        case _:
            if not as_json:
                echo(
                    f"wrote {plan.out}, {plan.receipt.name}"
                    if plan.out.exists()
                    else progress.words
                )
