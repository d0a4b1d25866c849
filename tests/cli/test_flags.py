"""Flags, environment, presets and files give one setting."""

from __future__ import annotations

import pytest
import typer

from napari_nx46.cli.knobs import KnobFlags, chosen_setting
from napari_nx46.cli.parsing import parse_band, parse_block
from napari_nx46.setting import Domain, Setting, SettingError


def test_a_file_and_flags_win_over_the_environment_and_each_difference_is_told(tmp_path):
    path = tmp_path / "setting.json"
    path.write_text(Setting(quantile=0.8, blend=0.1, z_radius=4, domain="slice").to_json())
    environment = {
        "NX46_THRESHOLD_QUANTILE": "0.9",
        "NX46_SCORE_BLEND_3D_WEIGHT": "0.10",
        "NX46_Z_SMOOTHING_RADIUS": "",
    }
    told = []
    flags = KnobFlags(setting_file=path, z_radius=0)
    setting = chosen_setting(flags, environment, told.append)
    assert setting == Setting(quantile=0.8, blend=0.1, z_radius=0, domain=Domain.SLICE)
    assert told == [f"note: NX46_THRESHOLD_QUANTILE=0.9 is overridden by --setting {path} (0.8)"]
    assert chosen_setting(KnobFlags(blend=0.2), environment, told.append) == Setting(
        quantile=0.9, blend=0.2
    )
    assert chosen_setting(KnobFlags(), {}, told.append) == Setting()
    assert len(told) == 1


def test_a_block_implies_its_domain_and_contradicts_any_other():
    block = parse_block("0:2, 1:3,4:9")
    setting = chosen_setting(KnobFlags(block=block), {}, pytest.fail)
    assert setting == Setting(domain="block", block=((0, 2), (1, 3), (4, 9)))
    with pytest.raises(SettingError, match="--domain dataset"):
        chosen_setting(KnobFlags(block=block, domain=Domain.DATASET), {}, pytest.fail)


@pytest.mark.parametrize(
    "text", ["", "0:1", "0:1,0:1", "0:1,0:1,0:1,0:1", "0:1,0:1,a:b", "-1:1,0:1,0:1", "2:1,0:1,0:1"]
)
def test_blocks_that_are_none_are_refused(text):
    with pytest.raises(typer.BadParameter):
        parse_block(text)


@pytest.mark.parametrize("text", ["", "0.1", "a:b", "0.2:0.1", "-0.1:0.5", "0.5:1.5", "nan:0.5"])
def test_bands_that_are_none_are_refused(text):
    assert parse_band("0:1") == (0.0, 1.0)
    with pytest.raises(typer.BadParameter):
        parse_band(text)
