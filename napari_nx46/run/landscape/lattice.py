"""Where a landscape is computed: cells of a lattice, the steepest and the best split first.

Everything here is of whole numbers, the positions along one or two axes, and of what is known at
them. Which positions come next follows from what is known alone, so that a search that was given
up goes on where it was.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise, product

__all__ = ["Cell", "Position", "first_positions", "leaf_cells", "next_positions"]

Position = tuple[int, ...]
"""Numbers of values along each axis."""

Known = Mapping[Position, float | None]
"""What is known, by position; None where there is no such setting."""

_SHARE_PER_ROUND = 4
"""One of so many cells is split in a round, and those beside the best."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A part of the lattice between known positions.

    Parameters
    ----------
    start, stop : Position
        Two opposite corners, both included.
    """

    start: Position
    stop: Position

    @property
    def extent(self) -> tuple[int, ...]:
        """Steps of the lattice along each axis."""
        return tuple(stop - start for start, stop in zip(self.start, self.stop, strict=True))

    @property
    def corners(self) -> tuple[Position, ...]:
        """All corners, in ascending order."""
        return tuple(product(*zip(self.start, self.stop, strict=True)))

    @property
    def can_split(self) -> bool:
        """Whether there are positions between its corners."""
        return max(self.extent) > 1

    def split(self) -> tuple[Cell, ...]:
        """Return the halves along every axis that has positions in between; itself if none has."""
        parts = []
        for start, stop in zip(self.start, self.stop, strict=True):
            middle = (start + stop) // 2
            parts.append([(start, middle), (middle, stop)] if stop - start > 1 else [(start, stop)])
        return tuple(Cell(*zip(*ends, strict=True)) for ends in product(*parts))

    def split_corners(self) -> tuple[Position, ...]:
        """Return the corners of its parts, in ascending order."""
        return tuple(sorted({corner for part in self.split() for corner in part.corners}))


Breaks = tuple[tuple[int, ...], ...]
"""Along each axis the numbers of the values of the first grid, ascending."""


def first_positions(breaks: Breaks) -> tuple[Position, ...]:
    """Return the positions of the first grid, in ascending order."""
    return tuple(product(*breaks))


def leaf_cells(breaks: Breaks, known: Known) -> tuple[Cell, ...]:
    """Return the cells that were not split: those of whose parts a corner is not known."""
    first = [Cell(*zip(*ends, strict=True)) for ends in product(*map(pairwise, breaks))]
    return tuple(leaf for cell in first for leaf in _leaves(cell, known))


def _leaves(cell: Cell, known: Known) -> Iterator[Cell]:
    if cell.can_split and all(corner in known for corner in cell.split_corners()):
        for part in cell.split():
            yield from _leaves(part, known)
    else:
        yield cell


def next_positions(breaks: Breaks, known: Known, most: int) -> tuple[Position, ...]:
    """Return what is to be computed next.

    That is the first grid while some of it is not known. Then cells are split: those that the best
    position is a corner of, and of the others the quarter with the largest differences between
    corners; of equal ones the largest first.

    Parameters
    ----------
    breaks : tuple of tuple of int
        See `Breaks`.
    known : mapping
        What is known, by position; NaN is not allowed.
    most : int
        So many positions at most; the first grid is not cut off by that.

    Returns
    -------
    tuple of Position
        Unknown ones, each once, in ascending order; none where no cell is left, or the next one
        needs more than `most`.
    """
    missing = [position for position in first_positions(breaks) if position not in known]
    if missing:
        return tuple(missing)
    cells = [cell for cell in leaf_cells(breaks, known) if _is_worth(cell, known)]
    best = max(known.values(), key=_lowest_if_unknown, default=None)
    tops = {position for position, value in known.items() if value is not None and value == best}
    ranked = sorted(cells, key=lambda cell: _rank(cell, known, tops))
    beside = sum(not tops.isdisjoint(cell.corners) for cell in ranked)
    chosen = set[Position]()
    for cell in ranked[: beside + -(-(len(ranked) - beside) // _SHARE_PER_ROUND)]:
        wanted = chosen | {corner for corner in cell.split_corners() if corner not in known}
        if len(wanted) > most:
            break
        chosen = wanted
    return tuple(sorted(chosen))


def _is_worth(cell: Cell, known: Known) -> bool:
    """Return whether there is something in between, and a setting at one of the corners."""
    return cell.can_split and any(known[corner] is not None for corner in cell.corners)


def _rank(
    cell: Cell, known: Known, tops: set[Position]
) -> tuple[bool, float, tuple[int, ...], Position]:
    values = [value for corner in cell.corners if (value := known[corner]) is not None]
    size = tuple(-steps for steps in sorted(cell.extent, reverse=True))
    return tops.isdisjoint(cell.corners), min(values) - max(values), size, cell.start


def _lowest_if_unknown(value: float | None) -> float:
    return float("-inf") if value is None else value
