"""The table of runs without a window: its order, its selection, and what is typed."""

from __future__ import annotations

import pytest
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QAbstractItemView, QLineEdit

from napari_nx46.files.workspace import SavedRun
from napari_nx46.run.judge.verdict import ListedRun, RunList
from napari_nx46.setting import Setting
from napari_nx46.viewer.runs.run_table import RunTable

SCORES = {1: 0.3, 2: None, 3: 0.35, 4: 0.3}
ASCENDING, DESCENDING = Qt.SortOrder.AscendingOrder, Qt.SortOrder.DescendingOrder


def listed(run_id, score, **facts):
    settings = {"a": Setting()}
    run = SavedRun(settings=settings, tag=f"t{-run_id}", public_score=score, id=run_id)
    delta = None if score is None else score - SCORES[1]
    return ListedRun(run, {"density": 0.1 * run_id}, delta, **facts)


@pytest.fixture
def table(qtbot):
    shown = RunTable()
    qtbot.addWidget(shown)
    marks = {1: {"baseline": True}, 3: {"best": True}}
    shown.show_runs(
        RunList(
            tuple(
                listed(number, score, **marks.get(number, {})) for number, score in SCORES.items()
            )
        )
    )
    return shown


def column_of(table, title):
    titles = [
        table.runs.headerData(column, Qt.Orientation.Horizontal)
        for column in range(table.runs.columnCount())
    ]
    return titles.index(title)


def texts(table, title):
    column = column_of(table, title)
    return [table.runs.index(row, column).data() for row in range(table.runs.rowCount())]


def test_the_newest_run_comes_first_and_is_selected(table):
    assert texts(table, "Run") == ["4", "★ 3", "2", "◆ 1"]
    assert table.chosen.run_id == 4
    assert texts(table, "Public") == ["0.3", "0.35", "", "0.3"]
    assert texts(table, "Δ") == ["+0", "+0.05", "", ""]
    assert texts(table, "Density") == ["0.400000", "0.300000", "0.200000", "0.100000"]


@pytest.mark.parametrize(
    ("title", "order", "expected"),
    [
        ("Public", DESCENDING, [3, 4, 1, 2]),
        ("Public", ASCENDING, [2, 4, 1, 3]),
        ("Tag", ASCENDING, [1, 2, 3, 4]),
        ("Density", ASCENDING, [1, 2, 3, 4]),
    ],
)
def test_runs_are_sorted_the_selected_one_stays_and_so_does_the_order(
    table, title, order, expected
):
    table.choose(3)
    table.sortByColumn(column_of(table, title), order)
    assert [one.run_id for one in table.runs.rows] == expected
    assert table.chosen.run_id == 3
    table.show_runs(RunList(table.runs.shown.runs[:3]))
    assert [one.run_id for one in table.runs.rows] == [n for n in expected if n != 4]
    assert table.chosen.run_id == 3


def test_what_is_typed_is_reported_once_and_only_scores_are_typed(table, qtbot):
    public, tag = (table.runs.index(0, column_of(table, title)) for title in ("Public", "Tag"))
    editable = Qt.ItemFlag.ItemIsEditable
    assert table.runs.flags(public) & editable
    assert not table.runs.flags(tag) & editable
    assert not table.runs.setData(tag, "x")
    with qtbot.assertNotEmitted(table.runs.score_typed):
        assert table.runs.setData(public, "0.30")
    with qtbot.waitSignal(table.runs.score_typed) as typed:
        table.runs.setData(public, "")
    assert typed.args[1:] == ["public_score", None]
    assert typed.args[0].run_id == 4
    with qtbot.waitSignal(table.runs.refused):
        assert not table.runs.setData(public, "1.01")


def test_what_is_being_typed_stays_while_nothing_of_the_runs_changes(table):
    table.show()
    table.edit(table.runs.index(0, column_of(table, "Public")))
    (editor,) = table.findChildren(QLineEdit)
    editor.setText("0.4")
    table.show_runs(table.runs.shown)
    assert table.findChildren(QLineEdit) == [editor]
    assert editor.text() == "0.4"
    table.allow_typing(allowed=False)
    assert table.editTriggers() == QAbstractItemView.EditTrigger.NoEditTriggers
