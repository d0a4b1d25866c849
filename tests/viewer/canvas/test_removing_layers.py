"""Layers come and go in a window that is painted, which once ended the process within OpenGL."""

from __future__ import annotations

import itertools

import pytest

from napari_nx46.viewer.window.launch import add_dock
from tests.viewer.windows import PATIENCE

VOLUMES = ("p3d", "p2d")
ROUNDS = 50
PAINT_MILLISECONDS = 5
CLOSE_EVERY = 10
SMALL = (640, 480)
"""Of the window: what it paints is not looked at."""


@pytest.mark.slow
def test_layers_are_deleted_and_docks_closed_fifty_times(
    make_napari_viewer, data_folder, qtbot, notifications
):
    viewer = make_napari_viewer(show=True)
    viewer.window.resize(*SMALL)
    for number, name in zip(range(ROUNDS), itertools.cycle(("surface mask", "difference"))):
        if number % CLOSE_EVERY == 0:
            dock = add_dock(viewer)
            dock.open_paths(data_folder)
            viewer_session = dock.viewer_session
            viewer_session.pin("A")
            qtbot.waitUntil(
                lambda viewer_session=viewer_session: (
                    viewer_session.compare.pair.second is not None
                ),
                timeout=PATIENCE,
            )
        viewer_session.overlay.show(True)
        viewer_session.compare.difference.show(True)
        qtbot.wait(PAINT_MILLISECONDS)
        viewer.layers.remove(name)
        viewer_session.session.change(quantile=0.6 + number / 200)
        if number % CLOSE_EVERY == CLOSE_EVERY - 1:
            viewer.window.remove_dock_widget(dock)
            qtbot.wait(PAINT_MILLISECONDS)
    assert notifications() == []
