"""Computing what settings are worth on places, in threads, with the stages that they share kept."""

from __future__ import annotations

import hashlib
import math
import os
import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from napari_nx46.core.mask_chain import MaskStage
from napari_nx46.core.pipeline import FragmentPipeline
from napari_nx46.core.score.blend import ScoreKey
from napari_nx46.core.threshold.quantile import bin_of_threshold, count_at_least
from napari_nx46.core.threshold.thresholds import Threshold
from napari_nx46.data.fragments import Fragment
from napari_nx46.run.pipelines import DEFAULT_MEMORY_BUDGET
from napari_nx46.run.shared_stages import stages_of
from napari_nx46.run.suggest.trying.figures import Figures
from napari_nx46.run.suggest.trying.measures import Measure, MeasuredMask
from napari_nx46.run.suggest.trying.places import CroppedVolume, TriedPlace, threshold_within
from napari_nx46.run.suggest.trying.stock import Stock, StockedFragment
from napari_nx46.setting import Setting, ThresholdRule, threshold_knobs
from napari_nx46.voxels.blocks import FragmentVolumes, Mask, VolumeLike
from napari_nx46.voxels.workers import CancelCheck, Cancelled, Workers, never

__all__ = ["Evaluator", "Task", "open_evaluator"]

BYTES_A_VOXEL = 8
"""What a pipeline keeps: the score, and a bit for each stage of the mask."""


class Task(NamedTuple):
    """A setting that is tried on a place."""

    setting: Setting
    place: TriedPlace


Take = Callable[[Task, Figures], object]


class Evaluator:
    """Computes figures; the same ones whatever the number of threads and their order.

    Parameters
    ----------
    fragments : sequence of Fragment
    measure : Measure
        What is measured of a mask.
    threads : int, optional
        All that there are by default.
    memory_budget : int, optional
        Bytes for volumes and scores together.
    """

    def __init__(
        self,
        fragments: Sequence[Fragment],
        measure: Measure,
        *,
        threads: int | None = None,
        memory_budget: int | None = None,
    ) -> None:
        budget = DEFAULT_MEMORY_BUDGET if memory_budget is None else memory_budget
        self._stock = Stock(fragments, budget // 2)
        largest = max(math.prod(one.shape) for one in fragments) * BYTES_A_VOXEL
        wanted = threads or os.cpu_count() or 1
        count = max(1, min(wanted, budget // 2 // max(largest, 1)))
        known = _Known()
        self._workers = Workers(count)
        self._lanes = [
            _Lane(self._stock, measure, known, self._workers, budget // 2 // count)
            for _ in range(count)
        ]
        self._pool = ThreadPoolExecutor(count, thread_name_prefix="nx46 suggest")

    def evaluate(self, tasks: Iterable[Task], take: Take, cancelled: CancelCheck = never) -> None:
        """Compute the figures of tasks.

        Parameters
        ----------
        tasks : iterable of Task
        take : callable
            Called with each task and its figures from the thread that computed them, one at a
            time, in no order.
        cancelled : callable
            Asked between tasks and within them.

        Raises
        ------
        Cancelled
            If `cancelled` returned True; what was computed was taken.
        VolumeError
            If a volume is damaged.
        """
        queue = _Queue(tasks)
        stop = threading.Event()
        taking = threading.Lock()

        def given_up() -> bool:
            return stop.is_set() or cancelled()

        def work(lane: _Lane) -> None:
            try:
                task: Task | None = None
                while (task := queue.next(task)) is not None:
                    if given_up():
                        raise Cancelled
                    figures = lane.figures(task, given_up)
                    with taking:
                        take(task, figures)
            except BaseException:
                stop.set()
                raise

        futures = [self._pool.submit(work, lane) for lane in self._lanes]
        errors = [error for future in futures if (error := future.exception()) is not None]
        if errors:
            raise next((one for one in errors if not isinstance(one, Cancelled)), errors[0])

    def mask(self, setting: Setting, image_id: str, cancelled: CancelCheck = never) -> Mask:
        """Return the mask of a whole fragment."""
        return self._lanes[0].stage(Task(setting, TriedPlace(image_id)), cancelled).mask()

    def label(self, image_id: str) -> npt.NDArray[np.uint8] | None:
        """Return the label of a fragment, if it has one."""
        return self._stock[image_id].label

    def close(self) -> None:
        """End the threads and give the memory back."""
        self._pool.shutdown(cancel_futures=True)
        self._workers.close()
        self._stock.release()
        for lane in self._lanes:
            lane.clear()


@contextmanager
def open_evaluator(
    fragments: Sequence[Fragment],
    measure: Measure,
    *,
    threads: int | None = None,
    memory_budget: int | None = None,
) -> Iterator[Evaluator]:
    """Yield an evaluator, which is closed in the end; parameters are those of `Evaluator`."""
    evaluator = Evaluator(fragments, measure, threads=threads, memory_budget=memory_budget)
    try:
        yield evaluator
    finally:
        evaluator.close()


class _Queue:
    """Tasks in groups that share a score, each for one thread as long as there is another one."""

    def __init__(self, tasks: Iterable[Task]) -> None:
        numbers: dict[Hashable, int] = {}

        def place_of(task: Task) -> tuple[int, ...]:
            stages = stages_of(task.setting, task.place.name)
            return tuple(numbers.setdefault(one, len(numbers)) for one in stages)

        self._groups: dict[tuple[TriedPlace, ScoreKey], deque[Task]] = {}
        for task in sorted(tasks, key=place_of):
            self._groups.setdefault(_group_of(task), deque()).append(task)
        self._begun: set[tuple[TriedPlace, ScoreKey]] = set()
        self._lock = threading.Lock()

    def next(self, before: Task | None) -> Task | None:
        """Return what a thread does after a task; None at the end.

        A task of the same score, else of a group that no thread has begun, of the same fragment
        if there is one; else one of the largest group.
        """
        with self._lock:
            if not self._groups:
                return None
            key = None if before is None else _group_of(before)
            if key is None or key not in self._groups:
                key = self._another(before)
            self._begun.add(key)
            task = self._groups[key].popleft()
            if not self._groups[key]:
                del self._groups[key]
            return task

    def _another(self, before: Task | None) -> tuple[TriedPlace, ScoreKey]:
        fresh = [key for key in self._groups if key not in self._begun]
        if not fresh:
            return max(self._groups, key=lambda key: len(self._groups[key]))
        image_id = None if before is None else before.place.image_id
        return next((key for key in fresh if key[0].image_id == image_id), fresh[0])


def _group_of(task: Task) -> tuple[TriedPlace, ScoreKey]:
    return task.place, ScoreKey.of(task.setting)


class _Known:
    """What all threads have found: thresholds by what they follow from, figures by mask."""

    def __init__(self) -> None:
        self.thresholds: dict[Hashable, Threshold] = {}
        self.masks: dict[tuple[TriedPlace, bytes], dict[str, float]] = {}


class _Lane:
    """One thread's pipelines, of the places and scores that it computed last."""

    def __init__(
        self, stock: Stock, measure: Measure, known: _Known, workers: Workers, budget: int
    ) -> None:
        self._stock = stock
        self._measure = measure
        self._known = known
        self._workers = workers
        self._budget = budget
        self._pipelines: OrderedDict[tuple[TriedPlace, ScoreKey], FragmentPipeline] = OrderedDict()

    def clear(self) -> None:
        self._pipelines.clear()

    def stage(self, task: Task, cancelled: CancelCheck) -> MaskStage:
        """Return the mask of a setting on a place, a bit a voxel."""
        setting, place = task
        stocked = self._stock[place.image_id]
        threshold = self._threshold(stocked, setting, cancelled)
        here = threshold_within(threshold, place.block(stocked.fragment.shape))
        return self._pipeline(stocked, place, setting).whole_mask(setting, here, cancelled)

    def figures(self, task: Task, cancelled: CancelCheck) -> Figures:
        """Return the figures of a setting on a place."""
        setting, place = task
        stage = self.stage(task, cancelled)
        stocked = self._stock[place.image_id]
        threshold = self._threshold(stocked, setting, cancelled)
        block = place.block(stocked.fragment.shape)
        here = threshold_within(threshold, block)
        digest = hashlib.blake2b(stage.bits.data, digest_size=16).digest()
        values = self._known.masks.get((place, digest))
        if values is None:
            label = None if stocked.label is None else stocked.label[block]
            pipeline = self._pipeline(stocked, place, setting)
            measured = MeasuredMask(stage.mask(), place, pipeline, setting, here)
            values = self._measure(measured, label, cancelled)
            if self._measure.of_mask_alone:
                self._known.masks[place, digest] = values
        shares = self._shares(stocked, setting, threshold, place, cancelled)
        return Figures(values, _mean(threshold.values), _mean(threshold.lower.values), *shares)

    def _threshold(
        self, stocked: StockedFragment, setting: Setting, cancelled: CancelCheck
    ) -> Threshold:
        key = (stocked.fragment.image_id, threshold_knobs(setting))
        found = self._known.thresholds.get(key)
        if found is None:
            whole = self._pipeline(stocked, TriedPlace(stocked.fragment.image_id), setting)
            found = self._known.thresholds[key] = whole.threshold(setting, (), cancelled)
        return found

    def _shares(
        self,
        stocked: StockedFragment,
        setting: Setting,
        threshold: Threshold,
        place: TriedPlace,
        cancelled: CancelCheck,
    ) -> tuple[float | None, float | None]:
        """Return which shares of a fragment lie below its thresholds; of an octant, if known."""
        if setting.rule is ThresholdRule.QUANTILE and not threshold.per_slice:
            low = setting.low_quantile if setting.is_pair else setting.quantile
            return setting.quantile, low
        if place.octant is not None:
            return None, None
        whole = self._pipeline(stocked, place, setting)
        stage = whole.stage(setting, cancelled)
        bins = [bin_of_threshold(_mean(one.values)) for one in (threshold, threshold.lower)]
        counts = whole.low_bits(setting, bins, cancelled)
        voxels = math.prod(whole.shape)
        high, low = (
            1 - count_at_least(stage.histogram, counts, _mean(one.values)) / voxels
            for one in (threshold, threshold.lower)
        )
        return high, low

    def _pipeline(
        self, stocked: StockedFragment, place: TriedPlace, setting: Setting
    ) -> FragmentPipeline:
        """Return a pipeline that has no other score than this one: it is computed once."""
        key = (place, ScoreKey.of(setting))
        found = self._pipelines.get(key)
        if found is None:
            volumes = stocked.volumes
            if place.octant is not None:
                volumes = _cropped(volumes, place, stocked.fragment.shape)
            found = self._pipelines[key] = FragmentPipeline(volumes, workers=self._workers)
        self._pipelines.move_to_end(key)
        while len(self._pipelines) > 2 and self._bytes() > self._budget:  # noqa: PLR2004
            self._pipelines.popitem(last=False)
        return found

    def _bytes(self) -> int:
        # What was made last keeps nothing yet, and is counted as it will be.
        *others, newest = self._pipelines.values()
        return sum(one.kept_bytes for one in others) + math.prod(newest.shape) * BYTES_A_VOXEL


def _cropped(
    volumes: FragmentVolumes, place: TriedPlace, shape: tuple[int, int, int]
) -> FragmentVolumes:
    block = place.block(shape)
    crops: dict[int, CroppedVolume] = {}

    def crop(volume: VolumeLike | None) -> CroppedVolume | None:
        # What stands for both paths is to stay one volume.
        return (
            None if volume is None else crops.setdefault(id(volume), CroppedVolume(volume, block))
        )

    models = {name: CroppedVolume(one, block) for name, one in volumes.models.items()}
    return FragmentVolumes(crop(volumes.p3d), crop(volumes.p2d), models, crop(volumes.image))


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values))
