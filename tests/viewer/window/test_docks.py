"""The docks fit into a small window."""

from __future__ import annotations

from napari_nx46.viewer.window.docks import DOCKS, open_dock

SMALL = (1000, 700)
VOLUMES = ("p3d", "p2d", "train_labels")


def test_no_dock_widens_a_small_window(shown):
    window = shown.viewer.window
    window.resize(*SMALL)
    for entry in DOCKS:
        open_dock(shown.viewer, entry)
        shown.qtbot.wait(100)
        assert window.geometry()[2:] == SMALL, entry.name


def test_a_dock_gives_back_the_room_that_it_needed_for_a_while(shown):
    window, section = shown.viewer.window, shown.dock.layers.panel.section
    section.expand()
    shown.qtbot.wait(100)
    section.collapse()

    def fits():
        window.resize(*SMALL)
        return window.geometry()[2:] == SMALL

    shown.wait_until(fits)
