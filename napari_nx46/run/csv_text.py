"""Tables as CSV, all of one dialect: lines end in a line feed, text is UTF-8."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

CsvValue = str | int | float | None

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def csv_bytes(columns: Sequence[str], rows: Iterable[Iterable[CsvValue]]) -> bytes:
    """Return a table with its columns' names; None is left empty, numbers are in full.

    Text that a spreadsheet would take for a formula gets an apostrophe before it, as OWASP
    recommends against CSV injection.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(map(_escaped, columns))
    writer.writerows(map(_escaped, row) for row in rows)
    return text.getvalue().encode()


def _escaped(value: CsvValue) -> CsvValue:
    """Return a value, text that begins like a formula with an apostrophe; numbers are not."""
    if not isinstance(value, str) or not value.startswith(_FORMULA_STARTS):
        return value
    try:
        float(value)
    except ValueError:
        return f"'{value}"
    return value


def nine_digits(value: CsvValue) -> CsvValue:
    """Return a value, a float as text of nine significant digits."""
    return f"{value:.9g}" if isinstance(value, float) else value
