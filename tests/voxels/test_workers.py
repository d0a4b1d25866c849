"""Threads that work through tiles: order, failures, cancelling, nesting and closing."""

from __future__ import annotations

import threading
import time
from concurrent.futures import Future

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_nx46.voxels.workers import Cancelled, Workers, alone, tiles_of

PATIENCE = 30


def in_time(function):
    """Return what a function returns, or raise what it raises; fail if it takes too long."""
    future = Future()
    thread = threading.Thread(target=settle, args=(future, function), daemon=True)
    thread.start()
    return future.result(PATIENCE)


def settle(future, function):
    """Put into a future what a function returns or raises."""
    try:
        future.set_result(function())
    except (Cancelled, KeyError, ValueError, AssertionError) as error:
        future.set_exception(error)


@pytest.fixture(params=[1, 2, 3])
def workers(request):
    made = Workers(request.param)
    yield made
    made.close()


def starts(tile):
    return tile.start


def test_results_are_in_the_order_of_the_tiles(workers):
    def slow_at_first(tile):
        time.sleep(0.01 / (1 + tile.start))
        return tile.start

    assert in_time(lambda: workers.map(slow_at_first, tiles_of(9, 1))) == list(range(9))


def test_a_map_within_a_tile_ends(workers):
    def nested(tile):
        inner = workers.map(lambda each: workers.map(starts, tiles_of(3, 1)), tiles_of(4, 1))
        return tile.start, inner

    found = in_time(lambda: workers.map(nested, tiles_of(8, 1)))
    assert found == [(start, [[0, 1, 2]] * 4) for start in range(8)]


def test_a_failing_tile_ends_the_others(workers):
    begun = []

    def fails_first(tile):
        begun.append(tile.start)
        if tile.start == 0:
            raise ValueError("first")
        time.sleep(0.005)

    with pytest.raises(ValueError, match="first"):
        in_time(lambda: workers.map(fails_first, tiles_of(500, 1)))
    assert len(begun) < 50
    # Another map is not given up for it.
    assert in_time(lambda: workers.map(starts, tiles_of(5, 1))) == list(range(5))


def test_a_failure_is_raised_in_place_of_what_it_gave_up(workers):
    barrier = threading.Event()

    def last_fails(tile):
        if tile.start == 1:
            barrier.set()
            raise KeyError("later")
        if workers.count > 1:
            assert barrier.wait(PATIENCE)

    with pytest.raises(KeyError, match="later"):
        in_time(lambda: workers.map(last_fails, tiles_of(40, 1)))


def test_a_map_after_closing_is_cancelled():
    workers = Workers(2)
    workers.close()
    with pytest.raises(Cancelled):
        in_time(lambda: workers.map(starts, tiles_of(4, 1)))


def test_closing_in_the_midst_ends_a_map():
    workers, begun = Workers(2), threading.Event()

    def slow(tile):
        begun.set()
        time.sleep(0.005)

    closing = threading.Thread(target=lambda: (begun.wait(PATIENCE), workers.close()))
    closing.start()
    with pytest.raises(Cancelled):
        in_time(lambda: workers.map(slow, tiles_of(1000, 1)))
    closing.join(PATIENCE)
    assert not closing.is_alive()


@settings(max_examples=40)
@given(
    count=st.integers(1, 3),
    tiles=st.integers(0, 12),
    failing=st.sets(st.integers(0, 11), max_size=2),
    nested=st.sets(st.integers(0, 11), max_size=3),
    close_at=st.none() | st.integers(0, 11),
)
def test_every_map_ends_with_results_an_error_or_a_cancel(count, tiles, failing, nested, close_at):
    workers = Workers(count)

    def work(tile):
        if tile.start == close_at:
            workers.close()
        if tile.start in failing:
            raise ValueError(str(tile.start))
        if tile.start in nested:
            assert workers.map(starts, tiles_of(3, 1)) == [0, 1, 2]
        return tile.start

    expected = list(range(tiles))
    closes = close_at is not None and close_at < tiles
    fails = any(each < tiles for each in failing)
    try:
        found = in_time(lambda: workers.map(work, tiles_of(tiles, 1)))
    except ValueError:
        found = "failed" if fails else "failed for no reason"
    except Cancelled:
        found = "cancelled" if closes else "cancelled for no reason"
    workers.close()
    possible = [["failed"] if fails else [expected], ["cancelled"] if closes else []]
    assert found in [each for group in possible for each in group]


def test_waiting_for_a_lock_can_be_cancelled():
    lock = threading.Lock()
    with alone(lock):
        with pytest.raises(Cancelled):
            in_time(lambda: alone(lock, lambda: True).__enter__())
        assert lock.locked()
    assert not lock.locked()
