"""What ``nx46 run`` and ``nx46 export`` are asked for, made ready."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from napari_nx46.cli.console import interruptible, note, progress_bar
from napari_nx46.cli.data import DataFlags
from napari_nx46.cli.knobs import KnobFlags, chosen_setting
from napari_nx46.cli.reporting import print_preflight

if TYPE_CHECKING:
    from napari_nx46.files.submission import Progress
    from napari_nx46.fragments import DataSet
    from napari_nx46.run.manifest import RunOptions
    from napari_nx46.run.pipelines import PipelineSet
    from napari_nx46.setting import Setting


@dataclass(frozen=True, slots=True)
class ResourceFlags:
    """The flags that bound what a command takes of the machine.

    Parameters
    ----------
    workers : int, optional
        Threads; by default one a processor.
    memory : float
        GiB that a fragment may take before it is streamed.
    """

    workers: int | None
    memory: float


@dataclass(frozen=True, slots=True)
class Task:
    """What is handed to the runner.

    Parameters
    ----------
    pipelines : PipelineSet
    settings : dict
        Setting by image_id of the fragments that are to be written.
    options : RunOptions
    progress : callable
    cancelled : callable
    """

    pipelines: PipelineSet
    settings: dict[str, Setting]
    options: RunOptions
    progress: Progress
    cancelled: Callable[[], bool]


@contextmanager
def prepared(
    title: str,
    data: DataFlags,
    knobs: KnobFlags,
    fragments: Sequence[str],
    options: RunOptions,
    resources: ResourceFlags,
) -> Iterator[Task]:
    """Open the data and prepare their pipelines; threads and memory are given back afterwards.

    Parameters
    ----------
    title : str
        What is being done, for the progress bar.
    data, knobs, options, resources
        What the flags give.
    fragments : sequence of str
        The image_ids that are to be written; all if there is none.

    Yields
    ------
    Task

    Raises
    ------
    SettingError, FragmentError, VolumeError
        If a knob is out of range or the data cannot be opened.
    """
    # Flags and headers come first: they fail at once, before anything heavy is imported.
    setting = chosen_setting(knobs, os.environ, note)
    dataset = data.opened()
    chosen = dict.fromkeys(fragments or dataset.image_ids, setting)

    from napari_nx46.core.workers import Workers
    from napari_nx46.run.pipelines import PipelineSet

    with interruptible() as cancelled, progress_bar(title, _slices(dataset, chosen)) as progress:
        workers = Workers(resources.workers or os.cpu_count() or 1)
        budget = int(resources.memory * 2**30)
        try:
            pipelines = PipelineSet(dataset, workers=workers, memory_budget=budget)
            yield Task(pipelines, chosen, options, progress, cancelled)
            pipelines.release()
        finally:
            workers.close()


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
    from napari_nx46.run.preflight import preflight
    from napari_nx46.run.targets import check_targets, kept_if_used, preflight_json

    dataset = task.pipelines.dataset
    check_targets(dataset, targets)
    plans = preflight(dataset, task.settings, task.progress, task.cancelled)
    with kept_if_used(report.parent), write_beside(report) as partial:
        partial.write_bytes(preflight_json(plans, task.options, targets))
    print_preflight(plans)
    typer.echo(f"nothing was written but {report}")


def _slices(dataset: DataSet, chosen: dict[str, Setting]) -> int:
    return sum(fragment.shape[0] for fragment in dataset if fragment.image_id in chosen)
