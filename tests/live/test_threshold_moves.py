"""The knob that dragging a threshold moves puts it where it was dragged."""

from __future__ import annotations

import numpy as np
import pytest

from napari_nx46.live.threshold_moves import knob_at, threshold_knob
from napari_nx46.setting import Setting

SCORE = 0.62


def histogram_of(driver):
    session = driver.session
    return session.pipelines[session.fragment.image_id].stage(session.setting).histogram


def drag(driver, score, *, low=False):
    """Move the threshold as a line in a plot would; return the name of the knob."""
    name, value = knob_at(driver.session, score, histogram_of(driver), low=low)
    driver.session.change(**{name: value})
    driver.settle()
    return name


@pytest.mark.parametrize("domain", ["fragment", "slice", "block", "dataset"])
def test_a_quantile_puts_the_threshold_at_the_score(driver, domain):
    driver.session.change(domain=domain)
    driver.settle()
    assert drag(driver, SCORE) == "quantile"
    assert driver.session.figures.exact
    # A slice has no more than 480 voxels.
    assert driver.session.figures.threshold == pytest.approx(SCORE, abs=0.01)


def test_a_probability_is_the_score_itself_as_the_knob_shows_it(driver):
    driver.session.change(rule="probability")
    driver.settle()
    assert drag(driver, 0.612373) == "probability"
    assert driver.session.setting.probability == 0.6124
    assert knob_at(driver.session, 1.7, histogram_of(driver)) == ("probability", 1.0)
    assert knob_at(driver.session, -0.2, histogram_of(driver)) == ("probability", 0.0)


@pytest.mark.parametrize("rule", ["quantile", "probability"])
def test_each_end_of_a_pair_has_its_knob_and_pushes_the_other(driver, rule):
    driver.session.change(rule=rule, hysteresis=True)
    driver.settle()
    assert drag(driver, 0.4, low=True) == f"low_{rule}"
    figures = driver.session.figures
    assert figures.low_threshold == pytest.approx(0.4, abs=0.005)
    drag(driver, 0.75, low=True)
    figures = driver.session.figures
    assert figures.low_threshold == pytest.approx(0.75, abs=0.01)
    assert figures.threshold >= figures.low_threshold
    drag(driver, 0.3)
    figures = driver.session.figures
    assert figures.threshold == pytest.approx(0.3, abs=0.005)
    assert figures.low_threshold <= figures.threshold


def test_the_adaptive_rule_and_a_low_threshold_without_a_pair_have_no_knob(driver):
    assert threshold_knob(Setting(), low=True) is None
    assert threshold_knob(Setting(rule="adaptive")) is None
    driver.session.change(rule="adaptive")
    driver.settle()
    assert knob_at(driver.session, SCORE, histogram_of(driver)) is None


def test_without_the_other_fragments_scores_the_fragments_own_are_taken(driver):
    driver.session.change(domain="dataset")
    histogram = histogram_of(driver)
    _, value = knob_at(driver.session, SCORE, histogram)
    driver.settle()
    _, pooled = knob_at(driver.session, SCORE, histogram)
    scores = [
        driver.session.pipelines[image_id].stage(driver.session.setting).histogram.cumulative
        for image_id in driver.dataset.image_ids
    ]
    assert value != pooled
    assert len({int(counts[-1]) for counts in scores}) == 3
    assert np.isfinite(pooled)
