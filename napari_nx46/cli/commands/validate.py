"""``nx46 validate``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from napari_nx46.cli.flags import options as flag
from napari_nx46.cli.flags.data import image_shapes
from napari_nx46.cli.flags.parsing import parse_band
from napari_nx46.cli.output.console import ExitCode, echo, guarded, interruptible
from napari_nx46.cli.output.reporting import print_findings, print_masks
from napari_nx46.files.submission.mask_tiff import MaskValues


@guarded
def validate(
    archive: Annotated[
        Path,
        typer.Argument(metavar="FILE", help="Any submission.zip, or an OUT.zarr of 'nx46 apply'."),
    ],
    images: Annotated[
        Path | None,
        typer.Option(
            "--images",
            metavar="DIR",
            help="Folder of the CT images, or a data folder with test_images: gives the "
            "fragments that must be there, and their shapes.",
        ),
    ] = None,
    profile: flag.MaskProfile = MaskValues.KAGGLE,
    band: flag.TargetBand = flag.DEFAULT_BAND_TEXT,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
    verify: Annotated[
        int,
        typer.Option(
            "--verify",
            metavar="N",
            min=0,
            help="Of an OUT.zarr: compute N random tiles again in memory, and compare them.",
        ),
    ] = 0,
) -> None:
    """Check a submission archive, or the image of a mask against its receipt.

    Errors give the exit code 1; warnings do not.
    """
    if archive.is_dir():
        _validate_image(archive, verify)
        return
    from napari_nx46.files.submission.validation import validate_submission

    densities = parse_band(band)
    expected = None if images is None else image_shapes(images)
    with interruptible() as cancelled:
        report = validate_submission(
            archive, expected=expected, profile=profile, band=densities, cancelled=cancelled
        )
    if as_json:
        echo(json.dumps(report.to_dict(), indent=2))
    else:
        print_masks(report)
        print_findings(report)
    if not report.ok:
        raise typer.Exit(int(ExitCode.CHECK_FAILED))


def _validate_image(path: Path, tiles: int) -> None:
    """Check an image against its receipt, and some of its tiles against its setting."""
    from napari_nx46.scale.results.checking import check_mask_image, compare_tiles

    with interruptible() as cancelled:
        found = check_mask_image(path, cancelled)
        faults = list(found.faults)
        for fault in faults:
            echo(f"error: {fault}")
        for one in compare_tiles(found, tiles, cancelled=cancelled):
            share = one.compared / one.voxels
            echo(f"tile {one.place}: {share:.1%} computed again, {one.wrong} voxels differ")
            if one.wrong:
                faults.append(f"tile {one.place}")
    outcome = "not valid" if faults else "valid"
    echo(f"{path}: {outcome}: chunks read {found.chunks}, errors {len(faults)}")
    if faults:
        raise typer.Exit(int(ExitCode.CHECK_FAILED))
