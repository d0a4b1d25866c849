"""Times flips between pinned masks in a real window against the canvas's own repaint.

    xvfb-run -a -s "-screen 0 1600x1000x24" python benchmarks/flip.py [--size 320] [--events 40]

Prints the time from an event to the drawn canvas over the floor (a repaint without any change) in
the same run: of flips, and what they computed; of slider events with the Compare dock open, then
with the difference of the sliders' mask and a pin shown, then side by side.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Callable

import napari
from baseline import keep_ratio
from live import TURN, DrawCounter, floor_times, settle, wait, window

from napari_nx46.viewer.compare.dock import CompareDock
from napari_nx46.viewer.tune.dock import TuneDock
from napari_nx46.viewer.window.docks import open_dock_of

QUANTILES = {"A": 0.9, "B": 0.95, "C": 0.97}


def pin_masks(dock: TuneDock) -> None:
    """Pin three settings and wait for their masks and metrics."""
    viewer_session = dock.viewer_session
    for letter, quantile in QUANTILES.items():
        viewer_session.session.change(quantile=quantile)
        viewer_session.pin(letter)
        settle(dock)
    image_id = viewer_session.session.fragment.image_id
    wait(lambda: all("density" in pin.metrics.get(image_id, {}) for pin in viewer_session.pins))
    wait(lambda: not viewer_session.pin_follower.busy)
    settle(dock)


def measure(
    draws: DrawCounter, dock: TuneDock, act: Callable[[int], None], events: int
) -> tuple[float, float]:
    """Return the median seconds from an event to the drawn canvas, and of bare repaints."""
    drawn, floors = [], []
    for event in range(events):
        drawn.append(draws.seconds_until_drawn(lambda event=event: act(event))[1])
        if event % TURN == TURN - 1:
            settle(dock)
            floors += floor_times(draws, TURN)
    return statistics.median(drawn), statistics.median(floors)


def notify(name: str, times: tuple[float, float]) -> None:
    """Print one row."""
    drawn, floor = times
    keep_ratio(f"{name}, x canvas floor", drawn / floor)
    print(
        f"{name:42s} floor {1e3 * floor:5.1f} ms, event to drawn canvas {1e3 * drawn:5.1f} ms ="
        f" {drawn / floor:4.2f} x"
    )


def slide(dock: TuneDock) -> Callable[[int], None]:
    """Return a function that moves the quantile's slider."""
    slider = dock.panel.knobs["quantile"].slider
    low, high = slider.minimum(), slider.maximum()

    def act(event: int) -> None:
        slider.setValue(low + (slider.value() - low + 1 + event % 3) % (high - low + 1))

    return act


def compare(viewer: napari.Viewer, dock: TuneDock, events: int) -> None:
    """Print the times of all that a user does while masks are compared."""
    draws, viewer_session = DrawCounter(viewer), dock.viewer_session
    floor_times(draws, TURN)
    notify("slider, alone", measure(draws, dock, slide(dock), events))
    open_dock_of(viewer, CompareDock)
    pin_masks(dock)
    begun = viewer_session.session.exact_requests_begun
    notify(
        "flip between live, A, B and C",
        measure(draws, dock, lambda _: viewer_session.flip(), events),
    )
    print(
        f"computed by {events} flips: {viewer_session.session.exact_requests_begun - begun} masks"
    )
    viewer_session.compare.flip.show("live")
    notify("slider, Compare dock open", measure(draws, dock, slide(dock), events))
    viewer_session.compare.difference.show(True)
    notify("slider, difference of live and A shown", measure(draws, dock, slide(dock), events))
    viewer_session.compare.difference.show(False)
    viewer_session.side_by_side.show(True)
    settle(dock)
    notify("slider, side by side with A", measure(draws, dock, slide(dock), events))
    notify(
        "flip, side by side with A", measure(draws, dock, lambda _: viewer_session.flip(), events)
    )


def main() -> None:
    """Run the comparison."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=320)
    parser.add_argument("--events", type=int, default=40)
    arguments = parser.parse_args()
    with window(arguments.size) as (viewer, dock):
        compare(viewer, dock, arguments.events)


if __name__ == "__main__":
    main()
