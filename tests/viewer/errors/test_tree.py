"""The tree of errors reads rows when they come into sight, and 200,000 of them do not stall it."""

from __future__ import annotations

import numpy as np
import pytest
from pytestqt.modeltest import ModelTester
from qtpy.QtCore import QModelIndex, Qt

from napari_nx46 import leaderboard
from napari_nx46.leaderboard import KINDS, ErrorTable
from napari_nx46.live.errors.arranged import Arrangement, Column, arrange
from napari_nx46.live.errors.listing import ErrorFilter, Listing, listing_of
from napari_nx46.viewer.errors.tree import ErrorTree
from napari_nx46.viewer.errors.tree_model import PAGE, ErrorModel
from tests.planted import planted_pair

MANY = 200_000
A_FEW = 4


@pytest.fixture(scope="module")
def planted():
    return listing_of(leaderboard.explain(*planted_pair()))


@pytest.fixture(scope="module")
def many():
    """Return a list of 200,000 errors of three kinds."""
    rng = np.random.default_rng(1)
    share = np.sort(rng.random(MANY))[::-1] / MANY
    place = rng.integers(0, 500, (MANY, 3)).astype(np.int32)
    table = ErrorTable(
        kind=rng.integers(0, 3, MANY).astype(np.uint8),
        part=np.zeros(MANY, np.uint8),
        side=rng.integers(0, 2, MANY).astype(np.uint8),
        dimension=np.zeros(MANY, np.int8),
        octant=np.zeros(MANY, np.int32),
        place=place,
        size=rng.integers(1, 1000, MANY),
        share=share,
        gain=share,
        row=np.arange(MANY),
    )
    nothing = np.zeros((0, 3), np.int32)
    return Listing(
        table, np.hstack([place, place + 1]), lambda _: nothing, lambda _: nothing, score=0.5
    )


def arranged(listing, *, folded=True, **chosen):
    return arrange(listing, ErrorFilter(**chosen), Arrangement(folded=folded))


def texts(model, index):
    return [model.data(model.index(index.row(), column, index.parent())) for column in Column]


@pytest.mark.parametrize("folded", [True, False])
def test_the_model_keeps_to_what_qt_expects_of_one(planted, qtmodeltester, folded):
    model = ErrorModel()
    model.show_rows(arranged(planted, folded=folded))
    for row in range(model.rowCount()):
        if model.canFetchMore(model.index(row, 0)):
            model.fetchMore(model.index(row, 0))
    assert isinstance(qtmodeltester, ModelTester)
    qtmodeltester.check(model)


def test_cells_say_what_the_listing_has(planted):
    model = ErrorModel()
    shown = arranged(planted)
    model.show_rows(shown)
    for number, group in enumerate(shown.groups):
        head = model.index(number, 0)
        text = texts(model, head)
        assert text[Column.KIND] == f"{group.rows.size} × {group.name}"
        assert text[Column.SHARE] == f"{group.share:.5f}"
        model.fetchMore(head)
        assert model.rowCount(head) == group.rows.size
        for place, row in enumerate(group.rows.tolist()):
            index = model.index(place, 0, head)
            assert model.row_at(index) == row
            text = texts(model, index)
            assert text[Column.NUMBER] == f"{row + 1}"
            assert text[Column.KIND] == planted.kind_of(row)
            assert text[Column.SIDE] == planted.side_of(row)
            assert text[Column.SLICE] == str(planted.place_of(row)[0])
            assert float(text[Column.SHARE]) == pytest.approx(planted.table.share[row], abs=6e-6)
            tip = model.data(index, Qt.ItemDataRole.ToolTipRole)
            assert planted.kind_of(row) in tip


@pytest.mark.parametrize("folded", [True, False])
def test_rows_are_fetched_a_page_at_a_time_and_up_to_one_that_is_chosen(qtbot, many, folded):
    tree = ErrorTree()
    qtbot.addWidget(tree)
    shown = arranged(many, folded=folded)
    tree.show_rows(shown)
    model = tree.errors
    parent = model.index(0, 0) if folded else QModelIndex()
    if folded:
        assert model.rowCount() == 3
        assert model.rowCount(parent) == 0
        tree.show()
        tree.expand(parent)
    # Qt itself may ask for a few pages more than are in sight.
    assert PAGE <= model.rowCount(parent) <= A_FEW * PAGE
    place = 3 * A_FEW * PAGE + 7
    far = int(shown.groups[0].rows[place])
    tree.choose(far)
    assert place < model.rowCount(parent) <= place + A_FEW * PAGE
    assert model.row_at(tree.currentIndex()) == far
    assert model.canFetchMore(parent)


def test_scrolling_to_the_last_row_of_a_kind_fetches_more_of_it(qtbot, many):
    tree = ErrorTree()
    qtbot.addWidget(tree)
    tree.show_rows(arranged(many))
    tree.resize(500, 300)
    tree.show()
    qtbot.waitExposed(tree)
    head = tree.errors.index(0, 0)
    tree.expand(head)
    loaded = tree.errors.rowCount(head)
    assert loaded <= A_FEW * PAGE
    tree.scrollTo(tree.errors.index(loaded - 1, Column.KIND, head))
    assert loaded < tree.errors.rowCount(head) <= loaded + A_FEW * PAGE


def test_kinds_stay_unfolded_when_the_list_is_another(qtbot, planted):
    tree = ErrorTree()
    qtbot.addWidget(tree)
    first = arranged(planted)
    tree.show_rows(first)
    unfolded = first.groups[2].name
    tree.expand(tree.errors.index(2, 0))
    second = arranged(planted, part="topology")
    tree.show_rows(second)
    names = [group.name for group in second.groups]
    assert [tree.isExpanded(tree.errors.index(n, 0)) for n in range(len(names))] == [
        name == unfolded for name in names
    ]
    assert unfolded in KINDS


def test_a_click_or_enter_goes_to_an_error_but_not_to_a_kind(qtbot, planted):
    tree = ErrorTree()
    qtbot.addWidget(tree)
    tree.resize(500, 400)
    tree.show_rows(arranged(planted))
    tree.show()
    qtbot.waitExposed(tree)
    visited = []
    tree.visited.connect(visited.append)
    head = tree.errors.index(1, Column.KIND)
    tree.expand(head)
    qtbot.mouseClick(tree.viewport(), Qt.MouseButton.LeftButton, pos=tree.visualRect(head).center())
    assert visited == []
    item = tree.errors.index(0, Column.KIND, tree.errors.index(1, 0))
    qtbot.mouseClick(tree.viewport(), Qt.MouseButton.LeftButton, pos=tree.visualRect(item).center())
    row = tree.errors.row_at(item)
    assert visited == [row]
    qtbot.keyClick(tree, Qt.Key.Key_Down)
    qtbot.keyClick(tree, Qt.Key.Key_Return)
    assert len(visited) == 2
    assert visited[1] != row


def test_a_row_too_far_down_is_not_fetched_and_nothing_is_chosen(qtbot, many):
    tree = ErrorTree()
    qtbot.addWidget(tree)
    tree.show_rows(arranged(many, folded=False))
    tree.choose(MANY - 1)
    assert not tree.currentIndex().isValid()
    assert tree.errors.rowCount() <= A_FEW * PAGE


def test_the_chosen_row_stays_in_sight_when_less_room_is_left(qtbot, many):
    tree = ErrorTree()
    qtbot.addWidget(tree)
    tree.resize(500, 600)
    tree.show_rows(arranged(many, folded=False))
    tree.show()
    qtbot.waitExposed(tree)
    row = 25
    tree.choose(row)
    tree.resize(500, 250)
    rect = tree.visualRect(tree.errors.index_of(row))
    assert rect.top() >= 0
    assert rect.bottom() <= tree.viewport().height()
