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
from napari_nx46.voxels.blocks import whole_block
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
def gate(driver, monkeypatch):
    """Return a gate that holds the worker of the driver back; it has nothing to do yet."""
    driver.settle()
    made = Gate(driver.session, monkeypatch)
    yield made
    made.open()


# ---- what is shown ---------------------------------------------------------------------------


def test_start_shows_the_middle_slice_before_it_returns(dataset, new_driver):
    driver = new_driver(dataset)
    assert driver.session.fragment.image_id == "a"
    assert driver.session.view == slice_view(SHAPE, 6)
    assert driver.events.names()[:2] == ["mask_changed", "figures_changed"]
    driver.settle()
    driver.assert_shows_the_definition()


@pytest.mark.parametrize("image_id", ["a", "b", "c"])
@pytest.mark.parametrize("domain", Domain)
def test_once_exact_the_slice_equals_the_plain_definition(driver, image_id, domain):
    session = driver.session
    session.show_fragment(image_id)
    for radius, quantile, blend in ((0, 0.5, 0.0), (3, 0.9, 0.35), (8, 0.97, 1.0)):
        session.change(z_radius=radius, quantile=quantile, blend=blend, domain=domain)
        for z in (0, session.fragment.shape[0] - 1):
            session.look_at(slice_view(session.fragment.shape, z))
            driver.settle()
            driver.assert_shows_the_definition()
    assert driver.events.of("failed") == []


@st.composite
def steps(draw):
    """Draw what a user may do with a driver of three fragments."""
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


def do(driver, step):
    """Do one drawn step."""
    session, (kind, choice) = driver.session, step
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
def test_whatever_a_user_does_the_end_equals_the_plain_definition(dataset, new_driver, patient):
    @settings(max_examples=20, suppress_health_check=list(HealthCheck))
    @given(todo=st.lists(steps(), min_size=1, max_size=10))
    def check(todo):
        driver = new_driver(dataset)
        for step in todo:
            do(driver, step)
            if patient:
                driver.settle()
        driver.settle()
        assert driver.events.of("failed") == []
        expected, session = driver.expected(), driver.session
        np.testing.assert_array_equal(driver.shown(), expected[session.view.plane])
        np.testing.assert_array_equal(session.whole_mask(), expected)
        figures = session.figures
        assert figures.exact
        assert figures.fragment_exact
        assert figures.fragment_density == expected.mean()
        assert figures.block_density == expected[session.view.block].mean()
        session.close()

    check()


def test_change_says_setting_then_mask_then_figures_before_it_returns(driver):
    driver.settle()
    driver.events.log.clear()
    driver.session.change(quantile=0.8)
    assert driver.events.names() == ["setting_changed", "mask_changed", "figures_changed"]
    ((setting,),) = driver.events.of("setting_changed")
    assert setting == driver.session.setting == Setting(quantile=0.8)


def test_mask_changed_carries_the_mask_that_is_shown(driver, gate):
    session, carried = driver.session, []
    session.mask_changed.connect(carried.append)
    session.change(quantile=0.8, z_radius=2)
    (preview,) = carried
    assert preview is session.shown
    assert (preview.setting, preview.plane) == (session.setting, session.view.plane)
    assert preview.exact == session.figures.exact is False
    np.testing.assert_array_equal(preview.mask, driver.shown())
    with pytest.raises(ValueError, match="read-only"):
        preview.mask[...] = 1
    gate.open()
    driver.settle()
    assert session.shown.exact
    np.testing.assert_array_equal(session.shown.mask, driver.expected()[session.view.plane])
    session.look_at(volume_view(SHAPE))
    driver.settle()
    whole = carried[-1]
    assert whole.exact
    assert whole.plane == whole_block(SHAPE)
    np.testing.assert_array_equal(whole.mask, driver.expected())
    assert session.shown is None


def test_a_change_to_the_same_value_says_nothing(driver):
    driver.settle()
    driver.events.log.clear()
    driver.session.change(quantile=driver.session.setting.quantile)
    assert driver.events.log == []


def test_the_shown_mask_follows_the_slider_before_the_worker_does(driver, gate):
    before = driver.session.figures.slice_density
    driver.session.change(quantile=0.6)
    assert gate.entered.wait(PATIENCE)
    assert driver.shown().mean() == pytest.approx(0.4, abs=0.05)
    assert driver.session.figures.slice_density == driver.shown().mean()
    assert before == pytest.approx(0.05, abs=0.02)


def test_figures_are_marked_inexact_until_the_worker_is_done(driver, gate):
    known = driver.session.figures.fragment_density
    assert driver.session.figures.exact
    driver.session.change(blend=0.2, quantile=0.6)
    figures = driver.session.figures
    assert not figures.exact
    assert not figures.fragment_exact
    assert figures.fragment_density == known  # the old one, marked so
    assert gate.entered.wait(PATIENCE)
    driver.loop.run()
    assert not driver.session.figures.exact
    gate.open()
    driver.settle()
    driver.assert_shows_the_definition()


@pytest.mark.parametrize("domain", [Domain.SLICE, Domain.BLOCK])
def test_local_domains_are_drawn_exactly_at_once(driver, gate, domain):
    driver.session.change(quantile=0.83, blend=0.3, domain=domain)
    expected = driver.expected()
    np.testing.assert_array_equal(driver.shown(), expected[6:7])
    assert not driver.session.figures.fragment_exact  # it is still to come
    driver.session.look_at(slice_view(SHAPE, 2))
    np.testing.assert_array_equal(driver.shown(), driver.expected()[2:3])


def test_the_threshold_is_reported_in_units_of_probability(driver):
    driver.session.change(quantile=0.9, domain=Domain.SLICE)
    driver.session.look_at(slice_view(SHAPE, 3))
    driver.settle()
    score = driver.session.pipelines["a"].score(driver.session.setting, slice_view(SHAPE, 3).plane)
    assert driver.session.figures.threshold == np.quantile(score.astype(np.float64), 0.9)


def test_a_knob_out_of_range_is_refused_and_changes_nothing(driver):
    setting = driver.session.setting
    for knobs in ({"quantile": 1.5}, {"z_radius": 9}, {"domain": "nowhere"}, {"speed": 1}):
        with pytest.raises(SettingError):
            driver.session.change(**knobs)
    assert driver.session.setting == setting
    assert driver.events.of("setting_changed") == []


def test_a_domain_may_be_given_by_its_name(driver):
    driver.session.change(domain="block")
    assert driver.session.setting.block == driver.session.view.extents
    driver.session.change(domain="slice")
    assert driver.session.setting == Setting(domain=Domain.SLICE)


def test_streaming_what_memory_cannot_hold_changes_no_bit(dataset, new_driver):
    driver = new_driver(dataset, memory_budget=0, workers=Workers(1))
    for domain in Domain:
        driver.session.change(quantile=0.88, z_radius=3, domain=domain)
        driver.settle()
        driver.assert_shows_the_definition()
        assert not driver.session.pipelines.is_loaded("a")


def test_channels_and_single_volumes_are_shown_too(tmp_path, new_driver):
    probabilities = np.random.default_rng(8).random((2, 4, 6, 5)).astype(np.float32)
    np.savez(tmp_path / "case.npz", probabilities=probabilities)
    driver = new_driver(open_data(tmp_path / "case.npz"))
    driver.settle()
    driver.assert_shows_the_definition()


def test_a_fragment_of_one_voxel_is_shown(tmp_path, new_driver):
    np.save(tmp_path / "tiny.npy", np.full((1, 1, 1), 0.5, np.float32))
    driver = new_driver(open_data(tmp_path / "tiny.npy"))
    for domain in Domain:
        driver.session.change(domain=domain)
        driver.settle()
        driver.assert_shows_the_definition()


# ---- bursts ----------------------------------------------------------------------------------


def test_after_a_burst_the_last_setting_is_shown_and_one_stale_request_begun(driver, gate):
    session = driver.session
    assert session.warm_up.wait(PATIENCE)
    driver.loop.run()
    session.change(quantile=0.5)
    assert gate.entered.wait(PATIENCE)
    begun = session.exact_requests_begun
    for quantile in np.linspace(0.55, 0.98, 300):
        session.change(quantile=float(quantile))
        assert driver.loop.posted.qsize() == 0
    assert session.exact_requests_begun == begun
    gate.open()
    driver.settle()
    assert session.exact_requests_begun == begun + 1
    assert len(driver.events.of("mask_changed")) >= 301
    assert session.setting.quantile == pytest.approx(0.98)
    driver.assert_shows_the_definition()


def test_after_a_free_burst_at_most_one_stale_request_is_begun(driver):
    session = driver.session
    driver.settle()
    for number in range(300):
        session.change(quantile=0.5 + number / 700, z_radius=number % 9)
    begun = session.exact_requests_begun
    driver.settle()
    assert session.exact_requests_begun - begun <= 1 + 1
    driver.assert_shows_the_definition()


def test_each_event_of_a_burst_draws_before_the_next(driver):
    densities = []
    driver.session.mask_changed.connect(lambda: densities.append(driver.shown().mean()))
    for quantile in (0.9, 0.8, 0.7, 0.6):
        driver.session.change(quantile=quantile)
    assert len(densities) == 4
    assert densities == sorted(densities)


def test_results_that_were_overtaken_while_posted_are_not_shown(driver):
    session = driver.session
    driver.settle()
    session.change(quantile=0.6)
    assert session.wait_until_exact(PATIENCE)  # its result is posted, and not taken yet
    session.change(quantile=0.9)
    driver.events.log.clear()
    driver.loop.posted.get()()
    assert not session.figures.exact
    assert driver.events.of("figures_changed") == []
    driver.settle()
    driver.assert_shows_the_definition()


def test_the_result_of_a_fragment_that_was_left_is_not_shown(driver, gate):
    session = driver.session
    session.change(quantile=0.6)
    gate.open()
    assert session.wait_until_exact(PATIENCE)  # its result is posted, and not taken yet
    gate.close()
    session.show_fragment("b")
    driver.loop.run()
    assert not session.figures.exact
    assert session.figures.fragment_density is None
    gate.open()
    driver.settle()
    driver.assert_shows_the_definition()


def test_a_new_fragment_is_not_previewed_by_what_was_learned_of_the_old_one(driver, gate):
    session = driver.session
    session.show_fragment("b")
    plane_scores = session.pipelines["b"].score(session.setting, session.view.plane)
    expected = np.quantile(plane_scores.astype(np.float64), session.setting.quantile)
    assert session.figures.threshold == expected


def test_returning_to_the_exact_setting_asks_for_nothing(driver):
    session = driver.session
    driver.settle()
    begun = session.exact_requests_begun
    for z in (0, 5, 11, 6):
        session.look_at(slice_view(SHAPE, z))
        driver.assert_shows_the_definition()
    assert session.exact_requests_begun == begun


# ---- views -----------------------------------------------------------------------------------


def test_panning_within_the_slice_measures_the_block_without_drawing(driver):
    driver.settle()
    driver.events.log.clear()
    driver.session.look_at(plane_view(SHAPE, 0, 6, ((6, 7), (3, 11), (5, 9))))
    assert driver.events.names() == ["figures_changed"]
    driver.assert_shows_the_definition()


def test_the_same_view_says_nothing(driver):
    driver.settle()
    driver.events.log.clear()
    driver.session.look_at(slice_view(SHAPE, 6))
    assert driver.events.log == []


@pytest.mark.parametrize(
    "view",
    [
        slice_view(SHAPE, 12),
        slice_view((12, 20, 25), 3),
        View(slice_view(SHAPE, 3).plane, slice_view(SHAPE, 4).plane),
    ],
)
def test_a_view_that_does_not_fit_is_passed_over(driver, view):
    driver.settle()
    driver.events.log.clear()
    driver.session.look_at(view)
    assert driver.session.view == slice_view(SHAPE, 6)
    assert driver.events.log == []


@pytest.mark.parametrize("axis", [1, 2])
@pytest.mark.parametrize("domain", Domain)
def test_planes_across_the_slices_are_exact_too(driver, axis, domain):
    driver.session.change(domain=domain, quantile=0.8)
    driver.session.look_at(plane_view(SHAPE, axis, 7))
    assert driver.shown().shape[axis] == 1
    driver.settle()
    expected = driver.expected()
    np.testing.assert_array_equal(driver.shown(), expected[driver.session.view.plane])
    driver.assert_shows_the_definition()


def test_the_block_domain_follows_what_is_looked_at(driver):
    session = driver.session
    session.change(domain=Domain.BLOCK, quantile=0.8)
    for extents in (((6, 7), (2, 9), (4, 20)), ((1, 2), (0, 20), (3, 5))):
        session.look_at(plane_view(SHAPE, 0, extents[0][0], extents))
        assert session.setting.block == extents
        driver.settle()
        driver.assert_shows_the_definition()
    assert [setting.block for (setting,) in driver.events.of("setting_changed")][1:] == [
        ((6, 7), (2, 9), (4, 20)),
        ((1, 2), (0, 20), (3, 5)),
    ]
    session.change(domain=Domain.FRAGMENT)
    assert session.setting.block is None


def test_a_view_whose_block_is_the_settings_already_is_drawn(dataset, new_driver):
    view = slice_view(SHAPE, 2)
    driver = new_driver(dataset, setting=Setting(domain=Domain.BLOCK, block=view.extents))
    driver.session.look_at(view)
    assert driver.session.shown.plane == view.plane
    driver.settle()
    driver.assert_shows_the_definition()


def test_the_whole_volume_is_shown_in_3d(driver):
    session = driver.session
    for domain in Domain:
        session.change(quantile=0.85, domain=domain)
        session.look_at(volume_view(SHAPE))
        assert not session.figures.exact
        driver.settle()
        expected = driver.expected()
        np.testing.assert_array_equal(driver.shown(), expected)
        assert session.figures.exact
        assert session.figures.slice_density is None
        assert session.figures.block_density == session.figures.fragment_density == expected.mean()
        session.look_at(slice_view(SHAPE, 6))
        driver.settle()
        driver.assert_shows_the_definition()


def test_in_3d_the_sliders_keep_the_old_volume_until_the_new_one_is_there(driver):
    session = driver.session
    session.look_at(volume_view(SHAPE))
    driver.settle()
    before = driver.shown().copy()
    driver.events.log.clear()
    session.change(quantile=0.5)
    np.testing.assert_array_equal(driver.shown(), before)
    assert driver.events.of("mask_changed") == []
    assert not session.figures.exact
    driver.settle()
    assert len(driver.events.of("mask_changed")) == 1
    np.testing.assert_array_equal(driver.shown(), driver.expected())


# ---- fragments -------------------------------------------------------------------------------


def test_fragments_change_in_order_and_round_the_end(driver):
    session = driver.session
    seen = []
    for step in (1, 1, 1, -1, -1, -1):
        session.step_fragment(step)
        seen.append(session.fragment.image_id)
        driver.settle()
        driver.assert_shows_the_definition()
    assert seen == ["b", "c", "a", "c", "b", "a"]
    assert [fragment.image_id for (fragment,) in driver.events.of("fragment_changed")] == seen


@pytest.mark.parametrize(("z", "there"), [(0, 0), (6, 2), (11, 4)], ids=["first", "middle", "last"])
def test_another_fragment_is_shown_at_the_same_relative_depth(driver, z, there):
    driver.session.look_at(slice_view(SHAPE, z))
    driver.session.show_fragment("b")
    assert driver.session.view == slice_view((5, 18, 27), there)


def test_a_new_fragment_begins_with_figures_of_its_own(driver):
    driver.settle()
    driver.session.show_fragment("c")
    figures = driver.session.figures
    assert figures.fragment_density is None
    assert not figures.exact
    assert figures.slice_density == driver.shown().mean()


def test_the_same_fragment_again_says_nothing(driver):
    driver.settle()
    driver.events.log.clear()
    driver.session.show_fragment("a")
    assert driver.events.log == []


def test_an_unknown_fragment_is_refused_and_the_old_one_stays(driver):
    with pytest.raises(KeyError, match="no fragment 'z'"):
        driver.session.show_fragment("z")
    driver.settle()
    assert driver.session.fragment.image_id == "a"
    driver.assert_shows_the_definition()


def test_the_visible_block_of_a_new_fragment_is_its_own(driver):
    session = driver.session
    session.look_at(slice_view(SHAPE, 11))
    session.change(domain=Domain.BLOCK)
    session.show_fragment("b")
    assert session.setting.block == ((4, 5), (0, 18), (0, 27))
    driver.settle()
    driver.assert_shows_the_definition()
    assert driver.events.of("failed") == []


def test_the_data_set_is_one_threshold_for_all_fragments(driver):
    session = driver.session
    session.change(domain=Domain.DATASET, quantile=0.9)
    thresholds = set()
    for _ in driver.dataset:
        driver.settle()
        driver.assert_shows_the_definition()
        thresholds.add(session.figures.threshold)
        session.step_fragment(1)
    assert len(thresholds) == 1


def test_previews_of_the_data_set_domain_are_not_those_of_the_fragment(driver, gate):
    session = driver.session
    gate.open()
    session.change(domain=Domain.DATASET, quantile=0.9)
    driver.settle()
    session.change(quantile=0.85)
    preview = session.figures.threshold
    driver.settle()
    assert preview == pytest.approx(session.figures.threshold, rel=2**-7)


def test_previews_of_smooth_data_are_near_once_learned(tmp_path, new_driver, monkeypatch):
    rng = np.random.default_rng(21)
    for name in ("p3d", "p2d"):
        (tmp_path / name).mkdir()
        np.save(tmp_path / name / "f.npy", smooth_volume(rng, (10, 60, 70)))
    driver = new_driver(open_data(tmp_path))
    driver.settle()
    gate = Gate(driver.session, monkeypatch)
    driver.session.change(blend=0.3, z_radius=1)
    preview = driver.session.figures
    gate.open()
    driver.settle()
    assert preview.threshold == pytest.approx(driver.session.figures.threshold, abs=0.02)
    assert preview.slice_density == pytest.approx(driver.session.figures.slice_density, abs=0.03)


# ---- accepting -------------------------------------------------------------------------------


def test_accept_all_and_one_by_one(driver):
    session = driver.session
    first = session.setting
    session.accept()
    assert session.accepted == dict.fromkeys("abc", first)
    session.change(quantile=0.7)
    assert session.accepted == dict.fromkeys("abc", first)  # frozen: the sliders move on alone
    session.accept(("a", "b"))
    assert session.accepted == {"c": first} | dict.fromkeys("ab", Setting(quantile=0.7))
    assert len(driver.events.of("accepted_changed")) == 2


def test_a_block_outside_another_fragment_is_not_accepted_for_any(driver):
    session = driver.session
    session.look_at(slice_view(SHAPE, 9))
    session.change(domain=Domain.BLOCK)
    with pytest.raises(FragmentError, match="fragment b"):
        session.accept()
    assert session.accepted == {}
    assert driver.events.of("accepted_changed") == []
    session.accept(("a",))
    assert session.accepted == {"a": session.setting}


def test_an_unknown_fragment_is_not_accepted(driver):
    with pytest.raises(KeyError):
        driver.session.accept(("a", "z"))
    assert driver.session.accepted == {}


def test_an_accepted_setting_can_be_shown_again(driver):
    session = driver.session
    session.change(quantile=0.77, z_radius=4)
    session.accept(("a",))
    session.change(quantile=0.5, blend=0.1)
    session.apply(session.accepted["a"])
    driver.settle()
    assert session.setting == Setting(quantile=0.77, z_radius=4)
    driver.assert_shows_the_definition()


def test_the_band_is_reported_when_it_changes(driver):
    assert driver.session.band == (0.06, 0.12)
    driver.session.set_band((0.1, 0.2))
    assert driver.session.band == (0.1, 0.2)
    assert driver.events.of("band_changed") == [((0.1, 0.2),)]


# ---- damaged data ----------------------------------------------------------------------------


def test_damage_elsewhere_in_the_fragment_is_reported_and_figures_stay_inexact(damaged, new_driver):
    driver = new_driver(damaged)
    driver.session.change(z_radius=0)
    driver.settle()
    error = driver.events.of("failed")[-1][0]
    assert isinstance(error, VolumeError)
    assert str(damaged["a"].p3d.path) in str(error)
    assert "fragment a" in str(error)
    assert "NaN" in str(error)
    assert not driver.session.figures.exact
    assert driver.session.figures.fragment_density is None


def test_a_damaged_slice_is_reported_at_once_and_nothing_of_it_is_claimed(damaged, new_driver):
    driver = new_driver(damaged, setting=Setting(z_radius=0))
    driver.settle()
    driver.events.log.clear()
    driver.session.look_at(slice_view((9, 8, 10), 2))
    assert driver.events.names() == ["figures_changed", "failed"]
    figures = driver.session.figures
    assert (figures.threshold, figures.slice_density, figures.exact) == (None, None, False)
    with pytest.raises(VolumeError, match="fragment a"):
        driver.shown()


def test_the_mask_from_before_a_failure_is_not_shown_for_the_setting_after_it(damaged, new_driver):
    driver = new_driver(damaged, setting=Setting(z_radius=0, domain=Domain.SLICE))
    sound = driver.session.view.plane
    driver.session.look_at(slice_view((9, 8, 10), 2))
    driver.session.change(quantile=0.5)
    assert driver.session.mask_block(sound).mean() == 0.5


def test_other_slices_and_fragments_are_usable_after_a_failure(damaged, new_driver):
    driver = new_driver(damaged, setting=Setting(z_radius=0))
    session = driver.session
    session.look_at(slice_view((9, 8, 10), 2))
    session.look_at(slice_view((9, 8, 10), 5))
    assert driver.shown().shape == (1, 8, 10)
    session.show_fragment("b")
    driver.settle()
    driver.events.log.clear()
    session.change(quantile=0.7, z_radius=2)
    driver.settle()
    assert driver.events.of("failed") == []
    which = slice(5, 6)
    np.testing.assert_array_equal(driver.shown(), sound_mask(driver)[which])
    assert session.figures.exact


def sound_mask(driver):
    """Return the defined mask of the sound fragment alone; the other one cannot be read."""
    from tests.core.definition import defined_mask

    fragment = driver.dataset["b"]
    return defined_mask([(fragment.p3d.read(), fragment.p2d.read())], driver.session.setting)


def test_the_data_set_domain_fails_by_the_damaged_fragment_and_recovers(damaged, new_driver):
    driver = new_driver(damaged)
    session = driver.session
    session.show_fragment("b")
    driver.settle()
    driver.events.log.clear()
    session.change(domain=Domain.DATASET)
    driver.settle()
    assert ["fragment a" in str(error) for (error,) in driver.events.of("failed")] == [True]
    assert not session.figures.exact
    session.change(domain=Domain.FRAGMENT)
    driver.settle()
    assert session.figures.exact
    np.testing.assert_array_equal(driver.shown(), sound_mask(driver)[session.view.plane])


def test_a_whole_mask_of_damaged_data_is_refused_with_file_and_fragment(damaged, new_driver):
    with pytest.raises(VolumeError, match="fragment a"):
        new_driver(damaged).session.whole_mask()


def test_a_file_that_is_gone_is_reported(tmp_path, new_driver):
    dataset = write_damaged(tmp_path / "data")
    driver = new_driver(dataset)
    driver.session.show_fragment("b")
    driver.settle()
    driver.events.log.clear()
    dataset["a"].p2d.path.unlink()
    driver.session.show_fragment("a")
    driver.settle()
    messages = [str(error) for (error,) in driver.events.of("failed")]
    assert messages
    assert all("fragment a" in message for message in messages)


# ---- threads ---------------------------------------------------------------------------------


def test_all_signals_come_in_the_owners_thread(damaged, new_driver):
    driver = new_driver(damaged)
    session = driver.session
    driver.settle()
    session.show_fragment("b")
    session.change(quantile=0.7)
    driver.settle()
    session.look_at(volume_view((9, 8, 10)))
    session.accept()
    session.set_band((0.1, 0.3))
    driver.settle()
    assert set(driver.events.names()) == {
        "setting_changed",
        "fragment_changed",
        "mask_changed",
        "figures_changed",
        "accepted_changed",
        "band_changed",
        "failed",
    }
    assert driver.events.threads == {threading.get_ident()}


def test_the_mask_may_be_read_from_another_thread_while_sliders_move(driver):
    session, found, stop = driver.session, [], threading.Event()
    plane = slice_view(SHAPE, 4).plane

    def read():
        while not stop.is_set():
            found.append(session.mask_block(plane).sum())

    reader = threading.Thread(target=read)
    reader.start()
    for number in range(60):
        session.change(quantile=0.5 + number / 200, z_radius=number % 5)
        driver.loop.run()
    stop.set()
    reader.join(PATIENCE)
    assert not reader.is_alive()
    assert found
    driver.settle()
    np.testing.assert_array_equal(session.mask_block(plane), driver.expected()[plane])


def test_close_ends_all_threads_and_gives_the_memory_back(dataset, new_driver):
    wait_for(lambda: named_threads() == [])
    driver = new_driver(dataset)
    driver.settle()
    driver.session.change(quantile=0.7)
    assert named_threads()
    assert driver.session.pipelines.is_loaded("a")
    driver.session.close()
    wait_for(lambda: named_threads() == [])
    assert not driver.session.pipelines.is_loaded("a")


def test_close_ends_work_that_is_under_way(driver, monkeypatch):
    driver.settle()
    entered = threading.Event()
    prepare = driver.session.pipelines.prepare_dataset

    def endless(setting, cancelled, progress=None):
        entered.set()
        wait_for(cancelled)
        return prepare(setting, cancelled, progress)

    monkeypatch.setattr(driver.session.pipelines, "prepare_dataset", endless)
    driver.session.change(quantile=0.7)
    assert entered.wait(PATIENCE)
    driver.session.close()
    wait_for(lambda: named_threads() == [])


@pytest.mark.parametrize("which", ["sound", "damaged"])
def test_nothing_is_reported_after_close(dataset, damaged, new_driver, which):
    chosen = {"sound": dataset, "damaged": damaged}[which]
    driver = new_driver(chosen, setting=Setting(z_radius=0))
    assert driver.session.wait_until_exact(PATIENCE)
    assert driver.loop.posted.qsize() > 0
    driver.session.close()
    driver.events.log.clear()
    driver.loop.run()
    assert driver.events.log == []


def test_two_sessions_on_one_data_set_do_not_disturb_each_other(dataset, new_driver):
    first, second = new_driver(dataset), new_driver(dataset)
    first.session.change(quantile=0.6)
    second.session.show_fragment("b")
    for driver in (first, second):
        driver.settle()
        driver.assert_shows_the_definition()
    second.session.close()
    first.session.change(quantile=0.9, z_radius=5)
    first.settle()
    first.assert_shows_the_definition()


def test_the_session_equals_a_run_of_the_same_setting(driver):
    driver.session.change(quantile=0.91, z_radius=4, blend=0.55)
    driver.settle()
    pipelines = PipelineSet(driver.dataset)
    pipeline = pipelines.loaded("a")
    setting = driver.session.setting
    slabs = [slab.mask for slab in pipeline.slabs(setting, pipeline.threshold(setting))]
    np.testing.assert_array_equal(driver.session.whole_mask(), np.concatenate(slabs))


def test_a_quantile_on_a_plateau_is_noted_until_the_setting_mends_it(tmp_path, new_driver):
    volume = np.zeros((6, 12, 14), np.float32)
    volume[:, 4] = np.linspace(0.5, 1, 6 * 14).reshape(6, 14)
    write_data_folder(tmp_path / "empty", "a", {"p3d": volume})
    driver = new_driver(open_data(tmp_path / "empty"), setting=Setting(quantile=0.5, z_radius=0))
    driver.settle()
    (note,) = driver.session.figures.notes
    assert "quantile 0.5 falls on 0, the score of 91.7%" in note
    driver.session.change(domain=Domain.NONZERO)
    driver.settle()
    assert driver.session.figures.notes == ()
    assert driver.session.figures.fragment_density == pytest.approx(1 / 24)
    driver.session.change(rule="probability", probability=1.0, blend=0.0)
    driver.session.change(probability=1.0, z_radius=3)
    driver.settle()
    assert driver.session.figures.notes == ()
