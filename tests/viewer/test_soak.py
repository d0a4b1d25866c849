"""A long session holds no more than a short one; ``--soak 10000`` makes it really long."""

from __future__ import annotations

import pytest

from napari_nx46.viewer.window.docks import DOCKS, open_dock
from tests.viewer.soak import Soak

WARM_UP = 60
MOST_MEGABYTES_MORE = 50


@pytest.mark.slow
def test_many_events_grow_no_memory_and_leak_no_widget(opened, data_folder, request):
    events = request.config.getoption("--soak")
    for entry in DOCKS:
        open_dock(opened.viewer, entry)
    soak = Soak(opened, data_folder)
    # All that is made once is there when every kind of event has been seen.
    soak.run(max(WARM_UP, events // 10))
    before = soak.held()
    soak.run(events)
    # What passes, such as a timer that has just run out, is gone soon; what leaks is not.
    opened.wait_until(lambda: soak.held().objects <= before.objects)
    after = soak.held()
    print(f"before: {before}, after {events} slider events: {after}")
    assert (before.viewer_sessions, before.sessions) == (1, 1)
    assert (after.viewer_sessions, after.sessions) == (1, 1)
    assert after.widgets <= before.widgets
    assert after.objects <= before.objects
    assert after.megabytes - before.megabytes <= MOST_MEGABYTES_MORE
