"""Times steps of napari's brush on the corrections against the canvas's own repaint.

    xvfb-run -a -s "-screen 0 1600x1000x24" python benchmarks/brush.py [--size 320] [--events 60]

A step is what a move of the mouse paints: from the call to the drawn canvas, with the mask that
follows. Beside it the same on a plain labels layer of napari, in the same window, and the processor
time of each, which does not depend on what else runs.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import napari
import numpy as np
from baseline import keep_ratio
from live import TURN, DrawCounter, floor_times, pause, settle, window
from napari.layers import Labels

from napari_nx46.viewer.tune.dock import TuneDock

BRUSHES = (5, 20)


def strokes(layer: Labels, size: int, z: int) -> Callable[[int], None]:
    """Return a function that paints the next step of a wandering stroke in a slice."""

    def paint(step: int) -> None:
        angle = 0.37 * step
        y, x = (round(size * (0.5 + 0.3 * wave)) for wave in (np.sin(angle), np.cos(1.3 * angle)))
        layer.paint((z, y, x), 1)

    return paint


def measure(
    draws: DrawCounter, dock: TuneDock, paint: Callable[[int], None], events: int
) -> tuple[float, float, float]:
    """Return median seconds until drawn, of the processor, and of bare repaints."""
    drawn, processor, floors = [], [], []
    for event in range(events):
        start = time.process_time()
        drawn.append(draws.seconds_until_drawn(lambda event=event: paint(event))[1])
        processor.append(time.process_time() - start)
        if event % TURN == TURN - 1:
            settle(dock)
            floors += floor_times(draws, TURN)
    return statistics.median(drawn), statistics.median(processor), statistics.median(floors)


def report(what: str, times: tuple[float, float, float]) -> None:
    """Print one row."""
    drawn, processor, floor = times
    keep_ratio(f"{what}, x canvas floor", drawn / floor)
    print(
        f"{what:44s} {1e3 * drawn:6.1f} ms, over the floor of {1e3 * floor:5.1f} ms:"
        f" {drawn / floor:4.2f} x; of the processor {1e3 * processor:5.1f} ms",
        flush=True,
    )


def compare(viewer: napari.Viewer, dock: TuneDock, size: int, events: int) -> None:
    """Print the times of steps with small and large brushes, here and on a plain layer."""
    draws, session = DrawCounter(viewer), dock.viewer_session
    z = session.session.view.slice_index
    ours = session.corrections.labels()
    plain = viewer.add_labels(np.zeros(session.session.fragment.shape, np.uint8), name="plain")
    pause()
    floor_times(draws, TURN)
    for brush in BRUSHES:
        for what, layer in (("corrections", ours), ("plain labels", plain)):
            layer.brush_size = brush
            viewer.layers.selection.active = layer
            times = measure(draws, dock, strokes(layer, size, z), events)
            report(f"brush step of {brush} on {what}", times)


def main() -> None:
    """Run the comparison."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=320)
    parser.add_argument("--events", type=int, default=60)
    arguments = parser.parse_args()
    with window(arguments.size) as (viewer, dock):
        compare(viewer, dock, arguments.size, arguments.events)


if __name__ == "__main__":
    main()
