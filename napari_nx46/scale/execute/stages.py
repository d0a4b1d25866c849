"""Which tasks a stage of a plan has: those for whose result there is anything to compute."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np
from scipy import ndimage

from napari_nx46.files.mask_store.layout import Index
from napari_nx46.scale.execute.ledger import End
from napari_nx46.scale.execute.tasks import TileBatch, TileTask
from napari_nx46.scale.plan.plan import ApplyPlan
from napari_nx46.scale.stages import Pass
from napari_nx46.voxels.blocks import widened
from napari_nx46.voxels.grid import Grid
from napari_nx46.voxels.piece_rules import Flag, PieceRule
from napari_nx46.voxels.pieces import TilePieces, uniform_pieces

__all__ = ["TileQueue", "background_tiles", "level_tasks", "pass_tasks", "runs_of", "share_of"]


class TileQueue:
    """Tasks that wait: a lane goes through a run of them, then takes the next run.

    Tiles of a run lie above each other, so that what two of them read is read once.
    """

    def __init__(self) -> None:
        self._waiting: deque[deque[TileTask]] = deque()
        self._current: dict[Hashable, deque[TileTask]] = {}

    @property
    def tasks_left(self) -> int:
        """How many tasks no lane has taken yet."""
        return sum(map(len, self._waiting)) + sum(map(len, self._current.values()))

    def add(self, runs: Iterable[Iterable[TileTask]]) -> None:
        """Add runs behind those that wait."""
        self._waiting.extend(run for run in map(deque, runs) if run)

    def take(self, lane: Hashable) -> TileBatch | None:
        """Return the next tasks of a lane; None if there are none.

        Fewer and fewer towards the end, so that no lane waits for another one's. A lane that finds
        no run takes the last task of the longest one.
        """
        own = self._current.get(lane)
        if not own and self._waiting:
            self._current[lane] = own = self._waiting.popleft()
        if own:
            count = max(1, self.tasks_left // (_SHARES * len(self._current)))
            return TileBatch(tuple(own.popleft() for _ in range(min(count, len(own)))))
        longest = max(self._current.values(), key=len, default=deque[TileTask]())
        return TileBatch((longest.pop(),)) if longest else None

    def give_back(self, tasks: Iterable[TileBatch]) -> None:
        """Let tasks that were taken be taken again, before all others and each by itself."""
        self._waiting.extendleft(deque([task]) for batch in tasks for task in batch.tasks)

    def go_on(self, batch: TileBatch, done: int) -> None:
        """Let what is left of a batch be taken again, before all others."""
        if not done:
            self.give_back([batch])
        elif batch.tasks[done:]:
            self._waiting.appendleft(deque(batch.tasks[done:]))

    def close(self, lane: Hashable) -> None:
        """Let other lanes go on with the run of a lane that is gone."""
        left = self._current.pop(lane, None)
        if left:
            self._waiting.appendleft(left)

    def clear(self) -> None:
        """Leave out all tasks that were not taken."""
        self._waiting.clear()
        self._current.clear()


RUN = 8
"""Tiles of a run."""

_SHARES = 4
"""Into how many batches what is left for a lane is divided."""


def runs_of(tasks: Iterable[TileTask], grid: Grid) -> list[list[TileTask]]:
    """Return the tiles of a pass in runs along z, in raster order of their first ones."""
    runs: dict[tuple[int, int, int], list[TileTask]] = {}
    for task in tasks:
        z, y, x = grid.place(task.number)
        runs.setdefault((z // RUN, y, x), []).append(task)
    return list(runs.values())


def pass_tasks(
    plan: ApplyPlan,
    part: Pass,
    foreground: Mapping[int, tuple[End, ...] | None],
    filled: Collection[int] = (),
) -> list[TileTask]:
    """Return the tiles that a pass has to compute.

    Parameters
    ----------
    plan : ApplyPlan
    part : Pass
        One that reads a layer.
    foreground : mapping of int to tuple of (axis, end), or None
        The tiles of that layer that have foreground, and the ends within whose halo they have it,
        as far as that is known.
    filled : collection of int
        Tiles without foreground that are background which an earlier pass decided to fill.

    Returns
    -------
    list of TileTask
        In raster order. The other tiles are background afterwards, too.
    """
    grid, tasks = plan.grid, []
    cell = sum(step.cell(plan.setting) for step in part.steps if step.cell is not None)
    z, y, x = (reach + cell for reach in part.halo(plan.setting))
    candidates = set(filled)
    for tile, ends in foreground.items():
        known = None if cell else ends
        around = grid.overlapping(widened(grid.block(tile), (z, y, x), grid.shape))
        candidates.update(one for one in around if _is_reached(grid, tile, one, known))
    for tile in sorted(candidates):
        box = part.boxes(plan.setting, grid.block(tile), grid.shape)[0]
        near = tuple(one for one in grid.overlapping(box) if one in foreground)
        if near or tile in filled:
            tasks.append(TileTask(part.number, tile, near=near))
    return tasks


def _is_reached(grid: Grid, tile: int, near: int, ends: tuple[End, ...] | None) -> bool:
    """Return whether foreground of a tile may lie within the halo of another one."""
    pairs = enumerate(zip(grid.place(tile), grid.place(near), strict=True))
    return ends is None or all(
        here == there or (axis, int(there > here)) in ends for axis, (here, there) in pairs
    )


def level_tasks(plan: ApplyPlan, stage: int, finer: Collection[Index]) -> list[TileTask]:
    """Return the groups of chunks of a level that have foreground.

    Parameters
    ----------
    plan : ApplyPlan
    stage : int
        Of the plan.
    finer : collection of Index
        The chunks of the next finer level that have foreground.
    """
    level = plan.level_of(stage)
    if level is None:
        raise ValueError(f"stage {stage} makes no level")
    wanted = {(z // 2, y // 2, x // 2) for z, y, x in finer}
    tasks = []
    for number, group in enumerate(plan.groups(level)):
        chunks = tuple(index for index in group if index in wanted)
        if chunks:
            tasks.append(TileTask(stage, number, chunks))
    return tasks


def share_of(tasks: Sequence[TileTask], part: int, parts: int) -> list[TileTask]:
    """Return the share of one of several processes: consecutive tasks.

    Parameters
    ----------
    tasks : sequence of TileTask
        Of the whole stage.
    part, parts : int
        Which process, from 1, of how many.
    """
    count = len(tasks)
    return list(tasks[(part - 1) * count // parts : part * count // parts])


def background_tiles(
    grid: Grid, rule: PieceRule, known: Collection[int]
) -> dict[int, TilePieces] | None:
    """Return the pieces of tiles without files that decide on background around them.

    Tiles without foreground are one piece. Where such tiles reach the end of the volume through
    each other, that is all that matters of them: only those beside a tile with foreground count.
    Where they do not, all of them do.

    Parameters
    ----------
    grid : Grid
    rule : PieceRule
        Of background.
    known : collection of int
        Tiles that have foreground, and so pieces in files.

    Returns
    -------
    dict of int to TilePieces, or None
        None where the rule asks for more than whether a component reaches the end of the volume.
    """
    if rule.flag is not Flag.OUTSIDE or rule.smallest or rule.needs_boxes:
        return None
    absent = np.ones(grid.counts, np.bool_)
    for tile in known:
        absent[grid.place(tile)] = False
    numbers, _ = ndimage.label(absent)
    ends = np.zeros(absent.shape, np.bool_)
    for axis in range(ends.ndim):
        ends[_end(axis, 0)] = ends[_end(axis, -1)] = True
    outside = np.isin(numbers, numbers[ends & absent])
    beside = absent & ndimage.binary_dilation(~absent)
    found = {}
    outside_of, numbered = outside.reshape(-1), absent & (beside | ~outside)
    for tile in map(int, np.flatnonzero(numbered)):
        pieces = uniform_pieces(rule, False, grid.block(tile), grid.shape)
        if outside_of[tile]:
            flags = np.ones_like(pieces.measures.flags)
            pieces = replace(pieces, measures=replace(pieces.measures, flags=flags))
        found[tile] = pieces
    return found


def _end(axis: int, place: int) -> tuple[slice | int, ...]:
    return tuple(place if n == axis else slice(None) for n in range(3))
