"""Running settings over fragments: into an archive, or into a folder."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from napari_nx46.core.measure.slices import (
    SliceMeasures,
    measure_slices,
    percentiles_of_slices,
)
from napari_nx46.core.pipeline import MaskSlab
from napari_nx46.core.threshold.notes import ThresholdTally
from napari_nx46.data.fragments import DataSet, Fragment
from napari_nx46.files import atomic
from napari_nx46.files.corrections import corrections_bytes
from napari_nx46.files.mask_store.writing import replace_folder
from napari_nx46.files.staging import staging_folder
from napari_nx46.files.submission.findings import ValidationReport
from napari_nx46.files.submission.mask_tiff import MaskFormat
from napari_nx46.files.submission.writing import (
    ArchiveResult,
    MaskStream,
    Member,
    Progress,
    write_archive,
    write_mask_file,
)
from napari_nx46.files.workspace import SavedRun, announcing
from napari_nx46.run.export.images import write_mask_image
from napari_nx46.run.export.manifest import (
    FragmentRecord,
    RunOptions,
    manifest_json,
    metrics_csv,
)
from napari_nx46.run.export.splits import check_splits
from napari_nx46.run.export.targets import check_targets, export_targets, kept_if_used, run_targets
from napari_nx46.run.pipelines import PipelineSet
from napari_nx46.run.preflight import (
    Settings,
    check_corrections,
    checked_fragments,
    reads_dataset,
    sources_read,
)
from napari_nx46.setting import Setting
from napari_nx46.voxels.blocks import Mask
from napari_nx46.voxels.corrections.corrections import Corrections
from napari_nx46.voxels.workers import Workers, never


@dataclass(frozen=True)
class RunResult:
    """What was written.

    Parameters
    ----------
    target : Path
        The archive, or the folder.
    members : tuple of Member
    records : tuple of FragmentRecord
    report : ValidationReport, optional
        Of the archive.
    archive_sha256 : str, optional
        64 hexadecimal digits of the archive's bytes.
    """

    target: Path
    members: tuple[Member, ...]
    records: tuple[FragmentRecord, ...]
    report: ValidationReport | None = None
    archive_sha256: str | None = None


def same_setting(dataset: DataSet, setting: Setting) -> dict[str, Setting]:
    """Return that setting for every fragment."""
    return dict.fromkeys(dataset.image_ids, setting)


def export(
    pipelines: PipelineSet,
    settings: Settings,
    target: Path,
    options: RunOptions = RunOptions(),
    progress: Progress | None = None,
    cancelled: Callable[[], bool] = never,
    *,
    corrections: Mapping[str, Corrections] | None = None,
    work: Path | None = None,
) -> RunResult:
    """Stream the masks into a submission archive, with manifest and metrics beside it.

    What was corrected by hand is written beside it too, if anything was.

    Parameters
    ----------
    pipelines : PipelineSet
    settings : mapping
        Setting by image_id; these fragments are written, in the data set's order.
    target : Path
        The archive. A whole, validated one replaces it, or it stays as it was.
    options : RunOptions
    progress : callable, optional
        Called with image_id, slices done and slices in all.
    cancelled : callable
        Asked between slices.
    corrections : mapping of str to Corrections, optional
        By image_id; those of fragments that are not written are left out.
    work : Path, optional
        The workspace file in which the caller keeps the export as a run. It is announced beside
        that: should the caller not come to it, whoever opens the workspace next does.

    Raises
    ------
    FragmentError
        If a setting, or corrections, do not fit their fragment.
    VolumeError
        If a source is damaged or holds what a probability cannot be, or if it has been changed or
        replaced since it was opened.
    SubmissionError
        If what was written did not validate.
    Cancelled
        If `cancelled` returned True.
    WriteError
        If a target cannot be written.
    """
    corrected = corrections_written(settings, corrections)
    masks = _measured_masks(pipelines, settings, corrected, cancelled)
    _, metrics, manifest, *beside = targets = export_targets(target, corrected)
    check_targets(pipelines.dataset, targets)

    def companions(members: tuple[Member, ...]) -> dict[Path, bytes]:
        records = [mask.record() for mask in masks]
        _check_unchanged(pipelines.dataset, settings)
        return {
            metrics: metrics_csv(records),
            manifest: manifest_json(records, members, options, archive=target.name),
            **{path: corrections_bytes(corrected) for path in beside},
        }

    def result_of(archive: ArchiveResult) -> RunResult:
        records = tuple(mask.record() for mask in masks)
        return RunResult(target, archive.members, records, archive.report, archive.sha256)

    with announcing(work) as announce:
        archive = write_archive(
            target,
            [mask.stream() for mask in masks],
            compression=options.compression,
            profile=options.profile,
            band=options.band,
            progress=progress,
            cancelled=cancelled,
            companions=companions,
            complete=lambda archive: announce(exported_run(result_of(archive), options)),
        )
    return result_of(archive)


def exported_run(result: RunResult, options: RunOptions) -> SavedRun:
    """Return an export as a workspace keeps it.

    Parameters
    ----------
    result : RunResult
        Of `export`.
    options : RunOptions
        Its tag names the run.

    Returns
    -------
    SavedRun
        Without an id.
    """
    return SavedRun(
        settings={record.image_id: record.setting for record in result.records},
        metrics={
            record.image_id: {
                "density": member.density,
                "mean_continuity": _mean_continuity(record.slices),
                **_correction_metrics(record.corrections),
            }
            for record, member in zip(result.records, result.members, strict=True)
        },
        tag=options.tag,
        archive=result.target.absolute(),
        archive_sha256=result.archive_sha256,
    )


def _correction_metrics(corrections: Corrections | None) -> dict[str, float]:
    """Return how many voxels were corrected, if any were."""
    if corrections is None:
        return {}
    return {
        "voxels_added": float(corrections.added),
        "voxels_erased": float(corrections.erased),
    }


def _mean_continuity(slices: Sequence[SliceMeasures]) -> float | None:
    steps = [figures.continuity for figures in slices if figures.continuity is not None]
    return math.fsum(steps) / len(steps) if steps else None


def run(
    pipelines: PipelineSet,
    settings: Settings,
    folder: Path,
    options: RunOptions = RunOptions(),
    progress: Progress | None = None,
    cancelled: Callable[[], bool] = never,
    *,
    corrections: Mapping[str, Corrections] | None = None,
) -> RunResult:
    """Write masks/IMAGE_ID.tif, metrics.csv and manifest.json into a folder.

    With the format ``ome-zarr`` the masks are images with a pyramid, masks/IMAGE_ID.zarr. If
    anything was corrected by hand, there is corrections.npz too. Parameters and errors are those
    of `export`. All files are complete before the first of them takes its name; until then nothing
    in the folder changes.
    """
    corrected = corrections_written(settings, corrections)
    masks = _measured_masks(pipelines, settings, corrected, cancelled)
    targets = run_targets(folder, [mask.image_id for mask in masks], corrected, options.format)
    check_targets(pipelines.dataset, targets)
    with kept_if_used(folder / "masks"), staging_folder(folder) as staging:
        staged, members = _staged_masks(masks, staging, options, progress, cancelled)
        records = tuple(mask.record() for mask in masks)
        mask_files, (metrics, manifest, *beside) = targets[: len(masks)], targets[len(masks) :]
        with atomic.write_together() as batch:
            if options.format is MaskFormat.TIFF:
                for source, target in zip(staged, mask_files, strict=True):
                    source.replace(batch.add(target))
            batch.add(metrics).write_bytes(metrics_csv(records))
            batch.add(manifest).write_bytes(manifest_json(records, members, options))
            for path in beside:
                batch.add(path).write_bytes(corrections_bytes(corrected))
            _check_unchanged(pipelines.dataset, settings)
            atomic.stop_if(cancelled)
            if options.format is MaskFormat.OME_ZARR:
                for source, target in zip(staged, mask_files, strict=True):
                    replace_folder(source, target)
    return RunResult(folder, members, records)


def _check_unchanged(dataset: DataSet, settings: Settings) -> None:
    """Check that all that masks were made from is as it was when it was opened.

    Raises
    ------
    VolumeError
        If a file has been changed, replaced or removed.
    """
    for image_id, setting in settings.items():
        for fragment in dataset if reads_dataset(setting) else (dataset[image_id],):
            for volume in sources_read(fragment, setting).values():
                volume.check_unchanged()


def _staged_masks(
    masks: Sequence[_MeasuredMask],
    staging: Path,
    options: RunOptions,
    progress: Progress | None,
    cancelled: Callable[[], bool],
) -> tuple[list[Path], tuple[Member, ...]]:
    """Write the masks, read back and compared, where they can be renamed from."""
    files = [staging / f"{mask.image_id}{options.format.suffix}" for mask in masks]
    members = tuple(
        mask.written(file, options, progress, cancelled)
        for mask, file in zip(masks, files, strict=True)
    )
    return files, members


class _MeasuredMask:
    """A mask that is measured slice by slice while it is streamed."""

    def __init__(
        self,
        pipelines: PipelineSet,
        fragment: Fragment,
        setting: Setting,
        corrections: Corrections | None,
        cancelled: Callable[[], bool],
    ) -> None:
        self.image_id = fragment.image_id
        self._pipelines = pipelines
        self._fragment = fragment
        self._setting = setting
        self._corrections = corrections
        self._cancelled = cancelled
        self._record: FragmentRecord | None = None

    def stream(self) -> MaskStream:
        return MaskStream(self.image_id, self._fragment.shape, self._slabs)

    def written(
        self,
        file: Path,
        options: RunOptions,
        progress: Progress | None,
        cancelled: Callable[[], bool],
    ) -> Member:
        """Write the mask by itself, read back and compared."""
        if options.format is MaskFormat.OME_ZARR:
            return write_mask_image(
                *(file, self.stream(), self._fragment.placement),
                profile=options.profile,
                progress=progress,
                cancelled=cancelled,
            )
        return write_mask_file(
            *(file, self.stream()),
            compression=options.compression,
            profile=options.profile,
            band=options.band,
            progress=progress,
            cancelled=cancelled,
        )

    def record(self) -> FragmentRecord:
        if self._record is None:
            raise RuntimeError(f"{self.image_id}: the mask has not been streamed yet")
        return self._record

    def _slabs(self) -> Iterator[Mask]:
        pipeline, threshold = self._pipelines.with_threshold(
            self.image_id, self._setting, self._cancelled
        )
        slices: list[SliceMeasures] = []
        tally = ThresholdTally(threshold, pipeline.shape, pipeline.workers)
        previous: Mask | None = None
        corrections = self._corrections
        for slab in pipeline.slabs(self._setting, threshold, self._cancelled, corrections):
            slices += _measure(slab, previous, pipeline.workers, self._cancelled)
            previous = slab.mask[-1]
            tally.add(slab.extent, slab.score, self._cancelled)
            yield slab.mask
        sources = {
            name: volume.record()
            for name, volume in sources_read(self._fragment, self._setting).items()
        }
        self._record = FragmentRecord(
            self.image_id,
            self._setting,
            threshold,
            sources,
            tuple(slices),
            tuple(note.text(self._setting) for note in tally.notes(self._setting)),
            corrections,
            self._fragment.placement,
        )


def _measure(
    slab: MaskSlab, previous: Mask | None, workers: Workers, cancelled: Callable[[], bool]
) -> list[SliceMeasures]:
    return measure_slices(
        slab.mask,
        percentiles=percentiles_of_slices(slab.score, workers, cancelled),
        first_z=slab.extent.start,
        before=previous,
        workers=workers,
        cancelled=cancelled,
    )


def corrections_written(
    settings: Settings, corrections: Mapping[str, Corrections] | None
) -> dict[str, Corrections]:
    """Return the corrections of the fragments that are written, if anything is corrected there."""
    return {
        image_id: one
        for image_id, one in (corrections or {}).items()
        if image_id in settings and not one.is_empty
    }


def _measured_masks(
    pipelines: PipelineSet,
    settings: Settings,
    corrections: Mapping[str, Corrections],
    cancelled: Callable[[], bool],
) -> list[_MeasuredMask]:
    fragments = checked_fragments(pipelines.dataset, settings)
    for image_id, one in corrections.items():
        check_corrections(pipelines.dataset[image_id], one)
    check_splits(pipelines, fragments, settings, cancelled)
    return [
        _MeasuredMask(
            pipelines,
            fragment,
            settings[fragment.image_id],
            corrections.get(fragment.image_id),
            cancelled,
        )
        for fragment in fragments
    ]
