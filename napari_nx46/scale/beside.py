"""Applying a setting to a whole store beside a window: what it takes first, then the mask."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_nx46.data.fragments import DataSet, StorePlace
from napari_nx46.files.volumes.reading import ReadAs
from napari_nx46.run.job import Progress, Report, Work
from napari_nx46.scale.execute.progress import duration_words
from napari_nx46.setting import Setting, SettingError
from napari_nx46.voxels.workers import CancelCheck, Cancelled, Workers

if TYPE_CHECKING:
    from napari_nx46.scale.execute.estimate import Estimate
    from napari_nx46.scale.execute.progress import ApplyProgress
    from napari_nx46.scale.plan.plan import ApplyPlan
    from napari_nx46.scale.plan.sources import StoreSources
    from napari_nx46.voxels.corrections.corrections import Corrections

__all__ = [
    "Preflight",
    "ProgressInWords",
    "apply_work",
    "frozen_over",
    "frozen_quantiles",
    "outcome_words",
    "preflight_work",
    "setting_for_all",
    "sources_of",
]

_GB = 1e9
_MOST_FAILURES = 3
_NEXT_UNIT = 1000


@dataclass(frozen=True)
class Preflight:
    """What applying a setting to a store takes.

    Attributes
    ----------
    plan : ApplyPlan
        Of the setting with its quantiles as probabilities.
    estimate : Estimate
    threads : int
        That compute a tile each.
    goes_on : bool
        Whether an earlier run of the plan has left something to go on with.
    """

    plan: ApplyPlan
    estimate: Estimate
    threads: int
    goes_on: bool = False

    def in_words(self) -> str:
        """Return time, disk, memory and what is read, a line each."""
        found = self.estimate
        z, y, x = found.shape
        needed = found.output_bytes + found.scratch_bytes
        lines = [
            f"{z} × {y} × {x} voxels, {z * y * x / _GB:.3g} Gvoxel; {found.tiles_present} of "
            f"{found.tiles} tiles have chunks",
            f"Time: about {duration_words(found.seconds)}, with {self.threads} at a time",
            f"Disk: about {_size(needed)}, {_size(found.scratch_bytes)} of it only meanwhile; "
            f"{_size(found.free_bytes)} are free",
            f"Memory: about {_size(found.memory_bytes)}",
            f"To read: {_size(found.bytes_to_read)}, decoded",
        ]
        lines += (
            f"By hand, in {image_id}: {one.added:,} voxels added, {one.erased:,} erased"
            for image_id, one in self.plan.corrections.by_fragment.items()
        )
        lines += (f"⚠ {note}" for note in found.notes)
        if self.goes_on:
            lines.append("It goes on with what an earlier run has done.")
        if not found.fits:
            lines.append("⚠ The disk has no room for it: choose another one, or make room.")
        return "\n".join(lines)


@dataclass(frozen=True, slots=True)
class ProgressInWords(Progress):
    """How far it is, with what is being done.

    Parameters
    ----------
    words : str
    """

    words: str = ""


def setting_for_all(accepted: Mapping[str, Setting]) -> Setting:
    """Return the one setting that was accepted for boxes.

    Parameters
    ----------
    accepted : mapping of str to Setting
        By image_id.

    Raises
    ------
    SettingError
        If none was accepted, or several that differ.
    """
    settings = list(accepted.values())
    if not settings:
        raise SettingError("no setting is accepted yet: press Accept where masks are tuned")
    if any(one != settings[0] for one in settings[1:]):
        raise SettingError(
            "found several accepted settings, expected one for the whole volume: press Accept for"
            " all where masks are tuned"
        )
    return settings[0]


def sources_of(
    place: StorePlace, second: StorePlace | None = None, read_as: ReadAs | None = None
) -> StoreSources:
    """Return where the volumes of whole stores are.

    Parameters
    ----------
    place : StorePlace
        Of the probabilities, or of their 3D path; with the CT, where there is one.
    second : StorePlace, optional
        Of the 2D path.
    read_as : ReadAs, optional
        What is read of both.
    """
    from napari_nx46.scale.plan.sources import StoreAddress, StoreSources

    chosen = read_as or ReadAs()

    def address(one: StorePlace, **more: Any) -> StoreAddress:
        return StoreAddress(
            location=one.absolute().store,
            level=one.level,
            endpoint=one.endpoint,
            signed=one.signed,
            absent_on_403=one.absent_on_403,
            **more,
        )

    probabilities = {"channel": chosen.channel, "logits": chosen.logits}
    return StoreSources(
        p3d=address(place, **probabilities),
        p2d=None if second is None else address(second, **probabilities),
        image=None if place.image is None else address(place.beside(place.image)),
    )


def frozen_over(
    dataset: DataSet,
    setting: Setting,
    workers: Workers,
    memory: int | None,
    cancelled: CancelCheck,
) -> Setting:
    """Return a setting with its quantiles as probabilities, over all fragments together.

    One by which each slice has thresholds of its own stays as it is.

    Raises
    ------
    SettingError
        If the quantile is of one fragment's block.
    Cancelled
        If `cancelled` returned True.
    """
    from napari_nx46.scale.thresholds import has_slice_thresholds

    if has_slice_thresholds(setting):
        return setting
    return frozen_quantiles(dataset, setting, workers, memory, cancelled)


def frozen_quantiles(
    dataset: DataSet,
    setting: Setting,
    workers: Workers,
    memory: int | None,
    cancelled: CancelCheck,
) -> Setting:
    """Return a setting with its quantiles as probabilities, over all fragments together.

    Raises
    ------
    SettingError
        If the quantile is of one fragment's block, or each slice has a threshold of its own.
    Cancelled
        If `cancelled` returned True.
    """
    from napari_nx46.core.threshold.freezing import frozen
    from napari_nx46.run.pipelines import PipelineSet

    pipelines = PipelineSet(dataset, workers=workers, memory_budget=memory)
    try:
        every = [pipelines[image_id] for image_id in dataset.image_ids]
        return frozen(setting, every, cancelled)
    finally:
        pipelines.release()


def preflight_work(
    dataset: DataSet,
    setting: Setting,
    sources: StoreSources,
    out: Path,
    *,
    threads: int,
    memory: int | None = None,
    memory_of_all: int | None = None,
    corrections: Mapping[str, Corrections] | None = None,
) -> Work[Preflight]:
    """Return the work of a job that freezes a setting, plans it, and times a few tiles.

    Parameters
    ----------
    dataset : DataSet
        The boxes over which quantiles are taken.
    setting : Setting
    sources : StoreSources
        The whole volumes.
    out : Path
        The image to write.
    threads : int
        That compute a tile each, unless that takes too much memory.
    memory : int, optional
        Bytes for one box's volumes and score.
    memory_of_all : int, optional
        Bytes of all tiles that are computed at a time; by default half of what is free.
    corrections : mapping of str to Corrections, optional
        That were accepted for the boxes.
    """

    def work(cancelled: CancelCheck, report: Report) -> Preflight:
        import psutil

        from napari_nx46.scale.execute.estimate import estimate, fitted
        from napari_nx46.scale.plan.plan import plan_apply

        report(ProgressInWords(0, 0, "Freezing the threshold over the boxes"))
        workers = Workers(threads)
        try:
            chosen = frozen_over(dataset, setting, workers, memory, cancelled)
        finally:
            workers.close()
        budget = memory_of_all or int(psutil.virtual_memory().available) // 2
        plan = plan_apply(sources, chosen, out, corrections=corrections)
        plan, lanes = fitted(plan, threads, budget, processes=False)
        if cancelled():
            raise Cancelled
        report(ProgressInWords(0, 0, "Timing a few tiles"))
        found = estimate(plan, workers=lanes, cancelled=cancelled)
        return Preflight(plan, found, lanes, plan.work.exists() or plan.out.exists())

    return work


def apply_work(preflight: Preflight, *, restart: bool = False) -> Work[ApplyProgress]:
    """Return the work of a job that applies a plan, or goes on with it where it was.

    Cancelled, or failed in some tiles, it keeps what is done.

    Parameters
    ----------
    preflight : Preflight
    restart : bool
        Begin again, whatever is there; an image stays until the new one is complete.
    """

    def work(cancelled: CancelCheck, report: Report) -> ApplyProgress:
        from napari_nx46.campaign.execute.cluster import ClusterChoice
        from napari_nx46.scale.execute.run import RunOptions, apply

        options = RunOptions(ClusterChoice(threads=preflight.threads), restart=restart)
        for progress in apply(preflight.plan, options=options, cancelled=cancelled):
            report(ProgressInWords(progress.done, progress.total, progress_words(progress)))
        if progress.state == "cancelled":
            raise Cancelled
        return progress

    return work


def progress_words(progress: ApplyProgress) -> str:
    """Return which stage a plan is at, how fast, and how long it still takes."""
    left = progress.seconds_left
    rest = "" if left is None else f", about {duration_words(left)} left"
    rate = progress.voxels_per_second / 1e6
    speed = f" ({rate:.0f} Mvoxel/s{rest})" if rate else ""
    return f"{progress.stage} of {progress.stages}: {progress.name}{speed}"


def outcome_words(preflight: Preflight, progress: ApplyProgress) -> str:
    """Return how a plan ended, and what to do."""
    failures = progress.failures
    if progress.state == "done":
        plan = preflight.plan
        return f"✓ {plan.out}\nBeside it: {plan.receipt.name}."
    lines = [f"⚠ {failure}" for failure in failures[:_MOST_FAILURES]]
    if len(failures) > _MOST_FAILURES:
        lines.append(f"and {len(failures) - _MOST_FAILURES} more")
    return "\n".join([*lines, progress.words]).strip()


def _size(count: float) -> str:
    """Return bytes in words, with three digits."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < _NEXT_UNIT:
            return f"{count:.3g} {unit}"
        count /= _NEXT_UNIT
    return f"{count:.3g} TB"
