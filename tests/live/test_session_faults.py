"""A session on damaged data, its threads, and its end."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from napari_nx46.data.fragments import VolumeError, open_data, write_data_folder
from napari_nx46.live.view import slice_view, volume_view
from napari_nx46.run.pipelines import PipelineSet
from napari_nx46.setting import Domain, Setting
from tests.live.driver import PATIENCE, named_threads, wait_for, write_damaged
from tests.live.gates import SHAPE

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
