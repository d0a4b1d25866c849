"""Scores of fragments with and without a label, damaged labels, and the classes of errors."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from napari_nx46.data.fragments import FragmentError, open_data
from napari_nx46.live.arrays.errors import ErrorClass, error_classes, lazy_errors
from napari_nx46.live.derived import leaderboard_score, score_warm_up, scoring
from napari_nx46.live.derived.score_warm_up import ScoreWarmUp
from napari_nx46.live.derived.scoring import LabelState
from napari_nx46.live.view import slice_view, volume_view
from napari_nx46.voxels.blocks import whole_block
from tests.live.derived.scored import SHAPES, true_score
from tests.live.driver import PATIENCE, named_threads, wait_for

# ---- labels and fragments ----------------------------------------------------------------------


def test_a_fragment_without_a_label_has_no_scores(scored):
    scored.follower.follow_block(True)
    scored.session.show_fragment("c")
    for _ in range(2):
        scores = scored.scores
        assert scores.label is LabelState.NONE
        assert scores.slice is None
        assert scores.fragment.result is None
        assert not scores.fragment.busy
        assert scores.block.result is None
        assert scored.follower.label is None
        scored.settle()
        scored.session.change(quantile=0.7)
    scored.session.show_fragment("b")
    assert scored.scores.label is LabelState.LOADING
    scored.wait_until_all()
    assert scored.scores.label is LabelState.READY
    assert scored.scores.fragment.result == scored.expected_score()


def test_another_fragments_scores_never_show(scored, hold):
    scored.session.change(quantile=0.7)
    scored.loop.run_until(hold.entered.is_set)
    scored.session.show_fragment("b")
    assert scored.scores.fragment.result is None
    assert scored.scores.slice is None
    hold.open()
    scored.wait_until_all()
    assert scored.scores.fragment.result == scored.expected_score()


def test_fragments_stepped_through_quickly_end_with_the_last_ones_label(scored, labels):
    for step in range(7):
        scored.session.step_fragment(1 if step % 3 else -1)
    scored.session.show_fragment("b")
    scored.wait_until_all()
    np.testing.assert_array_equal(scored.follower.label, labels["b"])
    assert scored.scores.fragment.result == scored.expected_score()


def test_a_listener_that_looks_elsewhere_first_meets_no_label_of_the_old_fragment(new_scored):
    def look_elsewhere(fragment):
        scored.session.look_at(slice_view(fragment.shape, 0))

    scored = new_scored(start=False)
    # Whoever was connected to the session before the follower is reported first.
    scored.session.fragment_changed.disconnect(scored.follower._show_fragment)
    scored.session.fragment_changed.connect(look_elsewhere)
    scored.session.fragment_changed.connect(scored.follower._show_fragment)
    scored.session.start()
    scored.follower.start()
    scored.wait_until_all()
    scored.session.show_fragment("b")
    scored.wait_until_all()
    assert scored.scores.fragment.result == scored.expected_score()


def test_a_damaged_label_is_reported_once_and_the_mask_goes_on(tmp_path, new_scored, labels):
    root = tmp_path / "data"
    rng = np.random.default_rng(0)
    label = labels["a"].copy()
    label[3, 4, 5] = 7
    for folder, voxels in (("p3d", rng.random(SHAPES["a"])), ("train_labels", label)):
        (root / folder).mkdir(parents=True)
        np.save(root / folder / "a.npy", voxels)
    scored = new_scored(open_data(root))
    scored.loop.run_until(lambda: scored.scores.label is LabelState.DAMAGED)
    scored.settle()
    ((error,),) = scored.reported.of("failed")
    assert "a.npy" in str(error)
    assert "7" in str(error)
    assert scored.scores.fragment.result is None
    assert scored.session.figures.fragment_exact


def test_a_label_that_has_changed_its_shape_is_refused(scored_data, new_scored, monkeypatch):
    volume = scored_data["a"].label
    monkeypatch.setattr(type(volume), "read", lambda self: np.zeros((2, 3, 4), np.uint8))
    with pytest.raises(FragmentError, match=r"\(2, 3, 4\).*expected \(12, 20, 24\)"):
        scoring.load_label(scored_data["a"])


def test_what_fails_in_the_worker_is_reported_and_the_next_setting_is_scored(scored, monkeypatch):
    def fails(*arguments, **options):
        raise MemoryError("too large")

    monkeypatch.setattr(leaderboard_score.leaderboard, "score", fails)
    scored.session.change(quantile=0.7)
    scored.loop.run_until(lambda: scored.reported.of("failed"))
    ((error,),) = scored.reported.of("failed")
    assert isinstance(error, MemoryError)
    assert not scored.scores.fragment.busy
    assert not scored.scores.fragment.is_current
    monkeypatch.setattr(leaderboard_score.leaderboard, "score", true_score)
    scored.session.change(quantile=0.75)
    scored.wait_until_current()
    assert scored.scores.fragment.result == scored.expected_score()


# ---- closing -----------------------------------------------------------------------------------


def test_closing_while_a_score_is_computed_says_nothing_and_ends_the_threads(scored, hold):
    scored.session.change(quantile=0.7)
    scored.loop.run_until(hold.entered.is_set)
    scored.reported.log.clear()
    scored.close()
    scored.close()
    wait_for(lambda: not named_threads())
    scored.loop.run()
    assert hold.cancelled == 1
    assert scored.reported.log == []


def test_a_session_that_goes_on_after_the_follower_is_closed_says_it_nothing(scored):
    scored.follower.close()
    scored.reported.log.clear()
    scored.session.change(quantile=0.7)
    scored.session.show_fragment("b")
    scored.settle()
    assert scored.reported.log == []


def test_without_labels_nothing_is_compiled(dataset, new_scored, monkeypatch):
    monkeypatch.setattr(score_warm_up.leaderboard, "warm_up", lambda *_: pytest.fail("compiled"))
    scored = new_scored(dataset)
    scored.settle()
    assert not scored.follower.kernels_ready
    assert not named_threads("nx46-compile-score")


def test_a_warm_up_that_fails_is_over(monkeypatch):
    def fails(*_):
        raise RuntimeError("no compiler")

    reported, escaped = [], []
    monkeypatch.setattr(threading, "excepthook", lambda what: escaped.append(what.exc_value))
    monkeypatch.setattr(score_warm_up.leaderboard, "warm_up", fails)
    warm_up = ScoreWarmUp(lambda: None, lambda: reported.append(True))
    assert not warm_up.wait(0)
    warm_up.start()
    warm_up.start()
    assert warm_up.wait(PATIENCE)
    wait_for(lambda: escaped)
    assert reported == []


# ---- the error classes -------------------------------------------------------------------------


def defined_classes(mask, label):
    """Return the classes by NumPy's plain comparisons."""
    classes = np.zeros(mask.shape, np.uint8)
    classes[(mask == 1) & (label == 1)] = ErrorClass.TRUE_POSITIVE
    classes[(mask == 1) & (label == 0)] = ErrorClass.FALSE_POSITIVE
    classes[(mask == 0) & (label == 1)] = ErrorClass.FALSE_NEGATIVE
    classes[label == 2] = ErrorClass.IGNORED
    return classes


def test_every_pair_of_mask_and_label_has_its_class():
    mask, label = (np.array(values, np.uint8).reshape(1, 2, 3) for values in zip(
        *((m, g) for m in (0, 1) for g in (0, 1, 2)), strict=True
    ))  # fmt: skip
    np.testing.assert_array_equal(error_classes(mask, label), defined_classes(mask, label))


def test_the_lazy_errors_are_those_of_the_mask_that_is_shown(scored):
    lazy = lazy_errors(scored.follower)
    scored.session.change(quantile=0.7, z_radius=3)
    plane = scored.session.view.plane
    preview = defined_classes(scored.shown(), scored.label(plane))
    np.testing.assert_array_equal(lazy[plane], preview)
    scored.settle()
    expected = defined_classes(scored.expected(), scored.label())
    assert set(np.unique(expected)) == {int(kind) for kind in ErrorClass}
    for index in (3, -1, (slice(None), 4), (slice(2, 9, 3), ..., slice(None, None, -2)), ...):
        np.testing.assert_array_equal(lazy[index], expected[index], strict=True)
    np.testing.assert_array_equal(np.asarray(lazy), expected)
    assert (lazy.shape, lazy.size, len(lazy), lazy.ndim) == (SHAPES["a"], expected.size, 12, 3)


def test_the_errors_in_3d_are_those_of_the_exact_volume(scored):
    scored.session.look_at(volume_view(SHAPES["a"]))
    scored.settle()
    whole = whole_block(SHAPES["a"])
    expected = defined_classes(scored.expected(), scored.label())
    np.testing.assert_array_equal(lazy_errors(scored.follower)[whole], expected)


def test_the_errors_of_another_fragment_or_without_a_label_are_empty(scored):
    old = lazy_errors(scored.follower)
    assert old[4].any()
    scored.session.show_fragment("b")
    scored.wait_until_all()
    assert not old[4].any()
    assert not np.asarray(old).any()
    assert lazy_errors(scored.follower)[4].any()
    scored.session.show_fragment("c")
    assert not lazy_errors(scored.follower)[4].any()
