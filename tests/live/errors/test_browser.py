"""The list of errors follows the sliders while somebody looks at it."""

from __future__ import annotations

import csv
import io
import math

import numpy as np
import pytest

from napari_nx46 import leaderboard
from napari_nx46.live.errors.arranged import Arrangement, Column, arrange, rows_csv, rows_text
from napari_nx46.live.errors.listing import ErrorFilter, listing_of
from napari_nx46.live.errors.near import MOST_MARKS, REACH, marks_near
from tests.live.driver import Events
from tests.planted import FAULTS, planted_pair


@pytest.fixture(scope="module")
def listing():
    return listing_of(leaderboard.explain(*planted_pair()))


def rows(listing, column=Column.NUMBER, *, descending=False, **chosen):
    return arrange(
        listing, ErrorFilter(**chosen), Arrangement(column, descending, folded=False)
    ).order.tolist()


# ---- rows, without a session -----------------------------------------------------------------


def test_filters_keep_the_rows_that_pass_each_of_them(listing):
    every = range(len(listing))
    table = listing.table
    assert rows(listing) == list(every)
    assert rows(listing, kind="hole") == [n for n in every if listing.kind_of(n) == "hole"]
    assert rows(listing, part="voi") == [n for n in every if table.part[n] == 1]
    assert rows(listing, side="label") == [n for n in every if listing.side_of(n) == "label"]
    assert rows(listing, dimension=1) == [n for n in every if table.dimension[n] == 1]
    assert rows(listing, smallest=10) == [n for n in every if not 0 < table.size[n] < 10]
    assert 0 < len(rows(listing, smallest=10)) < len(listing)
    octants = [rows(listing, octant=number) for number in range(8)]
    assert sorted(row for some in octants for row in some) == list(every)
    assert all(
        table.octant[row] in (number, -1) for number, some in enumerate(octants) for row in some
    )
    seen = rows(listing, visible=((40, 41), (0, 20), (0, 20)))
    assert "hole" in map(listing.kind_of, seen)
    assert all(listing.extents[row, 0] <= 40 < listing.extents[row, 3] for row in seen)
    assert rows(listing, kind="no such kind") == []


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("column", list(Column))
def test_rows_are_sorted_by_every_column_with_unknown_numbers_last(listing, column, descending):
    keys = {
        Column.NUMBER: lambda row: row,
        Column.KIND: listing.kind_of,
        Column.SIDE: listing.side_of,
        Column.OCTANT: lambda row: int(listing.table.octant[row]),
        Column.SLICE: lambda row: listing.place_of(row)[0],
        Column.SIZE: lambda row: int(listing.table.size[row]),
        Column.SHARE: lambda row: float(listing.table.share[row]),
        Column.GAIN: lambda row: float(listing.table.gain[row]),
        Column.NOTE: lambda row: row,
    }
    found = [keys[column](row) for row in rows(listing, column, descending=descending)]
    assert len(found) == len(listing)
    known = [key for key in found if not (isinstance(key, float) and math.isnan(key))]
    assert found[: len(known)] == known
    assert known == sorted(known, reverse=descending)


def test_folded_rows_stand_by_kind_and_sum_to_what_is_lost(listing):
    arranged = arrange(listing, ErrorFilter(), Arrangement())
    assert [group.share for group in arranged.groups] == sorted(
        (group.share for group in arranged.groups), reverse=True
    )
    groups = {group.kind: (group.count, group.share) for group in listing.table.groups()}
    assert {g.name: (g.rows.size, pytest.approx(g.share)) for g in arranged.groups} == groups
    assert arranged.share == pytest.approx(1 - listing.score, abs=1e-9)
    assert sorted(arranged.order.tolist()) == list(range(len(listing)))
    for group in arranged.groups:
        assert {listing.kind_of(row) for row in group.rows} == {group.name}
        assert (np.diff(group.rows) > 0).all()


def test_rows_as_csv_and_as_text_have_numbers_in_full(listing):
    arranged = arrange(listing, ErrorFilter(), Arrangement(Column.SHARE, descending=True))
    read = list(csv.DictReader(io.StringIO(rows_csv(arranged).decode())))
    assert [int(row["number"]) - 1 for row in read] == arranged.order.tolist()
    assert math.fsum(float(row["share"]) for row in read) == pytest.approx(1 - listing.score)
    for row, record in zip(arranged.order.tolist(), read, strict=True):
        assert record["kind"] == listing.kind_of(row)
        assert [int(record[axis]) for axis in "zyx"] == list(listing.place_of(row))
    lines = rows_text(arranged).splitlines()
    assert len(lines) == len(listing) + 1
    assert lines[1].split("\t")[1] == read[0]["kind"]


def test_items_are_found_again_by_kind_side_and_place(listing):
    for row in range(len(listing)):
        found = listing.find(listing.key_of(row))
        assert listing.key_of(found) == listing.key_of(row)
    prediction, label = planted_pair()
    prediction[FAULTS["hole"]] = label[FAULTS["hole"]]
    mended = listing_of(leaderboard.explain(prediction, label))
    hole = next(row for row in range(len(listing)) if listing.kind_of(row) == "hole")
    assert mended.find(listing.key_of(hole)) is None


def test_marks_are_near_the_slice_and_no_more_than_can_be_drawn(listing):
    arranged = arrange(listing, ErrorFilter(), Arrangement())
    for axis, position in ((0, 9), (0, 41), (2, 47)):
        marks = marks_near(arranged, axis, position, selected=0)
        place, extent = listing.table.place[:, axis], listing.extents[:, [axis, axis + 3]]
        near = set(np.flatnonzero(abs(place - position) <= REACH).tolist()) | {0}
        assert set(marks.points.tolist()) == near
        cut = (extent[:, 0] <= position) & (position < extent[:, 1])
        assert marks.boxes.tolist() == np.flatnonzero(cut).tolist()
    rng = np.random.default_rng(2)
    noisy = listing_of(leaderboard.explain(*(rng.random((2, 20, 60, 60)) < 0.1)))
    marks = marks_near(arrange(noisy, ErrorFilter(), Arrangement()), 0, 10)
    assert marks.points.size == marks.boxes.size == MOST_MARKS


# ---- following a session ---------------------------------------------------------------------


def test_nothing_is_computed_before_somebody_looks(listed):
    listed.driver.settle()
    listed.driver.loop.run_until(lambda: listed.scores.scores.fragment.is_current)
    assert listed.listing is None
    assert listed.browser.value.begun == 0
    listed.browser.watch()
    listed.wait_for_list()
    assert listed.listing.score == listed.scores.scores.fragment.result.value
    assert set(FAULTS) <= {listed.listing.kind_of(row) for row in range(12)}
    listed.browser.unwatch()
    listed.session.change(probability=0.95)
    listed.driver.settle()
    assert listed.browser.state.stale
    assert listed.browser.value.begun == 1


def test_the_list_follows_sliders_and_the_selected_item_stays(listed):
    browser, session = listed.browser, listed.session
    browser.watch()
    listed.wait_for_list()
    events = Events(browser, "changed", "selected_changed", "visited")
    hole = next(row for row in range(10) if listed.listing.kind_of(row) == "hole")
    browser.go_to(hole)
    assert events.of("visited") == [(hole,)]
    key = listed.listing.key_of(hole)
    session.change(smallest_object=9)  # the island goes, and the cavity's hole stays
    assert browser.state.stale or not session.settled
    listed.wait_for_list()
    assert listed.listing.key_of(browser.selected) == key
    kinds = [listed.listing.kind_of(row) for row in range(len(listed.listing))]
    assert "island" not in kinds
    assert events.of("visited") == [(hole,)]
    session.change(patch_holes=2)
    listed.wait_for_list()
    assert browser.selected is None
    browser.step(1)
    assert browser.selected is not None
    session.change(patch_holes=0)
    listed.wait_for_list()
    assert browser.selected is not None


def test_finding_can_be_cancelled_and_goes_on_with_the_next_mask_or_when_it_is_asked_to(listed):
    browser = listed.browser
    browser.value.rest_seconds = 60.0
    browser.watch()
    listed.driver.loop.run_until(lambda: browser.state.busy)
    browser.give_up()
    assert browser.given_up
    assert not browser.state.busy
    assert browser.value.begun == 0
    browser.value.rest_seconds = 0.0
    browser.retry()
    assert browser.state.busy
    listed.wait_for_list()
    first = listed.listing
    browser.value.rest_seconds = 60.0
    listed.session.change(probability=0.95)
    listed.driver.loop.run_until(lambda: browser.state.busy)
    browser.give_up()
    assert browser.state.stale
    browser.value.rest_seconds = 0.0
    listed.session.change(smallest_object=9)  # the latest wins
    listed.wait_for_list()
    assert listed.listing is not first
    assert not browser.given_up


def test_steps_go_through_the_shown_rows_round_the_end_and_a_kind(listed):
    browser = listed.browser
    browser.step(1)  # begins to look
    assert browser.is_watched
    assert browser.selected is None
    listed.wait_for_list()
    order = browser.arranged.order
    assert browser.selected == order[0]
    browser.step(-1)
    assert browser.selected == order[-1]
    browser.step(1)
    browser.step(1)
    assert browser.selected == order[1]
    browser.fold(False)
    browser.show_only(ErrorFilter(part="topology"))
    order = browser.arranged.order
    for expected in (*order[1:].tolist(), int(order[0])):
        browser.go_to(int(order[np.flatnonzero(order == expected)[0] - 1]))
        browser.step(1)
        assert browser.selected == expected
    browser.show_only(ErrorFilter())
    browser.go_to(next(r for r in range(12) if listed.listing.kind_of(r) == "surface far off"))
    seen = set()
    for _ in range(5):
        browser.step(1, same_kind=True)
        seen.add(browser.selected)
    assert {listed.listing.kind_of(row) for row in seen} == {"surface far off"}
    browser.show_only(ErrorFilter(kind="merge", side="prediction"))
    browser.step(1)
    assert browser.arranged.count == 0


def test_without_a_label_or_by_choice_what_is_suspicious_is_listed(listed):
    browser = listed.browser
    browser.watch()
    listed.wait_for_list()
    browser.go_to(0)
    listed.session.show_fragment("b")
    assert browser.selected is None
    assert browser.arranged is None
    assert browser.message == ""
    assert browser.lists_suspicions
    listed.wait_for_list()
    bare = listed.listing
    assert bare.score is None
    browser.go_to(0)
    assert browser.selected == 0
    listed.session.show_fragment("a")
    assert not browser.lists_suspicions
    listed.wait_for_list()
    assert listed.listing.score is not None
    assert browser.selected is None
    browser.list_suspicions(True)
    assert browser.arranged is None
    listed.wait_for_list()
    np.testing.assert_array_equal(listed.listing.table.place, bare.table.place)
    browser.list_suspicions(False)
    listed.wait_for_list()
    assert listed.listing.is_priced


def test_what_is_suspicious_follows_the_sliders_and_is_not_computed_unwatched(listed):
    browser = listed.browser
    listed.session.show_fragment("b")
    listed.driver.settle()
    assert browser.value.begun == 0
    browser.watch()
    listed.wait_for_list()
    first = listed.listing
    assert not {"sheet with holes", "thick sheet"}.isdisjoint(
        first.kinds[k] for k in first.table.kind
    )
    listed.session.change(quantile=0.5)
    assert not browser.state.is_current
    assert listed.listing is first
    listed.wait_for_list()
    assert listed.listing is not first
    browser.unwatch()
    begun = browser.value.begun
    listed.session.change(quantile=0.6)
    listed.driver.settle()
    assert browser.value.begun == begun
