"""The results of the commands in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from napari_nx46.cli.output.console import echo, note, print_table

if TYPE_CHECKING:
    from napari_nx46.core.threshold.thresholds import Threshold
    from napari_nx46.files.submission.findings import ValidationReport
    from napari_nx46.files.submission.mask_tiff import Shape
    from napari_nx46.run.export.export import RunResult
    from napari_nx46.run.preflight import FragmentPreflight
    from napari_nx46.setting import Setting


def print_result(result: RunResult, band: tuple[float, float]) -> None:
    """Print what was written for every fragment: density, where in the band, threshold."""
    from napari_nx46.core.measure.band import position_in_band

    print_table(
        ("fragment", "shape", "density", "band", "threshold"),
        [
            (
                record.image_id,
                shown_shape(member.shape),
                f"{member.density:.6f}",
                position_in_band(member.density, band).value,
                _threshold(record.threshold),
            )
            for record, member in zip(result.records, result.members, strict=True)
        ],
    )
    print_notes({record.image_id: record.notes for record in result.records})


def print_notes(notes: Mapping[str, Sequence[str]]) -> None:
    """Print the notes about each fragment on stderr, a line each."""
    for image_id, texts in notes.items():
        for text in texts:
            note(f"note: {image_id}: {text}")


def print_preflight(plans: Sequence[FragmentPreflight]) -> None:
    """Print what would be done to every fragment."""
    print_table(
        ("fragment", "shape", "sources", "setting", "memory"),
        [
            (
                plan.image_id,
                shown_shape(plan.shape),
                ", ".join(f"{path}={source}" for path, source in plan.sources.items()),
                shown_knobs(plan.setting) or "defaults",
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
            [
                (mask.image_id, shown_shape(mask.shape), f"{mask.density:.6f}")
                for mask in report.masks
            ],
        )


def print_findings(report: ValidationReport) -> None:
    """Print the findings of a validation, a line each, and its outcome."""
    for finding in report.findings:
        echo(str(finding))
    outcome = "valid" if report.ok else "not valid"
    echo(
        f"{report.path}: {outcome} ({report.profile}): masks read {len(report.masks)}, "
        f"errors {len(report.errors)}, warnings {len(report.warnings)}"
    )


def shown_knobs(setting: Setting) -> str:
    """Return the knobs that differ from the defaults, ``name=value`` each; perhaps nothing."""
    usual = type(setting)()
    return " ".join(
        shown_knob(name, setting)
        for name in type(setting).model_fields
        if getattr(setting, name) != getattr(usual, name)
    )


def shown_knob(name: str, setting: Setting) -> str:
    """Return a knob as ``name=value``, block and numbers by name as their flags are."""
    value = setting.model_dump(mode="json")[name]
    if isinstance(value, dict):
        value = ",".join(f"{source}={number}" for source, number in value.items())
    elif name == "block" and value is not None:
        value = ",".join(f"{start}:{stop}" for start, stop in value)
    elif isinstance(value, bool):
        value = str(value).lower()
    return f"{name}={value}"


def shown_shape(shape: Shape) -> str:
    """Return a shape as ``ZxYxX``."""
    return "x".join(str(length) for length in shape)


def _threshold(threshold: Threshold) -> str:
    low = "" if threshold.low is None else f"{_spread(threshold.low)} / "
    return low + _spread(threshold.values)


def _spread(values: tuple[float, ...]) -> str:
    low, high = f"{min(values):.6g}", f"{max(values):.6g}"
    return low if low == high else f"{low}..{high}"
