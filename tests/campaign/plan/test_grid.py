"""Grids: every combination once, exact decimals, readable names, all faults at once."""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_nx46.campaign.plan.faults import PlanError
from napari_nx46.campaign.plan.grid import grid_plan
from napari_nx46.campaign.plan.rows import MOST_RUNS
from napari_nx46.setting import Setting, preset


def refused(*texts, base=None):
    with pytest.raises(PlanError) as caught:
        grid_plan(texts, base)
    assert str(caught.value).startswith("--grid: ")
    return [str(fault) for fault in caught.value.faults]


@st.composite
def ranges(draw):
    """Return a range of thousandths in [0, 1] as text, and the numbers that it should give."""
    start = draw(st.integers(0, 1000))
    stop = draw(st.integers(start, 1000))
    step = draw(st.integers(max(1, (stop - start) // 20), 1000))
    text = ":".join(f"{Decimal(number) / 1000:f}" for number in (start, stop, step))
    exact = [Fraction(number, 1000) for number in range(start, stop + 1, step)]
    return text, [number.numerator / number.denominator for number in exact]


@given(ranges(), ranges(), st.sets(st.integers(0, 8), min_size=1, max_size=2))
def test_a_grid_is_the_product_of_exact_numbers_with_names_of_their_own(blends, quantiles, radii):
    axes = f"blend={blends[0]}", f"quantile={quantiles[0]}", f"z_radius={','.join(map(str, radii))}"
    plan = grid_plan(axes)
    assert [run.setting for run in plan.runs] == [
        Setting(blend=blend, quantile=quantile, z_radius=radius)
        for blend, quantile, radius in product(blends[1], quantiles[1], radii)
    ]
    assert len({run.run_id for run in plan.runs}) == len(plan.runs)
    for run in plan.runs:
        reported = dict(part.split("=") for part in run.run_id.split(","))
        assert {name: float(text) for name, text in reported.items()} == {
            name: getattr(run.setting, name) for name in ("blend", "quantile", "z_radius")
        }


def test_the_example_has_both_ends_and_no_dust():
    plan = grid_plan(["quantile=0.95:0.985:0.005", "blend=0.68,0.72,0.78"])
    assert plan.name == "grid"
    assert len(plan.runs) == 24
    assert [run.run_id for run in plan.runs][:4] == [
        "quantile=0.95,blend=0.68",
        "quantile=0.95,blend=0.72",
        "quantile=0.95,blend=0.78",
        "quantile=0.955,blend=0.68",
    ]
    assert plan.runs[-1].setting == Setting(quantile=0.985, blend=0.78)


def test_a_stop_between_two_steps_is_not_passed():
    assert [run.setting.quantile for run in grid_plan(["quantile=0.9:0.95:0.04"]).runs] == [
        0.9,
        0.94,
    ]


def test_switches_choices_variables_and_hyphens_are_taken():
    plan = grid_plan(
        ["opening=true,false", "object-connectivity=6,26", "NX46_Z_SMOOTHING_RADIUS=1:3:2"],
        preset("first-place"),
    )
    assert plan.runs[1].run_id == "opening=true,object_connectivity=6,z_radius=3"
    assert [run.setting for run in plan.runs] == [
        preset("first-place").changed(opening=o, object_connectivity=c, z_radius=z)
        for o, c, z in product((True, False), (6, 26), (1, 3))
    ]


def test_a_knob_chooses_its_rule_unless_the_rule_is_varied_too():
    base = preset("nx47-v61.2")
    assert grid_plan(["quantile=0.9"], base).runs[0].setting.rule == "quantile"
    plan = grid_plan(["rule=quantile,probability", "probability=0.4"], base)
    assert [run.setting.rule for run in plan.runs] == ["quantile", "probability"]


def test_all_faults_of_all_axes_are_reported_at_once():
    faults = refused(
        "quantil=0.9",
        "blend=0.9:1.2:0.1",
        "z_radius=1,2.5,9",
        "closing_z=0:2:0.5",
        "closing_xy=2:1:1",
        "closing_ball=1,1.0",
        "weights=p3d",
        "border",
        "opening=maybe",
        "probability=0:1",
        "sheet_gap=1",
        "sheet-gap=2",
        "smallest_object=1:1e3:1",
    )
    expected = (
        "quantil: there is no such knob; did you mean quantile?",
        "blend: Input should be less than or equal to 1 (found '1.2')",
        "z_radius: Input should be a valid integer",
        "z_radius: Input should be less than or equal to 8 (found '9')",
        "closing_z: found the step 0.5, expected an integer",
        "closing_xy: found '2:1:1', expected the lower end first",
        "closing_ball: found 1 2 times",
        "weights: cannot be varied",
        "found 'border', expected KNOB=START:STOP:STEP",
        "opening: Input should be a valid boolean",
        "probability: found '0:1', expected START:STOP:STEP",
        "sheet_gap: is there more than once",
        "smallest_object: found '1:1e3:1', expected START:STOP:STEP",
    )
    for words in expected:
        assert any(fault.startswith(words) for fault in faults), words
    assert len(faults) == len(expected)


def test_too_many_runs_are_refused_before_they_are_made():
    each = math.isqrt(MOST_RUNS) + 1
    (fault,) = refused(f"closing_z=0:{each - 1}:1", f"smallest_object=1:{each}:1")[-1:]
    assert f"found {each * each} runs, expected 1 to {MOST_RUNS}" in fault
    assert "found 10000001 runs" in refused("smallest_object=0:10000000:1")[0]
    assert "found 1000000000001 values" in refused("blend=0:1:0.000000000001")[0]
    assert refused() == [f"found 0 runs, expected 1 to {MOST_RUNS}"]


def test_values_that_do_not_go_together_name_their_run_and_rules_that_exclude_each_other_none():
    assert refused("low_quantile=0.8,0.9", "quantile=0.85,0.95") == [
        "run low_quantile=0.9,quantile=0.85: setting: Value error, low_quantile is 0.9, above "
        "quantile, which is 0.85"
    ]
    (fault,) = refused("quantile=0.8,0.9", "probability=0.5,0.6")
    assert fault.startswith("probability: belongs to rule probability, but found rule quantile")
