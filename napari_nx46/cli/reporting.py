"""The results of the commands in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import typer

from napari_nx46.cli.console import print_table

if TYPE_CHECKING:
    from napari_nx46.core.threshold import Threshold
    from napari_nx46.files.findings import ValidationReport
    from napari_nx46.files.masks import Shape
    from napari_nx46.run.preflight import FragmentPreflight
    from napari_nx46.run.runner import RunResult
    from napari_nx46.setting import Setting


def print_result(result: RunResult, band: tuple[float, float]) -> None:
    """Print what was written for every fragment: density, where in the band, threshold."""
    from napari_nx46.core.measure import position_in_band

    print_table(
        ("fragment", "shape", "density", "band", "threshold"),
        [
            (
                record.image_id,
                _shape(member.shape),
                f"{member.density:.6f}",
                position_in_band(member.density, band).value,
                _threshold(record.threshold),
            )
            for record, member in zip(result.records, result.members, strict=True)
        ],
    )


def print_preflight(plans: Sequence[FragmentPreflight]) -> None:
    """Print what would be done to every fragment."""
    print_table(
        ("fragment", "shape", "sources", "setting", "memory"),
        [
            (
                plan.image_id,
                _shape(plan.shape),
                ", ".join(f"{path}={source}" for path, source in plan.sources.items()),
                _setting(plan.setting),
                f"{plan.memory_bytes / 2**20:.1f} MiB",
            )
            for plan in plans
        ],
    )


def print_masks(report: ValidationReport) -> None:
    """Print every mask of an archive that could be read."""
    if report.masks:
        print_table(
            ("fragment", "shape", "density"),
            [(mask.image_id, _shape(mask.shape), f"{mask.density:.6f}") for mask in report.masks],
        )


def print_findings(report: ValidationReport) -> None:
    """Print the findings of a validation, a line each, and its outcome."""
    for finding in report.findings:
        typer.echo(str(finding))
    outcome = "valid" if report.ok else "not valid"
    typer.echo(
        f"{report.path}: {outcome} ({report.profile}): masks read {len(report.masks)}, "
        f"errors {len(report.errors)}, warnings {len(report.warnings)}"
    )


def _shape(shape: Shape) -> str:
    return "x".join(str(length) for length in shape)


def _threshold(threshold: Threshold) -> str:
    if threshold.per_slice:
        return f"{min(threshold.values):.6g}..{max(threshold.values):.6g}"
    return f"{threshold.values[0]:.6g}"


def _setting(setting: Setting) -> str:
    knobs = setting.model_dump(mode="json", exclude_none=True)
    return " ".join(f"{name}={value}".replace(" ", "") for name, value in knobs.items())
