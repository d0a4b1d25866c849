"""Pictures of docks that a calibration can do without: errors, views, corrections, 3D, scrolls."""

from __future__ import annotations

from pathlib import Path
from unittest.mock import patch

import napari
import numpy as np
import zarr
from draw_examples import run_example
from png import write_png
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QDialog
from walk import MARGIN, SETTLED_SECONDS, SHIFT, WINDOW_SIZE, Walk

from napari_nx46 import SAMPLES, make_sample
from napari_nx46.data.fragments import StorePlace, write_data_folder
from napari_nx46.viewer.demo.driving import child, choose, click, rest, wait_for
from napari_nx46.viewer.errors.dock import ErrorsDock
from napari_nx46.viewer.landscape.dock import LandscapeDock
from napari_nx46.viewer.landscape.panel import LandscapePanel
from napari_nx46.viewer.look.views_dock import ProbePanel, ViewsDock
from napari_nx46.viewer.scroll.dock import ScrollDock
from napari_nx46.viewer.suggest.dock import SuggestDock
from napari_nx46.viewer.suggest.panel import SuggestPanel
from napari_nx46.viewer.tune.dock import TuneDock
from napari_nx46.viewer.window.docks import open_dock_of
from napari_nx46.viewer.window.launch import add_dock

WIDE = 560
"""Of a dock with a table or a map."""
BOX_SIDE, BOXES = 96, 3


def take_docks(walk: Walk) -> None:
    """Take what a dock shows, one after the other."""
    z, y, x = (length // 2 for length in walk.session.fragment.shape)
    walk.viewer_session.go_to_slice(z)
    with walk.beside("Views", ViewsDock, WIDE) as dock:
        child(dock, ProbePanel).look_at((z, y, x))
        walk.take("views")
    with walk.beside("Score landscape", LandscapeDock, WIDE) as dock:
        panel = child(dock, LandscapePanel)
        wait_for(panel.compute_button.isEnabled)
        click(panel.compute_button)
        walk.take("landscape", lambda: not panel.explorer.running)
    walk.press(Qt.Key.Key_H, SHIFT)
    walk.take("three-d", lambda: walk.viewer_session.three_d.state.is_current)
    walk.press(Qt.Key.Key_H, SHIFT)
    suggest(walk)
    correct(walk)
    find_errors(walk)


def suggest(walk: Walk) -> None:
    """Search for a minute on the fragment that is shown."""
    with walk.beside("Suggest", SuggestDock, WIDE) as dock:
        panel = child(dock, SuggestPanel)
        panel.minutes_box.setValue(1)
        choose(panel.fragments_box, "This fragment")
        click(panel.suggest_button)
        walk.take_in_both_themes("suggest", lambda: not panel.suggester.running)


def find_errors(walk: Walk) -> None:
    """Go to the costliest error that is well within the fragment."""
    tools = walk.viewer_session.error_tools
    with walk.beside("Errors", ErrorsDock, WIDE):
        wait_for(lambda: tools.browser.state.is_current)
        listing = tools.browser.state.result
        if listing is None:
            raise RuntimeError("there are no errors")
        share = listing.table.place / np.asarray(walk.session.fragment.shape)
        inside = ((share > 1 / 3) & (share < 2 / 3)).all(axis=1)
        tools.browser.go_to(int(np.flatnonzero(inside)[0]))
        wait_for(lambda: tools.pictures.state.is_current)
        walk.look_at_all()
        walk.take_in_both_themes("errors")


def correct(walk: Walk) -> None:
    """Add and erase a patch by hand, and look at them with their panel in sight."""
    z, height, width = (length // 2 for length in walk.session.fragment.shape)
    walk.viewer_session.go_to_slice(z)
    layer = walk.viewer_session.corrections
    for value, top, left in ((1, height, width), (2, height // 2, width // 2)):
        layer.paint(value)
        rows, columns = np.mgrid[top : top + 6, left : left + 16].reshape(2, -1)
        layer.labels().data_setitem((np.full(rows.size, z), rows, columns), value)
    walk.panel.scroll.ensureWidgetVisible(walk.panel.corrections_panel)
    walk.take("corrections")
    layer.stop_painting()


def take_dask_layer(target: Path) -> None:
    """Take the window of the example that tunes a Dask array, where the user would begin."""

    def take() -> None:
        viewer = napari.current_viewer()
        viewer.window.resize(*WINDOW_SIZE)
        rest(SETTLED_SECONDS)
        viewer.fit_to_view(margin=MARGIN)
        docked = viewer.window.dock_widgets.values()
        dock = next(widget for widget in docked if isinstance(widget, TuneDock))
        rest(3 * SETTLED_SECONDS)
        write_png(dock.window().grab().toImage(), target)
        viewer.close()

    with patch("napari.run", take):
        run_example(target.stem)


def take_logits(target: Path) -> None:
    """Take the window on volumes of logits, with what it says of them."""
    sample = make_sample(SAMPLES[0])
    share = np.clip(sample.p3d / np.float32(255), 0.01, 0.99)
    write_data_folder(Path("logits"), SAMPLES[0].image_id, {"p3d": np.log(share / (1 - share))})
    viewer = napari.Viewer()
    viewer.window.resize(*WINDOW_SIZE)
    dock = add_dock(viewer)
    rest(SETTLED_SECONDS)
    dock.open_paths("logits")
    wait_for(dock.error_banner.isVisible)
    rest(3 * SETTLED_SECONDS)
    for message in dock.window().findChildren(QDialog):
        message.close()  # napari's own, which the dock's stands for
    rest(SETTLED_SECONDS)
    write_png(dock.window().grab().toImage(), target)
    viewer.close()


def take_scroll(target: Path) -> None:
    """Take the window on a store, with boxes on its map."""
    scroll = np.tile(make_sample(SAMPLES[0]).p3d, (8, 3, 3))
    group = zarr.open_group("scroll.zarr", mode="w")
    for level in range(3):
        step = 1 << level
        group.create_array(str(level), data=scroll[::step, ::step, ::step], chunks=(64, 64, 64))
    scales = [[float(1 << level)] * 3 for level in range(3)]
    group.attrs["multiscales"] = [
        {
            "version": "0.4",
            "axes": [{"name": name, "type": "space", "unit": "micrometer"} for name in "zyx"],
            "datasets": [
                {
                    "path": str(level),
                    "coordinateTransformations": [{"type": "scale", "scale": scale}],
                }
                for level, scale in enumerate(scales)
            ],
        }
    ]

    viewer = napari.Viewer()
    viewer.window.resize(*WINDOW_SIZE)
    add_dock(viewer)
    rest(SETTLED_SECONDS)
    dock = open_dock_of(viewer, ScrollDock)
    dock.open(StorePlace("scroll.zarr"))
    wait_for(lambda: dock.panel is not None and dock.panel.overview is not None)
    panel = dock.panel
    if panel is None:
        raise RuntimeError("the dock has no store")
    panel.box_panel.side_box.setValue(BOX_SIDE)
    panel.box_panel.count_box.setValue(BOXES)
    click(panel.box_panel.spread_button)
    wait_for(lambda: len(panel.boxes.boxes) == BOXES)
    rest(3 * SETTLED_SECONDS)
    viewer.fit_to_view(margin=MARGIN)
    rest(3 * SETTLED_SECONDS)
    write_png(dock.window().grab().toImage(), target)
    viewer.close()
