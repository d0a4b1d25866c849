"""Times the dock of errors and the list of suspicious places on a pair of real masks.

    xvfb-run -a -s "-screen 0 1600x1000x24" python benchmarks/errors.py [--golden FOLDER]

Prints how long the dock takes to its list beside the list alone (`leaderboard.explain`); a frame of
the canvas with the selected error's voxels, and with the marks too, beside a frame without them, in
turns in one run; and the CPU time of the suspicious places of the mask beside that of its score.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from baseline import keep_ratio
from live import DrawCounter, floor_times, pause, settle, wait

from napari_nx46 import leaderboard
from napari_nx46.core.measure.suspicions.find import find_suspicions
from napari_nx46.data.fragments import open_data, write_data_folder
from napari_nx46.setting import Setting
from napari_nx46.viewer.errors.dock import ErrorsDock
from napari_nx46.viewer.window.docks import open_dock_of
from napari_nx46.viewer.window.launch import open_window

SHARED = Path(__file__).resolve().parents[2] / "shared"
PAIR = "real_nx46_v7.5_vs_conc0552"
SETTING = Setting(blend=1.0, z_radius=0, rule="probability", probability=0.5)
FRAMES = 8
LAYERS = {
    "none": (),
    "the selected error": ("selected error",),
    "marks and the selected error": ("selected error", "error places", "error boxes"),
}


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--golden", type=Path, default=SHARED / "golden")
    parser.add_argument("--turns", type=int, default=5)
    arguments = parser.parse_args()
    file = arguments.golden / f"{PAIR}.npz"
    if not file.exists():
        print(f"no {file}: nothing to measure")
        return 0
    with np.load(file, allow_pickle=False) as pair:
        prediction, label = pair["pred"].astype(np.uint8), pair["gt"].astype(np.uint8)
    leaderboard.warm_up()
    measure_suspicions(prediction, label)
    with tempfile.TemporaryDirectory() as folder:
        volumes = {"p3d": prediction * np.uint8(255), "train_labels": label}
        write_data_folder(Path(folder), "a", volumes)
        measure_window(Path(folder), prediction, label, arguments.turns)
    return 0


def measure_suspicions(prediction: np.ndarray, label: np.ndarray) -> None:
    """Print the CPU time of the suspicious places beside that of the score."""
    find_suspicions(prediction[:16])  # compiles
    found = best_cpu_seconds(lambda: find_suspicions(prediction))
    score = best_cpu_seconds(lambda: leaderboard.score(prediction, label, workers=1))
    keep_ratio("suspicious places, x score", found / score)
    print(f"suspicious places {found:.2f} s of CPU, score {score:.2f} s: {found / score:.2f} x")


def best_cpu_seconds(compute: Callable[[], object], repeats: int = 3) -> float:
    times = []
    for _ in range(repeats):
        start = time.process_time()
        compute()
        times.append(time.process_time() - start)
    return min(times)


def measure_window(folder: Path, prediction: np.ndarray, label: np.ndarray, turns: int) -> None:
    """Print how long list and frames take in a window."""
    viewer, dock = open_window(open_data(folder), [folder], keeps=False)
    session = dock.viewer_session.session
    session.apply(SETTING)
    wait(lambda: session.figures.fragment_exact and session.warm_up.done)
    settle(dock)
    open_dock_of(viewer, ErrorsDock)
    tools = dock.viewer_session.error_tools
    wait(lambda: tools.browser.state.is_current)
    listed, alone = [], []
    for _ in range(turns):
        tools.browser.value.drop_results()
        start = time.perf_counter()
        tools.browser.touch()
        wait(lambda: tools.browser.state.is_current)
        listed.append(time.perf_counter() - start)
        start = time.perf_counter()
        leaderboard.explain(prediction, label)
        alone.append(time.perf_counter() - start)
    # No ratio is kept of it: the window waits for the sliders to rest.
    print(f"list in the dock {min(listed):.2f} s, alone {min(alone):.2f} s")
    tools.browser.go_to(next(row for row in range(50) if is_small(tools.browser, row)))
    wait(lambda: tools.pictures.state.is_current)
    pause()
    print_frames(viewer, turns)
    viewer.close()


def is_small(browser: Any, row: int) -> bool:
    """Return whether a row is a feature, such as people look at."""
    return bool(browser.state.result.table.dimension[row] >= 0)


def print_frames(viewer: Any, turns: int) -> None:
    """Print the times of frames with some of the layers."""
    draws = DrawCounter(viewer)
    times: dict[str, list[float]] = {name: [] for name in LAYERS}
    every = {name for names in LAYERS.values() for name in names}
    for _ in range(turns):
        for what, shown in LAYERS.items():
            for name in every:
                viewer.layers[name].visible = name in shown
            pause()
            times[what] += floor_times(draws, FRAMES)
    floor = statistics.median(times["none"])
    for what, frames in times.items():
        frame = statistics.median(frames)
        if what != "none":
            keep_ratio(f"frame with {what}, x without", frame / floor)
        print(f"frame with {what}: {1000 * frame:.1f} ms, {frame / floor:.2f} x")


if __name__ == "__main__":
    sys.exit(main())
