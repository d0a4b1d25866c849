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
    archive: Annotated[Path, typer.Argument(metavar="ARCHIVE", help="Any submission.zip.")],
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
) -> None:
    """Check a submission archive.

    Errors give the exit code 1; warnings do not.
    """
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
