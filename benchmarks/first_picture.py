"""Times the first picture of a window that is opened on data against plain napari's.

    xvfb-run -a -s "-screen 0 1600x1000x24" python benchmarks/first_picture.py [--runs 3]

Each window is opened by a process of its own, one kind after the other: plain napari with the same
volumes and an empty mask as layers; this plugin's window on the same files; and the same with no
kernels compiled yet. Prints the median seconds from the start of the process, its imports
included: until the window is painted, until there is something to read in the dock, and until the
canvas has drawn every layer. In the third kind, also how long compiling was shown in the dock.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from baseline import keep_ratio

MOST = 1.5
"""Times plain napari."""
MOST_TO_READ = 1.0
"""Seconds after the window."""
PLAIN, PLUGIN, COLD = "plain napari", "NX46", "NX46, nothing compiled"
LONGEST_SECONDS = 300.0


def open_plain(paths: list[Path]) -> Any:
    """Open napari with the volumes and a mask as layers."""
    import napari

    viewer = napari.Viewer()
    volumes = [np.load(path, mmap_mode="r") for path in paths]
    for path, volume in zip(paths, volumes, strict=True):
        viewer.add_image(volume, name=path.stem, contrast_limits=(0, 1), colormap="magma")
    mask = np.zeros(volumes[0].shape, np.uint8)
    viewer.add_image(mask, contrast_limits=(0, 1), opacity=0.6, blending="translucent_no_depth")
    return viewer, None


def open_plugin(paths: list[Path]) -> Any:
    """Open this plugin's window."""
    from napari_nx46.data.fragments import open_data
    from napari_nx46.viewer.window.launch import open_window

    return open_window(open_data(*paths), paths, keeps=False)


def watch(kind: str, began: float, paths: list[Path]) -> dict[str, float]:
    """Open a window and return when it had what, in seconds since the process began."""
    from qtpy.QtCore import QEvent, QObject
    from qtpy.QtWidgets import QApplication, QLabel, QMainWindow

    seen: dict[str, float] = {}

    def note(name: str) -> None:
        seen.setdefault(name, time.monotonic() - began)

    class Paints(QObject):
        def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 (Qt's)
            if event.type() == QEvent.Type.Show and isinstance(watched, QMainWindow):
                note("window")
            is_text = isinstance(watched, QLabel) and "TuneDock" in owners(watched)
            if event.type() == QEvent.Type.Paint and is_text:
                note("something to read")
            return False

    application = QApplication.instance() or QApplication([])
    paints = Paints()
    application.installEventFilter(paints)
    viewer, dock = (open_plain if kind == PLAIN else open_plugin)(paths)
    canvas = viewer.window._qt_viewer.canvas._scene_canvas
    end = time.monotonic() + LONGEST_SECONDS
    layers = len(paths) + 1
    drawn: list[float] = []
    canvas.events.draw.connect(lambda event: drawn.append(time.monotonic()), position="last")
    assert len(viewer.layers) == layers, [layer.name for layer in viewer.layers]
    canvas.update()
    while not drawn and time.monotonic() < end:
        application.processEvents()
    note("picture")
    if kind == COLD:
        compiling(dock, seen, began, end)
    application.removeEventFilter(paints)
    viewer.close()
    return seen


def compiling(dock: Any, seen: dict[str, float], began: float, end: float) -> None:
    """Note for how long the dock says that kernels are compiled, and when all of them are."""
    from qtpy.QtWidgets import QApplication

    panel, session = dock.panel, dock.viewer_session.session
    while not session.warm_up.done and time.monotonic() < end:
        QApplication.processEvents()
        if panel.compiling_note.isVisible() and panel.compiling_note.text():
            seen.setdefault("compiling said from", time.monotonic() - began)
            seen["compiling said to"] = time.monotonic() - began
        time.sleep(0.01)
    seen["compiled"] = time.monotonic() - began


def owners(widget: Any) -> list[str]:
    """Return the names of the classes that a widget is in."""
    names = []
    while widget is not None:
        names.append(type(widget).__name__)
        widget = widget.parentWidget()
    return names


def run(kind: str, paths: list[Path], kernels: str | None) -> dict[str, float]:
    """Open one window in a process of its own."""
    environment = dict(os.environ)
    if kernels is not None:
        environment["NUMBA_CACHE_DIR"] = kernels
    began = time.monotonic()
    ended = subprocess.run(
        [sys.executable, __file__, "--kind", kind, "--began", str(began), *map(str, paths)],
        env=environment,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        timeout=2 * LONGEST_SECONDS,
    )
    return json.loads(ended.stdout.splitlines()[-1])


def write_volumes(folder: Path, size: int) -> list[Path]:
    """Write two volumes."""
    rng = np.random.default_rng(46)
    paths = [folder / "p3d.npy", folder / "p2d.npy"]
    for path in paths:
        np.save(path, rng.random((size,) * 3, dtype=np.float32))
    return paths


def main() -> None:
    """Run the comparison."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=320)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--kind", help=argparse.SUPPRESS)
    parser.add_argument("--began", type=float, help=argparse.SUPPRESS)
    parser.add_argument("paths", nargs="*", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.kind:
        print(json.dumps(watch(arguments.kind, arguments.began, arguments.paths)))
        return
    with tempfile.TemporaryDirectory() as folder:
        paths = write_volumes(Path(folder), arguments.size)
        run(PLUGIN, paths, None)  # compiles what is missing, and fills the disk's cache
        rounds: dict[str, list[dict[str, float]]] = {PLAIN: [], PLUGIN: [], COLD: []}
        for number in range(arguments.runs):
            rounds[PLAIN].append(run(PLAIN, paths, None))
            rounds[PLUGIN].append(run(PLUGIN, paths, None))
            rounds[COLD].append(run(COLD, paths, f"{folder}/kernels-{number}"))
    medians = {
        kind: {name: statistics.median(one[name] for one in found) for name in found[0]}
        for kind, found in rounds.items()
    }
    for kind, found in medians.items():
        print(f"{kind}: " + ", ".join(f"{name} {found[name]:.2f} s" for name in found))
        if kind != PLAIN:
            ratio = found["picture"] / medians[PLAIN]["picture"]
            wait = found["something to read"] - found["window"]
            print(
                f"    first picture {ratio:.2f} x plain napari's (at most {MOST}); something to"
                f" read {wait:.2f} s after the window (at most {MOST_TO_READ:g})"
            )
            keep_ratio(f"first picture of {kind}, x plain napari", ratio)


if __name__ == "__main__":
    main()
