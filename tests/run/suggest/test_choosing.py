"""The plateau is taken rather than the peak, and steps that gain nothing are left out."""

from __future__ import annotations

from dataclasses import replace

import pytest

from napari_nx46.core.cleanup.steps import steps_of
from napari_nx46.run.suggest.judging.choosing import (
    FEWEST_NEAR,
    NOISE,
    Choice,
    best_plateau,
    choose,
    is_near,
    plateau_of,
    steps_on,
)
from napari_nx46.run.suggest.searching.space import default_space
from napari_nx46.voxels.workers import never
from tests.run.suggest.conftest import START, searching


@pytest.fixture(scope="module")
def space(two):
    return default_space(two, START)


def line(*scores):
    """Return settings in a row, a step of a closing apart, with these scores."""
    return {START.changed(closing_z=z): score for z, score in enumerate(scores)}


@pytest.mark.parametrize(
    ("knobs", "near"),
    [
        ({}, True),
        ({"closing_z": 1}, True),
        ({"closing_z": 2}, False),
        ({"closing_z": 1, "smallest_object": 100}, True),
        ({"opening": True}, False),
        ({"block_dust": 1}, False),
        ({"quantile": START.quantile + 0.006}, True),
        ({"quantile": START.quantile + 0.007}, False),
    ],
)
def test_near_is_a_step_in_numbers_and_nothing_else(space, knobs, near):
    assert is_near(START.changed(**knobs), START, space) is near
    assert is_near(START, START.changed(**knobs), space) is near


def test_a_peak_beside_a_cliff_is_not_taken(space):
    values = line(0.70, 0.71, 0.70, 0.2, 0.9)
    grid = {
        one.changed(closing_xy=xy): value - 0.0001 * xy
        for one, value in values.items()
        for xy in (0, 1)
    }
    setting, plateau, near = best_plateau(grid, space)
    assert (setting.closing_z, setting.closing_xy) == (1, 0)
    assert near == 6 >= FEWEST_NEAR
    assert plateau == plateau_of(setting, grid, space)[0]
    assert max(grid.values()) == 0.9


def test_of_plateaus_that_differ_by_noise_the_higher_score_is_taken(space):
    scores = (0.700, 0.702, 0.700, 0.700 + NOISE / 4, 0.701)
    grid = {
        one.changed(closing_xy=xy): value for one, value in line(*scores).items() for xy in (0, 1)
    }
    assert best_plateau(grid, space)[0].closing_z == 1


def test_without_four_near_each_other_the_peak_is_taken(space):
    setting, plateau, near = best_plateau(line(0.5, 0.6, 0.55), space)
    assert (setting.closing_z, near) == (1, 3)
    assert plateau == pytest.approx(0.55)


def test_each_step_that_is_left_raises_the_mean(two, space):
    with searching(two, octants=False) as search:
        search.run(48, lambda _found: None, never)
        choice = choose(search, space, never)
        view, chosen = search.views[0], choice.setting
        known = search.results.values(search.whole, view, view.last)
        assert choice.value == known[chosen] <= choice.peak_value == max(known.values())
        for step in steps_of(chosen):
            for name in set(step.knobs) & space.by_name.keys():
                off = type(START).model_fields[name].default
                without = space.setting_of(START, {**space.taken_from(chosen), name: off})
                if without in known and steps_on(without) < steps_on(chosen):
                    assert known[without] < choice.value


def test_the_plateau_in_words_counts_what_is_around_the_setting():
    choice = Choice(START, 0.7, 0.5, 0.65, 1, START, 0.7)
    assert choice.around == "nothing near it was tried"
    assert "it and 1 setting around it 0.650000" in replace(choice, near=2).around
    assert "it and 4 settings around it 0.650000" in replace(choice, near=5).around
