"""Settings are validated, and come back from JSON equal."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_nx46.setting import (
    Setting,
    SettingError,
    all_presets,
    knobs_from_environment,
    parse_setting,
    preset,
    read_setting,
)


@given(quantile=st.floats(0, 1), blend=st.floats(0, 1), z_radius=st.integers(0, 8))
def test_json_reads_back_equal(tmp_path_factory, quantile, blend, z_radius):
    setting = Setting(
        quantile=quantile, blend=blend, z_radius=z_radius, domain="block", block=((0, 1),) * 3
    )
    path = tmp_path_factory.mktemp("setting") / "setting.json"
    path.write_text(setting.to_json())
    assert read_setting(path) == setting


def test_every_fault_is_listed():
    with pytest.raises(SettingError) as caught:
        parse_setting({"quantile": 1.5, "z_radius": 9, "sharpness": 3})
    for knob in ("quantile", "z_radius", "sharpness"):
        assert knob in str(caught.value)


@pytest.mark.parametrize("text", ["", "[]", '{"quantile": NaN}', '{"quantile": "high"}'])
def test_setting_files_that_hold_no_setting_are_refused(tmp_path, text):
    path = tmp_path / "setting.json"
    path.write_text(text)
    with pytest.raises(SettingError, match=r"setting\.json"):
        read_setting(path)


def test_a_missing_setting_file_is_refused(tmp_path):
    with pytest.raises(SettingError, match="cannot be read"):
        read_setting(tmp_path / "none.json")


def test_an_oversized_setting_file_is_refused_unread(tmp_path):
    path = tmp_path / "setting.json"
    path.write_bytes(b" " * 1_000_001)
    with pytest.raises(SettingError, match="too large"):
        read_setting(path)


def test_block_domain_needs_a_block_that_is_not_empty():
    with pytest.raises(SettingError, match="needs a block"):
        parse_setting({"domain": "block"})
    with pytest.raises(SettingError, match="empty along y"):
        parse_setting({"domain": "block", "block": ((0, 1), (4, 2), (0, 1))})


def test_environment_gives_knobs():
    knobs = knobs_from_environment(
        {
            "NX46_THRESHOLD_QUANTILE": "0.975",
            "NX46_SCORE_BLEND_3D_WEIGHT": "0.68",
            "NX46_Z_SMOOTHING_RADIUS": "3",
            "NX46_RUN_TAG": "a",
        }
    )
    assert parse_setting(knobs) == Setting(quantile=0.975, blend=0.68, z_radius=3)


def test_presets_have_the_published_values():
    assert preset("nx46-v7.5") == Setting(quantile=0.985, blend=0.78, z_radius=2)
    assert preset("nx46-v7.5-run-04") == Setting(quantile=0.972, blend=0.72, z_radius=2)
    assert len(all_presets()) == 11
    with pytest.raises(SettingError, match=r"nx46-v7\.5-run-10"):
        preset("nx46-v9")
