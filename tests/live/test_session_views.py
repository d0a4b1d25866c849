"""What a session shows of other views and other fragments, and what is accepted there."""

from __future__ import annotations

import numpy as np
import pytest

from napari_nx46.data.fragments import FragmentError, open_data
from napari_nx46.live.view import View, slice_view, volume_view
from napari_nx46.setting import Domain, Setting
from tests.live.driver import plane_view, smooth_volume
from tests.live.gates import SHAPE, Gate

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
