"""Times campaigns: what ten runs cost beside one, the scheduler's overhead, a worker's memory.

    python benchmarks/campaign.py [--data DIR] [--size 320] [--repeats 3] [--tasks 1000]

With a data folder its first fragment is taken, as large as it is; without one a sample is mirrored
until it fills the volume. Prints ratios, which hold on a shared machine; the seconds do not.

Ten runs: the matrix nx46-v7.5, without leaderboard scores, over one of its runs in a process that
holds nothing: seconds of the whole campaign, reading the data and keeping the results included.
Overhead: of small tasks that differ in the quantile alone, the time from the first to the last in
which a lane does not compute: wall time over (the tasks' own seconds / lanes), less 1. Memory: the
rise of a fresh worker's resident peak over a task (Linux), in voxels of float32 beyond the sources.
"""

from __future__ import annotations

import argparse
import re
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from baseline import keep_ratio

from napari_nx46.campaign.execute.cluster import ClusterChoice
from napari_nx46.campaign.execute.measuring import TaskMeasurer
from napari_nx46.campaign.execute.runner import CampaignRun, Resources
from napari_nx46.campaign.plan.matrix import read_plan
from napari_nx46.campaign.plan.source import DataSource
from napari_nx46.campaign.records.results import (
    CampaignPlan,
    CampaignResults,
    PlannedRun,
    TaskState,
)
from napari_nx46.campaign.records.store import CampaignRequest
from napari_nx46.data.fragments import DataSet, open_data, write_data_folder
from napari_nx46.data.synthetic import SAMPLES, make_sample
from napari_nx46.setting import Setting

TEN = read_plan("nx46-v7.5")
ONE = CampaignPlan("one", TEN.runs[:1])
SMALL = 128
FLOAT32_BYTES = 4


@dataclass(frozen=True)
class Timed:
    """A campaign that has ended: seconds from its first task to its last, and in all.

    The processor's seconds are those of this process, which hold on a shared machine.
    """

    results: CampaignResults
    computing: float
    whole: float
    processor: float

    @property
    def task_seconds(self) -> float:
        """What the tasks themselves took, together."""
        return sum(one.seconds or 0.0 for one in self.results.fragments.values())


def run_campaign(plan: CampaignPlan, data: Path, choice: ClusterChoice) -> Timed:
    """Run a campaign without leaderboard scores in a workspace of its own."""
    request = CampaignRequest(plan, DataSource.of(data), with_score=False)
    moments: list[float] = []
    with tempfile.TemporaryDirectory() as work:
        run = CampaignRun(
            request, Path(work) / "runs.sqlite", Resources(choice), check_exports=False
        )
        run.task_changed.connect(lambda _row: moments.append(time.perf_counter()))
        start, processor = time.perf_counter(), time.process_time()
        results = run.run()
        whole, processor = time.perf_counter() - start, time.process_time() - processor
    if any(one.state is not TaskState.DONE for one in results.fragments.values()):
        raise SystemExit("a task failed")
    return Timed(results, moments[-1] - moments[0], whole, processor)


def ten_beside_one(data: Path, repeats: int) -> None:
    """Print what ten runs that share work cost beside one that shares nothing."""
    for name, choice in (
        ("threads, all processors", ClusterChoice()),
        ("one thread", ClusterChoice(threads=1)),
    ):
        pairs = [
            (run_campaign(TEN, data, choice), run_campaign(ONE, data, choice))
            for _ in range(repeats)
        ]
        wall = statistics.median(ten.whole / one.whole for ten, one in pairs)
        processor = statistics.median(ten.processor / one.processor for ten, one in pairs)
        seconds = statistics.median(ten.whole for ten, _ in pairs)
        keep_ratio(f"ten runs by {name}, x one run", wall)
        print(
            f"ten runs, {name:24} {seconds:6.2f} s  {wall:5.2f} x one run (at most 2.5), "
            f"{processor:5.2f} x its processor time"
        )


def overhead(data: Path, count: int) -> None:
    """Print the share of time in which lanes do not compute, over small tasks."""
    quantiles = np.linspace(0.5, 0.995, count)
    runs = (PlannedRun(f"q{n:05d}", Setting(quantile=q)) for n, q in enumerate(quantiles.tolist()))
    plan = CampaignPlan("small", tuple(runs))
    for name, lanes, choice in (
        ("one thread", 1, ClusterChoice(threads=1)),
        ("one process", 1, ClusterChoice(workers=1)),
    ):
        timed = run_campaign(plan, data, choice)
        ideal = timed.task_seconds / lanes
        keep_ratio(f"wall time by {name}, x its tasks", timed.computing / ideal)
        print(
            f"overhead, {name:12} {1e3 * ideal / count:6.1f} ms a task  "
            f"{100 * (timed.computing / ideal - 1):5.1f} % (under 5)"
        )


def memory(data: Path) -> None:
    """Print the peak of a worker beyond the sources, from child processes."""
    for flag, name in (("--memory-child", "no score"), ("--score-memory-child", "with score")):
        child = subprocess.run(
            [sys.executable, __file__, flag, "--data", str(data)],
            check=True,
            capture_output=True,
            text=True,
        )
        keep_ratio(f"peak beyond the sources, {name}", float(child.stdout))
        print(
            f"peak beyond the sources, {name:10} {float(child.stdout):5.2f} x one float32 volume "
            "(at most 2)"
        )


def peak_bytes() -> int:
    """Return the peak of this process's resident memory (Linux)."""
    status = Path("/proc/self/status").read_text()
    found = re.search(r"VmHWM:\s+(\d+)", status)
    if found is None:
        raise SystemExit("the peak of the memory is not known here")
    return 1024 * int(found[1])


def memory_child(data: Path, with_score: bool) -> None:
    """Print the rise of the peak over the ten runs, less the sources, in float32 volumes."""
    with tempfile.TemporaryDirectory() as folder:
        # What is imported and compiled belongs to the program.
        warm = TaskMeasurer(small_data(Path(folder), 16))
        warm.measure("small", TEN.runs[0].setting, with_score=True)
    dataset = open_data(data)
    fragment = dataset.fragments[0]
    before = peak_bytes()
    measurer = TaskMeasurer(dataset)
    for run in TEN.runs[:3]:
        measurer.measure(fragment.image_id, run.setting, with_score=with_score)
    sources = sum(volume.nbytes for volume in fragment.sources.values())
    voxels = int(np.prod(fragment.shape))
    print((peak_bytes() - before - sources) / (FLOAT32_BYTES * voxels))


def small_data(folder: Path, size: int) -> DataSet:
    """Write a sample that is mirrored, or cut, to a size, with a label."""
    sample = make_sample(SAMPLES[1])
    volumes = {"p3d": sample.p3d, "p2d": sample.p2d, "train_labels": sample.label}
    filled = {name: _filled(np.asarray(volume), size) for name, volume in volumes.items()}
    write_data_folder(folder, "small", filled)
    return open_data(folder)


def _filled(volume: np.ndarray, size: int) -> np.ndarray:
    margins = [(0, max(0, size - length)) for length in volume.shape]
    return np.ascontiguousarray(np.pad(volume, margins, "symmetric")[:size, :size, :size])


def main() -> None:
    """Run the comparison."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--size", type=int, default=320)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--tasks", type=int, default=1000)
    parser.add_argument("--memory-child", action="store_true")
    parser.add_argument("--score-memory-child", action="store_true")
    arguments = parser.parse_args()
    if arguments.memory_child or arguments.score_memory_child:
        memory_child(arguments.data, arguments.score_memory_child)
        return
    with tempfile.TemporaryDirectory() as folder:
        data = arguments.data
        if data is None:
            data = Path(folder) / "large"
            small_data(data, arguments.size)
        small = Path(folder) / "small"
        small_data(small, SMALL)
        run_campaign(TEN, small, ClusterChoice())  # compiles
        ten_beside_one(data, arguments.repeats)
        overhead(small, arguments.tasks)
        memory(data)


if __name__ == "__main__":
    main()
