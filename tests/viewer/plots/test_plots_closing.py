"""Closing the plots, their dock and their window."""

from __future__ import annotations

import gc

import pytest
from qtpy.QtWidgets import QApplication

from napari_nx46.viewer.plots.dock import PlotsDock
from napari_nx46.viewer.plots.panel import PlotsPanel
from napari_nx46.viewer.window.docks import open_dock_of
from tests.live.driver import named_threads
from tests.viewer.plots.plotted import panel_of
from tests.viewer.windows import PATIENCE

# ---- closing -------------------------------------------------------------------------------


@pytest.fixture
def hidden(opened):
    """Return a hidden window with plots on three fragments."""
    opened.plots = open_dock_of(opened.viewer, PlotsDock)
    return opened


def assert_let_go(panel):
    """Check that a panel that is deleted is connected to nothing any more."""
    assert panel._following._connected == []
    assert panel._viewer_following._connected == []


def change_all(session):
    session.change(quantile=0.6, blend=0.4)
    session.set_band((0.1, 0.2))


def test_closing_the_plots_leaves_nothing_that_is_called(hidden, send_deferred_deletes, qtbot):
    panel = panel_of(hidden)
    dock = hidden.plots
    hidden.viewer.window.remove_dock_widget(dock)
    dock.deleteLater()
    send_deferred_deletes()
    change_all(hidden.session)
    hidden.viewer.theme = "light"
    hidden.viewer.dims.set_current_step(0, 1)
    hidden.wait_until_exact()
    assert_let_go(panel)


def test_the_plots_follow_the_data_that_are_opened(hidden, one_fragment, send_deferred_deletes):
    first = panel_of(hidden)
    hidden.dock.open_paths(one_fragment)
    second = panel_of(hidden)
    assert second is not first
    send_deferred_deletes()
    assert_let_go(first)
    change_all(hidden.session)
    assert hidden.plots.findChildren(PlotsPanel) == [second]


def test_removing_the_tuning_dock_takes_the_plots_content(hidden, send_deferred_deletes):
    panel = panel_of(hidden)
    hidden.viewer.window.remove_dock_widget(hidden.dock)
    send_deferred_deletes()
    assert panel_of(hidden) is None
    assert_let_go(panel)
    hidden.viewer.theme = "light"


def test_closing_the_window_while_all_is_computed_ends_the_threads(
    hidden, send_deferred_deletes, qtbot, notifications
):
    panel, session = panel_of(hidden), hidden.session
    change_all(session)
    hidden.viewer.close()
    send_deferred_deletes()
    assert_let_go(panel)
    assert session._closed
    qtbot.waitUntil(lambda: not named_threads(), timeout=PATIENCE)
    assert notifications() == []


def test_no_widget_is_left_over(make_napari_viewer, data_folder, send_deferred_deletes):
    viewer = make_napari_viewer(strict_qt="raise")
    dock = open_dock_of(viewer, PlotsDock)
    assert isinstance(dock, PlotsDock)
    tune = next(each for each in viewer.window.dock_widgets.values() if each is not dock)
    for _ in range(3):
        tune.open_paths(data_folder)
    send_deferred_deletes()
    gc.collect()
    kept = [widget for widget in QApplication.allWidgets() if isinstance(widget, PlotsPanel)]
    assert kept == [dock.panel]
