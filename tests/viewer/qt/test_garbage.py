"""Garbage is collected in the GUI's thread, and only there."""

from __future__ import annotations

import gc
import threading
import weakref

import pytest
from hypothesis import given
from hypothesis import strategies as st
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QWidget

from napari_nx46.viewer.qt.garbage import (
    OWN_ACCORD,
    GarbageCollector,
    collect_in_gui_thread,
    due_generation,
)
from napari_nx46.viewer.qt.main_thread import MainThreadPoster

PATIENCE = 60_000
ENOUGH = 100_000
"""So many new objects are far more than Python collects after."""


class Linked(QWidget):
    """A widget in a cycle of references; notes the thread in which the cycle is given up."""

    def __init__(self, given_up):
        super().__init__()
        self.link = _Link(self, given_up)


class _Link:
    def __init__(self, widget, given_up):
        self.widget = widget
        self._given_up = given_up

    def __del__(self):
        self._given_up.append(threading.current_thread())


def in_thread(function):
    thread = threading.Thread(target=function)
    thread.start()
    thread.join()


def make_many():
    return [[] for _ in range(ENOUGH)]


def run_event_loop(application):
    QTimer.singleShot(0, application.quit)
    application.exec()


@pytest.fixture
def usual(qapp):
    """Return the thresholds that Python has without the package; restore all afterwards."""
    collectors = qapp.findChildren(GarbageCollector)
    during = gc.get_threshold()
    yield collectors[0].thresholds if collectors else during
    gc.set_threshold(*during)


def test_widgets_in_cycles_end_in_the_guis_thread(qtbot):
    MainThreadPoster()
    given_up = []
    widget = weakref.ref(Linked(given_up))
    in_thread(make_many)
    assert widget() is not None
    assert given_up == []
    make_many()
    kept = make_many()  # so that there is something to collect for
    qtbot.waitUntil(lambda: widget() is None, timeout=PATIENCE)
    assert given_up == [threading.main_thread()]
    assert len(kept) == ENOUGH


def test_a_thread_would_collect_them_otherwise(usual, qapp):
    """The test above tests something."""
    gc.set_threshold(*usual)
    given_up = []
    link = _Link(None, given_up)
    link.widget = link
    del link
    in_thread(make_many)
    assert [thread is threading.main_thread() for thread in given_up] == [False]


def test_an_application_has_one_collector(qapp):
    collect_in_gui_thread()
    MainThreadPoster()
    assert len(qapp.findChildren(GarbageCollector)) == 1
    assert gc.get_threshold()[0] == OWN_ACCORD


def test_python_collects_by_itself_when_the_event_loop_has_ended(usual, qapp, qtbot):
    collect_in_gui_thread()
    given_up = []
    Linked(given_up)
    run_event_loop(qapp)
    assert given_up == [threading.main_thread()]
    assert gc.get_threshold() == usual
    # A next event loop, as with a second napari.run(), has garbage collected by the timer again.
    qtbot.waitUntil(lambda: gc.get_threshold()[0] == OWN_ACCORD, timeout=PATIENCE)


def test_thresholds_that_others_set_meanwhile_are_kept(usual, qapp, qtbot):
    collect_in_gui_thread()
    gc.set_threshold(1234, 5, 6)
    qtbot.waitUntil(lambda: gc.get_threshold()[0] == OWN_ACCORD, timeout=PATIENCE)
    run_event_loop(qapp)
    assert gc.get_threshold() == (1234, 5, 6)
    gc.set_threshold(*usual)
    qtbot.waitUntil(lambda: gc.get_threshold()[0] == OWN_ACCORD, timeout=PATIENCE)


@given(
    st.tuples(*[st.integers(0, 5)] * 3),
    st.tuples(*[st.integers(0, 5)] * 3),
)
def test_due_is_the_oldest_generation_that_is_above_its_threshold_with_all_younger(
    counts, thresholds
):
    due = due_generation(counts, thresholds)
    above = [count > threshold for count, threshold in zip(counts, thresholds, strict=True)]
    if thresholds[0] == 0 or not above[0]:
        assert due is None
    else:
        assert all(above[: due + 1])
        assert above[due + 1 : due + 2] != [True]


def test_without_an_application_nothing_is_changed(monkeypatch):
    monkeypatch.setattr(
        "napari_nx46.viewer.qt.garbage.QCoreApplication.instance", staticmethod(lambda: None)
    )
    before = gc.get_threshold()
    collect_in_gui_thread()
    assert gc.get_threshold() == before
