"""The table of results: each is kept once, under the key of what it was computed from."""

from __future__ import annotations

import math
import struct

from napari_nx46.files.workspace.campaign_rows import Columns, SavedResult
from napari_nx46.files.workspace.database import Database
from napari_nx46.files.workspace.encoding import (
    Column,
    as_metrics,
    as_number,
    json_text,
    metrics_text,
    parse_json,
    parse_metric_name,
    parse_sha256,
)
from napari_nx46.files.workspace.errors import RowError

LARGEST_SLICES_BYTES = 3_000_000
"""Figures of more than 30,000 slices; a row that is larger is damaged."""

MOST_SLICE_FIGURES = 64

_NUMBER_BYTES = 8
_COLUMNS = "key, metrics, slice_figures, slices, mask_sha256, seconds"
_COLUMNS_WITHOUT_SLICES = "key, metrics, '[]', x'', mask_sha256, seconds"


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
        names = tuple(result.slices)
        values = (
            parse_sha256(result.key),
            metrics_text(result.metrics),
            json_text([parse_metric_name(name) for name in names]),
            slices_bytes(result.slices),
            parse_sha256(result.mask_sha256),
            as_number(result.seconds, "seconds"),
        )
        with self._database.writing():
            self._database.execute(
                f"INSERT INTO campaign_results ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?)"
                " ON CONFLICT (key) DO UPDATE SET metrics = excluded.metrics,"
                " slice_figures = excluded.slice_figures, slices = excluded.slices,"
                " mask_sha256 = excluded.mask_sha256, seconds = excluded.seconds",
                values,
            )

    def read(self, key: str, *, with_slices: bool = True) -> SavedResult | None:
        """Return the result of a key; None if there is none or it is damaged.

        Parameters
        ----------
        key : str
        with_slices : bool
            Whether the figures of the slices are read; without, there are none in the result.
        """
        columns = _COLUMNS if with_slices else _COLUMNS_WITHOUT_SLICES
        row = self._database.row("campaign_results", columns, "key = ?", key)
        if row is None:
            return None
        try:
            return _parsed(row)
        except RowError as error:
            self._database.note_damage("campaign_results", key, str(error))
            return None


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
    if len(slices) > MOST_SLICE_FIGURES or len(figures) * _NUMBER_BYTES > LARGEST_SLICES_BYTES:
        raise ValueError(f"found {len(figures)} figures of slices, which is more than are kept")
    plain = [math.nan if one is None else as_number(float(one), "slice") for one in figures]
    return struct.pack(f"<{len(plain)}d", *plain)


def parse_slices(names: Column, numbers: Column) -> dict[str, tuple[float | None, ...]]:
    """Return the figures of slices that two columns hold.

    Raises
    ------
    RowError
        If they do not fit each other, or hold what is no figure.
    """
    listed = parse_json(names)
    if not isinstance(listed, list) or len(listed) > MOST_SLICE_FIGURES:
        raise RowError("found no list of figures' names")
    checked = [parse_metric_name(name) for name in listed]
    if not isinstance(numbers, bytes) or len(numbers) > LARGEST_SLICES_BYTES:
        raise RowError("found no figures of slices")
    row_bytes = _NUMBER_BYTES * len(checked)
    if len(set(checked)) != len(checked) or (len(numbers) % row_bytes if checked else numbers):
        raise RowError("found figures of slices that do not fit their names")
    depth = len(numbers) // row_bytes if checked else 0
    figures = struct.unpack(f"<{depth * len(checked)}d", numbers)
    if any(map(math.isinf, figures)):
        raise RowError("found an infinite figure of a slice")
    known = [None if math.isnan(figure) else figure for figure in figures]
    return {name: tuple(known[n * depth : (n + 1) * depth]) for n, name in enumerate(checked)}


def _parsed(row: tuple[Column, ...]) -> SavedResult:
    key, metrics, names, numbers, mask_sha256, seconds = row
    return SavedResult(
        key=parse_sha256(key),
        metrics=as_metrics(parse_json(metrics)),
        slices=parse_slices(names, numbers),
        mask_sha256=parse_sha256(mask_sha256),
        seconds=as_number(seconds, "seconds"),
    )
