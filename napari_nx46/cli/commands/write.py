"""``nx46 run`` and ``nx46 export``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from napari_nx46.cli.commands.job import (
    MaskFlags,
    ResourceFlags,
    Task,
    check_only,
    end_with_left_out,
    prepared,
)
from napari_nx46.cli.commands.workspaces import ExportWorkspace, registration
from napari_nx46.cli.flags import options as flag
from napari_nx46.cli.flags.data import DataFlags
from napari_nx46.cli.flags.density import DensityFlags, report_unsolved, solved
from napari_nx46.cli.flags.groups import with_flag_groups
from napari_nx46.cli.flags.knob_flags import KnobFlags
from napari_nx46.cli.output.console import echo, guarded
from napari_nx46.cli.output.reporting import print_findings, print_result
from napari_nx46.files.submission.mask_tiff import MaskFormat

OutFolder = Annotated[
    Path, typer.Option("--out", metavar="DIR", help="Folder to write to; made if it is missing.")
]
FormatOfMasks = Annotated[
    MaskFormat,
    typer.Option(
        "--format",
        help="What a mask is: a TIFF, or an OME-Zarr image with a pyramid.",
        rich_help_panel=flag.MASK_SECTION,
    ),
]
OutArchive = Annotated[
    Path, typer.Option("--out", metavar="FILE", help="Archive to write; its name ends in .zip.")
]


@guarded
@with_flag_groups
def run(
    out: OutFolder,
    knobs: KnobFlags,
    density: DensityFlags,
    masks: MaskFlags,
    data: DataFlags,
    resources: ResourceFlags,
    fragment: flag.FragmentIds = None,
    skip_faulty: flag.SkipFaulty = False,
    dry_run: flag.DryRun = False,
    mask_format: FormatOfMasks = MaskFormat.TIFF,
) -> None:
    """Write the masks and their metrics into a folder.

    The folder gets masks/ID.tif (or ID.zarr) of every fragment, metrics.csv and manifest.json.
    """
    with prepared(
        data, knobs, fragment or (), masks, resources, skip_faulty=skip_faulty
    ) as planned:
        from napari_nx46.run.export import export as runner
        from napari_nx46.run.export.targets import run_targets

        chosen = replace(planned, options=replace(planned.options, format=mask_format))
        if dry_run:
            image_ids = tuple(chosen.settings)
            targets = run_targets(out, image_ids, chosen.corrections, mask_format)
            _dry_run(chosen, density, targets, out / "preflight.json")
            return
        task = solved(chosen, density)
        with task.progress("writing") as progress:
            result = runner.run(
                *(task.pipelines, task.settings, out, task.options, progress, task.cancelled),
                corrections=task.corrections,
            )
    print_result(result, task.options.band)
    written = (out / "masks", *run_targets(out, (), task.corrections))
    echo("wrote " + ", ".join(map(str, written)))
    end_with_left_out(task.pipelines.dataset)


@guarded
@with_flag_groups
def export(
    out: OutArchive,
    knobs: KnobFlags,
    density: DensityFlags,
    masks: MaskFlags,
    data: DataFlags,
    resources: ResourceFlags,
    fragment: flag.FragmentIds = None,
    skip_faulty: flag.SkipFaulty = False,
    dry_run: flag.DryRun = False,
    work: ExportWorkspace = None,
) -> None:
    """Write the masks into a submission archive.

    The archive is validated before it replaces an older one. The manifest and metrics.csv are
    written beside it.
    """
    if out.suffix.lower() != ".zip":
        raise typer.BadParameter(f"found {str(out)!r}, expected FILE.zip", param_hint="--out")
    with registration(None if dry_run else work) as register:
        with prepared(
            data, knobs, fragment or (), masks, resources, skip_faulty=skip_faulty
        ) as planned:
            from napari_nx46.run.export import export as runner
            from napari_nx46.run.export.targets import export_targets

            if dry_run:
                report = out.with_name(out.stem + ".preflight.json")
                _dry_run(planned, density, export_targets(out, planned.corrections), report)
                return
            task = solved(planned, density)
            with task.progress("exporting") as progress:
                result = runner.export(
                    *(task.pipelines, task.settings, out, task.options, progress, task.cancelled),
                    corrections=task.corrections,
                    work=work,
                )
        print_result(result, task.options.band)
        if result.report is not None:
            print_findings(result.report)
        echo("wrote " + ", ".join(map(str, export_targets(out, task.corrections))))
        register(result, task.options)
    end_with_left_out(task.pipelines.dataset)


def _dry_run(planned: Task, density: DensityFlags, targets: Sequence[Path], report: Path) -> None:
    """Check what writing the targets needs, and end the command."""
    report_unsolved(density)
    check_only(planned, targets, report)
    end_with_left_out(planned.pipelines.dataset)
