"""Scores follow a session without a window, and equal `leaderboard.score` once it rests."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from napari_nx46 import leaderboard
from napari_nx46.live.derived import score_warm_up, scoring
from napari_nx46.live.derived.slice_score import SliceRequest, score_slice
from napari_nx46.live.view import slice_view, volume_view
from napari_nx46.setting import Domain
from tests.live.derived.scored import SHAPES
from tests.live.driver import PATIENCE, plane_view

# ---- the fragment's score ----------------------------------------------------------------------


@pytest.mark.parametrize("domain", Domain)
def test_the_score_at_rest_is_that_of_the_defined_mask(scored, domain):
    for image_id in ("a", "b"):
        scored.session.show_fragment(image_id)
        for knobs in ({"quantile": 0.8, "blend": 0.3, "z_radius": 1}, {"quantile": 0.6}):
            scored.session.change(domain=domain, **knobs)
            scored.wait_until_all()
            assert scored.scores.fragment.result == scored.expected_score()
            assert not scored.scores.fragment.busy
    assert scored.reported.of("failed") == []


def test_a_moved_slider_leaves_a_stale_score_until_the_new_one_is_there(scored):
    before = scored.scores.fragment.result
    scored.session.change(quantile=0.7)
    assert scored.scores.fragment.result == before
    assert not scored.scores.fragment.is_current
    scored.loop.run_until(lambda: scored.scores.fragment.busy)
    assert not scored.scores.fragment.is_current
    scored.wait_until_current()
    assert scored.scores.fragment.result == scored.expected_score() != before
    assert not scored.scores.fragment.busy


def test_only_the_last_of_many_settings_is_scored_once_the_sliders_rest(new_scored):
    scored = new_scored(rest_seconds=0.8)
    scored.wait_until_all()
    begun = scored.follower.begun
    computed = []
    scored.follower.scores_changed.connect(
        lambda scores: (
            computed.append(scores.fragment.result) if scores.fragment.is_current else None
        )
    )
    for step in range(30):
        scored.session.change(quantile=0.60 + step / 100)
        scored.settle()  # every one of them gets an exact mask
    scored.wait_until_current()
    assert scored.follower.begun > begun
    assert computed == [scored.expected_score()]


def test_a_score_that_is_being_computed_is_cancelled_by_a_newer_setting(scored, hold):
    scored.session.change(quantile=0.7)
    scored.loop.run_until(hold.entered.is_set)
    scored.session.change(quantile=0.85)
    scored.loop.run_until(lambda: hold.cancelled == 1)
    hold.open()
    scored.wait_until_current()
    assert scored.session.setting.quantile == 0.85
    assert scored.scores.fragment.result == scored.expected_score()
    assert scored.reported.of("failed") == []


def test_a_score_that_is_done_when_the_slider_moves_on_is_not_shown_as_current(scored):
    before = scored.scores.fragment.result
    scored.session.change(quantile=0.7)
    scored.settle()
    assert scored.session.graph.wait_until_idle(PATIENCE)  # done, but not taken by the loop yet
    scored.session.change(quantile=0.85)
    scored.loop.run()
    assert not scored.scores.fragment.is_current
    assert scored.scores.fragment.result == before
    scored.wait_until_all()
    assert scored.scores.fragment.result == scored.expected_score()


def test_going_back_to_a_setting_shows_its_score_without_computing_it_again(scored):
    first, setting = scored.scores.fragment.result, scored.session.setting
    scored.session.change(quantile=0.7)
    scored.wait_until_all()
    begun = scored.follower.begun
    scored.session.apply(setting)
    scored.wait_until_all()
    assert scored.scores.fragment.result == first
    assert scored.follower.begun == begun


def test_other_slices_and_views_leave_the_fragments_score_alone(scored):
    begun, score = scored.follower.begun, scored.scores.fragment
    scored.session.look_at(slice_view(SHAPES["a"], 2))
    scored.session.look_at(plane_view(SHAPES["a"], 1, 4))
    scored.session.look_at(volume_view(SHAPES["a"]))
    scored.settle()
    assert scored.scores.fragment == score
    assert scored.follower.begun == begun


def test_all_signals_come_in_the_owners_thread(scored):
    scored.session.change(quantile=0.7)
    scored.wait_until_all()
    assert scored.reported.threads == {threading.get_ident()}


# ---- the slice ---------------------------------------------------------------------------------


def planes():
    shape = SHAPES["a"]
    return [plane_view(shape, axis, shape[axis] // 3) for axis in range(3)]


@pytest.mark.parametrize("view", planes(), ids=["z", "y", "x"])
def test_the_figures_of_the_slice_are_there_before_change_returns(scored, view):
    scored.session.look_at(view)
    for quantile in (0.7, 0.85):
        scored.session.change(quantile=quantile)
        found = scored.scores.slice
        pair = leaderboard.binarise(scored.shown(), scored.label(view.plane))
        assert found.voxels == leaderboard.voxel_overlap(pair)
        whole = leaderboard.surface_dice(pair.prediction, pair.label)
        assert found.surface_dice == pytest.approx(whole, abs=1e-12)
        scored.settle()
        assert scored.scores.slice_exact
        pair = leaderboard.binarise(scored.expected()[view.plane], scored.label(view.plane))
        assert scored.scores.slice.voxels == leaderboard.voxel_overlap(pair)


def test_the_slice_is_marked_while_its_mask_is_a_preview(scored):
    assert scored.scores.slice_exact
    scored.session.change(z_radius=4)
    assert scored.scores.slice is not None
    assert not scored.scores.slice_exact
    scored.settle()
    assert scored.scores.slice_exact


def test_until_the_kernels_are_compiled_only_voxels_are_compared(new_scored, monkeypatch):
    release = threading.Event()
    monkeypatch.setattr(score_warm_up.leaderboard, "warm_up", lambda *_: release.wait(PATIENCE))
    scored = new_scored()
    scored.loop.run_until(lambda: scored.scores.slice is not None)
    scored.settle()
    assert scored.scores.slice.surface_dice is None
    assert scored.scores.slice.voxels.both > 0
    assert scored.scores.fragment.busy
    assert scored.scores.fragment.result is None
    release.set()
    scored.wait_until_all()
    assert scored.scores.slice.surface_dice is not None
    assert scored.scores.fragment.result == scored.expected_score()


def test_a_huge_slice_is_compared_by_a_worker_and_marked_until_then(scored, monkeypatch):
    monkeypatch.setattr(scoring, "MOST_VOXELS_AT_ONCE", 100)
    before = scored.scores.slice
    scored.session.change(quantile=0.6)
    assert scored.scores.slice == before
    assert not scored.scores.slice_exact
    scored.settle()
    scored.loop.run_until(lambda: scored.scores.slice_exact)
    plane = scored.session.view.plane
    pair = leaderboard.binarise(scored.expected()[plane], scored.label(plane))
    assert scored.scores.slice.voxels == leaderboard.voxel_overlap(pair)


def test_in_3d_there_are_no_figures_of_a_slice(scored):
    scored.session.look_at(volume_view(SHAPES["a"]))
    assert scored.scores.slice is None
    scored.settle()
    assert scored.scores.slice is None
    scored.session.look_at(slice_view(SHAPES["a"], 3))
    scored.settle()
    assert scored.scores.slice is not None


def test_a_slice_compiles_nothing_that_the_warm_up_has_not(scored):
    from tests.leaderboard.signatures import signatures

    before = signatures()
    rng = np.random.default_rng(0)
    for shape in ((1, 9, 70), (9, 1, 70), (9, 70, 1), (1, 1, 1)):
        mask = (rng.random(shape) < 0.5).astype(np.uint8)
        score_slice(SliceRequest(mask, mask, with_surface=True))
        view = np.asfortranarray(np.tile(mask, (3, 3, 3)))[: shape[0], : shape[1], : shape[2]]
        score_slice(SliceRequest(view, mask, with_surface=True))
    assert signatures() == before


# ---- the visible block -------------------------------------------------------------------------


def test_the_block_is_scored_only_while_that_is_switched_on(scored):
    assert scored.scores.block.result is None
    scored.follower.follow_block(True)
    scored.loop.run_until(lambda: scored.scores.block.is_current)
    assert scored.scores.block.result == scored.expected_score(scored.session.view.block)
    scored.session.look_at(plane_view(SHAPES["a"], 0, 5, ((5, 6), (2, 14), (3, 22))))
    assert not scored.scores.block.is_current
    scored.settle()
    scored.loop.run_until(lambda: scored.scores.block.is_current)
    assert scored.scores.block.result == scored.expected_score(scored.session.view.block)
    scored.session.change(quantile=0.7)
    assert not scored.scores.block.is_current
    scored.settle()
    scored.loop.run_until(lambda: scored.scores.block.is_current)
    assert scored.scores.block.result == scored.expected_score(scored.session.view.block)
    scored.follower.follow_block(False)
    assert scored.scores.block.result is None
    assert not scored.scores.block.busy


def test_in_3d_the_visible_block_is_the_fragment(scored):
    scored.follower.follow_block(True)
    scored.session.look_at(volume_view(SHAPES["a"]))
    scored.session.change(quantile=0.75)
    scored.wait_until_all()
    assert scored.scores.block == scored.scores.fragment
    assert scored.scores.block.result == scored.expected_score()
