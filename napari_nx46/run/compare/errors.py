"""The errors of leaderboard scores as tables: for people, and as CSV."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

from napari_nx46.leaderboard import KINDS, PARTS, SIDES, Explanation
from napari_nx46.run.csv_text import CsvValue, csv_bytes

__all__ = ["ERROR_COLUMNS", "SHOWN_COLUMNS", "errors_csv", "points_text", "shown_rows"]

ERROR_COLUMNS = (
    *("fragment", "kind", "part", "side", "dimension", "octant"),
    *("z", "y", "x", "size", "share", "gain"),
    *("z_start", "y_start", "x_start", "z_stop", "y_stop", "x_stop"),
)
"""Columns of `errors_csv`, one row an error; the last six are the box around it."""

SHOWN_COLUMNS = ("kind", "side", "octant", "place (z, y, x)", "size", "share", "gain")

_POINT_DECIMALS = 6


def errors_csv(found: Iterable[tuple[str, Explanation]]) -> bytes:
    """Return all errors as CSV, `ERROR_COLUMNS`: by fragment, the costliest first.

    Parameters
    ----------
    found : iterable of (image_id, Explanation)
    """
    return csv_bytes(ERROR_COLUMNS, (row for one in found for row in _csv_rows(*one)))


def shown_rows(found: Explanation, top: int) -> list[tuple[str, ...]]:
    """Return the costliest errors as people read them, `SHOWN_COLUMNS`.

    Parameters
    ----------
    found : Explanation
    top : int
        How many, at most.
    """
    items = found.items.selected(slice(top))
    places = [", ".join(map(str, place)) for place in items.place.tolist()]
    return [
        (
            KINDS[kind],
            SIDES[side],
            "" if octant < 0 else ",".join(map(str, found.octants[octant].index)),
            place,
            str(size) if size else "",
            points_text(share),
            points_text(gain, signed=True),
        )
        for kind, side, octant, place, size, share, gain in zip(
            items.kind.tolist(),
            items.side.tolist(),
            items.octant.tolist(),
            places,
            items.size.tolist(),
            items.share.tolist(),
            items.gain.tolist(),
            strict=True,
        )
    ]


def points_text(points: float, *, signed: bool = False) -> str:
    """Return points of a score as people read them; nothing for NaN."""
    if math.isnan(points):
        return ""
    text = f"{points:{'+' if signed else ''}.{_POINT_DECIMALS}f}"
    return text.lstrip("+-") if float(text) == 0 else text


def _csv_rows(image_id: str, found: Explanation) -> Iterator[list[CsvValue]]:
    items = found.items
    columns = (items.kind, items.part, items.side, items.dimension, items.octant)
    for codes, place, size, share, gain, extent in zip(
        zip(*(column.tolist() for column in columns), strict=True),
        items.place.tolist(),
        items.size.tolist(),
        items.share.tolist(),
        items.gain.tolist(),
        found.extents().tolist(),
        strict=True,
    ):
        kind, part, side, dimension, octant = codes
        yield [
            image_id,
            KINDS[kind],
            PARTS[part],
            SIDES[side],
            None if dimension < 0 else dimension,
            None if octant < 0 else octant,
            *place,
            size,
            share,
            None if math.isnan(gain) else gain,
            *extent,
        ]
