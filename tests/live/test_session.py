"""The session shows at once what the sliders say, and exactly what the definition gives."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from napari_nx46.data.fragments import open_data
from napari_nx46.live.view import slice_view, volume_view
from napari_nx46.setting import Domain, Setting, SettingError
from napari_nx46.voxels.blocks import whole_block
from napari_nx46.voxels.workers import Workers
from tests.live.driver import PATIENCE, plane_view
from tests.live.gates import SHAPE

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
