"""The corrections of one slice as runs along x: sorted, disjoint, and as long as they can be."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

__all__ = ["ADD", "ERASE", "Labels", "SliceRuns"]

ADD = 1
"""A voxel that is foreground, whatever the setting."""

ERASE = 2
"""A voxel that is background, whatever the setting."""

Labels = npt.NDArray[np.uint8]
"""0 as computed, `ADD` or `ERASE`."""


@dataclass(frozen=True, eq=False)
class SliceRuns:
    """The voxels of one slice that are corrected.

    Parameters
    ----------
    width : int
        Voxels along x.
    starts, stops : (n,) array of int64
        First voxel of each run and the one after its last, as ``y * width + x``; no run goes from
        one row to the next.
    values : (n,) array of uint8
        `ADD` or `ERASE`.
    """

    width: int
    starts: npt.NDArray[np.int64]
    stops: npt.NDArray[np.int64]
    values: Labels

    @classmethod
    def of(cls, labels: Labels, first_row: int = 0) -> SliceRuns:
        """Return the runs of rows.

        Parameters
        ----------
        labels : (Y, X) array of uint8
            Of whole rows.
        first_row : int
            The y of the first of them.
        """
        rows, width = labels.shape
        padded = np.zeros((rows, width + 2), np.uint8)
        padded[:, 1:-1] = labels
        after, before = padded[:, 1:], padded[:, :-1]
        changes = after != before
        starts = _flat(changes & (after != 0), first_row, width)
        stops = _flat(changes & (before != 0), first_row, width)
        values = labels.reshape(-1)[starts - first_row * width]
        return cls(width, starts, stops, values)

    def __len__(self) -> int:
        return len(self.starts)

    @property
    def nbytes(self) -> int:
        """Bytes in memory."""
        return self.starts.nbytes + self.stops.nbytes + self.values.nbytes

    @cached_property
    def digest(self) -> bytes:
        """SHA-256 of what is corrected: equal runs, equal digests."""
        hasher = hashlib.sha256()
        for column in (self.starts, self.stops):
            hasher.update(column.astype("<i8", copy=False).tobytes())
        hasher.update(self.values.tobytes())
        return hasher.digest()

    def count(self, value: int) -> int:
        """Return how many voxels have this value."""
        lengths = self.stops - self.starts
        return int(lengths[self.values == value].sum())

    def voxels(self, y: slice, x: slice) -> tuple[npt.NDArray[np.int64], Labels]:
        """Return the corrected voxels of a part of the slice.

        Returns
        -------
        places : (n,) array of int64
            In the part, in C order.
        values : (n,) array of uint8
        """
        first, last = np.searchsorted(self.starts, (y.start * self.width, y.stop * self.width))
        rows, begin = np.divmod(self.starts[first:last], self.width)
        end = begin + self.stops[first:last] - self.starts[first:last]
        begin, end = np.maximum(begin, x.start) - x.start, np.minimum(end, x.stop) - x.start
        inside = begin < end
        lengths = (end - begin)[inside]
        starts = ((rows - y.start) * (x.stop - x.start) + begin)[inside]
        places = np.repeat(starts - np.cumsum(lengths) + lengths, lengths)
        places += np.arange(len(places))
        return places, np.repeat(self.values[first:last][inside], lengths)

    def labels(self, y: slice, x: slice) -> Labels:
        """Return the corrections of a part of the slice.

        Returns
        -------
        (y, x) array of uint8
            0 as computed, `ADD` or `ERASE`.
        """
        labels = np.zeros((y.stop - y.start, x.stop - x.start), np.uint8)
        places, values = self.voxels(y, x)
        labels.reshape(-1)[places] = values
        return labels

    def with_rows(self, rows: SliceRuns, y: slice) -> SliceRuns:
        """Return these runs with those of some rows in place of what is there."""
        first, last = np.searchsorted(self.starts, (y.start * self.width, y.stop * self.width))
        starts, stops, values = (
            np.concatenate([old[:first], new, old[last:]])
            for old, new in (
                (self.starts, rows.starts),
                (self.stops, rows.stops),
                (self.values, rows.values),
            )
        )
        return SliceRuns(self.width, starts, stops, values)

    def fault(self, height: int) -> str | None:
        """Return what is wrong with runs from a file, in words; None if nothing is.

        Parameters
        ----------
        height : int
            Rows of the slice.
        """
        if not 0 < len(self.starts) == len(self.stops) == len(self.values):
            return "no runs, or not as many starts, stops and values as each other"
        if not np.isin(self.values, (ADD, ERASE)).all():
            return f"a value that is neither {ADD} nor {ERASE}"
        return self._fault_of_places(height)

    def _fault_of_places(self, height: int) -> str | None:
        starts, stops, width = self.starts, self.stops, self.width
        if starts.min() < 0 or stops.max() > height * width or not (starts < stops).all():
            return "a run that is empty, or lies outside the slice"
        if (starts // width != (stops - 1) // width).any():
            return "a run that goes from one row to the next"
        gaps = starts[1:] - stops[:-1]
        joined = (gaps == 0) & (self.values[1:] == self.values[:-1]) & (starts[1:] % width != 0)
        if (gaps < 0).any() or joined.any():
            return "runs that are not sorted, overlap, or are one run in two parts"
        return None


def _flat(found: npt.NDArray[np.bool_], first_row: int, width: int) -> npt.NDArray[np.int64]:
    """Return where something was found, as ``y * width + x``; x may be the width itself."""
    rows, columns = np.nonzero(found)
    flat: npt.NDArray[np.int64] = (rows + first_row) * width + columns
    return flat
