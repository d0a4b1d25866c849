"""Scores follow a session without a window, and equal `leaderboard.score` once it rests."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from napari_nx46 import leaderboard
from napari_nx46.data.fragments import FragmentError, open_data, write_data_folder
from napari_nx46.live.arrays.errors import ErrorClass, error_classes, lazy_errors
from napari_nx46.live.derived import leaderboard_score, score_warm_up, scoring
from napari_nx46.live.derived.score_warm_up import ScoreWarmUp
from napari_nx46.live.derived.scoring import LabelState, ScoreFollower
from napari_nx46.live.derived.slice_score import SliceRequest, score_slice
from napari_nx46.live.view import slice_view, volume_view
from napari_nx46.setting import Domain
from napari_nx46.voxels.blocks import whole_block
from tests.live.driver import PATIENCE, Events, SessionDriver, named_threads, plane_view, wait_for

SHAPES = {"a": (12, 20, 24), "b": (9, 18, 27), "c": (7, 13, 10)}
REST = 0.02

true_score = leaderboard.score  # whatever a test puts in its place


def labels_of(shape, seed):
    """Return sheets across x with ignored voxels, uint8 {0, 1, 2}."""
    rng = np.random.default_rng(seed)
    label = np.zeros(shape, np.uint8)
    label[:, :, 2::6] = 1
    label[:, :, 3::6] = rng.random(label[:, :, 3::6].shape) < 0.5
    label[:, -3:] = 2
    return label


@pytest.fixture(scope="module")
def labels():
    return {"a": labels_of(SHAPES["a"], 0), "b": labels_of(SHAPES["b"], 1)}


@pytest.fixture(scope="module")
def labelled(tmp_path_factory, labels):
    """Return three fragments, of which the last has no label."""
    root = tmp_path_factory.mktemp("labelled") / "data"
    rng = np.random.default_rng(5)
    for image_id, shape in SHAPES.items():
        sheets = (labels_of(shape, 7) == 1).astype(np.float32)
        volumes = {"p3d": 0.4 * sheets + 0.6 * rng.random(shape, dtype=np.float32)}
        if image_id in labels:
            volumes["train_labels"] = labels[image_id]
        write_data_folder(root, image_id, volumes)
    return open_data(root)


class Scored(SessionDriver):
    """A session with a follower, and the labels as arrays."""

    def __init__(self, dataset, labels, *, rest_seconds=REST, start=True):
        super().__init__(dataset)
        self.labels = labels
        self.follower = ScoreFollower(self.session, rest_seconds=rest_seconds)
        self.reported = Events(self.follower, "scores_changed", "label_changed", "failed")
        if start:
            self.session.start()
            self.follower.start()

    @property
    def scores(self):
        return self.follower.scores

    def wait_until_current(self):
        self.loop.run_until(lambda: self.scores.fragment.is_current)

    def wait_until_all(self):
        """Wait for all that is on its way."""
        self.loop.run_until(lambda: self.follower.kernels_ready)
        self.settle()
        self.wait_until_current()

    def label(self, block=...):
        return self.labels[self.session.fragment.image_id][block]

    def expected_score(self, block=...):
        """Return the score of the plainly defined mask."""
        return true_score(self.expected()[block], self.label(block))

    def close(self):
        self.follower.close()
        self.session.close()


@pytest.fixture
def new_scored(labelled, labels):
    made = []

    def make(dataset=labelled, **options):
        scored = Scored(dataset, labels, **options)
        made.append(scored)
        return scored

    yield make
    for scored in made:
        scored.close()


@pytest.fixture
def scored(new_scored):
    made = new_scored()
    made.wait_until_all()
    return made


class Hold:
    """Holds back `leaderboard.score` in the worker until it is opened, or reported it is stale."""

    def __init__(self, monkeypatch):
        self.entered, self._open = threading.Event(), threading.Event()
        self.cancelled = 0

        def held(prediction, label, *, cancelled, workers):
            self.entered.set()
            while not self._open.wait(0.005):
                if cancelled():
                    self.cancelled += 1
                    raise leaderboard.Cancelled("held")
            return true_score(prediction, label, cancelled=cancelled, workers=workers)

        monkeypatch.setattr(leaderboard_score.leaderboard, "score", held)

    def open(self):
        self._open.set()


@pytest.fixture
def hold(monkeypatch):
    made = Hold(monkeypatch)
    yield made
    made.open()


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


def test_a_label_that_has_changed_its_shape_is_refused(labelled, new_scored, monkeypatch):
    volume = labelled["a"].label
    monkeypatch.setattr(type(volume), "read", lambda self: np.zeros((2, 3, 4), np.uint8))
    with pytest.raises(FragmentError, match=r"\(2, 3, 4\).*expected \(12, 20, 24\)"):
        scoring.load_label(labelled["a"])


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
