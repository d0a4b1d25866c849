"""Which parts of chunks an index asks for."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

Index = tuple[slice, ...]
"""For each axis start and stop within an array, and an ascending step."""


def pieces(index: Index, chunk: tuple[int, ...]) -> Iterator[tuple[tuple[int, ...], Index, Index]]:
    """Yield what each chunk of a regular grid has of a part of an array.

    Parameters
    ----------
    index : tuple of slice
        The part, not empty.
    chunk : tuple of int
        Shape of the chunks.

    Yields
    ------
    place : tuple of int
        Which chunk.
    source, target : tuple of slice
        Where the piece lies in the chunk, and where in the part.
    """
    along = [list(_along(part, size)) for part, size in zip(index, chunk, strict=True)]
    for crossing in product(*along):
        places, sources, targets = zip(*crossing, strict=True)
        yield places, sources, targets


def _along(part: slice, size: int) -> Iterator[tuple[int, slice, slice]]:
    """Yield what each chunk along one axis has of a part of it."""
    positions = positions_of(part)
    done = 0
    while done < len(positions):
        place = positions[done] // size
        first = positions[done] - place * size
        count = min(-(-(size - first) // positions.step), len(positions) - done)
        source = slice(first, first + (count - 1) * positions.step + 1, positions.step)
        yield place, source, slice(done, done + count)
        done += count


def positions_of(part: slice) -> range:
    """Return the positions of a slice.

    Parameters
    ----------
    part : slice
        Start, stop, and perhaps a step.
    """
    return range(part.start, part.stop, part.step or 1)
