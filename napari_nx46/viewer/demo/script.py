"""The demonstration: a whole calibration through real Qt events, as a user would do it."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtCore import QEvent, QObject, Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication

from napari_nx46.core.measure.band import BandPosition, position_in_band
from napari_nx46.data.fragments import open_data
from napari_nx46.data.sample import write_sample
from napari_nx46.files.naming import plural
from napari_nx46.files.submission.validation import ValidationReport, validate_submission
from napari_nx46.files.volumes.reading import ReadAs
from napari_nx46.run.export.export import RunResult
from napari_nx46.run.export.targets import manifest_path
from napari_nx46.viewer.canvas.access import Canvas
from napari_nx46.viewer.demo.driving import (
    accept_and_export,
    drag_handle,
    opened,
    rest,
    show_all_layers,
    wait_for,
    wait_for_compiling,
)
from napari_nx46.viewer.qt.display import has_display, virtual_display
from napari_nx46.viewer.tune.dock import TuneDock
from napari_nx46.viewer.tune.export_panel import ARCHIVE_NAME
from napari_nx46.viewer.tune.panel import TunePanel
from napari_nx46.viewer.window.launch import open_window, tune

if TYPE_CHECKING:
    import napari

WINDOW_SIZE = (1500, 990)
MOST_QUANTILE_STEPS = 150
SLIDER_STEPS = {"blend": -6, "z_radius": 2}

Say = Callable[[str], None]


@dataclass
class Latencies:
    """Milliseconds from a slider event to the painted canvas, and to the exact figures."""

    painted: list[float] = field(default_factory=list)
    exact: list[float] = field(default_factory=list)


class PaintWatch(QObject):
    """Counts how often a window's canvas is painted."""

    def __init__(self, viewer: napari.Viewer) -> None:
        super().__init__()
        self.count = 0
        canvas = Canvas(viewer).widget
        if canvas is not None:
            canvas.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Count, and let the event pass."""
        self.count += event.type() == QEvent.Type.Paint
        return False


def show(paths: Sequence[Path], out: Path, read_as: ReadAs | None = None) -> int:
    """Show the program: in a window where there is a display, else as a scripted session.

    Parameters
    ----------
    paths : sequence of Path
        Data to show; none for the sample fragments, which are made in `out` then.
    out : Path
        Folder for what the demonstration makes.
    read_as : ReadAs, optional
        What is read of probability volumes.

    Returns
    -------
    int
        0 if all went well, 1 if the archive was not valid.

    Raises
    ------
    DisplayError
        If there is no display and Xvfb is missing.
    """
    data = tuple(paths) or (out / "data",)
    if not paths:
        write_sample(data[0])
    read_as = read_as or ReadAs()
    if has_display():
        dataset = open_data(*data, channel=read_as.channel, logits=read_as.logits)
        tune(dataset, data, keeps=bool(paths))
        return 0
    with virtual_display() as name:
        print(f"no display: a scripted session on the virtual display {name}", flush=True)
        return scripted_session(data, out, print, read_as)


def scripted_session(
    paths: tuple[Path, ...], out: Path, say: Say, read_as: ReadAs | None = None
) -> int:
    """Load, move all three sliders, accept, export and validate, by keys and clicks.

    Parameters
    ----------
    paths : tuple of Path
        A data folder, a volume, or two.
    out : Path
        Folder for submission.zip, its manifest, metrics.csv and screenshot.png.
    say : callable
        Called with each line of what was done.

    Returns
    -------
    int
        0 if the archive is valid, else 1.
    """
    out.mkdir(parents=True, exist_ok=True)
    read_as = read_as or ReadAs()
    dataset = open_data(*paths, channel=read_as.channel, logits=read_as.logits)
    viewer, dock = open_window(dataset, paths, keeps=False)
    try:
        viewer.window.resize(*WINDOW_SIZE)
        rest(0.3)
        viewer.reset_view(margin=0.02)
        panel = opened(dock)
        session = panel.export_panel.session
        say(f"opened {dataset.name}: {', '.join(dataset.image_ids)}")
        wait_for(lambda: session.warm_up.done and session.figures.fragment_exact)
        say(f"showing {session.fragment.image_id} {session.fragment.shape}, {_figures(panel)}")
        for name, latencies in _move_sliders(viewer, panel).items():
            say(_latency_line(name, panel, latencies))
        say(f"tuned to {session.setting}")
        rest(0.3)  # the numbers are painted a little later than the mask
        say(f"now {_figures(panel)}")
        _say_score(dock, say)
        result = accept_and_export(panel, out / ARCHIVE_NAME)
        wait_for_compiling(dock)
        wait_for(lambda: session.figures.exact)
        rest(0.3)
        show_all_layers(dock)
        screenshot = out / "screenshot.png"
        dock.window().grab().save(str(screenshot))
    finally:
        viewer.close()
        # What Qt deletes later is to be gone before the display is.
        QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
        QApplication.processEvents()
    say(f"exported {plural(len(result.members), 'mask')} to {result.target}")
    say(f"manifest {manifest_path(result.target)}, metrics {result.target.parent / 'metrics.csv'}")
    say(f"screenshot {screenshot}")
    shapes = {fragment.image_id: fragment.shape for fragment in dataset}
    report = validate_submission(result.target, expected=shapes)
    _say_report(report, say)
    return 0 if report.ok and _manifest_fits(result) else 1


def _say_score(dock: TuneDock, say: Say) -> None:
    """Report the leaderboard score, where the fragment has a label."""
    scores = None if dock.viewer_session is None else dock.viewer_session.scores
    if scores is None or not scores.has_label:
        return
    wait_for(lambda: scores.scores.fragment.is_current)
    score = scores.scores.fragment.result
    if score is not None:
        say(f"leaderboard score of the fragment {score.value:.4f}")


def _move_sliders(viewer: napari.Viewer, panel: TunePanel) -> dict[str, Latencies]:
    """Move the quantile until the fragment's density is in the band, then the other two."""
    watch = PaintWatch(viewer)
    session = panel.export_panel.session
    latencies = {name: Latencies() for name in ("quantile", *SLIDER_STEPS)}
    drag_handle(panel.knobs["quantile"].slider)
    wait_for(lambda: session.figures.fragment_exact)
    for _ in range(MOST_QUANTILE_STEPS):
        density = session.figures.fragment_density or 0.0
        position = position_in_band(density, session.band)
        if position is BandPosition.IN and len(latencies["quantile"].painted) >= 5:
            break
        key = Qt.Key.Key_Right if position is BandPosition.ABOVE else Qt.Key.Key_Left
        _press(panel, "quantile", key, watch, latencies["quantile"])
    for name, steps in SLIDER_STEPS.items():
        key = Qt.Key.Key_Left if steps < 0 else Qt.Key.Key_Right
        for _ in range(abs(steps)):
            _press(panel, name, key, watch, latencies[name])
    return latencies


def _press(
    panel: TunePanel, name: str, key: Qt.Key, watch: PaintWatch, latencies: Latencies
) -> None:
    """Press a key on a slider and note when the canvas was painted and the figures exact."""
    slider, session = panel.knobs[name].slider, panel.export_panel.session
    slider.setFocus()
    painted = watch.count
    start = time.perf_counter()
    QTest.keyClick(slider, key)
    wait_for(lambda: watch.count > painted)
    latencies.painted.append(1e3 * (time.perf_counter() - start))
    wait_for(lambda: session.figures.fragment_exact)
    latencies.exact.append(1e3 * (time.perf_counter() - start))


def _figures(panel: TunePanel) -> str:
    figures = panel.export_panel.session.figures
    rows = panel.read_out.value_labels
    return f"threshold {figures.threshold:.4f}, density " + ", ".join(
        f"{row.lower()} {label.text()} {panel.read_out.state_labels[row].text()[2:]}"
        for row, label in rows.items()
    )


def _latency_line(name: str, panel: TunePanel, latencies: Latencies) -> str:
    title = panel.knobs[name].scale.title
    painted, exact = statistics.median(latencies.painted), statistics.median(latencies.exact)
    return (
        f"{title}: {len(latencies.painted)} key presses, median {painted:.0f} ms to the painted"
        f" canvas, {exact:.0f} ms to the exact figures of the fragment"
    )


def _say_report(report: ValidationReport, say: Say) -> None:
    for mask in report.masks:
        say(f"  {mask.image_id} {mask.shape} density {mask.density:.4f}")
    for finding in report.findings:
        say(f"  {finding}")
    say("validated: the submission is valid" if report.ok else "the submission is NOT valid")


def _manifest_fits(result: RunResult) -> bool:
    """Return whether the manifest beside the archive describes the same members."""
    manifest = json.loads(manifest_path(result.target).read_text())
    reported = {entry["image_id"]: entry["member_sha256"] for entry in manifest["fragments"]}
    return reported == {member.image_id: member.member_sha256 for member in result.members}
