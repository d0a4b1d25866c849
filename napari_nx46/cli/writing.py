"""``nx46 run`` and ``nx46 export``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from napari_nx46.cli import options as flag
from napari_nx46.cli.console import guarded
from napari_nx46.cli.data import DataFlags
from napari_nx46.cli.job import ResourceFlags, check_only, prepared
from napari_nx46.cli.knobs import KnobFlags
from napari_nx46.cli.parsing import parse_band, parse_block
from napari_nx46.cli.reporting import print_findings, print_result
from napari_nx46.files.masks import Compression, Profile

if TYPE_CHECKING:
    from napari_nx46.run.manifest import RunOptions
    from napari_nx46.setting import Domain

OutFolder = Annotated[
    Path, typer.Option("--out", metavar="DIR", help="Folder to write to; made if it is missing.")
]
OutArchive = Annotated[
    Path, typer.Option("--out", metavar="FILE", help="Archive to write; its name ends in .zip.")
]


@guarded
def run(
    data: flag.Data,
    out: OutFolder,
    preset: flag.PresetName = None,
    setting: flag.SettingFile = None,
    quantile: flag.Quantile = None,
    blend: flag.Blend = None,
    z_radius: flag.ZRadius = None,
    domain: flag.QuantileDomain = None,
    block: flag.Block = None,
    fragment: flag.FragmentIds = None,
    tag: flag.Tag = "",
    compression: flag.PageCompression = Compression.ZLIB,
    profile: flag.MaskProfile = Profile.KAGGLE,
    band: flag.TargetBand = flag.DEFAULT_BAND_TEXT,
    p3d: flag.P3dFolder = "p3d",
    p2d: flag.P2dFolder = "p2d",
    images: flag.ImageFolder = None,
    labels: flag.LabelFolder = None,
    channel: flag.Channel = -1,
    workers: flag.WorkerCount = None,
    memory: flag.Memory = 4.0,
    dry_run: flag.DryRun = False,
) -> None:
    """Write the masks and their metrics into a folder.

    The folder gets masks/ID.tif of every fragment, metrics.csv and manifest.json.
    """
    from napari_nx46.run import runner
    from napari_nx46.run.targets import run_targets

    with prepared(
        "checking" if dry_run else "writing",
        DataFlags(data, p3d, p2d, images, labels, channel),
        _knobs(preset, setting, quantile, blend, z_radius, domain, block),
        fragment or (),
        _options(tag, compression, profile, band),
        ResourceFlags(workers, memory),
    ) as task:
        if dry_run:
            check_only(task, run_targets(out, tuple(task.settings)), out / "preflight.json")
            return
        result = runner.run(
            task.pipelines, task.settings, out, task.options, task.progress, task.cancelled
        )
    print_result(result, task.options.band)
    typer.echo(f"wrote {out / 'masks'}, {out / 'metrics.csv'}, {out / 'manifest.json'}")


@guarded
def export(
    data: flag.Data,
    out: OutArchive,
    preset: flag.PresetName = None,
    setting: flag.SettingFile = None,
    quantile: flag.Quantile = None,
    blend: flag.Blend = None,
    z_radius: flag.ZRadius = None,
    domain: flag.QuantileDomain = None,
    block: flag.Block = None,
    fragment: flag.FragmentIds = None,
    tag: flag.Tag = "",
    compression: flag.PageCompression = Compression.ZLIB,
    profile: flag.MaskProfile = Profile.KAGGLE,
    band: flag.TargetBand = flag.DEFAULT_BAND_TEXT,
    p3d: flag.P3dFolder = "p3d",
    p2d: flag.P2dFolder = "p2d",
    images: flag.ImageFolder = None,
    labels: flag.LabelFolder = None,
    channel: flag.Channel = -1,
    workers: flag.WorkerCount = None,
    memory: flag.Memory = 4.0,
    dry_run: flag.DryRun = False,
) -> None:
    """Write the masks into a submission archive.

    The archive is validated before it replaces an older one. The manifest and metrics.csv are
    written beside it.
    """
    if out.suffix.lower() != ".zip":
        raise typer.BadParameter(f"found {str(out)!r}, expected FILE.zip", param_hint="--out")
    from napari_nx46.run import runner
    from napari_nx46.run.targets import export_targets

    with prepared(
        "checking" if dry_run else "exporting",
        DataFlags(data, p3d, p2d, images, labels, channel),
        _knobs(preset, setting, quantile, blend, z_radius, domain, block),
        fragment or (),
        _options(tag, compression, profile, band),
        ResourceFlags(workers, memory),
    ) as task:
        if dry_run:
            check_only(task, export_targets(out), out.with_name(out.stem + ".preflight.json"))
            return
        result = runner.export(
            task.pipelines, task.settings, out, task.options, task.progress, task.cancelled
        )
    print_result(result, task.options.band)
    if result.report is not None:
        print_findings(result.report)
    typer.echo("wrote " + ", ".join(str(path) for path in export_targets(out)))


def _knobs(
    preset: str | None,
    setting_file: Path | None,
    quantile: float | None,
    blend: float | None,
    z_radius: int | None,
    domain: Domain | None,
    block: str | None,
) -> KnobFlags:
    extents = None if block is None else parse_block(block)
    return KnobFlags(preset, setting_file, quantile, blend, z_radius, domain, extents)


def _options(tag: str, compression: Compression, profile: Profile, band: str) -> RunOptions:
    from napari_nx46.run.manifest import RunOptions

    return RunOptions(tag, compression, profile, parse_band(band))
