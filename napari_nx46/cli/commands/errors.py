"""``nx46 errors``."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from napari_nx46.cli.commands.score import Prediction, paired
from napari_nx46.cli.commands.warm_up import compile_beforehand
from napari_nx46.cli.flags import options as flag
from napari_nx46.cli.flags.groups import with_flag_groups
from napari_nx46.cli.flags.score import ParameterFlags
from napari_nx46.cli.output.console import (
    echo,
    guarded,
    interruptible,
    note,
    print_table,
)
from napari_nx46.leaderboard.warm_up import ERROR_MODULES, KERNEL_MODULES

if TYPE_CHECKING:
    from napari_nx46.core.measure.suspicions.find import Suspicions
    from napari_nx46.leaderboard import Explanation, Repair

_TOP = 20


@guarded
@with_flag_groups
def errors(
    prediction: Prediction,
    label: Annotated[
        str | None,
        typer.Argument(
            metavar="[LABEL]",
            help="The label of the mask; else a folder of labels, a data folder, or boxes of a "
            "store. Without one "
            "what is suspicious in the mask is listed.",
        ),
    ] = None,
    top: Annotated[
        int,
        typer.Option("--top", metavar="N", min=0, help="Errors to list of each fragment."),
    ] = _TOP,
    repairs: Annotated[
        int,
        typer.Option(
            "--repairs",
            metavar="N",
            min=0,
            help="Of the N costliest errors mend those whose repair is defined exactly, one at a "
            "time, and measure what the whole score gains.",
        ),
    ] = 0,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print every error as JSON instead of the table.")
    ] = False,
    table: Annotated[
        Path | None,
        typer.Option("--csv", metavar="FILE", help="Write every error, one row each."),
    ] = None,
    *,
    score_flags: ParameterFlags,
    channel: flag.Channel = None,
    workers: flag.WorkerCount = None,
) -> None:
    """List what the leaderboard scores of masks have lost: where, why and how many points.

    Shares sum to 1 - score. A gain is what the score would gain if that one error were gone.
    Without a label the list is of what is worth a look: sheets with holes, holes, thick sheets
    and bridges. Nothing in it is measured in points.
    """
    if label is None:
        _list_suspicions(prediction, top, table, as_json=as_json, channel=channel, workers=workers)
        return

    from napari_nx46.leaderboard import explanation_record
    from napari_nx46.run.compare import scoring
    from napari_nx46.run.compare.errors import errors_csv

    records: dict[str, dict[str, object]] = {}
    with paired(
        *(prediction, label, score_flags.parameters(), table),
        kernels=(*KERNEL_MODULES, *ERROR_MODULES),
        verb="explaining",
        channel=channel,
        workers=workers,
    ) as work:
        found = work.computed(scoring.explain_pairs)

        def printed() -> Iterator[tuple[str, Explanation]]:
            for image_id, explanation in found:
                measured = work.repaired(explanation, repairs)
                if as_json:
                    records[image_id] = explanation_record(explanation, measured)
                else:
                    _print_errors(image_id, explanation, top)
                    _print_repairs(measured, min(repairs, len(explanation.items)))
                yield image_id, explanation

        if work.table is not None:
            work.table.write_bytes(errors_csv(printed()))
        else:
            for _ in printed():
                pass
    if as_json:
        echo(json.dumps({"fragments": records}))
    if table is not None:
        note(f"wrote {table}")


def _print_errors(image_id: str, found: Explanation, top: int) -> None:
    from napari_nx46.files.naming import plural
    from napari_nx46.run.compare.errors import SHOWN_COLUMNS, points_text, shown_rows

    count = len(found.items)
    echo(f"{image_id}: score {found.score.value:.6f}, {plural(count, 'error')}")
    if not count:
        return
    rows = shown_rows(found, top)
    if rows:
        print_table(SHOWN_COLUMNS, rows)
    if len(rows) < count:
        echo(f"... and {plural(count - len(rows), 'error')} more")
    echo("")
    print_table(
        ("kind", "errors", "share"),
        [
            *(
                (group.kind, str(group.count), points_text(group.share))
                for group in found.items.groups()
            ),
            ("1 - score", str(count), points_text(found.shares_sum)),
        ],
    )


def _print_repairs(repairs: Mapping[int, Repair], looked_at: int) -> None:
    """Print what repairs gain, of so many errors that were looked at."""
    from napari_nx46.files.naming import plural
    from napari_nx46.run.compare.errors import points_text

    if looked_at and not repairs:
        echo("")
        tried = plural(looked_at, "error")
        echo(f"{tried} tried, the costliest first: none has an exact repair; raise --repairs")
    elif repairs:
        echo("")
        print_table(
            ("No.", "repair", "voxels", "measured gain"),
            [
                (
                    str(item + 1),
                    repair.edit,
                    str(repair.voxels),
                    points_text(repair.gain, signed=True),
                )
                for item, repair in repairs.items()
            ],
        )


# ---- without a label -----------------------------------------------------------------------


def _list_suspicions(
    prediction: str,
    top: int,
    table: Path | None,
    *,
    as_json: bool,
    channel: int | None,
    workers: int | None,
) -> None:
    from napari_nx46.core.score.kernels import SUSPICION_MODULES
    from napari_nx46.data.fragments import place_of
    from napari_nx46.files.atomic import write_beside
    from napari_nx46.run.compare import suspicions
    from napari_nx46.run.compare.mask_sets import open_masks
    from napari_nx46.voxels.workers import Workers

    records: dict[str, dict[str, object]] = {}
    with ExitStack() as stack:
        cancelled = stack.enter_context(interruptible())
        masks = open_masks(place_of(prediction), channel=channel, cancelled=cancelled)
        partial = None
        if table is not None:
            suspicions.check_suspicion_target(table, masks)
            partial = stack.enter_context(write_beside(table))
        compile_beforehand(SUSPICION_MODULES, cancelled)
        threads = Workers(workers or os.cpu_count() or 1)
        stack.callback(threads.close)
        found = suspicions.suspect_masks(masks, workers=threads, cancelled=cancelled)

        def printed() -> Iterator[tuple[str, Suspicions]]:
            for image_id, of_mask in found:
                if as_json:
                    records[image_id] = suspicions.suspicion_record(of_mask)
                else:
                    _print_suspicions(image_id, of_mask, top)
                yield image_id, of_mask

        if partial is not None:
            partial.write_bytes(suspicions.suspicions_csv(printed()))
        else:
            for _ in printed():
                pass
    if as_json:
        echo(json.dumps({"fragments": records}))
    if table is not None:
        note(f"wrote {table}")


def _print_suspicions(image_id: str, found: Suspicions, top: int) -> None:
    from napari_nx46.files.naming import plural
    from napari_nx46.run.compare.suspicions import SHOWN_SUSPICIONS, shown_suspicions

    count = len(found)
    echo(f"{image_id}: no label, {plural(count, 'suspicious place')}")
    rows = shown_suspicions(found, top)
    if rows:
        print_table(SHOWN_SUSPICIONS, rows)
    if len(rows) < count:
        echo(f"... and {plural(count - len(rows), 'suspicious place')} more")
