"""Whatever is measured of a session reports what fails, and ends with its threads."""

from __future__ import annotations

import pytest

from napari_nx46.live.derived import curves, profile
from napari_nx46.live.derived.curves import Curves
from napari_nx46.live.derived.profile import Profile
from tests.live.driver import Events, named_threads, settle, wait_for


@pytest.mark.parametrize(
    ("kind", "module", "part", "knobs"),
    [
        (Curves, curves, "edge_bins", {"blend": 0.66}),
        (Profile, profile, "measure_slices", {"quantile": 0.66}),
    ],
)
def test_what_cannot_be_measured_is_reported(
    driver, new_value, monkeypatch, kind, module, part, knobs
):
    value = new_value(kind, driver)
    settle(driver)
    events = Events(value, "failed")

    def fail(*_arguments, **_options):
        raise OSError("the disk is gone")

    monkeypatch.setattr(module, part, fail)
    driver.session.change(**knobs)
    settle(driver)
    ((error,),) = events.of("failed")
    assert str(error) == "the disk is gone"
    assert (value.state.stale, value.state.busy) == (True, False)


@pytest.mark.parametrize(
    ("kind", "knobs"), [(Curves, {"blend": 0.1}), (Profile, {"quantile": 0.6})]
)
def test_closing_ends_the_threads_and_says_nothing_more(
    dataset, new_driver, new_value, kind, knobs
):
    before = named_threads("nx46-graph")
    driver = new_driver(dataset)
    value = new_value(kind, driver)
    value.close()
    events = Events(value, "changed", "failed")
    driver.session.change(**knobs)
    settle(driver)
    assert not events.log
    driver.session.close()
    wait_for(lambda: len(named_threads("nx46-graph")) <= len(before))
