"""Whatever is closed first, the window or one of its docks, nothing is left that still follows."""

from __future__ import annotations

import pytest
from qtpy.compat import isalive

from napari_nx46.viewer.window.docks import DOCKS, open_dock
from tests.viewer.windows import PATIENCE

VOLUMES = ("p3d", "p2d")


@pytest.mark.parametrize("first", ["the window", "the tuning dock", "the other docks"])
def test_docks_close_in_any_order(first, opened, qtbot, notifications, send_deferred_deletes):
    viewer, viewer_session = opened.viewer, opened.viewer_session
    docks = [open_dock(viewer, entry) for entry in DOCKS]
    opened.wait_until(lambda: viewer_session.keeping.begun)
    panels = [dock.panel for dock in docks if getattr(dock, "panel", None)]
    assert len(panels) == len(DOCKS) - 2  # keys have none, nor has a scroll before one is open
    viewer_session.session.change(quantile=0.7)
    history = viewer_session.keeping.history
    if first == "the tuning dock":
        viewer.window.remove_dock_widget(opened.dock)
        assert all(dock.panel is None for dock in docks if hasattr(dock, "panel"))
    elif first == "the other docks":
        for dock in docks:
            viewer.window.remove_dock_widget(dock)
        viewer_session.pin("A")
        viewer_session.session.change(quantile=0.8)
        viewer_session.session.show_fragment("b")
        opened.wait_until_exact()
    if first != "the window":
        send_deferred_deletes()
        assert not any(map(isalive, panels))
        history.go_on_from(())
    else:
        viewer.close()
        send_deferred_deletes()
        qtbot.waitUntil(lambda: viewer_session.session._closed, timeout=PATIENCE)
        assert not any(map(isalive, panels))
        history.changed.emit()
        viewer_session.pins.changed.emit()
    assert notifications() == []
