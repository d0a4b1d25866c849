"""``nx46 errors``."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from napari_nx46.cli.commands.score import Label, Prediction, paired
from napari_nx46.cli.flags import options as flag
from napari_nx46.cli.flags.groups import with_flag_groups
from napari_nx46.cli.flags.score import ParameterFlags
from napari_nx46.cli.output.console import (
    echo,
    guarded,
    note,
    print_table,
)
from napari_nx46.leaderboard.warm_up import ERROR_MODULES, KERNEL_MODULES

if TYPE_CHECKING:
    from napari_nx46.leaderboard import Explanation

_TOP = 20


@guarded
@with_flag_groups
def errors(
    prediction: Prediction,
    label: Label,
    top: Annotated[
        int,
        typer.Option("--top", metavar="N", min=0, help="Errors to list of each fragment."),
    ] = _TOP,
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
    """
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
                if as_json:
                    records[image_id] = explanation_record(explanation)
                else:
                    _print_errors(image_id, explanation, top)
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
