"""``nx46 measure``."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from napari_nx46.cli.flags import options as flag
from napari_nx46.cli.flags.parsing import parse_band
from napari_nx46.cli.output.console import (
    echo,
    guarded,
    interruptible,
    note,
    print_table,
    share_bar,
)
from napari_nx46.files.naming import printable

if TYPE_CHECKING:
    from napari_nx46.data.fragments import Place
    from napari_nx46.run.compare.measures import MaskMeasures

_COLUMNS = ("slices", "density", "band", "continuity", "components", "largest share", "Euler")
IGNORED = "ignored"
"""What stands for the figures against a label that ignores all of the mask."""
_LABEL_COLUMNS = ("precision", "recall", "dice")

Band = tuple[float, float]


@guarded
def measure(
    masks: Annotated[
        list[str],
        typer.Argument(
            metavar="MASK...",
            help="Masks; folders of masks, or of nx46 run; submission archives; stores by path or "
            "URL, also as STORE#level=2&box=Z0:Z1,Y0:Y1,X0:X1.",
        ),
    ],
    label: Annotated[
        str | None,
        typer.Option(
            "--label",
            metavar="LABEL",
            help="The label that every mask is compared with; or a folder of labels, a data "
            "folder or boxes of a store, with a label for each mask.",
        ),
    ] = None,
    table: Annotated[
        Path | None,
        typer.Option("--csv", metavar="FILE", help="Write every figure, one row a mask."),
    ] = None,
    slices: Annotated[
        Path | None,
        typer.Option("--slices", metavar="FILE", help="Write every slice's figures as CSV."),
    ] = None,
    as_json: Annotated[
        bool,
        typer.Option("--json", help="Print every figure, of every slice too, as JSON."),
    ] = False,
    band: flag.TargetBand = flag.DEFAULT_BAND_TEXT,
    workers: flag.WorkerCount = None,
) -> None:
    """Measure masks: density, continuity, components, Euler number; with a label more.

    All figures are of the mask as it is. Components are 26-connected; the Euler number is that of
    the leaderboard, by faces. With a label there are precision, recall and Dice besides.
    """
    densities = parse_band(band)
    targets = [path for path in (table, slices) if path is not None]
    _check_targets(targets)

    from napari_nx46.data.fragments import place_of
    from napari_nx46.files.atomic import write_together
    from napari_nx46.run.compare.measures import measure_masks, measures_csv, slices_csv
    from napari_nx46.voxels.workers import Workers

    with ExitStack() as stack:
        cancelled = stack.enter_context(interruptible())
        threads = Workers(workers or os.cpu_count() or 1)
        stack.callback(threads.close)
        places = [place_of(mask) for mask in masks]
        true = None if label is None else place_of(label)
        _check_sources(targets, [*places, *([] if true is None else [true])])
        batch = stack.enter_context(write_together())
        partials = {path: batch.add(path) for path in targets}
        bar = stack.enter_context(share_bar("measuring"))
        measured = measure_masks(
            places,
            true,
            workers=threads,
            progress=lambda _image_id, done, of: bar(done / of),
            cancelled=cancelled,
        )
        if table is not None:
            partials[table].write_bytes(measures_csv(measured, densities))
        if slices is not None:
            partials[slices].write_bytes(slices_csv(measured))
    if as_json:
        echo(json.dumps([_record(one, densities) for one in measured], indent=2))
    else:
        _print_table(measured, densities, with_files=len(masks) > 1)
    for path in targets:
        note(f"wrote {path}")


def _check_targets(targets: Sequence[Path]) -> None:
    if len({path.resolve() for path in targets}) != len(targets):
        raise typer.BadParameter(
            f"found {str(targets[0])!r} for --csv as well, expected another file",
            param_hint="--slices",
        )


def _check_sources(targets: Sequence[Path], sources: Sequence[Place]) -> None:
    """Check that writing would destroy nothing that is measured, and no label."""
    from napari_nx46.data.fragments import path_of
    from napari_nx46.files.atomic import WriteError
    from napari_nx46.files.volumes.opening import is_volume_folder, volume_suffix

    given = {path.resolve() for source in sources if (path := path_of(source)) is not None}
    for target in targets:
        resolved = target.resolve()
        holders = given.intersection(resolved.parents)
        is_volume = bool(volume_suffix(resolved.name)) or any(map(is_volume_folder, holders))
        if resolved in given or (holders and is_volume):
            raise WriteError(target, "a mask or label may be there; choose another place")


def _print_table(measured: Sequence[MaskMeasures], band: Band, *, with_files: bool) -> None:
    labelled = any(one.volume.agreement is not None or _is_ignored(one) for one in measured)
    columns = (*(("file",) if with_files else ()), "fragment", *_COLUMNS)
    print_table(
        (*columns, *(_LABEL_COLUMNS if labelled else ())),
        [
            (
                *((printable(one.name),) if with_files else ()),
                *_cells(one, band),
                *(_label_cells(one) if labelled else ()),
            )
            for one in measured
        ],
    )


def _cells(measured: MaskMeasures, band: Band) -> tuple[str, ...]:
    from napari_nx46.core.measure.band import position_in_band

    volume = measured.volume
    return (
        measured.image_id,
        str(len(measured.slices)),
        f"{volume.density:.6f}",
        position_in_band(volume.density, band).value,
        _decimals(volume.mean_continuity),
        str(volume.components),
        f"{volume.largest_share:.6f}",
        str(volume.euler_number),
    )


def _label_cells(measured: MaskMeasures) -> tuple[str, ...]:
    volume = measured.volume
    if _is_ignored(measured):
        return (IGNORED,) * len(_LABEL_COLUMNS)
    return tuple(_decimals(value) for value in (volume.precision, volume.recall, volume.dice))


def _is_ignored(measured: MaskMeasures) -> bool:
    """Return whether the label ignores every slice."""
    return all(figures.ignored for figures in measured.slices)


def _decimals(value: float | None) -> str:
    return "" if value is None else f"{value:.6f}"


def _record(measured: MaskMeasures, band: Band) -> dict[str, object]:
    volume = measured.volume
    return {
        "file": str(measured.path),
        "fragment": measured.image_id,
        "density": volume.density,
        "band_distance": volume.distance_from(band),
        "mean_continuity": volume.mean_continuity,
        "components": volume.components,
        "largest_share": volume.largest_share,
        "euler_number": volume.euler_number,
        "precision": volume.precision,
        "recall": volume.recall,
        "dice": volume.dice,
        "slices": [
            {
                "z": figures.z,
                "density": figures.density,
                "continuity": figures.continuity,
                "components": figures.components,
                "largest_share": figures.largest_share,
                "euler_number": figures.euler_number,
                "precision": figures.precision,
                "recall": figures.recall,
                "dice": figures.dice,
                "recall_loss": figures.recall_loss,
                "ignored": figures.ignored,
            }
            for figures in measured.slices
        ],
    }
