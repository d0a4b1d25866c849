"""How far a plan is, and how it ended."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

__all__ = ["ApplyProgress", "ApplyState", "Failure", "Pace", "duration_words"]

_WINDOW_SECONDS = 120.0


class ApplyState(StrEnum):
    """What a plan is at."""

    RUNNING = "running"
    WAITING = "waiting"
    """Other parts of it have to be run before this one can go on."""
    DONE = "done"
    FAILED = "failed"
    """Some tiles could not be computed; all others of the stage are."""
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Failure:
    """A tile that could not be computed.

    Parameters
    ----------
    stage : str
    place : tuple of int
        Of the tile among the tiles along (z, y, x), or of the first chunk of a group.
    reason : str
    """

    stage: str
    place: tuple[int, int, int]
    reason: str

    def __str__(self) -> str:
        z, y, x = self.place
        return f"{self.stage}, tile ({z}, {y}, {x}): {self.reason}"


@dataclass(frozen=True, slots=True)
class ApplyProgress:
    """How far a plan is.

    Parameters
    ----------
    state : ApplyState
    stage, stages : int
        Which one it is at, from 1, of how many.
    name : str
        Of that stage.
    done, total : int
        Tiles of the stage.
    voxels_per_second, bytes_per_second : float
        Of the mask computed, and of the volumes read, in the last minutes.
    seconds_left : float, optional
        About; None while nothing is known.
    failures : tuple of Failure
    words : str
        What to do, where it ended otherwise than done.
    """

    state: ApplyState
    stage: int
    stages: int
    name: str
    done: int
    total: int
    voxels_per_second: float = 0.0
    bytes_per_second: float = 0.0
    seconds_left: float | None = None
    failures: Sequence[Failure] = ()
    words: str = ""


class Pace:
    """How fast tiles were done in the last minutes."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._done: deque[tuple[float, int, int]] = deque()

    def add(self, voxels: int, read: int) -> None:
        """Note that a tile of so many voxels was done, for which so many bytes were read."""
        now = time.monotonic()
        self._done.append((now, voxels, read))
        while now - self._done[0][0] > _WINDOW_SECONDS:
            self._began = self._done.popleft()[0]

    @property
    def tiles_per_second(self) -> float:
        """Tiles in a second."""
        return len(self._done) / self._seconds

    @property
    def voxels_per_second(self) -> float:
        """Voxels in a second."""
        return sum(voxels for _, voxels, _ in self._done) / self._seconds

    @property
    def bytes_per_second(self) -> float:
        """Bytes read in a second."""
        return sum(read for _, _, read in self._done) / self._seconds

    @property
    def _seconds(self) -> float:
        return max(time.monotonic() - self._began, 1e-3)


def duration_words(seconds: float) -> str:
    """Return seconds in words, such as ``2 h 05 min``, ``3 min 20 s`` or ``7 s``.

    >>> duration_words(7500.4)
    '2 h 05 min'
    """
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02} min"
    return f"{minutes} min {rest:02} s" if minutes else f"{rest} s"
