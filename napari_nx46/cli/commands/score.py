"""``nx46 score``."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

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
    progress_bar,
)
from napari_nx46.leaderboard.warm_up import KERNEL_MODULES

if TYPE_CHECKING:
    from napari_nx46.leaderboard import (
        Explanation,
        LeaderboardScore,
        Parameters,
        Record,
        Repair,
    )
    from napari_nx46.run.compare.scoring import ScoringPair

_COLUMNS = {
    "score": "score",
    "topo": "topo",
    "surface_dice": "surface dice",
    "voi_score": "voi",
    "voi_split": "split",
    "voi_merge": "merge",
    "voxel_precision": "precision",
    "voxel_recall": "recall",
    "voxel_dice": "dice",
}
"""Figures of the table: key of the record -> head of the column."""


Prediction = Annotated[
    str,
    typer.Argument(
        metavar="PRED",
        help="A mask; a folder of masks named by image_id, or one of nx46 run; a submission.zip; "
        "or a store by path or URL, also as STORE#level=2&box=Z0:Z1,Y0:Y1,X0:X1.",
    ),
]
Label = Annotated[
    str,
    typer.Argument(
        metavar="LABEL",
        help="The label of the mask; else a folder of labels, a data folder, or boxes of a store.",
    ),
]
Computed = TypeVar("Computed")


@dataclass(frozen=True)
class PairedWork:
    """Pairs of masks and labels, and how something is computed of them.

    Parameters
    ----------
    pairs : tuple of ScoringPair
    parameters : Parameters
    table : Path, optional
        The partial of the CSV file that is asked for.
    options : mapping
        Further arguments of what computes.
    """

    pairs: tuple[ScoringPair, ...]
    parameters: Parameters
    table: Path | None
    options: Mapping[str, Any]

    def computed(self, compute: Callable[..., Computed]) -> Computed:
        """Return what a function such as `score_pairs` computes of the pairs."""
        return compute(self.pairs, self.parameters, **self.options)

    def repaired(self, found: Explanation, most: int) -> dict[int, Repair]:
        """Return what repairs of the costliest errors gain, by the rows of `Explanation.items`."""
        from napari_nx46.leaderboard import measured_repair

        options = {name: self.options[name] for name in ("workers", "cancelled")}
        measured = (
            (item, measured_repair(found, item, **options))
            for item in range(min(most, len(found.items)))
        )
        return {item: repair for item, repair in measured if repair is not None}


@contextmanager
def paired(
    prediction: str,
    label: str,
    parameters: Parameters,
    table: Path | None,
    *,
    kernels: Sequence[str],
    verb: str,
    channel: int | None,
    workers: int | None,
    corrections: Path | None = None,
) -> Iterator[PairedWork]:
    """Pair masks with labels and compile what is needed; the CSV file appears when all went well.

    Raises
    ------
    VolumeError, WriteError, Cancelled
        As `pair_up` and `check_score_target`.
    """
    from napari_nx46.data.fragments import place_of
    from napari_nx46.files.atomic import write_beside
    from napari_nx46.files.corrections import read_corrections
    from napari_nx46.run.compare import scoring

    with ExitStack() as stack:
        cancelled = stack.enter_context(interruptible())
        pairs = scoring.pair_up(
            place_of(prediction),
            place_of(label),
            ignore_label=parameters.ignore_label,
            channel=channel,
            corrections=None if corrections is None else read_corrections(corrections),
            cancelled=cancelled,
        )
        partial = None
        if table is not None:
            scoring.check_score_target(table, pairs)
            partial = stack.enter_context(write_beside(table))
        compile_beforehand(kernels, cancelled)
        parts = sum(scoring.parts_of(pair, parameters) for pair in pairs)
        options = {
            "workers": workers or os.cpu_count() or 1,
            "progress": stack.enter_context(progress_bar(verb, parts)),
            "cancelled": cancelled,
            "notify": note,
        }
        yield PairedWork(pairs, parameters, partial, options)


@guarded
@with_flag_groups
def score(
    prediction: Prediction,
    label: Label,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print every figure as JSON instead of the table.")
    ] = False,
    table: Annotated[
        Path | None,
        typer.Option("--csv", metavar="FILE", help="Write every figure, one row a fragment."),
    ] = None,
    *,
    score_flags: ParameterFlags,
    channel: flag.Channel = None,
    corrections: Annotated[
        Path | None,
        typer.Option(
            "--corrections",
            metavar="FILE",
            help="Score the masks as corrected by hand: a file that 'nx46 corrections' saved.",
        ),
    ] = None,
    workers: flag.WorkerCount = None,
) -> None:
    """Compute the leaderboard scores of masks against their labels.

    All that is not 0 in a mask is foreground. The parameters are the competition's by default.
    """
    from napari_nx46.run.compare import scoring

    with paired(
        *(prediction, label, score_flags.parameters(), table),
        kernels=KERNEL_MODULES,
        verb="scoring",
        channel=channel,
        workers=workers,
        corrections=corrections,
    ) as work:
        scores = work.computed(scoring.score_pairs)
        if work.table is not None:
            work.table.write_bytes(scoring.scores_csv(scores))
    _print_scores(scores, as_json)
    if table is not None:
        note(f"wrote {table}")


def _print_scores(scores: Mapping[str, LeaderboardScore], as_json: bool) -> None:
    from napari_nx46.leaderboard import mean_record

    fragments = {image_id: result.as_record() for image_id, result in scores.items()}
    mean = mean_record(list(scores.values()))
    if as_json:
        echo(json.dumps({"fragments": fragments, "mean": mean}, indent=2))
        return
    print_table(
        ("fragment", *_COLUMNS.values()),
        [_row(name, record) for name, record in (*fragments.items(), ("mean", mean))],
    )


def _row(name: str, record: Record) -> tuple[str, ...]:
    return (name, *(f"{record[key]:.6f}" for key in _COLUMNS))
