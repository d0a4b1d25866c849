"""Tables as CSV: numbers stay numbers, and no cell is a formula."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_nx46.run.csv_text import csv_bytes, nine_digits


@pytest.mark.parametrize("text", ["=A1+A2", "+cmd|x", "-x", "@SUM(A1)", "\t=1", "\r=1"])
def test_a_cell_that_begins_like_a_formula_is_escaped(text):
    for found in (csv_bytes([text], []), csv_bytes(["a"], [[text]]).partition(b"\n")[2]):
        assert found.decode().removeprefix('"').startswith("'" + text)


@given(st.floats(allow_nan=False))
def test_numbers_stay_numbers(number):
    _, row = csv_bytes(["a", "b"], [[nine_digits(number), number]]).decode().splitlines()
    short, full = row.split(",")
    assert float(full) == number
    assert float(short) == float(f"{number:.9g}")
