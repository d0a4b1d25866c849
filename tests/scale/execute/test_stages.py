"""Which tiles a pass visits, and batches of tasks: each is done once."""

from __future__ import annotations

from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from napari_nx46.scale.execute.scratch import ends_reached
from napari_nx46.scale.execute.stages import TileQueue
from napari_nx46.scale.execute.tasks import TileTask


def queue_of(lengths):
    queue, numbers = TileQueue(), iter(range(sum(lengths)))
    queue.add([[TileTask(0, next(numbers)) for _ in range(length)] for length in lengths])
    return queue


@given(st.lists(st.integers(0, 8), max_size=12), st.integers(1, 4), st.data())
def test_every_task_is_done_once(lengths, lanes, data):
    queue, done = queue_of(lengths), Counter()
    while queue.tasks_left:
        lane = data.draw(st.integers(0, lanes - 1))
        batch = queue.take(lane)
        if batch is None:
            continue
        count = data.draw(st.integers(-1, len(batch.tasks)))
        if count < 0:
            queue.give_back([batch])  # its worker died
            queue.close(lane)
            continue
        done.update(task.number for task in batch.tasks[:count])
        queue.go_on(batch, count)
    assert done == Counter(range(sum(lengths)))


def test_batches_are_long_at_first_and_single_at_the_end():
    queue, sizes = queue_of([8] * 8), []
    while queue.tasks_left:
        for lane in ("a", "b"):
            batch = queue.take(lane)
            sizes += [] if batch is None else [len(batch.tasks)]
    assert max(sizes[:4]) == 8
    assert sizes[-4:] == [1] * 4


def test_a_batch_of_which_nothing_came_back_is_tried_task_by_task():
    queue = queue_of([8] * 4)
    batch = queue.take("a")
    queue.go_on(batch, 0)
    again = [queue.take("b").tasks for _ in batch.tasks]
    assert {task.number for tasks in again for task in tasks} == {t.number for t in batch.tasks}
    assert all(len(tasks) == 1 for tasks in again)


@given(st.integers(0, 2**32 - 1), st.tuples(*(st.integers(0, 6),) * 3))
def test_ends_are_those_within_whose_halo_there_is_foreground(seed, halo):
    rng = np.random.default_rng(seed)
    mask = (rng.random((5, 4, 6)) < 0.05).astype(np.uint8)
    expected = set()
    for place in np.argwhere(mask).tolist():
        for axis, (at, length, thick) in enumerate(zip(place, mask.shape, halo, strict=True)):
            expected |= {(axis, 0)} if at < thick else set()
            expected |= {(axis, 1)} if at >= length - thick else set()
    assert set(ends_reached(mask, halo)) == expected
