"""Mends are tried beside the session, measured exactly, and change it only when they are taken."""

from __future__ import annotations

import numpy as np
import pytest

from napari_nx46 import leaderboard
from napari_nx46.live.errors.listing import listing_of
from napari_nx46.live.errors.mends import hand_mends
from napari_nx46.live.errors.picture import ItemClass, Pictures, lazy_picture, picture_of
from napari_nx46.live.errors.trials import block_around
from napari_nx46.setting import Setting
from napari_nx46.voxels.blocks import block_shape
from napari_nx46.voxels.corrections.corrections import Corrections
from tests.planted import FAULTS


def try_mends(listed, row):
    listed.browser.go_to(row)
    listed.what_if.begin()
    assert listed.what_if.running
    listed.driver.loop.run_until(lambda: not listed.what_if.running)
    assert not listed.failures
    return listed.what_if.trials


def row_of(listing, kind):
    return next(row for row in range(len(listing)) if listing.kind_of(row) == kind)


@pytest.fixture
def watched(listed):
    listed.browser.watch()
    listed.wait_for_list()
    return listed


def test_following_the_proposed_mends_raises_the_score_to_one(watched):
    scores = [watched.listing.score]
    for _ in FAULTS:
        trials = try_mends(watched, 0)
        gains = [trial.gain for trial in trials]
        assert gains == sorted(gains, reverse=True)
        assert gains[0] > 0
        watched.what_if.take(trials[0])
        assert watched.what_if.trials == ()
        watched.wait_for_list()
        scores.append(watched.listing.score)
        assert scores[-1] == pytest.approx(scores[-2] + gains[0], abs=1e-12)
    assert scores[-1] == pytest.approx(1.0, abs=1e-12)
    assert len(watched.listing) == 0


@pytest.mark.parametrize("kind", ["island", "hole"])
def test_every_gain_is_that_of_the_whole_score_and_knobs_are_among_those_that_help(watched, kind):
    session, label = watched.session, watched.scores.label
    trials = try_mends(watched, row_of(watched.listing, kind))
    before = watched.listing.score
    assert {trial.mend.by_hand for trial in trials if trial.gain > 0} == {True, False}
    for trial in trials:
        mend = trial.mend
        pipeline = session.pipelines["a"]
        threshold = pipeline.threshold(mend.setting)
        whole = tuple(slice(0, n) for n in label.shape)
        mask = pipeline.mask(mend.setting, threshold, whole, corrections=mend.corrections)
        assert trial.gain == leaderboard.score(mask, label).value - before
        assert trial.block_gain is not None
    assert session.setting.smallest_object == 0
    assert session.present_corrections.is_empty


def test_taking_a_knob_changes_the_setting_and_a_correction_can_be_undone(watched):
    session = watched.session
    trials = try_mends(watched, row_of(watched.listing, "island"))
    by_knob = next(t for t in trials if not t.mend.by_hand and t.gain > 0)
    watched.what_if.take(by_knob)
    assert session.setting.smallest_object == 9
    watched.wait_for_list()
    trials = try_mends(watched, row_of(watched.listing, "hole"))
    by_hand = next(t for t in trials if t.mend.by_hand)
    watched.what_if.take(by_hand)
    assert session.present_corrections.added == 8
    session.corrections.undo("a")
    assert session.present_corrections.is_empty


def test_what_was_measured_is_dropped_when_the_mask_is_another(watched):
    try_mends(watched, 0)
    assert watched.what_if.trials
    watched.session.change(probability=0.55)
    assert watched.what_if.trials == ()
    assert not watched.what_if.can_try


def test_trying_can_be_cancelled_and_what_was_measured_stays(watched):
    watched.browser.go_to(0)
    cancel = []

    def stop():
        if watched.what_if.trials and not cancel:
            cancel.append(len(watched.what_if.trials))
            watched.what_if.cancel()

    watched.what_if.changed.connect(stop)
    watched.what_if.begin()
    watched.driver.loop.run_until(lambda: not watched.what_if.running)
    assert watched.what_if.trials
    assert not watched.failures


def test_the_block_lies_around_the_place_within_its_octant(watched):
    shape = watched.session.fragment.shape
    for row in range(len(watched.listing)):
        block = block_around(watched.listing, row, shape)
        place = np.minimum(watched.listing.place_of(row), np.array(shape) - 1)
        assert all(
            extent.start <= at < extent.stop for extent, at in zip(block, place, strict=True)
        )
        if watched.listing.octant_of(row) is not None:
            assert max(block_shape(block)) <= 32


def test_what_joins_two_sheets_at_several_places_is_cut_at_all_of_them_or_at_one():
    label = np.zeros((16, 40, 40), bool)
    label[4:6], label[10:12] = True, True
    mask = label.copy()
    mask[6:10, 4:7, 5:8] = mask[6:10, 30:32, 20:30] = True
    listing = listing_of(leaderboard.explain(mask, label))
    row = next(
        row
        for row in range(len(listing))
        if (listing.kind_of(row), listing.side_of(row)) == ("VOI merge", "both")
    )
    gains, before = {}, listing.explanation.voi.voi.value
    for mend in hand_mends(listing, row, Setting(), Corrections.none(mask.shape)):
        whole = tuple(slice(0, n) for n in mask.shape)
        mended = mend.corrections.apply(mask.astype(np.uint8), whole)
        gains[mend.title] = leaderboard.score(mended, label).voi.value - before
    at_all, *single, _ = gains
    assert at_all == "Erase 29 voxels by hand, at all joints (2)"
    assert [title.split(",")[0] for title in single] == [
        "Erase 20 voxels by hand",
        "Erase 9 voxels by hand",
    ]
    # One joint holds the sheets together as two do.
    assert gains[at_all] > 0.1
    assert max(abs(gains[title]) for title in single) < 0.01
    assert (picture_of(listing, row, mask.shape).classes == ItemClass.WAY).sum() == 29


# ---- pictures --------------------------------------------------------------------------------


def test_the_picture_of_a_merge_has_both_sheets_and_the_way_between(watched):
    listing, shape = watched.listing, watched.session.fragment.shape
    row = row_of(listing, "merge")
    volume = np.asarray(lazy_picture(picture_of(listing, row, shape)))
    label = watched.scores.label
    assert (volume == ItemClass.WAY).sum() == 6
    sheets = [volume == kind for kind in (ItemClass.ITEM, ItemClass.OTHER)]
    assert [int(sheet.sum()) for sheet in sheets] == [280, 280]
    assert all(label[sheet].all() for sheet in sheets)
    assert {int(np.argwhere(sheet)[0, 0]) for sheet in sheets} == {8, 16}


def test_pictures_follow_the_selected_item_and_cut_out_blocks(watched):
    pictures = Pictures(watched.browser)
    listing = watched.listing
    for kind in ("hole", "surface far off", "VOI merge", "split"):
        row = row_of(listing, kind)
        watched.browser.go_to(row)
        watched.driver.loop.run_until(lambda: pictures.state.is_current)
        picture = pictures.state.result
        whole = np.asarray(lazy_picture(picture))
        places = np.minimum(listing.voxels_of(row), np.array(whole.shape) - 1)
        assert np.isin(whole[tuple(places.T)], (ItemClass.ITEM, ItemClass.WAY)).all()
        block = np.s_[5:45, 3:50, 7:60]
        np.testing.assert_array_equal(picture.block(block), whole[block])
    pictures.close()
