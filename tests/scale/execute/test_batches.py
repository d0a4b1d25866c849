"""Tasks handed out in batches: each is done once, whatever part of a batch a lane gets through."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

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
