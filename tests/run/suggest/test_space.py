"""What a search may vary."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_nx46.cli.flags.suggest import chosen_space
from napari_nx46.data.fragments import open_data, write_data_folder
from napari_nx46.run.suggest.searching.space import KnobRange, Space, default_space
from napari_nx46.setting import (
    CtGate,
    CubePlugging,
    Setting,
    SettingError,
    all_presets,
    preset,
)
from tests.run.suggest.data import fragment_volumes

START = preset("nx46-v7.5")


@given(st.sets(st.floats(0, 1), min_size=2, max_size=9).map(sorted), st.floats(0, 1))
def test_the_index_of_a_number_is_that_of_the_nearest(values, number):
    one = KnobRange("blend", tuple(values))
    nearest = one.values[one.index_of(number)]
    assert abs(nearest - number) == min(abs(value - number) for value in values)


@pytest.mark.parametrize(
    ("values", "value", "near"),
    [
        ((0, 1, 2, 3), 1, (0, 2)),
        ((0, 1, 2, 3), 0, (1,)),
        ((0, 100, 500), 300, (100,)),
        ((False, True), False, (True,)),
        (tuple(CubePlugging), CubePlugging.CUBES, (CubePlugging.OFF, CubePlugging.RASTER)),
    ],
)
def test_neighbours_are_a_step_away_and_of_choices_all_others(values, value, near):
    assert KnobRange("x", values).neighbours(value) == near


def test_what_has_no_effect_stays_as_the_start_has_it(two):
    space = default_space(two, START)
    found = space.setting_of(START, {"low_quantile": 0.8, "repair_passes": 2, "opening": True})
    assert found == START.changed(opening=True)
    faulty = {"hysteresis": True, "low_quantile": 0.99, "quantile": 0.95}
    assert space.setting_of(START, faulty) is None


def test_every_value_of_the_usual_space_is_one_of_the_setting(two):
    for one in default_space(two, START).ranges:
        for value in one.values:
            assert getattr(START.model_copy(update={one.name: value}), one.name) == value
            Setting.model_validate({one.name: value})


def test_knobs_of_volumes_that_are_not_there_do_not_vary(two):
    names = default_space(two, START).by_name
    assert "blend" in names
    weighed = START.changed(weights={"p3d": 1.0})
    assert "blend" not in default_space(two, weighed).by_name
    from_image = START.changed(source="gradient")
    assert not {"blend", "averaging"} & default_space(two, from_image).by_name.keys()


def test_presets_keep_what_they_have_of_the_knobs_within_their_ranges(two):
    space = default_space(two, START)
    taken = space.taken_from(preset("first-place"))
    assert (taken["objects_first"], taken["per_sheet"]) == (20_000, True)
    assert "plug_cubes" not in taken  # in raster order, which the usual space leaves out
    narrow = Space((KnobRange("closing_z", (0, 1, 2)), KnobRange("opening", (False, True))))
    for one in all_presets().values():
        assert narrow.taken_from(one) == {
            "closing_z": min(one.closing_z, 2),
            "opening": one.opening,
        }


def test_a_space_needs_knobs_with_two_values():
    with pytest.raises(SettingError, match="no knob to vary"):
        Space(())
    with pytest.raises(SettingError, match="blend: found one value"):
        Space((KnobRange("blend", (0.5,)),))


def test_late_knobs_are_those_that_the_data_has(two, tmp_path):
    space = default_space(two, START)
    assert [one.name for one in space.late] == ["sheet_gap", "smooth", "sheetness", "sheet_fit"]
    assert not {one.name for one in space.others} & {one.name for one in space.late}
    volumes = fragment_volumes(1)
    write_data_folder(tmp_path, "f", volumes | {"test_images": volumes["p3d"]})
    write_data_folder(tmp_path / "models", "f", {"a": volumes["p3d"], "b": volumes["p2d"]})
    fragments = list(open_data(tmp_path))
    late = {one.name: one.values for one in default_space(fragments, START).late}
    assert set(late["ct_gate"]) == set(CtGate)
    assert () in late["weights"]
    weighed = START.changed(weights={"a": 1.0, "b": 3.0})
    late = {one.name: one.values for one in default_space(fragments, weighed).late}
    assert [dict(one) for one in late["weights"]] == [
        {"a": 1.0, "b": 3.0},
        {"a": 1.0, "b": 1.0},
        {"a": 2.0, "b": 3.0},
        {"a": 0.0, "b": 3.0},
        {"a": 1.0, "b": 6.0},
        {"a": 1.0, "b": 0.0},
    ]


def test_a_late_knob_that_is_named_varies_like_any_other(two):
    chosen = chosen_space(["opening,sheet-gap"], default_space(two, START))
    assert [one.name for one in chosen.others] == ["opening", "sheet_gap"]
    assert not chosen.late
