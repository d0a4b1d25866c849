"""The kernels are compiled beside the session, and make no difference but for speed."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from napari_nx46.core.score.kernels import compiled_kernels, plain_kernels
from napari_nx46.live.preview.warm_up import KernelWarmUp, source_types, warm_up
from tests.live.driver import PATIENCE, named_threads, wait_for

FIRST, SECOND = (("float32", "uint8"),), (("float16", "uint16"),)
COMPUTED = ("float32", "float32")


def nothing(*_):
    """Do nothing with a report."""


def test_the_types_of_a_fragment_are_those_of_its_paths(dataset):
    first, second, third = (source_types(fragment) for fragment in dataset)
    assert first[0] == ("float32", "uint8")
    assert second[0] == ("float16", "uint16")
    assert third == (COMPUTED,)


def test_each_volume_is_paired_with_itself_for_an_ensemble(dataset):
    first, second, _ = (source_types(fragment) for fragment in dataset)
    assert set(first) == {("float32", "uint8"), COMPUTED, ("uint8", "uint8")}
    assert {("float16", "float16"), ("uint16", "uint16"), COMPUTED} < set(second)


def test_each_pair_of_types_is_reported_once_and_in_order():
    reports = []
    warming = KernelWarmUp([FIRST, SECOND, FIRST], lambda *report: reports.append(report), nothing)
    warming.start()
    assert warming.wait(PATIENCE)
    assert reports == [(compiled_kernels(), FIRST), (compiled_kernels(), SECOND)]


def test_hysteresis_and_clean_up_come_last():
    reports = []
    warming = KernelWarmUp(
        [FIRST], lambda *_: reports.append("kernels"), lambda: reports.append("clean-up")
    )
    assert not warming.clean_up_ready
    warming.start()
    assert warming.wait(4 * PATIENCE)
    assert warming.clean_up_ready
    assert reports == ["kernels", "clean-up"]


def test_what_is_not_started_yet_is_waited_for_and_what_is_closed_is_not():
    warming = KernelWarmUp([FIRST], nothing, nothing)
    assert not warming.wait(0)
    warming.start()
    assert warming.wait(4 * PATIENCE)
    closed = KernelWarmUp([FIRST], nothing, nothing)
    closed.close()
    assert closed.wait(0)


def test_it_works_in_a_thread_of_its_own():
    names = []
    warming = KernelWarmUp(
        [FIRST], lambda *_: names.append(threading.current_thread().name), nothing
    )
    warming.start()
    assert warming.wait(PATIENCE)
    assert names == ["nx46-compile"]


def test_once_closed_it_reports_nothing_more_and_its_thread_ends():
    reports, reported, go_on = [], threading.Event(), threading.Event()

    def ready(_, types):
        reports.append(types)
        reported.set()
        assert go_on.wait(PATIENCE)

    warming = KernelWarmUp([FIRST, SECOND], ready, nothing)
    warming.start()
    assert reported.wait(PATIENCE)
    assert not warming.wait(0)
    warming.close()
    go_on.set()
    assert warming.wait(PATIENCE)
    assert reports == [FIRST]
    wait_for(lambda: named_threads("nx46-compile") == [])


@pytest.mark.parametrize("types", [FIRST, SECOND])
def test_warming_up_runs_every_kernel_on_those_types(types):
    plain, called = plain_kernels(), {}

    class Watched:
        def score_tile(self, p3d, p2d, *rest):
            called.setdefault("score_tile", set()).add((p3d.dtype.name, p2d.dtype.name))
            plain.score_tile(p3d, p2d, *rest)

        def count_low_bits(self, *arguments):
            called["count_low_bits"] = True
            plain.count_low_bits(*arguments)

        def threshold_tile(self, *arguments):
            called["threshold_tile"] = True
            plain.threshold_tile(*arguments)

    warm_up(Watched(), types)
    assert set(called) == {"score_tile", "count_low_bits", "threshold_tile"}
    # float16 is widened before the kernels see it
    assert called["score_tile"] == {
        tuple("float32" if name == "float16" else name for name in pair) for pair in types
    }


def test_a_session_draws_at_once_and_goes_over_to_the_compiled_kernels(dataset, new_driver):
    driver = new_driver(dataset, start=False)
    kernels = [driver.session.pipelines[image_id].kernels for image_id in dataset.image_ids]
    assert kernels == [plain_kernels()] * 3
    driver.session.start()
    assert driver.events.names()[0] == "mask_changed"
    pipelines = driver.session.pipelines
    driver.loop.run_until(
        lambda: all(pipelines[name].kernels is compiled_kernels() for name in dataset.image_ids)
    )
    driver.settle()
    before = driver.shown().copy()
    driver.session.change(z_radius=3)
    driver.settle()
    driver.assert_shows_the_definition()
    driver.session.change(z_radius=2)
    driver.settle()
    np.testing.assert_array_equal(driver.shown(), before)


def test_a_session_reports_compiling_in_its_own_thread_until_all_is_done(dataset, new_driver):
    driver, seen = new_driver(dataset, start=False), []
    driver.session.compiling_changed.connect(
        lambda *counts: seen.append((*counts, threading.current_thread()))
    )
    reporting = threading.Thread(
        target=lambda: [driver.session.report_compiling("name", done, 2) for done in range(3)]
    )
    reporting.start()
    reporting.join(PATIENCE)
    driver.loop.run_until(lambda: len(seen) == 3)
    assert seen == [(done, 2, threading.current_thread()) for done in range(3)]
    driver.session.close()
    driver.session.report_compiling("name", 0, 2)
    driver.settle()
    assert len(seen) == 3
