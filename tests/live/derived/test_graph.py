"""Values that follow their keys: the newest request wins, and what is known is shown at once."""

from __future__ import annotations

import itertools
import threading
import time
import types

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_nx46.live.derived import graph as graph_module
from napari_nx46.live.derived.graph import Graph, State, Value
from napari_nx46.voxels.workers import Cancelled
from tests.live.driver import PATIENCE, Loop, named_threads, wait_for


class Input(Value):
    """A value whose key the test sets, and whose computing waits for a gate."""

    def __init__(self, graph, *, heeds_cancel=True, **options):
        super().__init__(**options)
        self.asked = None
        self.gate = threading.Event()
        self.entered = threading.Event()
        self.seen, self.states, self.errors = [], [], []
        self.heeds_cancel = heeds_cancel
        self.compiled = True
        graph.add(self)
        self.changed.connect(self.states.append)
        self.failed.connect(self.errors.append)

    def key(self):
        return self.asked

    def is_ready(self):
        return self.compiled

    def prepare(self, key):
        def compute(cancelled):
            self.seen.append(key)
            self.entered.set()
            deadline = time.monotonic() + PATIENCE
            while not self.gate.wait(0.001):
                assert time.monotonic() < deadline
                if self.heeds_cancel and cancelled():
                    raise Cancelled
            if isinstance(key, Exception):
                raise key
            return f"of {key}"

        return compute

    def ask(self, key):
        self.asked = key
        self.touch()


class Derived(Value):
    """A value made of two functions."""

    def __init__(self, key, compute, **options):
        super().__init__(**options)
        self._functions = key, compute

    def key(self):
        return self._functions[0]()

    def prepare(self, key):
        return lambda _cancelled: self._functions[1](key)


@pytest.fixture
def loop():
    return Loop()


@pytest.fixture
def graph(loop):
    made = Graph(loop.post)
    yield made
    made.close()


@pytest.fixture
def one(graph):
    made = Input(graph, keep=2)
    yield made
    made.gate.set()


def finish(one, graph, loop):
    one.gate.set()
    assert graph.wait_until_idle(PATIENCE)
    loop.run()


def test_a_result_is_busy_then_known(one, graph, loop):
    one.ask("a")
    assert one.state == State(busy=True)
    finish(one, graph, loop)
    assert one.states == [State(busy=True), State("of a")]
    assert one.begun == 1


def test_an_unknown_key_makes_the_result_stale(one, graph, loop):
    one.ask("a")
    finish(one, graph, loop)
    one.ask(None)
    assert one.state == State("of a", stale=True)
    one.ask("a")
    assert one.state == State("of a")
    assert one.seen == ["a"]


def test_what_is_known_is_shown_at_once_and_the_oldest_is_forgotten(one, graph, loop):
    one.gate.set()
    for key in ("a", "b", "a", "c"):
        one.ask(key)
        finish(one, graph, loop)
    assert one.seen == ["a", "b", "c"]
    one.ask("a")
    assert one.state == State("of a")
    one.ask("b")  # the least recently looked at
    assert one.state == State("of a", stale=True, busy=True)


def test_after_a_burst_one_stale_request_at_most_was_begun(graph, loop):
    stubborn = Input(graph, heeds_cancel=False)
    stubborn.ask(0)
    assert stubborn.entered.wait(PATIENCE)
    for number in range(1, 301):
        stubborn.ask(number)
    finish(stubborn, graph, loop)
    assert stubborn.seen == [0, 300]
    assert stubborn.state == State("of 300")


def test_a_request_that_runs_is_cancelled_by_a_newer_one(one, graph, loop):
    one.ask("a")
    assert one.entered.wait(PATIENCE)
    one.ask("b")
    wait_for(lambda: one.seen == ["a", "b"])
    finish(one, graph, loop)
    assert one.state == State("of b")
    assert one.errors == []


def test_what_is_given_up_is_computed_only_when_it_is_asked_for_again(one, graph, loop):
    one.ask("a")
    finish(one, graph, loop)
    one.gate.clear()
    one.entered.clear()
    one.ask("b")
    assert one.entered.wait(PATIENCE)
    one.give_up()
    assert one.given_up
    assert one.state == State("of a", stale=True)
    finish(one, graph, loop)
    graph.touch()
    assert one.given_up
    assert one.seen == ["a", "b"]
    one.retry()
    assert one.state == State("of a", stale=True, busy=True)
    finish(one, graph, loop)
    assert one.state == State("of b")
    one.give_up()  # nothing is being computed
    assert not one.given_up
    assert one.errors == []


def test_an_error_of_what_is_wanted_is_emitted_and_that_of_what_is_stale_is_not(graph, loop):
    one = Input(graph, heeds_cancel=False)
    one.ask(ValueError("stale"))
    assert one.entered.wait(PATIENCE)
    wanted = ValueError("wanted")
    one.ask(wanted)
    finish(one, graph, loop)
    assert one.errors == [wanted]
    assert one.state == State()


def test_nothing_begins_before_the_rest_is_over(graph, loop):
    one = Input(graph, rest_seconds=0.05)
    one.gate.set()
    for number in range(20):
        one.ask(number)
    assert one.seen == []
    finish(one, graph, loop)
    assert one.seen == [19]


def test_a_rest_that_ends_while_a_worker_looks_is_not_missed(graph, loop, monkeypatch):
    readings = itertools.count(step=0.06)
    clock = types.SimpleNamespace(monotonic=lambda: next(readings))
    monkeypatch.setattr(graph_module, "time", clock)
    one = Input(graph, rest_seconds=0.1)
    one.ask("a")
    finish(one, graph, loop)
    assert one.state == State("of a")


def test_nothing_begins_before_the_value_is_ready(graph, loop):
    one = Input(graph)
    one.compiled = False
    one.gate.set()
    one.ask("a")
    assert not graph.wait_until_idle(0.02)
    assert one.seen == []
    one.compiled = True
    graph.wake()
    finish(one, graph, loop)
    assert one.state == State("of a")


def test_of_what_waits_the_most_urgent_begins_first(loop):
    graph = Graph(loop.post, threads=1)
    order = []
    blocker = Input(graph)
    blocker.ask("a")
    assert blocker.entered.wait(PATIENCE)
    for name, priority in (("late", 2), ("soon", 1)):
        graph.add(Derived(lambda name=name: name, order.append, priority=priority)).touch()
    finish(blocker, graph, loop)
    assert order == ["soon", "late"]
    graph.close()


def test_a_value_follows_another_one(graph, loop):
    source = Input(graph)
    source.gate.set()
    doubled = graph.add(Derived(lambda: source.state.result, lambda key: key * 2))
    source.ask("a")
    loop.run_until(lambda: doubled.state == State("of aof a"))


def test_a_value_that_was_removed_is_not_computed(one, graph, loop):
    one.ask("a")
    graph.remove(one)
    finish(one, graph, loop)
    one.ask("b")
    graph.touch()
    assert one.state == State(busy=True)
    assert graph.values == []


def test_clearing_shows_nothing_and_keeps_what_is_known(one, graph, loop):
    one.ask("a")
    finish(one, graph, loop)
    one.clear()
    assert one.state == State()
    one.touch()
    assert one.state == State("of a")
    one.drop_results()
    one.touch()
    assert one.state == State(busy=True)


def test_closing_delivers_nothing_and_calls_back_once_nothing_is_computed(loop):
    graph = Graph(loop.post)
    one = Input(graph, heeds_cancel=False)
    one.ask("a")
    assert one.entered.wait(PATIENCE)
    done = []
    graph.close(then=lambda: done.append(list(one.seen)))
    graph.close()
    assert done == []
    one.gate.set()
    wait_for(lambda: done == [["a"]])
    loop.run()
    one.ask("b")
    assert one.state.result is None
    wait_for(lambda: not [name for name in named_threads() if name.startswith("nx46-graph")])


@settings(max_examples=40)
@given(st.lists(st.sampled_from(["a", "b", "c", None, "clear", "run"]), max_size=30))
def test_whatever_is_asked_for_the_last_key_is_shown_in_the_end(steps):
    loop = Loop()
    graph = Graph(loop.post)
    one = Input(graph, keep=2)
    one.gate.set()
    for step in steps:
        if step == "clear":
            one.clear()
        elif step == "run":
            loop.run()
        else:
            one.ask(step)
        state = one.state
        assert state.busy or state.stale or state.result in (None, f"of {one.asked}")
    one.ask("last")
    finish(one, graph, loop)
    assert one.state == State("of last")
    graph.close()
