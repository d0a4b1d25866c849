"""Times slider events in a real window against the canvas's own repaint, in the same run.

    xvfb-run -a -s "-screen 0 1600x1000x24" python benchmarks/live.py [--size 320] [--events 40]

Prints, for each slider: the time from the event to the drawn canvas, over the floor (a repaint
without any change); the time in the handler, under the rival's (the plain magicgui way: the whole
mask recomputed and uploaded); and what a burst of events leaves behind. Then the same with every
other dock open beside the sliders, and how soon a flip between two pinned masks is seen; at last
the same sliders over layers of arrays and of Dask, against those over files.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import product
from pathlib import Path

import dask.array as da
import napari
import numpy as np
import numpy.typing as npt
from baseline import keep_ratio
from magicgui import magicgui
from qtpy.QtCore import QEventLoop
from qtpy.QtWidgets import QApplication, QSlider
from scipy import ndimage

from napari_nx46 import tune
from napari_nx46.data.fragments import open_data
from napari_nx46.live.masks.choices import LIVE
from napari_nx46.setting import Setting
from napari_nx46.viewer.tune.dock import TuneDock
from napari_nx46.viewer.window.docks import DOCKS, open_dock
from napari_nx46.viewer.window.launch import open_window
from napari_nx46.viewer.window.session_dock import tune_dock_of

CANVAS_SIZE = (1000, 800)
BURST = 300
TURN = 10
SLIDERS = ("quantile", "blend", "z_radius")
PINNED = ("A", "B")
MOST_ALONE = 1.25
MOST_WITH_PANELS = 1.5
"""Times the floor."""
LAYER_KINDS = ("array", "dask")
MOST_OVER_FILES = 1.1
"""Of layers, times what it is over files."""
LAYER_TURNS = 4
RESTING_EVENTS = 3
"""Of one slider in one window and turn: each is waited for until all is exact again."""
CHUNK = 64


class DrawCounter:
    """Counts the canvas's draws.

    Parameters
    ----------
    viewer : napari.Viewer
    """

    def __init__(self, viewer: napari.Viewer) -> None:
        self.canvas = viewer.window._qt_viewer.canvas._scene_canvas
        self.count = 0
        self.canvas.events.draw.connect(self._drawn, position="last")

    def seconds_until_drawn(self, act: Callable[[], None]) -> tuple[float, float]:
        """Act, and return the seconds until it returned and until the canvas was drawn."""
        before = self.count
        start = time.perf_counter()
        act()
        handled = time.perf_counter() - start
        while self.count == before:
            QApplication.processEvents(QEventLoop.ProcessEventsFlag.AllEvents, 5)
        return handled, time.perf_counter() - start

    def _drawn(self, event: object) -> None:
        self.count += 1


def wait(condition: Callable[[], bool], seconds: float = 120.0) -> None:
    """Let the window live until a condition holds."""
    end = time.perf_counter() + seconds
    while not condition():
        if time.perf_counter() > end:
            raise TimeoutError("the window did not get there in time")
        QApplication.processEvents(QEventLoop.ProcessEventsFlag.AllEvents, 20)


def settle(dock: TuneDock) -> None:
    """Wait until everything shown is exact, and the window has nothing left to draw."""
    wait(lambda: dock.viewer_session.session.figures.fragment_exact)
    pause()


def pause() -> None:
    """Let the window live for a while."""
    end = time.perf_counter() + 0.2
    wait(lambda: time.perf_counter() > end)


def write_pair(folder: Path, size: int) -> list[Path]:
    """Write two smooth random float32 volumes."""
    rng = np.random.default_rng(46)
    paths = []
    for name in ("p3d", "p2d"):
        noise = ndimage.gaussian_filter(rng.random((size,) * 3, dtype=np.float32), 1.5)
        volume = (noise - noise.min()) / (noise.max() - noise.min())
        paths.append(folder / f"{name}.npy")
        np.save(paths[-1], volume.astype(np.float32))
    return paths


@contextmanager
def window(size: int) -> Iterator[tuple[napari.Viewer, TuneDock]]:
    """Open a window on a pair of volumes."""
    with tempfile.TemporaryDirectory() as folder:
        paths = write_pair(Path(folder), size)
        viewer, dock = open_window(open_data(*paths), paths, keeps=False)
        viewer.window._qt_viewer.canvas._scene_canvas.native.setFixedSize(*CANVAS_SIZE)
        session = dock.viewer_session.session
        wait(lambda: session.figures.fragment_exact and session.warm_up.done)
        settle(dock)
        yield viewer, dock
        viewer.close()


@contextmanager
def layer_window(
    arrays: Sequence[npt.NDArray[np.float32]], kind: str
) -> Iterator[tuple[napari.Viewer, TuneDock]]:
    """Open a window on a pair of volumes as layers: arrays in memory, or of Dask."""
    given = arrays
    if kind == "dask":
        given = [da.from_array(array, chunks=(CHUNK,) * 3) for array in arrays]
    viewer = napari.Viewer()
    layers = [
        viewer.add_image(array, name=name, contrast_limits=(0, 1), visible=name == "p3d")
        for name, array in zip(("p3d", "p2d"), given, strict=True)
    ]
    tune(viewer, *layers)
    dock = tune_dock_of(viewer)
    viewer.window._qt_viewer.canvas._scene_canvas.native.setFixedSize(*CANVAS_SIZE)
    session = dock.viewer_session.session
    wait(lambda: session.figures.fragment_exact and session.warm_up.done)
    settle(dock)
    yield viewer, dock
    viewer.close()


def print_layers(size: int) -> None:
    """Print the times of sliders over layers, against those over files.

    All windows are open, and their sliders take turns: what slows one down slows the others.
    """
    with tempfile.TemporaryDirectory() as folder:
        arrays = [np.load(path) for path in write_pair(Path(folder), size)]
    with (
        window(size) as files,
        layer_window(arrays, "array") as array,
        layer_window(arrays, "dask") as dask,
    ):
        opened = {"files": files, "array": array, "dask": dask}
        all_draws = {kind: DrawCounter(viewer) for kind, (viewer, _) in opened.items()}
        for name, rest in product(SLIDERS, (True, False)):
            turns: list[dict[str, float]] = []
            for _ in range(LAYER_TURNS):
                turns.append(
                    {
                        kind: median_event(all_draws[kind], dock, name, rest)
                        for kind, (_, dock) in opened.items()
                    }
                )
            for kind in LAYER_KINDS:
                ratio = statistics.median(turn[kind] / turn["files"] for turn in turns)
                file, layer = (
                    statistics.median(turn[one] for turn in turns) for one in ("files", kind)
                )
                keep_ratio(f"{kind} layer: {name} {_how(rest)}, x files", ratio)
                print(
                    f"{kind:5s} layer: {name:9s} {_how(rest)}  event to drawn canvas"
                    f" {1e3 * layer:5.1f} ms, over files {1e3 * file:5.1f} ms:"
                    f" {ratio:4.2f} x (at most {MOST_OVER_FILES})",
                    flush=True,
                )


def median_event(draws: DrawCounter, dock: TuneDock, name: str, rest: bool) -> float:
    """Return the median seconds from an event to the drawn canvas, of a few of one slider."""
    slider, session = dock.panel.knobs[name].slider, dock.viewer_session.session
    seconds = []
    for event in range(RESTING_EVENTS if rest else TURN):
        seconds.append(draws.seconds_until_drawn(partial(slider.setValue, _next(slider, event)))[1])
        if rest:
            wait(lambda: session.figures.fragment_exact)
    wait(lambda: session.figures.fragment_exact)
    return statistics.median(seconds)


def _next(slider: QSlider, event: int) -> int:
    """Return where a slider goes next: by one to three steps, and at the end from the beginning."""
    low, high = slider.minimum(), slider.maximum()
    return int(low + (slider.value() - low + 1 + event % 3) % (high - low + 1))


def _how(rest: bool) -> str:
    return "at rest" if rest else "dragged"


def rival_handler(viewer: napari.Viewer, dock: TuneDock) -> Callable[[float], None]:
    """Return the plain way: a magicgui slider that recomputes and uploads the whole mask."""
    fragment = dock.viewer_session.session.fragment
    p3d, p2d = fragment.p3d.read(), fragment.p2d.read()
    layer = viewer.add_labels(np.zeros(fragment.shape, np.uint8), name="rival", visible=True)

    @magicgui(quantile={"widget_type": "FloatSlider", "min": 0.5, "max": 0.999}, auto_call=True)
    def threshold(quantile: float = 0.95) -> None:
        setting = Setting(quantile=quantile)
        size = 2 * setting.z_radius + 1
        smoothed = ndimage.uniform_filter1d(p3d, size, axis=0, mode="nearest")
        score = setting.blend * smoothed + (1 - setting.blend) * p2d
        layer.data = (score >= np.quantile(score, quantile)).astype(np.uint8)

    viewer.window.add_dock_widget(threshold, name="rival")
    return lambda value: setattr(threshold.quantile, "value", value)


@dataclass(frozen=True)
class SliderTimes:
    """Median seconds of one slider's events and of repaints without any change between them."""

    handled: float
    drawn: float
    floor: float


def measure_slider(
    draws: DrawCounter, dock: TuneDock, name: str, events: int, rest: bool, bare: bool = False
) -> SliderTimes:
    """Return the times of one slider, its events and bare repaints taking turns.

    A `bare` slider moves with nobody listening, and the canvas is repainted as it is: what a slider
    in a napari window costs by itself.

    With `rest` the window is idle for a while before each: a first repaint after a pause takes
    longer than one that follows another. Else they follow each other as fast as the window draws.
    """
    knob = dock.panel.knobs[name]
    slider = knob.slider
    knob.blockSignals(bare)
    handled, drawn, floors = [], [], []
    turn = 1 if rest else TURN
    for event in range(events):
        act = partial(slider.setValue, _next(slider, event))
        one_handled, one_drawn = draws.seconds_until_drawn(
            (lambda act=act: (act(), draws.canvas.update())) if bare else act
        )
        handled.append(one_handled)
        drawn.append(one_drawn)
        if event % turn == turn - 1:
            settle(dock)
            floors += floor_times(draws, turn)
            pause()
    knob.blockSignals(False)
    return SliderTimes(*map(statistics.median, (handled, drawn, floors)))


def floor_times(draws: DrawCounter, events: int) -> list[float]:
    """Return the seconds of consecutive repaints without any change."""
    return [draws.seconds_until_drawn(draws.canvas.update)[1] for _ in range(events)]


def burst(draws: DrawCounter, dock: TuneDock) -> None:
    """Send a burst of slider events and print what it leaves behind."""
    session = dock.viewer_session.session
    slider = dock.panel.knobs["quantile"].slider
    knob = dock.panel.knobs["blend"].slider
    for event in range(BURST):
        slider.setValue(slider.minimum() + event % (slider.maximum() + 1))
        knob.setValue(event % (knob.maximum() + 1))
    begun = session.exact_requests_begun
    settle(dock)
    computed_after = session.exact_requests_begun - begun
    plane = session.view.plane
    expected = session.pipelines[session.fragment.image_id]
    threshold = expected.threshold(session.setting)
    equal = np.array_equal(
        session.mask_block(plane), expected.mask(session.setting, threshold, plane)
    )
    print(
        f"burst of {2 * BURST} events: the last one is shown: {equal}; requests begun after it: "
        f"{computed_after} (its own, and at most one stale one)"
    )


def open_panels(viewer: napari.Viewer, dock: TuneDock) -> None:
    """Open every dock there is, and pin two settings."""
    for entry in DOCKS:
        open_dock(viewer, entry)
    viewer_session = dock.viewer_session
    knob = dock.panel.knobs["quantile"]
    for letter in PINNED:
        knob.slider.setValue(knob.slider.value() - 1)
        viewer_session.pin(letter)
    wait(lambda: set(PINNED) <= set(viewer_session.compare.choices.shown_names))
    settle(dock)


def measure_flip(draws: DrawCounter, dock: TuneDock, events: int) -> SliderTimes:
    """Return the times of flipping between pinned masks, and of bare repaints between them."""
    flip = dock.viewer_session.compare.flip
    settle(dock)
    handled, drawn, floors = [], [], []
    for event in range(events):
        letter = PINNED[event % len(PINNED)]
        one_handled, one_drawn = draws.seconds_until_drawn(partial(flip.show, letter))
        handled.append(one_handled)
        drawn.append(one_drawn)
        floors += floor_times(draws, 1)
    flip.show(LIVE)
    return SliderTimes(*map(statistics.median, (handled, drawn, floors)))


def measure_sliders(
    draws: DrawCounter, dock: TuneDock, events: int
) -> dict[tuple[str, bool], SliderTimes]:
    """Return the times of every slider, at rest and dragged."""
    return {
        (name, rest): measure_slider(draws, dock, name, events, rest)
        for name in SLIDERS
        for rest in (True, False)
    }


def print_sliders(
    times: dict[tuple[str, bool], SliderTimes],
    rival_handled: float,
    most: float,
    panels: str,
) -> None:
    """Print the times of sliders."""
    for (name, rest), slider in times.items():
        keep_ratio(
            f"{name} {'at rest' if rest else 'dragged'}, {panels}, x canvas floor",
            slider.drawn / slider.floor,
        )
        print(
            f"{name:9s} {'at rest' if rest else 'dragged'}  floor {1e3 * slider.floor:5.1f} ms,"
            f" event to drawn canvas {1e3 * slider.drawn:5.1f} ms ="
            f" {slider.drawn / slider.floor:4.2f} x (at most {most}), handler"
            f" {1e3 * slider.handled:4.1f} ms = rival /"
            f" {rival_handled / slider.handled:.0f} (at least 10)"
        )


def main() -> None:
    """Run the comparison."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=320)
    parser.add_argument("--events", type=int, default=40)
    parser.add_argument("--layers", action="store_true", help="only layers against files")
    arguments = parser.parse_args()
    events = arguments.events
    if arguments.layers:
        print_layers(arguments.size)
        return
    with window(arguments.size) as (viewer, dock):
        draws = DrawCounter(viewer)
        floor_times(draws, TURN)
        alone = measure_sliders(draws, dock, events)
        for rest in (True, False):
            bare = measure_slider(draws, dock, "quantile", events, rest, bare=True)
            print(
                f"a slider nobody listens to, {'at rest' if rest else 'dragged'}: "
                f"{bare.drawn / bare.floor:4.2f} x floor"
            )
        print_outline(draws, dock, events)
        burst(draws, dock)
        open_panels(viewer, dock)
        with_panels = measure_sliders(draws, dock, events)
        flip = measure_flip(draws, dock, events)
        burst(draws, dock)
        rival_handled = print_rival(draws, viewer, dock)
        print_sliders(alone, rival_handled, MOST_ALONE, "Tune alone")
        print(f"with all panels open ({', '.join(entry.name for entry in DOCKS)}):")
        print_sliders(with_panels, rival_handled, MOST_WITH_PANELS, "all docks")
        keep_ratio("flip between pinned masks, x canvas floor", flip.drawn / flip.floor)
        print(
            f"flipping between two pinned masks: floor {1e3 * flip.floor:5.1f} ms, until drawn"
            f" {1e3 * flip.drawn:5.1f} ms = {flip.drawn / flip.floor:4.2f} x"
            f" (at most {MOST_WITH_PANELS}), handler {1e3 * flip.handled:4.1f} ms"
        )
    print_layers(arguments.size)


def print_outline(draws: DrawCounter, dock: TuneDock, events: int) -> None:
    """Print the times of a slider and of bare repaints with an outline around the mask."""
    overlay = dock.viewer_session.overlay
    plain = measure_slider(draws, dock, "quantile", events, rest=False)
    overlay.look(overlay.color, outline=True)
    lined = measure_slider(draws, dock, "quantile", events, rest=False)
    overlay.look(overlay.color, outline=False)
    keep_ratio("outline: quantile dragged, x canvas floor", lined.drawn / lined.floor)
    print(
        f"with an outline: floor {1e3 * lined.floor:5.1f} ms (without {1e3 * plain.floor:5.1f}),"
        f" event to drawn canvas {1e3 * lined.drawn:5.1f} ms (without {1e3 * plain.drawn:5.1f})"
        f" = {lined.drawn / lined.floor:4.2f} x (at most {MOST_ALONE})"
    )


def print_rival(draws: DrawCounter, viewer: napari.Viewer, dock: TuneDock) -> float:
    """Print the rival's times, and return the seconds in its handler."""
    rival = rival_handler(viewer, dock)
    rival(0.9)
    times = [draws.seconds_until_drawn(lambda q=q: rival(q)) for q in (0.91, 0.92, 0.93)]
    handled, drawn = (statistics.median(column) for column in zip(*times, strict=True))
    print(f"rival: event to drawn canvas {1e3 * drawn:.0f} ms, handler {1e3 * handled:.0f} ms")
    return handled


if __name__ == "__main__":
    main()
