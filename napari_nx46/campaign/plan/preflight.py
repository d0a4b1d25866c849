"""Looking at a campaign before it runs: does every setting fit every fragment, what may it cost."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from napari_nx46.campaign.execute.suggest import Search, Suggester, check_objective
from napari_nx46.campaign.plan.estimate import (
    Cost,
    campaign_seconds,
    measure_cost,
    result_bytes,
    worker_bytes,
)
from napari_nx46.campaign.plan.rows import equal_runs
from napari_nx46.campaign.records.results import CampaignPlan, PlannedRun
from napari_nx46.data.fragments import DataSet, Fragment, FragmentError
from napari_nx46.files.naming import first_few
from napari_nx46.files.volumes.opening import VolumeError
from napari_nx46.run.preflight import check_block, finite_block, sources_read
from napari_nx46.setting import Setting
from napari_nx46.voxels.blocks import whole_block
from napari_nx46.voxels.workers import CancelCheck, Cancelled, never

_FEW = 3


@dataclass(frozen=True, slots=True)
class CheckedFragment:
    """A fragment as it was found.

    Parameters
    ----------
    image_id : str
    shape : tuple of int
        Voxels along (Z, Y, X).
    sources : tuple of str
        ``name=file type`` of each probability volume, or of the CT image where there is none.
    has_label : bool
    faults : tuple of str
        What keeps its tasks, or some of them, from running.
    """

    image_id: str
    shape: tuple[int, int, int]
    sources: tuple[str, ...]
    has_label: bool
    faults: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CampaignPreflight:
    """A campaign before it runs.

    Parameters
    ----------
    name : str
        Of the plan.
    runs : tuple of PlannedRun
        All of them; of a search, the first batch.
    run_count : int
        Of a search, how many there will be.
    fragments : tuple of CheckedFragment
        That could be opened.
    unopened : tuple of str
        Why other fragments could not be.
    notes : tuple of str
        What is worth knowing, and keeps nothing from running.
    cost : Cost, optional
        That the time is estimated from; None if no fragment can be run.
    seconds : float, optional
        Estimated for all tasks, with so many workers.
    workers : int
    memory_bytes : int
        Estimated for each worker.
    disk_bytes : int
        Estimated for the results.
    """

    name: str
    runs: tuple[PlannedRun, ...]
    run_count: int
    fragments: tuple[CheckedFragment, ...]
    unopened: tuple[str, ...]
    notes: tuple[str, ...]
    cost: Cost | None
    seconds: float | None
    workers: int
    memory_bytes: int
    disk_bytes: int

    @property
    def fragment_count(self) -> int:
        """Fragments of the data set, also those that could not be opened."""
        return len(self.fragments) + len(self.unopened)

    @property
    def task_count(self) -> int:
        """Runs times fragments."""
        return self.run_count * self.fragment_count

    @property
    def faults(self) -> tuple[str, ...]:
        """Everything that keeps tasks from running."""
        return (*self.unopened, *(fault for one in self.fragments for fault in one.faults))


def campaign_preflight(
    dataset: DataSet,
    plan: CampaignPlan | Search,
    *,
    unopened: Iterable[str] = (),
    workers: int = 1,
    leaderboard: bool = True,
    work: Path | None = None,
    progress: Callable[[float], None] = lambda _share: None,
    cancelled: CancelCheck = never,
) -> CampaignPreflight:
    """Look at a campaign; nothing is run or written.

    One slice of every volume is read, every setting is held against every fragment, and a few of
    the settings are timed on a small block (see `estimate.measure_cost`).

    Parameters
    ----------
    dataset : DataSet
    plan : CampaignPlan or Search
    unopened : iterable of str
        Why fragments that belong to the data set could not be opened.
    workers : int
        That will share the tasks.
    leaderboard : bool
        Whether labelled fragments will be scored.
    work : Path, optional
        Where the results will be written, to look for room there.
    progress : callable
        Called with the share of the fragments that were looked at.
    cancelled : callable
        Asked between fragments and between settings.

    Raises
    ------
    PlanError
        If a search can suggest nothing, or aims at what no run will have.
    Cancelled
        If `cancelled` returned True.
    """
    if isinstance(plan, Search):
        has_labels = any(fragment.label is not None for fragment in dataset)
        check_objective(plan, has_labels=has_labels, leaderboard=leaderboard)
    runs = Suggester(plan).ask() if isinstance(plan, Search) else plan.runs
    run_count = plan.runs if isinstance(plan, Search) else len(runs)
    checked = []
    for number, fragment in enumerate(dataset, start=1):
        if cancelled():
            raise Cancelled
        checked.append(_checked(fragment, runs))
        progress(number / len(dataset))
    settings = [run.setting for run in runs]
    cost, damage = _cost(dataset, checked, settings, leaderboard, cancelled)
    checked = [replace(one, faults=(*one.faults, *damage.get(one.image_id, ()))) for one in checked]
    sound = [dataset[found.image_id] for found in checked if not found.faults]
    seconds = None
    if cost is not None:
        of_search = run_count if isinstance(plan, Search) else None
        threads = min(workers, run_count * len(sound))
        seconds = campaign_seconds(cost, sound, settings, of_search) / threads
    memory = max(
        (worker_bytes(fragment, setting) for fragment in sound for setting in set(settings)),
        default=0,
    )
    disk = result_bytes(tuple(dataset), run_count)
    return CampaignPreflight(
        name=plan.name,
        runs=tuple(runs),
        run_count=run_count,
        fragments=tuple(checked),
        unopened=tuple(unopened),
        notes=(*_equal_notes(runs), *_memory_notes(memory, workers), *_disk_notes(disk, work)),
        cost=cost,
        seconds=seconds,
        workers=workers,
        memory_bytes=memory,
        disk_bytes=disk,
    )


def _cost(
    dataset: DataSet,
    checked: Sequence[CheckedFragment],
    settings: Sequence[Setting],
    leaderboard: bool,
    cancelled: CancelCheck,
) -> tuple[Cost | None, dict[str, tuple[str, ...]]]:
    """Measure the first fragment that can be, labelled ones first; return what was damaged, too."""
    damage: dict[str, tuple[str, ...]] = {}
    for found in sorted(checked, key=lambda one: not one.has_label):
        if found.faults:
            continue
        fragment = dataset[found.image_id]
        try:
            cost = measure_cost(fragment, settings, leaderboard=leaderboard, cancelled=cancelled)
        except VolumeError as error:
            damage[found.image_id] = (str(error),)
        else:
            return cost, damage
    return None, damage


def _checked(fragment: Fragment, runs: Sequence[PlannedRun]) -> CheckedFragment:
    shown = fragment.sources
    if not shown and fragment.image is not None:
        shown = {"image": fragment.image}
    return CheckedFragment(
        image_id=fragment.image_id,
        shape=fragment.shape,
        sources=tuple(
            f"{name}={volume.short_name} {volume.dtype}" for name, volume in shown.items()
        ),
        has_label=fragment.label is not None,
        faults=(*_read_faults(fragment), *_fit_faults(fragment, runs)),
    )


def _read_faults(fragment: Fragment) -> list[str]:
    """Read the middle slice of every volume, and return what is wrong."""
    z, y, x = whole_block(fragment.shape)
    middle = slice(z.stop // 2, z.stop // 2 + 1), y, x
    faults = []
    for volume in fragment.volumes:
        try:
            if volume is fragment.image:
                finite_block(volume, middle)
            else:
                volume[middle]
        except (VolumeError, OSError) as error:
            faults.append(str(error))
    return faults


def _fit_faults(fragment: Fragment, runs: Sequence[PlannedRun]) -> list[str]:
    """Return why settings do not fit a fragment, each reason once with its runs."""
    runs_of: dict[str, list[str]] = {}
    for run in runs:
        try:
            check_block(fragment, run.setting)
            sources_read(fragment, run.setting)
        except FragmentError as error:
            runs_of.setdefault(str(error), []).append(run.run_id)
    return [
        f"{reason} ({'all runs' if len(names) == len(runs) else 'runs ' + first_few(names, _FEW)})"
        for reason, names in runs_of.items()
    ]


def _equal_notes(runs: Sequence[PlannedRun]) -> list[str]:
    return [f"runs {first_few(equal, _FEW)} have one setting" for equal in equal_runs(runs)]


def _memory_notes(needed: int, workers: int) -> list[str]:
    from distributed.system import memory_limit

    limit = memory_limit()
    if workers * needed <= limit:
        return []
    return [
        f"{workers} workers need {workers * needed / 2**30:.1f} GiB, this machine has "
        f"{limit / 2**30:.1f} GiB: give fewer workers"
    ]


def _disk_notes(needed: int, work: Path | None) -> list[str]:
    if work is None:
        return []
    there = next(folder for folder in (work, *work.absolute().parents) if folder.exists())
    free = shutil.disk_usage(there).free
    if needed <= free:
        return []
    return [f"{there}: {free / 2**20:.0f} MiB are free, the results need {needed / 2**20:.0f} MiB"]
