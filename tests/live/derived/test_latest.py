"""The newest request wins: the others are replaced, told to stop, or forgotten."""

from __future__ import annotations

import threading
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_nx46.live.derived.latest import LatestWins
from napari_nx46.voxels.workers import Cancelled
from tests.live.driver import PATIENCE, named_threads


class Bureau:
    """Computes by a gate: each request waits until the gate is open, or it has become stale."""

    def __init__(self, *, heeds_cancel=True):
        self.gate = threading.Event()
        self.entered = threading.Event()
        self.heeds_cancel = heeds_cancel
        self.seen, self.delivered, self.failed = [], [], []
        self.threads = set()
        self.latest = LatestWins(self.compute, self.delivered.append, self.failed.append)

    def compute(self, request, cancelled):
        self.seen.append(request)
        self.threads.add(threading.current_thread().name)
        self.entered.set()
        deadline = time.monotonic() + PATIENCE
        while not self.gate.wait(0.001):
            assert time.monotonic() < deadline
            if self.heeds_cancel and cancelled():
                raise Cancelled
        if isinstance(request, Exception):
            raise request
        return request

    def open_and_wait(self):
        self.gate.set()
        assert self.latest.wait_until_idle(PATIENCE)


@pytest.fixture
def bureau():
    made = Bureau()
    yield made
    made.gate.set()
    made.latest.close()


@pytest.fixture
def stubborn():
    """Return a bureau that never asks whether its request is stale."""
    made = Bureau(heeds_cancel=False)
    yield made
    made.gate.set()
    made.latest.close()


def test_a_single_request_is_computed_in_its_own_thread_and_delivered(bureau):
    bureau.latest.submit("one")
    bureau.open_and_wait()
    assert bureau.delivered == ["one"]
    assert bureau.latest.begun == 1
    (thread,) = bureau.threads
    assert thread.startswith("nx46-latest")
    assert thread != threading.current_thread().name


def test_after_a_burst_only_the_last_request_is_delivered_and_at_most_one_stale_begun(stubborn):
    stubborn.latest.submit(0)
    assert stubborn.entered.wait(PATIENCE)
    for number in range(1, 301):
        stubborn.latest.submit(number)
    stubborn.open_and_wait()
    assert stubborn.seen == [0, 300]
    assert stubborn.delivered == [300]
    assert stubborn.latest.begun == 2


def test_nothing_piles_up_while_a_request_is_computed(stubborn):
    stubborn.latest.submit(0)
    assert stubborn.entered.wait(PATIENCE)
    for number in range(1, 1001):
        stubborn.latest.submit(number)
        assert stubborn.latest._executor._work_queue.qsize() == 0
    stubborn.open_and_wait()
    assert stubborn.delivered == [1000]


def test_a_stale_request_is_told_and_makes_room(bureau):
    bureau.latest.submit("stale")
    assert bureau.entered.wait(PATIENCE)
    bureau.entered.clear()
    bureau.latest.submit("new")
    assert bureau.entered.wait(PATIENCE)  # the gate is shut: only `cancelled` ended the first one
    bureau.open_and_wait()
    assert bureau.delivered == ["new"]
    assert bureau.failed == []


def test_a_cancelled_request_is_neither_delivered_nor_reported(bureau):
    bureau.latest.submit("unwanted")
    assert bureau.entered.wait(PATIENCE)
    bureau.latest.cancel()
    assert bureau.latest.wait_until_idle(PATIENCE)
    assert (bureau.delivered, bureau.failed) == ([], [])


def test_the_result_of_a_request_that_ignores_cancelling_is_dropped(stubborn):
    stubborn.latest.submit("unwanted")
    assert stubborn.entered.wait(PATIENCE)
    stubborn.latest.cancel()
    stubborn.open_and_wait()
    assert (stubborn.delivered, stubborn.failed) == ([], [])


def test_a_waiting_request_that_is_cancelled_is_never_begun(stubborn):
    stubborn.latest.submit("running")
    assert stubborn.entered.wait(PATIENCE)
    stubborn.latest.submit("waiting")
    stubborn.latest.cancel()
    stubborn.open_and_wait()
    assert stubborn.seen == ["running"]


def test_an_error_is_reported_and_the_next_request_is_computed(bureau):
    error = ValueError("bad")
    bureau.latest.submit(error)
    bureau.open_and_wait()
    bureau.latest.submit("good")
    bureau.open_and_wait()
    assert bureau.failed == [error]
    assert bureau.delivered == ["good"]


def test_work_that_gives_itself_up_is_no_failure(bureau):
    bureau.latest.submit(Cancelled())
    bureau.open_and_wait()
    assert (bureau.delivered, bureau.failed) == ([], [])


def test_the_error_of_a_stale_request_is_not_reported(stubborn):
    stubborn.latest.submit(ValueError("bad"))
    assert stubborn.entered.wait(PATIENCE)
    stubborn.latest.submit("good")
    stubborn.open_and_wait()
    assert stubborn.failed == []
    assert stubborn.delivered == ["good"]


def test_waiting_for_idleness_gives_up_after_its_time(bureau):
    bureau.latest.submit("long")
    assert not bureau.latest.wait_until_idle(0.02)
    bureau.open_and_wait()
    assert bureau.delivered == ["long"]


def test_closing_ends_the_thread_and_delivers_nothing(bureau):
    bureau.latest.submit("running")
    assert bureau.entered.wait(PATIENCE)
    bureau.latest.submit("waiting")
    bureau.latest.close()
    assert bureau.seen == ["running"]
    assert (bureau.delivered, bureau.failed) == ([], [])
    assert named_threads("nx46-latest") == []


@settings(max_examples=25)
@given(pauses=st.lists(st.booleans(), min_size=1, max_size=40))
def test_whatever_the_timing_the_last_request_is_the_last_delivered(pauses):
    delivered, failed = [], []
    latest = LatestWins(lambda request, cancelled: request, delivered.append, failed.append)
    for number, pause in enumerate(pauses):
        latest.submit(number)
        if pause:
            time.sleep(0.0005)
    assert latest.wait_until_idle(PATIENCE)
    latest.close()
    assert delivered[-1] == len(pauses) - 1
    assert delivered == sorted(set(delivered))
    assert failed == []
    assert latest.begun <= len(pauses)


def test_what_is_asked_for_after_closing_is_left(bureau):
    bureau.latest.close()
    bureau.latest.submit("late")
    assert bureau.latest.wait_until_idle(PATIENCE)
    bureau.latest.close()
    assert (bureau.seen, bureau.delivered, bureau.failed) == ([], [], [])


def test_closing_without_waiting_returns_while_it_computes_and_then_tidies_up(stubborn):
    tidied = threading.Event()
    stubborn.latest.submit("long")
    assert stubborn.entered.wait(PATIENCE)
    start = time.monotonic()
    stubborn.latest.close(wait=False, then=tidied.set)
    assert time.monotonic() - start < PATIENCE / 10
    assert not tidied.is_set()
    stubborn.gate.set()
    assert tidied.wait(PATIENCE)
    assert stubborn.delivered == []


@settings(max_examples=30)
@given(requests=st.integers(1, 30), threads=st.integers(1, 4))
def test_closing_amid_requests_of_several_threads_leaves_nobody_waiting(requests, threads):
    latest = LatestWins(lambda request, cancelled: request, lambda _: None, lambda _: None)
    askers = [
        threading.Thread(target=lambda: [latest.submit(n) for n in range(requests)])
        for _ in range(threads)
    ]
    for asker in askers:
        asker.start()
    latest.close()
    for asker in askers:
        asker.join(PATIENCE)
        assert not asker.is_alive()
    assert latest.wait_until_idle(PATIENCE)
