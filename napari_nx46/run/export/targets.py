"""The files that a run writes, and what is reported of them before they are written."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from napari_nx46.data.fragments import DataSet
from napari_nx46.files.atomic import WriteError
from napari_nx46.files.mask_store.writing import is_mask_store
from napari_nx46.files.submission.mask_tiff import MaskFormat
from napari_nx46.run.export.manifest import RunOptions, recorded_versions
from napari_nx46.voxels.corrections.corrections import Corrections

if TYPE_CHECKING:
    from napari_nx46.run.preflight import FragmentPreflight


def manifest_path(archive: Path) -> Path:
    """Return where the manifest of an archive is: ``submission.manifest.json`` beside it."""
    return archive.with_name(archive.stem + ".manifest.json")


def corrections_path(archive: Path) -> Path:
    """Return where the corrections of an archive are: ``submission.corrections.npz`` beside it."""
    return archive.with_name(archive.stem + ".corrections.npz")


def export_targets(
    archive: Path, corrections: Mapping[str, Corrections] | None = None
) -> tuple[Path, ...]:
    """Return what an export writes: the archive, and metrics and manifest beside it.

    The corrections are the last one where anything is corrected by hand, or where there is such a
    file already: those of an older export are not to be taken for the new one's.
    """
    beside = _to_write(corrections_path(archive), corrections)
    return archive, archive.with_name("metrics.csv"), manifest_path(archive), *beside


def mask_path(folder: Path, image_id: str, kind: MaskFormat = MaskFormat.TIFF) -> Path:
    """Return where a run writes the mask of a fragment, e.g. ``masks/IMAGE_ID.tif``."""
    return folder / "masks" / f"{image_id}{kind.suffix}"


def run_targets(
    folder: Path,
    image_ids: Sequence[str],
    corrections: Mapping[str, Corrections] | None = None,
    kind: MaskFormat = MaskFormat.TIFF,
) -> tuple[Path, ...]:
    """Return what a run writes into a folder: the masks, metrics and manifest.

    Corrections are written as `export_targets` says.
    """
    masks = (mask_path(folder, image_id, kind) for image_id in image_ids)
    beside = _to_write(folder / "corrections.npz", corrections)
    return (*masks, folder / "metrics.csv", folder / "manifest.json", *beside)


def _to_write(path: Path, corrections: Mapping[str, Corrections] | None) -> tuple[Path, ...]:
    return (path,) if corrections or path.exists() else ()


def check_targets(dataset: DataSet, targets: Iterable[Path]) -> None:
    """Check that writing would destroy no source, nor meet a folder.

    Parameters
    ----------
    dataset : DataSet
    targets : iterable of Path

    Raises
    ------
    WriteError
        If a target is, or lies in, a volume of the data set, or is a folder that is no image of a
        mask.
    """
    paths = (volume.path for fragment in dataset for volume in fragment.volumes)
    volumes = {path.resolve() for path in paths if path is not None}
    for target in targets:
        resolved = target.resolve()
        if not volumes.isdisjoint((resolved, *resolved.parents)):
            raise WriteError(target, "a volume of the data set is there; choose another place")
        if resolved.is_dir() and not (target.suffix == ".zarr" and is_mask_store(resolved)):
            raise WriteError(target, "there is a folder of that name")


@contextmanager
def kept_if_used(folder: Path) -> Iterator[None]:
    """Make a folder where it is missing, and remove again what was made if it is left empty."""
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield
    finally:
        for path in missing:
            with suppress(OSError):  # it holds something
                path.rmdir()


def preflight_json(
    plans: Sequence[FragmentPreflight], options: RunOptions, targets: Sequence[Path]
) -> bytes:
    """Return the report of a preflight as JSON.

    Parameters
    ----------
    plans : sequence of FragmentPreflight
        What would be done to each fragment.
    options : RunOptions
    targets : sequence of Path
        What would be written.
    """
    report = {
        "run_tag": options.tag,
        "compression": options.compression.value,
        "profile": options.profile.value,
        "band": list(options.band),
        "versions": recorded_versions(),
        "targets": [str(target) for target in targets],
        "fragments": [
            {
                "image_id": plan.image_id,
                "shape": list(plan.shape),
                "setting": plan.setting.model_dump(mode="json"),
                "sources": plan.sources,
                "memory_bytes": plan.memory_bytes,
                "notes": list(plan.notes),
            }
            for plan in plans
        ],
    }
    return (json.dumps(report, indent=2) + "\n").encode()
