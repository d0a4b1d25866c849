"""The session shows at once what the sliders say, and exactly so once its worker rests."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from napari_nx46.data.fragments import FragmentError, VolumeError, open_data, write_data_folder
from napari_nx46.live.view import View, slice_view, volume_view
from napari_nx46.run.pipelines import PipelineSet
from napari_nx46.setting import Domain, Setting, SettingError
from napari_nx46.voxels.workers import Workers
from tests.live.driver import (
    PATIENCE,
    named_threads,
    plane_view,
    smooth_volume,
    wait_for,
    write_damaged,
)

SHAPE = (12, 20, 24)


class Gate:
    """Holds a session's worker back before it computes, until it is opened."""

    def __init__(self, session, monkeypatch):
        self.entered, self._open = threading.Event(), threading.Event()
        prepare = session.pipelines.prepare_dataset

        def held_back(setting, cancelled=lambda: False, progress=None):
            self.entered.set()
            assert self._open.wait(PATIENCE)
            return prepare(setting, cancelled, progress)

        monkeypatch.setattr(session.pipelines, "prepare_dataset", held_back)

    def open(self):
        self._open.set()

    def close(self):
        self._open.clear()


@pytest.fixture
def gate(bench, monkeypatch):
    """Return a gate that holds the worker of the bench back; it has nothing to do yet."""
    bench.settle()
    made = Gate(bench.session, monkeypatch)
    yield made
    made.open()


# ---- what is shown ---------------------------------------------------------------------------


def test_start_shows_the_middle_slice_before_it_returns(dataset, new_bench):
    bench = new_bench(dataset)
    assert bench.session.fragment.image_id == "a"
    assert bench.session.view == slice_view(SHAPE, 6)
    assert bench.events.names()[:2] == ["mask_changed", "figures_changed"]
    bench.settle()
    bench.assert_shows_the_definition()


@pytest.mark.parametrize("image_id", ["a", "b", "c"])
@pytest.mark.parametrize("domain", Domain)
def test_once_exact_the_slice_equals_the_plain_definition(bench, image_id, domain):
    session = bench.session
    session.show_fragment(image_id)
    for radius, quantile, blend in ((0, 0.5, 0.0), (3, 0.9, 0.35), (8, 0.97, 1.0)):
        session.change(z_radius=radius, quantile=quantile, blend=blend, domain=domain)
        for z in (0, session.fragment.shape[0] - 1):
            session.look_at(slice_view(session.fragment.shape, z))
            bench.settle()
            bench.assert_shows_the_definition()
    assert bench.events.of("failed") == []


@st.composite
def steps(draw):
    """Draw what a user may do with a bench of three fragments."""
    kind = draw(st.sampled_from(["change", "change", "change", "slice", "block", "step", "3d"]))
    if kind == "change":
        knob = draw(st.sampled_from(["quantile", "blend", "z_radius", "domain"]))
        values = {
            "quantile": st.floats(0.5, 0.999),
            "blend": st.floats(0, 1),
            "z_radius": st.integers(0, 8),
            "domain": st.sampled_from(list(Domain)),
        }
        return kind, {knob: draw(values[knob])}
    return kind, draw(st.tuples(*[st.integers(0, 4)] * 4))


def do(bench, step):
    """Do one drawn step."""
    session, (kind, choice) = bench.session, step
    if kind == "change":
        session.change(**choice)
    elif kind == "slice":
        session.look_at(slice_view(session.fragment.shape, choice[0]))
    elif kind == "block":
        z, y, x, size = choice
        extents = ((z, z + 1), (y, y + size + 1), (x, x + size + 2))
        session.look_at(plane_view(session.fragment.shape, 0, z, extents))
    elif kind == "step":
        session.step_fragment(1 if choice[0] % 2 else -1)
    else:
        session.look_at(volume_view(session.fragment.shape))


@pytest.mark.parametrize("patient", [True, False])
def test_whatever_a_user_does_the_end_equals_the_plain_definition(dataset, new_bench, patient):
    @settings(max_examples=20, suppress_health_check=list(HealthCheck))
    @given(todo=st.lists(steps(), min_size=1, max_size=10))
    def check(todo):
        bench = new_bench(dataset)
        for step in todo:
            do(bench, step)
            if patient:
                bench.settle()
        bench.settle()
        assert bench.events.of("failed") == []
        expected, session = bench.expected(), bench.session
        np.testing.assert_array_equal(bench.shown(), expected[session.view.plane])
        np.testing.assert_array_equal(session.whole_mask(), expected)
        figures = session.figures
        assert figures.exact
        assert figures.fragment_exact
        assert figures.fragment_density == expected.mean()
        assert figures.block_density == expected[session.view.block].mean()
        session.close()

    check()


def test_change_says_setting_then_mask_then_figures_before_it_returns(bench):
    bench.settle()
    bench.events.log.clear()
    bench.session.change(quantile=0.8)
    assert bench.events.names() == ["setting_changed", "mask_changed", "figures_changed"]
    ((setting,),) = bench.events.of("setting_changed")
    assert setting == bench.session.setting == Setting(quantile=0.8)


def test_a_change_to_the_same_value_says_nothing(bench):
    bench.settle()
    bench.events.log.clear()
    bench.session.change(quantile=bench.session.setting.quantile)
    assert bench.events.log == []


def test_the_shown_mask_follows_the_slider_before_the_worker_does(bench, gate):
    before = bench.session.figures.slice_density
    bench.session.change(quantile=0.6)
    assert gate.entered.wait(PATIENCE)
    assert bench.shown().mean() == pytest.approx(0.4, abs=0.05)
    assert bench.session.figures.slice_density == bench.shown().mean()
    assert before == pytest.approx(0.05, abs=0.02)


def test_figures_are_marked_inexact_until_the_worker_is_done(bench, gate):
    known = bench.session.figures.fragment_density
    assert bench.session.figures.exact
    bench.session.change(blend=0.2, quantile=0.6)
    figures = bench.session.figures
    assert not figures.exact
    assert not figures.fragment_exact
    assert figures.fragment_density == known  # the old one, marked so
    assert gate.entered.wait(PATIENCE)
    bench.loop.run()
    assert not bench.session.figures.exact
    gate.open()
    bench.settle()
    bench.assert_shows_the_definition()


@pytest.mark.parametrize("domain", [Domain.SLICE, Domain.BLOCK])
def test_local_domains_are_drawn_exactly_at_once(bench, gate, domain):
    bench.session.change(quantile=0.83, blend=0.3, domain=domain)
    expected = bench.expected()
    np.testing.assert_array_equal(bench.shown(), expected[6:7])
    assert not bench.session.figures.fragment_exact  # it is still to come
    bench.session.look_at(slice_view(SHAPE, 2))
    np.testing.assert_array_equal(bench.shown(), bench.expected()[2:3])


def test_the_threshold_is_reported_in_units_of_probability(bench):
    bench.session.change(quantile=0.9, domain=Domain.SLICE)
    bench.session.look_at(slice_view(SHAPE, 3))
    bench.settle()
    score = bench.session.pipelines["a"].score(bench.session.setting, slice_view(SHAPE, 3).plane)
    assert bench.session.figures.threshold == np.quantile(score.astype(np.float64), 0.9)


def test_a_knob_out_of_range_is_refused_and_changes_nothing(bench):
    setting = bench.session.setting
    for knobs in ({"quantile": 1.5}, {"z_radius": 9}, {"domain": "nowhere"}, {"speed": 1}):
        with pytest.raises(SettingError):
            bench.session.change(**knobs)
    assert bench.session.setting == setting
    assert bench.events.of("setting_changed") == []


def test_a_domain_may_be_given_by_its_name(bench):
    bench.session.change(domain="block")
    assert bench.session.setting.block == bench.session.view.extents
    bench.session.change(domain="slice")
    assert bench.session.setting == Setting(domain=Domain.SLICE)


def test_streaming_what_memory_cannot_hold_changes_no_bit(dataset, new_bench):
    bench = new_bench(dataset, memory_budget=0, workers=Workers(1))
    for domain in Domain:
        bench.session.change(quantile=0.88, z_radius=3, domain=domain)
        bench.settle()
        bench.assert_shows_the_definition()
        assert not bench.session.pipelines.is_loaded("a")


def test_channels_and_single_volumes_are_shown_too(tmp_path, new_bench):
    probabilities = np.random.default_rng(8).random((2, 4, 6, 5)).astype(np.float32)
    np.savez(tmp_path / "case.npz", probabilities=probabilities)
    bench = new_bench(open_data(tmp_path / "case.npz"))
    bench.settle()
    bench.assert_shows_the_definition()


def test_a_fragment_of_one_voxel_is_shown(tmp_path, new_bench):
    np.save(tmp_path / "tiny.npy", np.full((1, 1, 1), 0.5, np.float32))
    bench = new_bench(open_data(tmp_path / "tiny.npy"))
    for domain in Domain:
        bench.session.change(domain=domain)
        bench.settle()
        bench.assert_shows_the_definition()


# ---- bursts ----------------------------------------------------------------------------------


def test_after_a_burst_the_last_setting_is_shown_and_one_stale_request_begun(bench, gate):
    session = bench.session
    assert session.warm_up.wait(PATIENCE)
    bench.loop.run()
    session.change(quantile=0.5)
    assert gate.entered.wait(PATIENCE)
    begun = session.exact_requests_begun
    for quantile in np.linspace(0.55, 0.98, 300):
        session.change(quantile=float(quantile))
        assert bench.loop.posted.qsize() == 0
    assert session.exact_requests_begun == begun
    gate.open()
    bench.settle()
    assert session.exact_requests_begun == begun + 1
    assert len(bench.events.of("mask_changed")) >= 301
    assert session.setting.quantile == pytest.approx(0.98)
    bench.assert_shows_the_definition()


def test_after_a_free_burst_at_most_one_stale_request_is_begun(bench):
    session = bench.session
    bench.settle()
    for number in range(300):
        session.change(quantile=0.5 + number / 700, z_radius=number % 9)
    begun = session.exact_requests_begun
    bench.settle()
    assert session.exact_requests_begun - begun <= 1 + 1
    bench.assert_shows_the_definition()


def test_each_event_of_a_burst_draws_before_the_next(bench):
    densities = []
    bench.session.mask_changed.connect(lambda: densities.append(bench.shown().mean()))
    for quantile in (0.9, 0.8, 0.7, 0.6):
        bench.session.change(quantile=quantile)
    assert len(densities) == 4
    assert densities == sorted(densities)


def test_results_that_were_overtaken_while_posted_are_not_shown(bench):
    session = bench.session
    bench.settle()
    session.change(quantile=0.6)
    assert session.wait_until_exact(PATIENCE)  # its result is posted, and not taken yet
    session.change(quantile=0.9)
    bench.events.log.clear()
    bench.loop.posted.get()()
    assert not session.figures.exact
    assert bench.events.of("figures_changed") == []
    bench.settle()
    bench.assert_shows_the_definition()


def test_the_result_of_a_fragment_that_was_left_is_not_shown(bench, gate):
    session = bench.session
    session.change(quantile=0.6)
    gate.open()
    assert session.wait_until_exact(PATIENCE)  # its result is posted, and not taken yet
    gate.close()
    session.show_fragment("b")
    bench.loop.run()
    assert not session.figures.exact
    assert session.figures.fragment_density is None
    gate.open()
    bench.settle()
    bench.assert_shows_the_definition()


def test_a_new_fragment_is_not_previewed_by_what_was_learned_of_the_old_one(bench, gate):
    session = bench.session
    session.show_fragment("b")
    plane_scores = session.pipelines["b"].score(session.setting, session.view.plane)
    expected = np.quantile(plane_scores.astype(np.float64), session.setting.quantile)
    assert session.figures.threshold == expected


def test_returning_to_the_exact_setting_asks_for_nothing(bench):
    session = bench.session
    bench.settle()
    begun = session.exact_requests_begun
    for z in (0, 5, 11, 6):
        session.look_at(slice_view(SHAPE, z))
        bench.assert_shows_the_definition()
    assert session.exact_requests_begun == begun


# ---- views -----------------------------------------------------------------------------------


def test_panning_within_the_slice_measures_the_block_without_drawing(bench):
    bench.settle()
    bench.events.log.clear()
    bench.session.look_at(plane_view(SHAPE, 0, 6, ((6, 7), (3, 11), (5, 9))))
    assert bench.events.names() == ["figures_changed"]
    bench.assert_shows_the_definition()


def test_the_same_view_says_nothing(bench):
    bench.settle()
    bench.events.log.clear()
    bench.session.look_at(slice_view(SHAPE, 6))
    assert bench.events.log == []


@pytest.mark.parametrize(
    "view",
    [
        slice_view(SHAPE, 12),
        slice_view((12, 20, 25), 3),
        View(slice_view(SHAPE, 3).plane, slice_view(SHAPE, 4).plane),
    ],
)
def test_a_view_that_does_not_fit_is_passed_over(bench, view):
    bench.settle()
    bench.events.log.clear()
    bench.session.look_at(view)
    assert bench.session.view == slice_view(SHAPE, 6)
    assert bench.events.log == []


@pytest.mark.parametrize("axis", [1, 2])
@pytest.mark.parametrize("domain", Domain)
def test_planes_across_the_slices_are_exact_too(bench, axis, domain):
    bench.session.change(domain=domain, quantile=0.8)
    bench.session.look_at(plane_view(SHAPE, axis, 7))
    assert bench.shown().shape[axis] == 1
    bench.settle()
    expected = bench.expected()
    np.testing.assert_array_equal(bench.shown(), expected[bench.session.view.plane])
    bench.assert_shows_the_definition()


def test_the_block_domain_follows_what_is_looked_at(bench):
    session = bench.session
    session.change(domain=Domain.BLOCK, quantile=0.8)
    for extents in (((6, 7), (2, 9), (4, 20)), ((1, 2), (0, 20), (3, 5))):
        session.look_at(plane_view(SHAPE, 0, extents[0][0], extents))
        assert session.setting.block == extents
        bench.settle()
        bench.assert_shows_the_definition()
    assert [setting.block for (setting,) in bench.events.of("setting_changed")][1:] == [
        ((6, 7), (2, 9), (4, 20)),
        ((1, 2), (0, 20), (3, 5)),
    ]
    session.change(domain=Domain.FRAGMENT)
    assert session.setting.block is None


def test_a_view_whose_block_is_the_settings_already_is_drawn(dataset, new_bench):
    view = slice_view(SHAPE, 2)
    bench = new_bench(dataset, setting=Setting(domain=Domain.BLOCK, block=view.extents))
    bench.session.look_at(view)
    assert bench.session._shown.plane == view.plane
    bench.settle()
    bench.assert_shows_the_definition()


def test_the_whole_volume_is_shown_in_3d(bench):
    session = bench.session
    for domain in Domain:
        session.change(quantile=0.85, domain=domain)
        session.look_at(volume_view(SHAPE))
        assert not session.figures.exact
        bench.settle()
        expected = bench.expected()
        np.testing.assert_array_equal(bench.shown(), expected)
        assert session.figures.exact
        assert session.figures.slice_density is None
        assert session.figures.block_density == session.figures.fragment_density == expected.mean()
        session.look_at(slice_view(SHAPE, 6))
        bench.settle()
        bench.assert_shows_the_definition()


def test_in_3d_the_sliders_keep_the_old_volume_until_the_new_one_is_there(bench):
    session = bench.session
    session.look_at(volume_view(SHAPE))
    bench.settle()
    before = bench.shown().copy()
    bench.events.log.clear()
    session.change(quantile=0.5)
    np.testing.assert_array_equal(bench.shown(), before)
    assert bench.events.of("mask_changed") == []
    assert not session.figures.exact
    bench.settle()
    assert len(bench.events.of("mask_changed")) == 1
    np.testing.assert_array_equal(bench.shown(), bench.expected())


# ---- fragments -------------------------------------------------------------------------------


def test_fragments_change_in_order_and_round_the_end(bench):
    session = bench.session
    seen = []
    for step in (1, 1, 1, -1, -1, -1):
        session.step_fragment(step)
        seen.append(session.fragment.image_id)
        bench.settle()
        bench.assert_shows_the_definition()
    assert seen == ["b", "c", "a", "c", "b", "a"]
    assert [fragment.image_id for (fragment,) in bench.events.of("fragment_changed")] == seen


@pytest.mark.parametrize(("z", "there"), [(0, 0), (6, 2), (11, 4)], ids=["first", "middle", "last"])
def test_another_fragment_is_shown_at_the_same_relative_depth(bench, z, there):
    bench.session.look_at(slice_view(SHAPE, z))
    bench.session.show_fragment("b")
    assert bench.session.view == slice_view((5, 18, 27), there)


def test_a_new_fragment_begins_with_figures_of_its_own(bench):
    bench.settle()
    bench.session.show_fragment("c")
    figures = bench.session.figures
    assert figures.fragment_density is None
    assert not figures.exact
    assert figures.slice_density == bench.shown().mean()


def test_the_same_fragment_again_says_nothing(bench):
    bench.settle()
    bench.events.log.clear()
    bench.session.show_fragment("a")
    assert bench.events.log == []


def test_an_unknown_fragment_is_refused_and_the_old_one_stays(bench):
    with pytest.raises(KeyError, match="no fragment 'z'"):
        bench.session.show_fragment("z")
    bench.settle()
    assert bench.session.fragment.image_id == "a"
    bench.assert_shows_the_definition()


def test_the_visible_block_of_a_new_fragment_is_its_own(bench):
    session = bench.session
    session.look_at(slice_view(SHAPE, 11))
    session.change(domain=Domain.BLOCK)
    session.show_fragment("b")
    assert session.setting.block == ((4, 5), (0, 18), (0, 27))
    bench.settle()
    bench.assert_shows_the_definition()
    assert bench.events.of("failed") == []


def test_the_data_set_is_one_threshold_for_all_fragments(bench):
    session = bench.session
    session.change(domain=Domain.DATASET, quantile=0.9)
    thresholds = set()
    for _ in bench.dataset:
        bench.settle()
        bench.assert_shows_the_definition()
        thresholds.add(session.figures.threshold)
        session.step_fragment(1)
    assert len(thresholds) == 1


def test_previews_of_the_data_set_domain_are_not_those_of_the_fragment(bench, gate):
    session = bench.session
    gate.open()
    session.change(domain=Domain.DATASET, quantile=0.9)
    bench.settle()
    session.change(quantile=0.85)
    preview = session.figures.threshold
    bench.settle()
    assert preview == pytest.approx(session.figures.threshold, rel=2**-7)


def test_previews_of_smooth_data_are_near_once_learned(tmp_path, new_bench, monkeypatch):
    rng = np.random.default_rng(21)
    for name in ("p3d", "p2d"):
        (tmp_path / name).mkdir()
        np.save(tmp_path / name / "f.npy", smooth_volume(rng, (10, 60, 70)))
    bench = new_bench(open_data(tmp_path))
    bench.settle()
    gate = Gate(bench.session, monkeypatch)
    bench.session.change(blend=0.3, z_radius=1)
    preview = bench.session.figures
    gate.open()
    bench.settle()
    assert preview.threshold == pytest.approx(bench.session.figures.threshold, abs=0.02)
    assert preview.slice_density == pytest.approx(bench.session.figures.slice_density, abs=0.03)


# ---- accepting -------------------------------------------------------------------------------


def test_accept_all_and_one_by_one(bench):
    session = bench.session
    first = session.setting
    session.accept()
    assert session.accepted == dict.fromkeys("abc", first)
    session.change(quantile=0.7)
    assert session.accepted == dict.fromkeys("abc", first)  # frozen: the sliders move on alone
    session.accept(("a", "b"))
    assert session.accepted == {"c": first} | dict.fromkeys("ab", Setting(quantile=0.7))
    assert len(bench.events.of("accepted_changed")) == 2


def test_a_block_outside_another_fragment_is_not_accepted_for_any(bench):
    session = bench.session
    session.look_at(slice_view(SHAPE, 9))
    session.change(domain=Domain.BLOCK)
    with pytest.raises(FragmentError, match="fragment b"):
        session.accept()
    assert session.accepted == {}
    assert bench.events.of("accepted_changed") == []
    session.accept(("a",))
    assert session.accepted == {"a": session.setting}


def test_an_unknown_fragment_is_not_accepted(bench):
    with pytest.raises(KeyError):
        bench.session.accept(("a", "z"))
    assert bench.session.accepted == {}


def test_an_accepted_setting_can_be_shown_again(bench):
    session = bench.session
    session.change(quantile=0.77, z_radius=4)
    session.accept(("a",))
    session.change(quantile=0.5, blend=0.1)
    session.apply(session.accepted["a"])
    bench.settle()
    assert session.setting == Setting(quantile=0.77, z_radius=4)
    bench.assert_shows_the_definition()


def test_the_band_is_reported_when_it_changes(bench):
    assert bench.session.band == (0.06, 0.12)
    bench.session.set_band((0.1, 0.2))
    assert bench.session.band == (0.1, 0.2)
    assert bench.events.of("band_changed") == [((0.1, 0.2),)]


# ---- damaged data ----------------------------------------------------------------------------


def test_damage_elsewhere_in_the_fragment_is_reported_and_figures_stay_inexact(damaged, new_bench):
    bench = new_bench(damaged)
    bench.session.change(z_radius=0)
    bench.settle()
    error = bench.events.of("failed")[-1][0]
    assert isinstance(error, VolumeError)
    assert str(damaged["a"].p3d.path) in str(error)
    assert "fragment a" in str(error)
    assert "NaN" in str(error)
    assert not bench.session.figures.exact
    assert bench.session.figures.fragment_density is None


def test_a_damaged_slice_is_reported_at_once_and_nothing_of_it_is_claimed(damaged, new_bench):
    bench = new_bench(damaged, setting=Setting(z_radius=0))
    bench.settle()
    bench.events.log.clear()
    bench.session.look_at(slice_view((9, 8, 10), 2))
    assert bench.events.names() == ["figures_changed", "failed"]
    figures = bench.session.figures
    assert (figures.threshold, figures.slice_density, figures.exact) == (None, None, False)
    with pytest.raises(VolumeError, match="fragment a"):
        bench.shown()


def test_the_mask_from_before_a_failure_is_not_shown_for_the_setting_after_it(damaged, new_bench):
    bench = new_bench(damaged, setting=Setting(z_radius=0, domain=Domain.SLICE))
    sound = bench.session.view.plane
    bench.session.look_at(slice_view((9, 8, 10), 2))
    bench.session.change(quantile=0.5)
    assert bench.session.mask_block(sound).mean() == 0.5


def test_other_slices_and_fragments_are_usable_after_a_failure(damaged, new_bench):
    bench = new_bench(damaged, setting=Setting(z_radius=0))
    session = bench.session
    session.look_at(slice_view((9, 8, 10), 2))
    session.look_at(slice_view((9, 8, 10), 5))
    assert bench.shown().shape == (1, 8, 10)
    session.show_fragment("b")
    bench.settle()
    bench.events.log.clear()
    session.change(quantile=0.7, z_radius=2)
    bench.settle()
    assert bench.events.of("failed") == []
    which = slice(5, 6)
    np.testing.assert_array_equal(bench.shown(), sound_mask(bench)[which])
    assert session.figures.exact


def sound_mask(bench):
    """Return the defined mask of the sound fragment alone; the other one cannot be read."""
    from tests.core.definition import defined_mask

    fragment = bench.dataset["b"]
    return defined_mask([(fragment.p3d.read(), fragment.p2d.read())], bench.session.setting)


def test_the_data_set_domain_fails_by_the_damaged_fragment_and_recovers(damaged, new_bench):
    bench = new_bench(damaged)
    session = bench.session
    session.show_fragment("b")
    bench.settle()
    bench.events.log.clear()
    session.change(domain=Domain.DATASET)
    bench.settle()
    assert ["fragment a" in str(error) for (error,) in bench.events.of("failed")] == [True]
    assert not session.figures.exact
    session.change(domain=Domain.FRAGMENT)
    bench.settle()
    assert session.figures.exact
    np.testing.assert_array_equal(bench.shown(), sound_mask(bench)[session.view.plane])


def test_a_whole_mask_of_damaged_data_is_refused_with_file_and_fragment(damaged, new_bench):
    with pytest.raises(VolumeError, match="fragment a"):
        new_bench(damaged).session.whole_mask()


def test_a_file_that_is_gone_is_reported(tmp_path, new_bench):
    dataset = write_damaged(tmp_path / "data")
    bench = new_bench(dataset)
    bench.session.show_fragment("b")
    bench.settle()
    bench.events.log.clear()
    dataset["a"].p2d.path.unlink()
    bench.session.show_fragment("a")
    bench.settle()
    messages = [str(error) for (error,) in bench.events.of("failed")]
    assert messages
    assert all("fragment a" in message for message in messages)


# ---- threads ---------------------------------------------------------------------------------


def test_all_signals_come_in_the_owners_thread(damaged, new_bench):
    bench = new_bench(damaged)
    session = bench.session
    bench.settle()
    session.show_fragment("b")
    session.change(quantile=0.7)
    bench.settle()
    session.look_at(volume_view((9, 8, 10)))
    session.accept()
    session.set_band((0.1, 0.3))
    bench.settle()
    assert set(bench.events.names()) == {
        "setting_changed",
        "fragment_changed",
        "mask_changed",
        "figures_changed",
        "accepted_changed",
        "band_changed",
        "failed",
    }
    assert bench.events.threads == {threading.get_ident()}


def test_the_mask_may_be_read_from_another_thread_while_sliders_move(bench):
    session, found, stop = bench.session, [], threading.Event()
    plane = slice_view(SHAPE, 4).plane

    def read():
        while not stop.is_set():
            found.append(session.mask_block(plane).sum())

    reader = threading.Thread(target=read)
    reader.start()
    for number in range(60):
        session.change(quantile=0.5 + number / 200, z_radius=number % 5)
        bench.loop.run()
    stop.set()
    reader.join(PATIENCE)
    assert not reader.is_alive()
    assert found
    bench.settle()
    np.testing.assert_array_equal(session.mask_block(plane), bench.expected()[plane])


def test_close_ends_all_threads_and_gives_the_memory_back(dataset, new_bench):
    wait_for(lambda: named_threads() == [])
    bench = new_bench(dataset)
    bench.settle()
    bench.session.change(quantile=0.7)
    assert named_threads()
    assert bench.session.pipelines.is_loaded("a")
    bench.session.close()
    wait_for(lambda: named_threads() == [])
    assert not bench.session.pipelines.is_loaded("a")


def test_close_ends_work_that_is_under_way(bench, monkeypatch):
    bench.settle()
    entered = threading.Event()
    prepare = bench.session.pipelines.prepare_dataset

    def endless(setting, cancelled, progress=None):
        entered.set()
        wait_for(cancelled)
        return prepare(setting, cancelled, progress)

    monkeypatch.setattr(bench.session.pipelines, "prepare_dataset", endless)
    bench.session.change(quantile=0.7)
    assert entered.wait(PATIENCE)
    bench.session.close()
    wait_for(lambda: named_threads() == [])


@pytest.mark.parametrize("which", ["sound", "damaged"])
def test_nothing_is_reported_after_close(dataset, damaged, new_bench, which):
    chosen = {"sound": dataset, "damaged": damaged}[which]
    bench = new_bench(chosen, setting=Setting(z_radius=0))
    assert bench.session.wait_until_exact(PATIENCE)
    assert bench.loop.posted.qsize() > 0
    bench.session.close()
    bench.events.log.clear()
    bench.loop.run()
    assert bench.events.log == []


def test_two_sessions_on_one_data_set_do_not_disturb_each_other(dataset, new_bench):
    first, second = new_bench(dataset), new_bench(dataset)
    first.session.change(quantile=0.6)
    second.session.show_fragment("b")
    for bench in (first, second):
        bench.settle()
        bench.assert_shows_the_definition()
    second.session.close()
    first.session.change(quantile=0.9, z_radius=5)
    first.settle()
    first.assert_shows_the_definition()


def test_the_session_equals_a_run_of_the_same_setting(bench):
    bench.session.change(quantile=0.91, z_radius=4, blend=0.55)
    bench.settle()
    pipelines = PipelineSet(bench.dataset)
    pipeline = pipelines.loaded("a")
    setting = bench.session.setting
    slabs = [slab.mask for slab in pipeline.slabs(setting, pipeline.threshold(setting))]
    np.testing.assert_array_equal(bench.session.whole_mask(), np.concatenate(slabs))


def test_a_quantile_on_a_plateau_is_noted_until_the_setting_mends_it(tmp_path, new_bench):
    volume = np.zeros((6, 12, 14), np.float32)
    volume[:, 4] = np.linspace(0.5, 1, 6 * 14).reshape(6, 14)
    write_data_folder(tmp_path / "empty", "a", {"p3d": volume})
    bench = new_bench(open_data(tmp_path / "empty"), setting=Setting(quantile=0.5, z_radius=0))
    bench.settle()
    (note,) = bench.session.figures.notes
    assert "quantile 0.5 falls on 0, the score of 91.7%" in note
    bench.session.change(domain=Domain.NONZERO)
    bench.settle()
    assert bench.session.figures.notes == ()
    assert bench.session.figures.fragment_density == pytest.approx(1 / 24)
    bench.session.change(rule="probability", probability=1.0, blend=0.0)
    bench.session.change(probability=1.0, z_radius=3)
    bench.settle()
    assert bench.session.figures.notes == ()
