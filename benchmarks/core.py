"""Times the core against the plain pipeline on one random fragment, in the same run.

    python benchmarks/core.py [--size 320] [--repeats 7]

Both sides compute blend, z-smoothing, the whole-fragment quantile and the mask. The plain side is
what a notebook does: `scipy.ndimage.uniform_filter1d`, a NumPy blend, `np.quantile`, a comparison.
Prints ratios, which hold on a shared machine; the milliseconds beside them do not.
"""

from __future__ import annotations

import argparse
import os
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np
from baseline import keep_ratio
from scipy import ndimage

from napari_nx46.core.pipeline import FragmentPipeline
from napari_nx46.core.threshold.thresholds import Threshold
from napari_nx46.setting import Setting
from napari_nx46.voxels.blocks import FragmentVolumes, whole_block
from napari_nx46.voxels.workers import Workers

SETTING = Setting(quantile=0.95, blend=0.72, z_radius=2)
Result = TypeVar("Result")


def timed(function: Callable[[], Result]) -> tuple[float, Result]:
    """Return the seconds of one call, and what it returned."""
    start = time.perf_counter()
    result = function()
    return time.perf_counter() - start, result


def median_seconds(function: Callable[[], object], repeats: int) -> float:
    """Return the median seconds of several calls."""
    return statistics.median(timed(function)[0] for _ in range(repeats))


def random_sources(size: int) -> FragmentVolumes:
    """Return two random float32 volumes of one size."""
    rng = np.random.default_rng(46)
    shape = (size, size, size)
    return FragmentVolumes(rng.random(shape, dtype=np.float32), rng.random(shape, dtype=np.float32))


def plain_mask(sources: FragmentVolumes, setting: Setting) -> np.ndarray:
    """Compute the mask the plain way."""
    size = 2 * setting.z_radius + 1
    smoothed = ndimage.uniform_filter1d(np.asarray(sources.p3d), size, axis=0, mode="nearest")
    score = setting.blend * smoothed + (1 - setting.blend) * np.asarray(sources.p2d)
    return (score >= np.quantile(score, setting.quantile)).astype(np.uint8)


def whole_mask(pipeline: FragmentPipeline, setting: Setting) -> np.ndarray:
    """Compute the mask with the core."""
    threshold = pipeline.threshold(setting)
    return pipeline.mask(setting, threshold, whole_block(pipeline.shape))


def fresh_pipeline(sources: FragmentVolumes, workers: Workers) -> FragmentPipeline:
    """Return a pipeline that has computed nothing yet."""
    return FragmentPipeline(sources, workers=workers)


def compare(size: int, repeats: int, workers: Workers) -> None:
    """Print the ratios for a whole fragment and for a move of the quantile alone."""
    sources = random_sources(size)
    whole_mask(fresh_pipeline(sources, workers), SETTING)  # compiles
    plain, core, moves = [], [], []
    for repeat in range(repeats):
        seconds, expected = timed(lambda: plain_mask(sources, SETTING))
        plain.append(seconds)
        pipeline = fresh_pipeline(sources, workers)
        seconds, found = timed(lambda pipeline=pipeline: whole_mask(pipeline, SETTING))
        core.append(seconds)
        moved = SETTING.changed(quantile=0.90 + 0.005 * repeat)
        moves.append(timed(lambda p=pipeline, s=moved: whole_mask(p, s))[0])
    differing = int(np.count_nonzero(expected != found))
    plain_median, core_median = statistics.median(plain), statistics.median(core)
    move_median = statistics.median(moves)
    print(f"plain pipeline            {1e3 * plain_median:8.1f} ms")
    print(
        f"core, whole fragment      {1e3 * core_median:8.1f} ms  "
        f"{plain_median / core_median:6.1f} x faster (at least 8)"
    )
    print(
        f"core, quantile moved      {1e3 * move_median:8.1f} ms  "
        f"{plain_median / move_median:6.1f} x faster (at least 40)"
    )
    keep_ratio("whole fragment, x plain", plain_median / core_median, higher_is_better=True)
    keep_ratio("quantile moved, x plain", plain_median / move_median, higher_is_better=True)
    print(f"voxels that differ        {differing} of {size**3} (at most {size**3 // 10**6})")


def visible_slice(size: int, workers: Workers) -> None:
    """Print the time of one slice at the largest radius."""
    pipeline = fresh_pipeline(random_sources(size), workers)
    setting = SETTING.changed(z_radius=8)
    middle = (slice(size // 2, size // 2 + 1), slice(0, size), slice(0, size))
    threshold = Threshold((0.6,))
    pipeline.mask(setting, threshold, middle)
    seconds = median_seconds(lambda: pipeline.mask(setting, threshold, middle), 50)
    print(f"visible slice, r = 8      {1e3 * seconds:8.2f} ms  (under 1)")


def linearity(repeats: int, workers: Workers) -> None:
    """Print the cost per voxel from 128^3 to 512^3, and over the radius."""
    for size in (128, 256, 320, 512):
        sources = random_sources(size)
        seconds = median_seconds(
            lambda sources=sources: whole_mask(fresh_pipeline(sources, workers), SETTING), repeats
        )
        print(f"{size:4d}^3   {1e9 * seconds / size**3:6.2f} ns per voxel")
    sources = random_sources(320)
    for radius in (0, 1, 2, 4, 8):
        setting = SETTING.changed(z_radius=radius)
        seconds = median_seconds(
            lambda setting=setting: whole_mask(fresh_pipeline(sources, workers), setting), repeats
        )
        print(f"r = {radius}    {1e3 * seconds:8.1f} ms")


def memory(size: int) -> None:
    """Print the peak memory of one whole fragment beyond the sources, from a child process."""
    child = subprocess.run(
        [sys.executable, __file__, "--memory-child", "--size", str(size)],
        check=True,
        capture_output=True,
        text=True,
    )
    keep_ratio("peak beyond the sources", float(child.stdout))
    print(
        f"peak beyond the sources   {float(child.stdout):8.2f} x one float32 volume (at most 1.5)"
    )


def peak_bytes() -> int:
    """Return the peak of this process's resident memory (Linux)."""
    status = Path("/proc/self/status").read_text()
    return 1024 * int(re.search(r"VmHWM:\s+(\d+)", status)[1])


def memory_child(size: int) -> None:
    """Print the rise of the resident peak over one whole fragment, in float32 volumes."""
    workers = Workers(2)
    whole_mask(fresh_pipeline(random_sources(16), workers), SETTING)
    sources = random_sources(size)
    before = peak_bytes()
    whole_mask(fresh_pipeline(sources, workers), SETTING)
    print((peak_bytes() - before) / (4 * size**3))


def main() -> None:
    """Run the comparison."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=320)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--memory-child", action="store_true")
    arguments = parser.parse_args()
    if arguments.memory_child:
        memory_child(arguments.size)
        return
    workers = Workers(arguments.workers)
    compare(arguments.size, arguments.repeats, workers)
    visible_slice(arguments.size, workers)
    memory(arguments.size)
    linearity(max(3, arguments.repeats // 2), workers)


if __name__ == "__main__":
    main()
