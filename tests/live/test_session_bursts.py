"""After any burst of slider events the last setting is shown, and little else is computed."""

from __future__ import annotations

import numpy as np
import pytest

from napari_nx46.live.view import slice_view
from tests.live.driver import PATIENCE
from tests.live.gates import SHAPE

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
