"""Rows in columns: their order, what stays chosen, and what a table of numbers shows."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from qtpy.QtCore import Qt
from qtpy.QtGui import QBrush

from napari_nx46.viewer.widgets.fitted_table import FittedTable
from napari_nx46.viewer.widgets.table import TO_THE_RIGHT, Column, RowTable, TableModel

ASCENDING, DESCENDING = Qt.SortOrder.AscendingOrder, Qt.SortOrder.DescendingOrder
HORIZONTAL, VERTICAL = Qt.Orientation.Horizontal, Qt.Orientation.Vertical
NAME = Column("name", lambda row: row[0], tip="How it is called")
VALUE = Column(
    "value", lambda row: str(row[1]), lambda row: -math.inf if row[1] is None else row[1]
)
ROWS = (("a", 2.0), ("b", None), ("c", 1.0), ("d", 2.0))


def model_of(rows=ROWS, columns=(NAME, VALUE)):
    model = TableModel(lambda row: row[0], lambda row, column: f"{column.title} of {row[0]}")
    model.show_rows(rows, columns)
    return model


def names(model):
    return "".join(model.index(row, 0).data() for row in range(model.rowCount()))


@pytest.mark.parametrize(
    ("column", "order", "expected"),
    [
        (1, ASCENDING, "bcad"),
        (1, DESCENDING, "adcb"),
        (0, DESCENDING, "dcba"),
        (-1, ASCENDING, "abcd"),
    ],
)
def test_rows_are_sorted_by_a_column_equal_ones_as_given(column, order, expected, qapp):
    model = model_of()
    model.sort(0, DESCENDING)
    model.sort(column, order)
    assert names(model) == expected


@given(
    keys=st.lists(st.floats(allow_nan=False) | st.text(max_size=3), max_size=8),
    descending=st.booleans(),
)
def test_numbers_come_before_texts_in_one_column(keys, descending):
    column = Column("key", str, lambda row: row[1])
    model = TableModel(lambda row: row[0], lambda row, column: "")
    model.show_rows(enumerate(keys), (column,))
    model.sort(0, DESCENDING if descending else ASCENDING)
    numbers = sorted(key for key in keys if isinstance(key, float))
    expected = [*numbers, *sorted(key for key in keys if isinstance(key, str))]
    assert [key for _, key in model.rows] == (expected[::-1] if descending else expected)


def test_heads_alignment_and_tips(qapp):
    model = model_of()
    assert model.titles == ("name", "value")
    assert (
        model.headerData(0, HORIZONTAL, Qt.ItemDataRole.ToolTipRole) == "<qt>How it is called</qt>"
    )
    assert model.headerData(1, HORIZONTAL, Qt.ItemDataRole.ToolTipRole) is None
    assert model.headerData(0, VERTICAL) is None
    name, value = model.index(2, 0), model.index(2, 1)
    alignment = Qt.ItemDataRole.TextAlignmentRole
    assert (name.data(alignment), value.data(alignment)) == (None, TO_THE_RIGHT)
    assert value.data(Qt.ItemDataRole.ToolTipRole) == "<qt>value of c</qt>"
    assert not model.flags(value) & Qt.ItemFlag.ItemIsEditable
    assert not model.setData(value, "3")


@pytest.fixture
def table(qtbot):
    made = RowTable(model_of(), "Things")
    qtbot.addWidget(made)
    return made


def test_what_is_chosen_stays_while_rows_change_and_move(table):
    model = table.model()
    table.sortByColumn(1, ASCENDING)
    table.choose("c")
    model.show_rows((("a", 2.0), ("b", 0.5), ("c", 9.0), ("d", 1.0)), (NAME, VALUE))
    assert names(model) == "bdac"
    assert table.chosen == ("c", 9.0)
    table.sortByColumn(0, DESCENDING)
    assert table.chosen == ("c", 9.0)
    model.show_rows((("a", 2.0), ("d", 1.0)), (NAME, VALUE))
    assert table.chosen is None
    assert names(model) == "da"


def test_what_is_not_there_cannot_be_chosen(table, qtbot):
    table.choose("a")
    with qtbot.waitSignal(table.chosen_changed):
        table.choose("z")
    assert table.chosen is None


def test_fewer_columns_leave_a_column_to_sort_by(table):
    table.sortByColumn(1, DESCENDING)
    table.model().show_rows(ROWS, (NAME,))
    assert names(table.model()) == "dcba"


def test_a_fitted_table_shows_lines_as_they_are_given(qtbot):
    table = FittedTable("Figures")
    qtbot.addWidget(table)
    red = QBrush(Qt.GlobalColor.red)
    table.show_lines(("A", "B ≈"), [("z", ["1", "2"]), ("a", ["3", "4"])], [None, red])
    assert table.texts() == {"z": ["1", "2"], "a": ["3", "4"]}
    assert [table.model().headerData(row, VERTICAL) for row in range(2)] == ["z", "a"]
    cell = table.model().index(1, 1)
    assert cell.data(Qt.ItemDataRole.ForegroundRole) == red
    assert cell.data(Qt.ItemDataRole.ToolTipRole) == "<qt>a, B ≈: 4</qt>"
    assert cell.data(Qt.ItemDataRole.TextAlignmentRole) == TO_THE_RIGHT
    two_lines = table.height()
    table.show_lines(("A",), [("z", ["5"])])
    assert table.texts() == {"z": ["5"]}
    assert table.height() < two_lines
