"""``nx46 thickness``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from napari_nx46.cli.output.console import echo, guarded, interruptible, note, print_table

if TYPE_CHECKING:
    from napari_nx46.core.measure.thickness import Thickness

_COLUMNS = ("fragment", "ridge voxels", "median", "p90", "thicker than twice the median")


@guarded
def thickness(
    masks: Annotated[
        str,
        typer.Argument(
            metavar="MASKS", help="A mask, a folder of masks, a submission archive, or a store."
        ),
    ],
    maps: Annotated[
        Path | None,
        typer.Option(
            "--maps",
            metavar="FOLDER",
            help="Write the thickness around each voxel, IMAGE_ID.tif, to look at in the window.",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
) -> None:
    """Measure how thick the sheets of masks are: fused ones are thicker.

    Of the middle of the sheets: median and 90th percentile in voxels (labels have 2 and 2.8), and
    the share that is more than twice as thick as the median. The knob split_thick splits sheets
    that are fused at places.
    """
    from napari_nx46.core.measure.thickness import measure_thickness
    from napari_nx46.data.fragments import place_of
    from napari_nx46.files.atomic import write_beside
    from napari_nx46.files.volumes.opening import write_volume
    from napari_nx46.run.compare.mask_sets import open_masks

    found: dict[str, Thickness] = {}
    with interruptible() as cancelled:
        opened = open_masks(place_of(masks), cancelled=cancelled).masks
        for image_id, mask in opened.items():
            measured = found[image_id] = measure_thickness(mask.read(cancelled))
            if maps is not None:
                maps.mkdir(parents=True, exist_ok=True)
                with write_beside(maps / f"{image_id}.tif") as partial:
                    write_volume(partial, measured.map, image_id=image_id)
    if as_json:
        echo(json.dumps([_record(image_id, one) for image_id, one in found.items()], indent=2))
    else:
        print_table(_COLUMNS, [_row(image_id, one) for image_id, one in found.items()])
    if maps is not None:
        note(f"wrote {maps}")


def _record(image_id: str, measured: Thickness) -> dict[str, object]:
    return {
        "fragment": image_id,
        "ridge_voxels": measured.ridge_voxels,
        "median": measured.median,
        "p90": measured.p90,
        "fused_share": measured.fused_share,
    }


def _row(image_id: str, measured: Thickness) -> tuple[str, ...]:
    figures = (measured.median, measured.p90, measured.fused_share)
    shown = ("" if figure is None else f"{figure:.3f}" for figure in figures)
    return (image_id, str(measured.ridge_voxels), *shown)
