"""What ``nx46 run`` and ``nx46 export`` are asked for, made ready."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from napari_nx46.cli.flags import options as flag
from napari_nx46.cli.flags.data import DataFlags
from napari_nx46.cli.flags.groups import FlagGroup
from napari_nx46.cli.flags.knob_flags import KnobFlags
from napari_nx46.cli.flags.knobs import chosen_setting
from napari_nx46.cli.flags.parsing import parse_band
from napari_nx46.cli.output.console import ExitCode, echo, fail, interruptible, note, progress_bar
from napari_nx46.cli.output.reporting import print_notes, print_preflight
from napari_nx46.files.submission.mask_tiff import Compression, MaskValues

if TYPE_CHECKING:
    from napari_nx46.data.fragments import DataSet
    from napari_nx46.files.submission.writing import Progress
    from napari_nx46.run.export.manifest import RunOptions
    from napari_nx46.run.pipelines import PipelineSet
    from napari_nx46.setting import Setting
    from napari_nx46.voxels.corrections.corrections import Corrections


@dataclass(frozen=True)
class MaskFlags(FlagGroup):
    """The flags that say how masks are written.

    Parameters
    ----------
    tag : str
        Names the run.
    compression : Compression
    profile : Profile
    band : str
        Density aimed at, ``LOW:HIGH``.
    corrections : Path, optional
        What was corrected by hand.
    """

    tag: Annotated[
        str,
        typer.Option(
            "--tag",
            metavar="TEXT",
            envvar="NX46_RUN_TAG",
            help="Names the run in its manifest.",
            rich_help_panel=flag.MASK_SECTION,
        ),
    ] = ""
    compression: Annotated[
        Compression,
        typer.Option(
            "--compression",
            help="Compression of the masks' pages.",
            rich_help_panel=flag.MASK_SECTION,
        ),
    ] = Compression.ZLIB
    profile: flag.MaskProfile = MaskValues.KAGGLE
    band: flag.TargetBand = flag.DEFAULT_BAND_TEXT
    corrections: flag.CorrectionsFile = None

    def run_options(self) -> RunOptions:
        """Return the options of a run.

        Raises
        ------
        typer.BadParameter
            If the band cannot be parsed.
        """
        from napari_nx46.run.export.manifest import RunOptions

        return RunOptions(self.tag, self.compression, self.profile, parse_band(self.band))


@dataclass(frozen=True)
class ResourceFlags(FlagGroup):
    """The flags that bound what a command takes of the machine.

    Parameters
    ----------
    workers : int, optional
        Threads; by default one a processor.
    memory : float
        GiB that a fragment may take before it is streamed.
    """

    workers: flag.WorkerCount = None
    memory: flag.Memory = 4.0


@dataclass(frozen=True, slots=True)
class Task:
    """What is handed to the runner.

    Parameters
    ----------
    pipelines : PipelineSet
    settings : dict
        Setting by image_id of the fragments that are to be written.
    options : RunOptions
    cancelled : callable
    corrections : dict
        What was corrected by hand, by image_id of these fragments.
    """

    pipelines: PipelineSet
    settings: dict[str, Setting]
    options: RunOptions
    cancelled: Callable[[], bool]
    corrections: dict[str, Corrections]

    def progress(self, title: str) -> AbstractContextManager[Progress]:
        """Show the progress through the slices of these fragments while the context is open."""
        return progress_bar(title, _slices(self.pipelines.dataset, self.settings))


@contextmanager
def prepared(
    data: DataFlags,
    knobs: KnobFlags,
    fragments: Sequence[str],
    masks: MaskFlags,
    resources: ResourceFlags,
    *,
    skip_faulty: bool = False,
) -> Iterator[Task]:
    """Open the data and prepare their pipelines; threads and memory are given back afterwards.

    Parameters
    ----------
    data, knobs, masks, resources
        What the flags give.
    fragments : sequence of str
        The image_ids that are to be written; all if there is none.
    skip_faulty : bool
        Leave out fragments that cannot be opened.

    Yields
    ------
    Task

    Raises
    ------
    SettingError, FragmentError, VolumeError
        If a knob is out of range or the data cannot be opened.
    """
    # Flags and headers come first: they fail at once, before anything heavy is imported.
    options = masks.run_options()
    setting = chosen_setting(knobs, os.environ, note)
    dataset = _opened(data, setting, fragments, skip_faulty)
    chosen = dict.fromkeys(fragments or dataset.image_ids, setting)
    corrections = _chosen_corrections(masks.corrections, dataset, tuple(chosen))

    from napari_nx46.run.pipelines import PipelineSet
    from napari_nx46.scale.by_slabs import mask_by_slabs
    from napari_nx46.voxels.workers import Workers

    with interruptible() as cancelled:
        workers = Workers(resources.workers or os.cpu_count() or 1)
        budget = int(resources.memory * 2**30)
        try:
            pipelines = PipelineSet(
                dataset, workers=workers, memory_budget=budget, by_slabs=mask_by_slabs
            )
            yield Task(pipelines, chosen, options, cancelled, corrections)
            pipelines.release()
        finally:
            workers.close()


def _chosen_corrections(
    path: Path | None, dataset: DataSet, image_ids: Sequence[str]
) -> dict[str, Corrections]:
    """Read the corrections of the fragments that are to be written.

    Raises
    ------
    FragmentError
        If none of them is corrected, or corrections are of another shape than their fragment.
    """
    if path is None:
        return {}
    from napari_nx46.data.fragments import FragmentError
    from napari_nx46.files.corrections import read_corrections
    from napari_nx46.files.naming import first_few
    from napari_nx46.run.preflight import check_corrections

    found = read_corrections(path)
    chosen = {image_id: one for image_id, one in found.items() if image_id in image_ids}
    if found and not chosen:
        raise FragmentError(
            f"{path}: found corrections of {first_few(sorted(found))}; expected some of "
            f"{first_few(list(image_ids))}"
        )
    others = sorted(found.keys() - set(dataset.image_ids))
    if others:
        note(f"note: {path} has corrections of other data: {first_few(others)}")
    for image_id, one in chosen.items():
        check_corrections(dataset[image_id], one)
        echo(f"{image_id}: {one.added:,} voxels added and {one.erased:,} erased by hand")
    return chosen


def _opened(
    data: DataFlags, setting: Setting, fragments: Sequence[str], skip_faulty: bool
) -> DataSet:
    """Open the fragments that are to be written, and those that their thresholds depend on."""
    if not fragments and not skip_faulty:
        return data.opened()
    from napari_nx46.run.preflight import reads_dataset

    if reads_dataset(setting):
        return data.opened()  # a quantile over all fragments needs all of them
    return data.opened(fragments, skip_faulty=skip_faulty)


def end_with_left_out(dataset: DataSet) -> None:
    """End the command with exit status 1 if something of the data was left out, and list it."""
    if dataset.left_out:
        lines = "\n".join(f"- {fault}" for fault in dataset.left_out)
        fail(f"left out {len(dataset.left_out)} of the data:\n{lines}", ExitCode.CHECK_FAILED)


def check_only(task: Task, targets: Sequence[Path], report: Path) -> None:
    """Check everything that writing these targets needs, and write nothing but a report.

    Parameters
    ----------
    task : Task
    targets : sequence of Path
        What would be written.
    report : Path
        The preflight report; its folder is made if it is missing.

    Raises
    ------
    FragmentError, VolumeError, Cancelled, WriteError
        As writing would.
    """
    from napari_nx46.files.atomic import write_beside
    from napari_nx46.run.export.targets import check_targets, kept_if_used, preflight_json
    from napari_nx46.run.preflight import preflight

    dataset = task.pipelines.dataset
    check_targets(dataset, targets)
    with task.progress("checking") as progress:
        plans = [
            replace(plan, notes=task.pipelines.notes(plan.image_id, plan.setting, task.cancelled))
            for plan in preflight(dataset, task.settings, progress, task.cancelled)
        ]
    with kept_if_used(report.parent), write_beside(report) as partial:
        partial.write_bytes(preflight_json(plans, task.options, targets))
    print_preflight(plans)
    print_notes({plan.image_id: plan.notes for plan in plans})
    echo(f"nothing was written but {report}")


def _slices(dataset: DataSet, chosen: dict[str, Setting]) -> int:
    return sum(fragment.shape[0] for fragment in dataset if fragment.image_id in chosen)
