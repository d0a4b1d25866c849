"""Which lane computes what next, so that tasks that share work follow each other in one lane.

A lane is a thread of a worker that does one task after the other. It knows nothing here of Dask.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass

from napari_nx46.core.score.blend import ScoreKey
from napari_nx46.run.preflight import reads_dataset
from napari_nx46.run.shared_stages import by_shared_stages, stages_of
from napari_nx46.setting import Setting

__all__ = ["Schedule", "Task", "grouped"]


@dataclass(frozen=True, slots=True)
class Task:
    """One setting on one fragment.

    Parameters
    ----------
    key : str
        Of its result.
    image_id : str
    setting : Setting
    places : tuple of (str, str)
        The run_ids and image_ids that the result is for: more than one where runs have equal
        settings, or fragments equal contents.
    """

    key: str
    image_id: str
    setting: Setting
    places: tuple[tuple[str, str], ...]


def grouped(tasks: Iterable[Task]) -> list[list[Task]]:
    """Group tasks by the volumes that they read, and order each group by what is shared.

    Parameters
    ----------
    tasks : iterable of Task

    Returns
    -------
    list of list of Task
        In the order of their first tasks. Within a group those with equal scores follow each other,
        of these those with equal thresholds, of these those whose first clean-up steps are equal.
        Settings whose quantile is taken over all fragments are grouped by score instead: the
        histograms of all fragments are what is costly.
    """
    groups: dict[Hashable, list[Task]] = {}
    for task in tasks:
        over_all = reads_dataset(task.setting)
        groups.setdefault(ScoreKey.of(task.setting) if over_all else task.image_id, []).append(task)
    return [
        by_shared_stages(group, lambda task: stages_of(task.setting, task.image_id))
        for group in groups.values()
    ]


class Schedule:
    """The tasks that wait, and the group that every lane is at.

    Parameters
    ----------
    groups : iterable of list of Task
        From `grouped`.
    """

    def __init__(self, groups: Iterable[Sequence[Task]] = ()) -> None:
        self._waiting: deque[deque[Task]] = deque()
        self._current: dict[Hashable, deque[Task]] = {}
        self._beginnings: set[str] = set()
        self._beginning_seconds: float | None = None
        self._following_seconds: float | None = None
        self.add(groups)

    @property
    def tasks_left(self) -> int:
        """How many tasks no lane has taken yet."""
        return sum(map(len, self._waiting)) + sum(map(len, self._current.values()))

    def add(self, groups: Iterable[Sequence[Task]]) -> None:
        """Add groups behind those that wait."""
        self._waiting.extend(deque(group) for group in groups if group)

    def take(self, lane: Hashable) -> Task | None:
        """Return the next task of a lane; None if there is none for it.

        A lane goes through its group, takes the next group that waits, or else the second half of
        the largest group that another lane is at, where that is done sooner so.
        """
        own = self._current.get(lane)
        if own:
            return own.popleft()
        own = self._waiting.popleft() if self._waiting else self._second_half()
        self._current[lane] = own
        if not own:
            return None
        self._beginnings.add(own[0].key)
        return own.popleft()

    def learn(self, task: Task, seconds: float) -> None:
        """Note what a task took, to say whether it pays to share a group."""
        if task.key in self._beginnings:
            self._beginning_seconds = seconds
        else:
            self._following_seconds = seconds

    def give_back(self, tasks: Iterable[Task]) -> None:
        """Let tasks that were taken be taken again, before all others."""
        for task in tasks:
            self._waiting.appendleft(deque([task]))

    def close(self, lane: Hashable) -> None:
        """Let other lanes go on with the group of a lane that is gone."""
        left = self._current.pop(lane, None)
        if left:
            self._waiting.appendleft(left)

    def clear(self) -> None:
        """Drop all tasks that were not taken."""
        self._waiting.clear()
        self._current.clear()

    def _second_half(self) -> deque[Task]:
        largest = max(self._current.values(), key=len, default=deque[Task]())
        half = deque[Task]()
        for _ in range(len(largest) // 2 if self._pays(len(largest) // 2) else 0):
            half.appendleft(largest.pop())
        return half

    def _pays(self, tasks: int) -> bool:
        """Return whether another lane should begin again what so many tasks share.

        Until two tasks of a group are done nobody knows; lanes ask again.
        """
        first, next_one = self._beginning_seconds, self._following_seconds
        return first is not None and next_one is not None and tasks * next_one > first - next_one
