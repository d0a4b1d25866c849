"""Times the mask in 3D in a real window: frames a second, and seconds to the first picture.

    xvfb-run -a -s "-screen 0 1600x1000x24" python benchmarks/three_d.py [--size 320] [--frames 12]

A wound scroll of sheets. Prints how long the surface takes to be computed and to be seen, then
frames a second while the camera turns: of an empty canvas, of the surface with the CT plane as the
window shows them, and of what napari offers instead: its iso rendering of the same mask, averaged
over the same cells, and its own plane of the image. Beside each its processor time a frame, which
does not depend on what else runs.
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
from live import CANVAS_SIZE, DrawCounter, pause, settle, wait
from scipy import ndimage

from napari_nx46.data.fragments import open_data
from napari_nx46.viewer.tune.dock import TuneDock
from napari_nx46.viewer.window.launch import open_window

LEAST_FRAMES = 10
"""A second."""
TURNS = 14
"""Of the sheet, around the axis of the scroll."""


def write_scroll(folder: Path, size: int) -> list[Path]:
    """Write the probability of a sheet that is wound around z, and a CT image of it."""
    z, y, x = np.meshgrid(*(np.linspace(0, 1, size, dtype=np.float32),) * 3, indexing="ij")
    radius, angle = np.hypot(y - 0.5, x - 0.5), np.arctan2(y - 0.5, x - 0.5)
    phase = (radius * TURNS + angle / (2 * np.pi) + 0.1 * np.sin(6 * z)) % 1
    rng = np.random.default_rng(46)
    noise = ndimage.gaussian_filter(rng.standard_normal((size,) * 3, dtype=np.float32), 3)
    noise /= noise.std()
    sheet = np.clip(1 - 3 * np.abs(phase - 0.5) + 0.15 * noise, 0, 1) * (radius < 0.48)
    for name, volume in {"p3d": sheet, "test_images": (255 * sheet).astype(np.uint8)}.items():
        (folder / name).mkdir()
        np.save(folder / name / "scroll.npy", volume)
    return [folder]


@contextmanager
def window(size: int) -> Iterator[tuple[napari.Viewer, TuneDock]]:
    """Open a window on the scroll."""
    with tempfile.TemporaryDirectory() as name:
        paths = write_scroll(Path(name), size)
        viewer, dock = open_window(open_data(*paths), paths, keeps=False)
        viewer.window._qt_viewer.canvas._scene_canvas.native.setFixedSize(*CANVAS_SIZE)
        dock.viewer_session.session.change(quantile=0.9)
        wait(lambda: dock.viewer_session.session.warm_up.done)
        settle(dock)
        yield viewer, dock
        viewer.close()


def turn(draws: DrawCounter, viewer: napari.Viewer, frames: int) -> tuple[float, float]:
    """Return the median seconds from a turn of the camera to its picture, and of the processor."""
    seconds, processor = [], []
    for frame in range(frames):
        angles = (5.0 * frame, 20.0 + 9 * frame, 30.0 + 7 * frame)
        start = time.process_time()
        took = draws.seconds_until_drawn(
            lambda angles=angles: setattr(viewer.scene.camera, "angles", angles)
        )[1]
        seconds.append(took)
        processor.append(time.process_time() - start)
    return statistics.median(seconds), statistics.median(processor)


def report(what: str, times: tuple[float, float]) -> None:
    """Print one row."""
    seconds, processor = times
    print(
        f"{what:44s} {1 / seconds:6.1f} frames a second (at least {LEAST_FRAMES}),"
        f" {1e3 * seconds:6.0f} ms, of the processor {1e3 * processor:6.0f} ms",
        flush=True,
    )


def show(dock: TuneDock) -> None:
    """Show the mask in 3D, and print how soon it is seen."""
    three_d = dock.viewer_session.three_d
    start = time.perf_counter()
    three_d.show(True)
    wait(lambda: bool(three_d.own_layers))
    print(f"first picture, of the plane: {time.perf_counter() - start:5.2f} s")
    wait(lambda: three_d.state.is_current and len(three_d.own_layers) == 2)
    pause()
    mesh = three_d.state.result
    print(
        f"surface: {time.perf_counter() - start:5.2f} s, {len(mesh.faces)} triangles, cells of"
        f" {mesh.cell}^3 voxels, {mesh.components} components"
    )


def compare(viewer: napari.Viewer, dock: TuneDock, frames: int) -> None:
    """Print the times of all ways to draw the mask."""
    draws, three_d = DrawCounter(viewer), dock.viewer_session.three_d
    show(dock)
    shown = turn(draws, viewer, frames)
    report("surface and CT plane, as they are shown", shown)
    start = time.perf_counter()
    three_d.show(False)
    three_d.show(True)
    wait(lambda: len(three_d.own_layers) == 2)
    pause()
    print(f"off and on again: {time.perf_counter() - start - 0.2:5.2f} s")
    for layer in three_d.own_layers:
        layer.visible = False
    empty = turn(draws, viewer, frames)
    report("an empty canvas", empty)
    keep_ratio("3D, processor x an empty canvas", shown[1] / empty[1])
    cell, mask = three_d.state.result.cell, dock.viewer_session.session.whole_mask()
    shares = ndimage.zoom(ndimage.uniform_filter(mask.astype(np.float32), cell), 1 / cell, order=1)
    for what, volume, options in (
        ("napari's iso rendering of the same cells", shares, {"rendering": "iso"}),
        (
            "napari's plane of the CT image",
            dock.viewer_session.session.fragment.image.read(),
            {"depiction": "plane", "plane": {"position": (len(mask) / 2,) * 3}},
        ),
    ):
        scale = (len(mask) / len(volume),) * 3
        layer = viewer.add_image(volume, scale=scale, **options)
        if "rendering" in options:
            layer.iso_threshold = 0.25 * float(shares.max())
        pause()
        report(what, turn(draws, viewer, max(frames // 3, 2)))
        layer.visible = False
    three_d.show(False)


def main() -> None:
    """Run the comparison."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=320)
    parser.add_argument("--frames", type=int, default=12)
    arguments = parser.parse_args()
    with window(arguments.size) as (viewer, dock):
        compare(viewer, dock, arguments.frames)


if __name__ == "__main__":
    main()
