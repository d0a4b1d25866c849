"""Times going from one fragment to the next in a real window.

    xvfb-run -a -s "-screen 0 1600x1000x24" python benchmarks/stepping.py [--size 320] [--steps 12]

Two fragments with CT image, both probability volumes and a label, all shown or only those that are
at first. Prints the time in the handler, until the canvas has been drawn, and what the session
computes meanwhile; beside it the processor time of the window's thread, which does not depend on
what else runs, and what it costs to remove and add one image layer, as a step did with every layer
when it made them again.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import napari
import numpy as np
from baseline import keep_ratio
from live import DrawCounter, pause, settle, wait

from napari_nx46.data.fragments import open_data
from napari_nx46.live.session import Session
from napari_nx46.viewer.tune.dock import TuneDock
from napari_nx46.viewer.window.launch import open_window

LONGEST_MILLISECONDS = 150
IMAGE_IDS = ("a", "b")

Times = tuple[float, float, float, float]


def write_fragments(folder: Path, size: int) -> None:
    """Write two fragments of random voxels as .npy, which are read slice by slice."""
    shape = (size,) * 3
    for seed, image_id in enumerate(IMAGE_IDS):
        rng = np.random.default_rng(seed)
        voxels = rng.random(shape, dtype=np.float32)
        volumes = {
            "p3d": voxels,
            "p2d": (255 * voxels).astype(np.uint8),
            "test_images": rng.integers(0, 256, shape, dtype=np.uint8),
            "train_labels": (voxels > 0.8).astype(np.uint8),
        }
        for name, volume in volumes.items():
            (folder / name).mkdir(exist_ok=True)
            np.save(folder / name / f"{image_id}.npy", volume)


@contextmanager
def window(size: int) -> Iterator[tuple[napari.Viewer, TuneDock]]:
    """Open a window on the fragments."""
    with tempfile.TemporaryDirectory() as name:
        write_fragments(Path(name), size)
        viewer, dock = open_window(open_data(name), [Path(name)])
        wait(lambda: dock.viewer_session.session.warm_up.done)
        settle(dock)
        yield viewer, dock
        viewer.close()


@contextmanager
def computing(session: Session) -> Iterator[list[float]]:
    """Collect the seconds that the session takes to show a plane."""
    seconds: list[float] = []
    show_plane = session._show_plane

    def timed() -> None:
        start = time.perf_counter()
        show_plane()
        seconds.append(time.perf_counter() - start)

    session._show_plane = timed
    yield seconds
    del session._show_plane


def step_times(draws: DrawCounter, dock: TuneDock, steps: int) -> list[Times]:
    """Return the seconds of each step.

    In its handler, until drawn, spent on the plane, and of processor time until drawn.
    """
    times = []
    for _ in range(steps):
        processor = time.thread_time()
        with computing(dock.viewer_session.session) as seconds:
            handled, drawn = draws.seconds_until_drawn(dock.panel.fragment_panel.next_button.click)
        times.append((handled, drawn, sum(seconds), time.thread_time() - processor))
        settle(dock)
    return times


def exchange_times(draws: DrawCounter, viewer: napari.Viewer, size: int, steps: int) -> list[float]:
    """Return the seconds to remove an image layer and add another one, until drawn."""

    def exchange() -> None:
        viewer.layers.pop()
        viewer.add_image(voxels, name="another")

    voxels = np.zeros((4, size, size), np.uint8)
    viewer.add_image(voxels, name="another")
    pause()
    return [draws.seconds_until_drawn(exchange)[1] for _ in range(steps)]


def report(what: str, times: list[Times]) -> float:
    """Print medians, and return the seconds until drawn."""
    handled, drawn, plane, processor = (
        1e3 * statistics.median(column) for column in zip(*times, strict=True)
    )
    print(
        f"{what}: handler {handled:5.1f} ms, until drawn {drawn:5.1f} ms, of which the plane"
        f" {plane:5.1f} ms; without it {drawn - plane:5.1f} ms (at most {LONGEST_MILLISECONDS});"
        f" processor time {processor:5.1f} ms"
    )
    return drawn / 1e3


def main() -> None:
    """Run the comparison."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=320)
    parser.add_argument("--steps", type=int, default=12)
    arguments = parser.parse_args()
    size, steps = arguments.size, arguments.steps
    with window(size) as (viewer, dock):
        draws = DrawCounter(viewer)
        step_times(draws, dock, 2)
        report(f"{size}^3, layers as at first", step_times(draws, dock, steps))
        for layer in dock.viewer_session.layers:
            layer.visible = True
        dock.panel.score_panel.errors_box.click()
        settle(dock)
        step_times(draws, dock, 2)
        drawn = report(f"{size}^3, all layers shown  ", step_times(draws, dock, steps))
        exchanged = statistics.median(exchange_times(draws, viewer, size, steps))
        keep_ratio("step with all layers, x one layer exchanged", drawn / exchanged)
        print(f"one image layer removed and added: {1e3 * exchanged:5.1f} ms")


if __name__ == "__main__":
    main()
