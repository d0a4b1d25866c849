"""The files that say what a run did: `metrics.csv` and the manifest."""

from __future__ import annotations

import json
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from napari_nx46.core.measure.slices import PERCENTS, SliceMeasures
from napari_nx46.core.threshold.thresholds import Threshold
from napari_nx46.files.submission.mask_tiff import Compression, MaskFormat, MaskValues
from napari_nx46.files.submission.writing import Member
from napari_nx46.files.volumes.placement import Placement
from napari_nx46.run.csv_text import CsvValue, csv_bytes, nine_digits
from napari_nx46.setting import DEFAULT_BAND, Setting
from napari_nx46.voxels.corrections.corrections import Corrections

METRICS_COLUMNS = (
    "fragment",
    "z",
    "ink_ratio",
    "continuity",
    "components",
    "p50",
    "p90",
    "p95",
    "p99",
)
RECORDED_PACKAGES = (
    "napari-nx46",
    "numpy",
    "numba",
    "scipy",
    "tifffile",
    "imagecodecs",
    "pillow",
)


@dataclass(frozen=True)
class RunOptions:
    """How masks are written; nothing here changes a voxel's being foreground.

    Parameters
    ----------
    tag : str
        Names the run in its manifest.
    compression : Compression
        Of the TIFF pages.
    profile : MaskValues
        The values of the masks: {0, 1} or {0, 255}.
    band : tuple of float
        Density aimed at, for the warnings.
    format : MaskFormat
        Of masks in a folder; an archive holds TIFF files.
    """

    tag: str = ""
    compression: Compression = Compression.ZLIB
    profile: MaskValues = MaskValues.KAGGLE
    band: tuple[float, float] = DEFAULT_BAND
    format: MaskFormat = MaskFormat.TIFF


@dataclass(frozen=True)
class FragmentRecord:
    """What a run did to one fragment.

    Parameters
    ----------
    image_id : str
    setting : Setting
    threshold : Threshold
    sources : dict
        For each volume that the setting reads, by name, what it is: see `Volume.record`.
    slices : tuple of SliceMeasures
        In ascending z.
    notes : tuple of str
        What is odd about the threshold, in words.
    corrections : Corrections, optional
        What was corrected by hand.
    placement : Placement, optional
        Size and place of the voxels, where they are known.
    """

    image_id: str
    setting: Setting
    threshold: Threshold
    sources: dict[str, dict[str, str | int | list[int]]] = field(repr=False)
    slices: tuple[SliceMeasures, ...] = field(repr=False)
    notes: tuple[str, ...] = ()
    corrections: Corrections | None = None
    placement: Placement | None = None


def metrics_csv(records: Sequence[FragmentRecord]) -> bytes:
    """Return `metrics.csv`: one row a slice, figures to nine significant digits."""
    rows = (_row(record.image_id, metrics) for record in records for metrics in record.slices)
    return csv_bytes(METRICS_COLUMNS, rows)


def manifest_json(
    records: Sequence[FragmentRecord],
    members: Sequence[Member],
    options: RunOptions,
    *,
    archive: str | None = None,
) -> bytes:
    """Return the manifest of a run as JSON.

    Parameters
    ----------
    records, members
        What was done and what was written, one each per fragment, in the same order.
    options : RunOptions
    archive : str, optional
        Name of the archive that holds the members.
    """
    settings = [record.setting for record in records]
    common = settings[0] if all(setting == settings[0] for setting in settings) else None
    manifest: dict[str, Any] = {
        "run_tag": options.tag,
        "archive": archive,
        "setting": None if common is None else common.model_dump(mode="json"),
        "compression": options.compression.value,
        "profile": options.profile.value,
        "band": list(options.band),
        "versions": recorded_versions(),
        "fragments": [
            _fragment_entry(record, member) for record, member in zip(records, members, strict=True)
        ],
    }
    return (json.dumps(manifest, indent=2) + "\n").encode()


def recorded_versions() -> dict[str, str]:
    """Return the versions of what a mask's bytes depend on."""
    packages = {package: installed_version(package) for package in RECORDED_PACKAGES}
    return {"python": platform.python_version(), **packages}


def installed_version(package: str) -> str:
    """Return the version of a package, ``not installed`` if it runs from a bare checkout."""
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def _fragment_entry(record: FragmentRecord, member: Member) -> dict[str, Any]:
    threshold = record.threshold
    low = {} if threshold.low is None else {"low_threshold": _one_or_each(threshold.lower)}
    return {
        "image_id": record.image_id,
        "shape": list(member.shape),
        "placement": None if record.placement is None else asdict(record.placement),
        "density": member.density,
        "threshold": _one_or_each(threshold),
        **low,
        "notes": list(record.notes),
        "setting": record.setting.model_dump(mode="json"),
        "sources": record.sources,
        "corrections": _corrections_entry(record.corrections),
        "mask_sha256": member.mask_sha256,
        "member": member.name,
        "member_sha256": member.member_sha256,
    }


def _corrections_entry(corrections: Corrections | None) -> dict[str, int | str] | None:
    """Return how many voxels were corrected by hand, and the SHA-256 of which and how."""
    if corrections is None:
        return None
    return {
        "voxels_added": corrections.added,
        "voxels_erased": corrections.erased,
        "sha256": corrections.digest,
    }


def _one_or_each(threshold: Threshold) -> float | list[float]:
    """Return the threshold of the fragment, or those of its slices."""
    return list(threshold.values) if threshold.per_slice else threshold.values[0]


def _row(image_id: str, metrics: SliceMeasures) -> list[CsvValue]:
    percentiles = (None,) * len(PERCENTS) if metrics.percentiles is None else metrics.percentiles
    return [
        image_id,
        metrics.z,
        nine_digits(metrics.density),
        nine_digits(metrics.continuity),
        metrics.components,
        *map(nine_digits, percentiles),
    ]
