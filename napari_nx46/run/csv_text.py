"""Tables as CSV, all of one dialect: lines end in a line feed, text is UTF-8."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

CsvValue = str | int | float | None


def csv_bytes(columns: Sequence[str], rows: Iterable[Iterable[CsvValue]]) -> bytes:
    """Return a table with its columns' names; None is left empty, figures are in full."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return text.getvalue().encode()


def nine_digits(value: CsvValue) -> CsvValue:
    """Return a value, a float as text of nine significant digits."""
    return f"{value:.9g}" if isinstance(value, float) else value
