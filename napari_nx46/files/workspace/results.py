"""The table of results: each is kept once, under the key of what it was computed from."""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass

from napari_nx46.files.workspace.campaign_rows import RESULT, Columns, SavedResult
from napari_nx46.files.workspace.columns import (
    LARGEST_SLICES_BYTES,
    Column,
    MetricNames,
    SliceNumbers,
)
from napari_nx46.files.workspace.database import Database, Row, Select
from napari_nx46.files.workspace.errors import RowError
from napari_nx46.files.workspace.parsing import RowType

_NUMBER_BYTES = 8
_COLUMNS = "key, metrics, mask_sha256, seconds"
_SLICES = "slice_figures, slices"
_NO_SLICES = "'[]' AS slice_figures, x'' AS slices"


class ResultTable:
    """Results by their key.

    Parameters
    ----------
    database : Database
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def keep(self, result: SavedResult) -> None:
        """Keep a result, in place of one of the same key."""
        columns = {
            **RESULT.columns(result, "slices"),
            **_SLICE_COLUMNS.columns(
                _SliceColumns(tuple(result.slices), slices_bytes(result.slices))
            ),
        }
        with self._database.writing():
            self._database.insert(
                "campaign_results",
                columns,
                "ON CONFLICT (key) DO UPDATE SET metrics = excluded.metrics,"
                " slice_figures = excluded.slice_figures, slices = excluded.slices,"
                " mask_sha256 = excluded.mask_sha256, seconds = excluded.seconds",
            )

    def read(self, key: str, *, with_slices: bool = True) -> SavedResult | None:
        """Return the result of a key; None if there is none or it is damaged.

        Parameters
        ----------
        key : str
        with_slices : bool
            Whether the figures of the slices are read; without, there are none in the result.
        """
        columns = f"{_COLUMNS}, {_SLICES if with_slices else _NO_SLICES}"
        select = Select("campaign_results", columns, "key = ?", (key,))
        found = self._database.values(select, _parsed)
        return found[0] if found else None


@dataclass(frozen=True, slots=True)
class _SliceColumns:
    """Figures of the slices as they are kept: names, and the bytes of one after the other."""

    slice_figures: MetricNames
    slices: SliceNumbers


def _check_fit(columns: _SliceColumns) -> _SliceColumns:
    names, numbers = columns.slice_figures, columns.slices
    row_bytes = _NUMBER_BYTES * len(names)
    if len(set(names)) != len(names) or (len(numbers) % row_bytes if names else numbers):
        raise RowError("found figures of slices that do not fit their names")
    return columns


_SLICE_COLUMNS = RowType(_SliceColumns, _check_fit)


def slices_bytes(slices: Columns) -> bytes:
    """Return figures of slices as float64, little-endian, one name's after the other's.

    What is not known is NaN.

    Raises
    ------
    ValueError
        If the names have different numbers of slices, a figure is not finite, or there are too
        many.
    """
    lengths = {len(figures) for figures in slices.values()}
    if len(lengths) > 1:
        raise ValueError(f"found figures of {sorted(lengths)} slices, expected one number of them")
    figures = [figure for column in slices.values() for figure in column]
    if len(figures) * _NUMBER_BYTES > LARGEST_SLICES_BYTES:
        raise ValueError(f"found {len(figures)} figures of slices, which is more than are kept")
    if not all(one is None or math.isfinite(one) for one in figures):
        raise ValueError("found a figure of a slice that is not finite")
    plain = [math.nan if one is None else float(one) for one in figures]
    return struct.pack(f"<{len(plain)}d", *plain)


def parse_slices(names: Column, numbers: Column) -> dict[str, tuple[float | None, ...]]:
    """Return the figures of slices that two columns hold.

    Raises
    ------
    RowError
        If they do not fit each other, or hold what is no figure.
    """
    kept = _SLICE_COLUMNS.parse({"slice_figures": names, "slices": numbers})
    count = len(kept.slice_figures)
    depth = len(kept.slices) // (_NUMBER_BYTES * count) if count else 0
    figures = struct.unpack(f"<{depth * count}d", kept.slices)
    if any(map(math.isinf, figures)):
        raise RowError("found an infinite figure of a slice")
    known = [None if math.isnan(figure) else figure for figure in figures]
    return {
        name: tuple(known[n * depth : (n + 1) * depth]) for n, name in enumerate(kept.slice_figures)
    }


def _parsed(row: Row) -> SavedResult:
    slices = parse_slices(row["slice_figures"], row["slices"])
    return RESULT.parse({**row, "slices": slices})
