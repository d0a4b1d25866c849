"""Settings are validated, and come back from JSON equal."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_nx46.files.settings import read_setting
from napari_nx46.setting import (
    PUBLISHED_PRESETS,
    Connectivity,
    ScoreFrom,
    Setting,
    SettingError,
    ThresholdRule,
    all_presets,
    described_knobs,
    knob_applies,
    knobs_from_environment,
    moved,
    parse_setting,
    preset,
    preset_description,
    preset_notes,
)


@given(quantile=st.floats(0, 1), blend=st.floats(0, 1), z_radius=st.integers(0, 8))
def test_json_reads_back_equal(tmp_path_factory, quantile, blend, z_radius):
    setting = Setting(
        quantile=quantile, blend=blend, z_radius=z_radius, domain="block", block=((0, 1),) * 3
    )
    path = tmp_path_factory.mktemp("setting") / "setting.json"
    path.write_text(setting.to_json())
    assert read_setting(path) == setting


@pytest.mark.parametrize("setting", [Setting(), *all_presets().values()])
def test_a_printed_setting_is_what_makes_it(setting):
    assert eval(repr(setting), {"Setting": Setting}) == setting
    assert repr(setting).count("=") < len(Setting.model_fields) / 2


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


def test_faults_quote_little_of_what_was_found():
    with pytest.raises(SettingError, match="voxels") as caught:
        parse_setting({"voxels": list(range(10_000)), "quantile": "high" * 1000})
    assert len(str(caught.value)) < 500


def manifest_of(*settings):
    fragments = [
        {"image_id": str(number), "setting": setting.model_dump(mode="json"), "threshold": 0.5}
        for number, setting in enumerate(settings)
    ]
    return json.dumps({"run_tag": "", "setting": None, "fragments": fragments})


def test_a_manifest_gives_the_setting_of_its_fragments(tmp_path):
    path = tmp_path / "submission.manifest.json"
    path.write_text(
        manifest_of(Setting(quantile=0.9, closing_z=1), Setting(quantile=0.9, closing_z=1))
    )
    assert read_setting(path) == Setting(quantile=0.9, closing_z=1)
    path.write_text(manifest_of(Setting(quantile=0.9), Setting(quantile=0.8)))
    with pytest.raises(SettingError, match="different settings"):
        read_setting(path)
    path.write_text(manifest_of())
    with pytest.raises(SettingError, match=r"submission\.manifest\.json: "):
        read_setting(path)


def test_a_missing_setting_file_is_refused(tmp_path):
    with pytest.raises(SettingError, match="cannot be read"):
        read_setting(tmp_path / "none.json")


def test_an_oversized_setting_file_is_refused_unread(tmp_path):
    path = tmp_path / "setting.json"
    path.write_bytes(b" " * 16_000_001)
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
    assert len(all_presets()) == 28
    first = preset("first-place")
    assert (first.probability, first.border, first.sheet_closing) == (0.26, 3, 3)
    assert (first.objects_first, first.smallest_object, first.most_sheets) == (20_000, 0, 40)
    assert first.per_sheet
    assert first.border_again
    assert first.fill_cavities
    public = preset("public-0.552")
    assert (public.low_probability, public.probability, public.hysteresis) == (0.5, 0.9, True)
    assert (public.closing_z, public.closing_xy, public.smallest_object) == (3, 2, 100)
    assert (public.blend, public.z_radius) == (1.0, 0)
    assert preset("twelfth-place").opening
    for solution in (first, public, preset("twelfth-place")):
        assert solution.object_connectivity is Connectivity.FACES
        assert solution.z_radius == 0
    assert (first.blend, preset("twelfth-place").blend) == (0.5, 0.5)
    assert first.patch_holes == 64
    assert preset("nx47-v61.2").is_pair
    with pytest.raises(SettingError, match=r"nx46-v7\.5-run-10"):
        preset("nx46-v9")


@pytest.mark.parametrize("published", PUBLISHED_PRESETS, ids=lambda one: one.name)
def test_a_published_preset_names_every_knob_and_what_it_is(published):
    assert published.knobs.keys() == Setting.model_fields.keys()
    assert published.setting == preset(published.name)
    assert published.setting.model_dump() == Setting(**published.knobs).model_dump()
    assert len(published.description) <= 200
    assert published.description == preset_description(published.name)
    assert published.description.strip().splitlines() == [published.description]
    notes = preset_notes(published.name)
    assert {"source", "reported"} <= notes.keys()
    assert all(text == text.strip() and "\n" not in text for text in notes.values())


def test_published_solutions_have_the_values_of_their_write_ups():
    for published in PUBLISHED_PRESETS:
        if not published.name.startswith("nx4"):
            assert published.setting.z_radius == 0, published.name
            assert published.setting.blend in (0.5, 1.0), published.name
            assert published.setting.rule is ThresholdRule.PROBABILITY, published.name
    ninth = preset("ninth-place")
    assert (ninth.objects_first, ninth.smallest_object, ninth.block_dust) == (5000, 5000, 10)
    assert (ninth.line_norm, ninth.repair_passes, ninth.mask_gauss) == (1.5, 5, 1.0)
    eighth, light = preset("eighth-place"), preset("eighth-place-light")
    assert (
        eighth.changed(diffusion_conductance=1.5, diffusion_step=0.03, diffusion_iterations=1)
        == light
    )
    assert preset("eleventh-place").averaging == "geometric"
    edges = preset("twenty-fourth-place")
    assert (edges.smallest_object, edges.edge_min, edges.corner_min) == (5000, 300, 300)
    assert preset_notes("nobody") == {}


@pytest.mark.parametrize("name", list(all_presets()))
def test_every_preset_comes_back_from_json_equal(tmp_path, name):
    path = tmp_path / "setting.json"
    path.write_text(preset(name).to_json())
    assert read_setting(path) == preset(name)


@given(weights=st.dictionaries(st.text("abc-", min_size=1), st.floats(0.1, 10), max_size=4))
def test_weights_come_back_from_json_equal_and_can_be_hashed(tmp_path_factory, weights):
    setting = Setting(weights=weights)
    path = tmp_path_factory.mktemp("setting") / "setting.json"
    path.write_text(setting.to_json())
    assert read_setting(path) == setting
    assert hash(read_setting(path)) == hash(setting)
    assert dict(setting.weights) == weights


def test_weights_are_read_from_text():
    assert parse_setting({"weights": "p3d=0.5, unet=1.5"}).weights == (("p3d", 0.5), ("unet", 1.5))


@pytest.mark.parametrize("weights", ["p3d=0", "p3d=-1", "p3d", "=1", [("a", 1), ("a", 2)]])
def test_weights_that_cannot_weigh_are_refused(weights):
    with pytest.raises(SettingError, match="weights"):
        parse_setting({"weights": weights})


def test_a_pair_the_wrong_way_round_is_refused_where_it_counts():
    with pytest.raises(SettingError, match=r"low_quantile is 0\.97"):
        parse_setting({"hysteresis": True, "low_quantile": 0.97})
    assert parse_setting({"low_quantile": 0.97}).low_quantile == 0.97
    with pytest.raises(SettingError, match="adaptive_min"):
        parse_setting({"adaptive_min": 97})


@given(low=st.floats(0, 1), high=st.floats(0, 1))
def test_a_moved_end_of_a_pair_pushes_the_other_along(low, high):
    pair = Setting(rule="probability", probability=0.6, low_probability=0.4, hysteresis=True)
    lower = moved(pair, low_probability=low)
    assert lower.low_probability == low
    assert lower.probability == max(low, 0.6)
    upper = moved(pair, probability=high)
    assert upper.probability == high
    assert upper.low_probability == min(high, 0.4)


def test_a_pair_that_begins_to_apply_is_put_right_by_its_lower_end():
    loose = moved(Setting(), quantile=0.8)
    assert loose == Setting(quantile=0.8)
    assert moved(loose, hysteresis=True).low_quantile == 0.8
    assert moved(Setting(), adaptive_min=97).adaptive_max == 97
    with pytest.raises(SettingError, match="low_quantile"):
        moved(Setting(hysteresis=True), quantile=0.5, low_quantile=0.6)
    with pytest.raises(SettingError, match="quantile"):
        moved(Setting(), quantile=2)


def test_nx47_variables_choose_the_adaptive_rule():
    knobs = knobs_from_environment({"NX47_PCTL_HI_BASE": "89", "NX47_PCTL_LO_GAP": "7"})
    expected = Setting(rule=ThresholdRule.ADAPTIVE, adaptive_base=89, adaptive_gap=7)
    assert parse_setting(knobs) == expected
    with pytest.raises(SettingError, match="exclude each other"):
        knobs_from_environment({"NX47_PCTL_HI_BASE": "89", "NX46_THRESHOLD_QUANTILE": "0.9"})


def test_every_knob_is_described_but_the_block():
    assert set(described_knobs(Setting)) == set(Setting.model_fields) - {"block"}
    for name, knob in described_knobs(Setting).items():
        assert knob.title, name
        assert knob.help.endswith("."), name


def test_knobs_of_another_rule_do_not_apply():
    setting = Setting()
    assert knob_applies("quantile", setting)
    assert not knob_applies("probability", setting)
    assert not knob_applies("low_quantile", setting)
    assert knob_applies("low_quantile", setting.changed(hysteresis=True))
    assert knob_applies("adaptive_gain", preset("nx47-v61.2"))
    assert not knob_applies("blend", setting.changed(weights={"p3d": 1}))
    assert knob_applies("residual_sigma", setting.changed(source=ScoreFrom.RESIDUAL))
