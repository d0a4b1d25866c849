"""Tasks that share work follow each other, every task is taken once, and none is lost."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_nx46.campaign.execute.schedule import Schedule, Task, grouped
from napari_nx46.core.score.blend import ScoreKey
from napari_nx46.setting import Setting, threshold_knobs

settings = st.builds(
    Setting,
    quantile=st.sampled_from([0.9, 0.95]),
    blend=st.sampled_from([0.5, 0.7]),
    domain=st.sampled_from(["fragment", "dataset"]),
    border=st.integers(0, 1),
    opening=st.booleans(),
    smallest_object=st.sampled_from([0, 5]),
)


@st.composite
def tasks(draw):
    pairs = draw(st.lists(st.tuples(st.sampled_from("abc"), settings), unique=True, max_size=20))
    return [
        Task(str(number), image_id, setting, ((str(number), image_id),))
        for number, (image_id, setting) in enumerate(pairs)
    ]


def changes(values):
    """Return how often a value differs from the one before it."""
    return sum(one != other for one, other in pairwise(values))


@given(tasks())
def test_what_is_shared_is_next_to_each_other(given_tasks):
    groups = grouped(given_tasks)
    assert sorted(task.key for group in groups for task in group) == sorted(
        task.key for task in given_tasks
    )
    for group in groups:
        over_all = {task.setting.domain == "dataset" for task in group}
        assert len(over_all) == 1
        if not over_all.pop():
            assert len({task.image_id for task in group}) == 1
        scores = [(task.image_id, ScoreKey.of(task.setting)) for task in group]
        assert changes(scores) == len(set(scores)) - 1
        thresholds = [
            (score, threshold_knobs(task.setting))
            for score, task in zip(scores, group, strict=True)
        ]
        assert changes(thresholds) == len(set(thresholds)) - 1


@given(tasks(), st.lists(st.tuples(st.sampled_from("XYZ"), st.booleans()), max_size=60))
def test_every_task_is_taken_once_whatever_lanes_do(given_tasks, events):
    schedule = Schedule(grouped(given_tasks))
    taken = []
    for lane, dies in events:
        task = schedule.take(lane)
        if task is None:
            continue
        if dies:
            schedule.close(lane)
            schedule.give_back([task])
        else:
            taken.append(task.key)
        assert schedule.tasks_left == len(given_tasks) - len(taken)
    # Lanes may be left with what only they hold: who is still there takes it.
    for lane in "XYZ" * 2:
        while (task := schedule.take(lane)) is not None:
            taken.append(task.key)
    assert sorted(taken) == sorted(task.key for task in given_tasks)


def test_a_lane_without_a_group_helps_the_busiest_one():
    setting = Setting()
    long = [Task(f"long-{n}", "a", setting, ()) for n in range(9)]
    short = [Task(f"short-{n}", "b", setting, ()) for n in range(3)]
    schedule = Schedule([long, short])
    first, other = schedule.take(0), schedule.take(1)
    assert (first.key, other.key) == ("long-0", "short-0")
    schedule.learn(first, 2.5)
    schedule.learn(long[1], 1.0)
    assert [schedule.take(2).key for _ in range(4)] == [f"long-{n}" for n in (5, 6, 7, 8)]
    assert schedule.take(2).key == "long-3"
    assert schedule.take(0).key == "long-1"


@pytest.mark.parametrize(
    ("beginning", "following", "helps"),
    [
        (None, None, False),
        (3.0, None, False),
        (None, 1.0, False),
        (6.0, 1.0, False),
        (4.9, 1.0, True),
    ],
)
def test_a_group_is_shared_only_where_to_begin_again_costs_less_than_it_saves(
    beginning, following, helps
):
    group = [Task(f"{n}", "a", Setting(), ()) for n in range(9)]
    schedule = Schedule([group])
    first = schedule.take(0)
    for task, seconds in ((first, beginning), (group[1], following)):
        if seconds is not None:
            schedule.learn(task, seconds)
    # Half of the eight tasks that are left would be taken over: they save four seconds.
    assert (schedule.take(1) is not None) is helps
    assert schedule.tasks_left == (7 if helps else 8)
