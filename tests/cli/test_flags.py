"""Flags, environment, presets and files give one setting."""

from __future__ import annotations

import re

import pytest
import typer

from napari_nx46.cli.flags.groups import FlagGroup, with_flag_groups
from napari_nx46.cli.flags.knob_flags import KnobFlags, flag_name, with_implied
from napari_nx46.cli.flags.knobs import chosen_setting
from napari_nx46.cli.flags.parsing import parse_band, parse_block, parse_density, parse_weights
from napari_nx46.files.presets import PresetStore
from napari_nx46.setting import (
    ENVIRONMENT_FIELDS,
    GROUPS,
    Domain,
    Setting,
    SettingError,
    all_presets,
    described_knobs,
    preset,
)
from tests.command import nx46_here


def chosen(preset_name=None, environment=None, notify=pytest.fail, **knobs):
    return chosen_setting(KnobFlags(preset=preset_name, knobs=knobs), environment or {}, notify)


def saved_setting(folder, *arguments, **environment):
    """Return the setting that flags give, by way of a preset saved with them."""
    result = nx46_here(
        *("presets", "--save", "mine", "--replace", *arguments),
        NX46_PRESETS_DIR=str(folder),
        **environment,
    )
    assert result.exit_code == 0, result.stderr
    return PresetStore(folder).read("mine")


def test_a_file_and_flags_win_over_the_environment_and_each_difference_is_reported(tmp_path):
    path = tmp_path / "setting.json"
    path.write_text(Setting(quantile=0.8, blend=0.1, z_radius=4, domain="slice").to_json())
    environment = {
        "NX46_THRESHOLD_QUANTILE": "0.9",
        "NX46_SCORE_BLEND_3D_WEIGHT": "0.10",
        "NX46_Z_SMOOTHING_RADIUS": "",
    }
    reported = []
    flags = KnobFlags(setting_file=path, knobs={"z_radius": 0})
    setting = chosen_setting(flags, environment, reported.append)
    assert setting == Setting(quantile=0.8, blend=0.1, z_radius=0, domain=Domain.SLICE)
    assert reported == [
        f"note: NX46_THRESHOLD_QUANTILE=0.9 is overridden by --setting {path} (0.8)"
    ]
    assert chosen(environment=environment, blend=0.2) == Setting(quantile=0.9, blend=0.2)
    assert chosen() == Setting()


def test_the_adaptive_variables_choose_their_rule_unless_a_preset_or_a_flag_does():
    environment = {"NX47_PCTL_HI_MIN": "97", "NX47_PCTL_HI_MAX": "98"}
    adaptive = Setting(rule="adaptive", adaptive_min=97, adaptive_max=98)
    assert chosen(environment=environment) == adaptive
    assert chosen(environment=environment, opening=True) == adaptive.changed(opening=True)
    assert chosen(environment=environment, quantile=0.9) == adaptive.changed(
        rule="quantile", quantile=0.9
    )
    reported = []
    assert chosen("nx47-v61.2", environment, reported.append) == preset("nx47-v61.2")
    assert reported == [
        "note: NX47_PCTL_HI_MIN=97 is overridden by --preset nx47-v61.2 (88.0)",
        "note: NX47_PCTL_HI_MAX=98 is overridden by --preset nx47-v61.2 (96.0)",
    ]
    reported.clear()
    same = {"NX47_PCTL_HI_BASE": "88", "NX46_SCORE_BLEND_3D_WEIGHT": "0.5"}
    assert chosen("first-place", same, reported.append) == preset("first-place")
    assert reported == [
        "note: NX47_PCTL_HI_BASE=88 is overridden by --preset first-place "
        "(which does not use adaptive_base)"
    ]


@pytest.mark.parametrize(
    ("environment", "knobs", "message"),
    [
        ({"NX47_PCTL_LO_GAP": "wide"}, {}, "environment variable NX47_PCTL_LO_GAP: "),
        ({"NX47_PCTL_HI_MAX": "101"}, {"adaptive_max": 90.0}, "variable NX47_PCTL_HI_MAX: "),
        ({"NX47_PCTL_HI_MIN": "97"}, {}, r"\(environment variables: NX47_PCTL_HI_MIN=97\)"),
        ({"NX47_PCTL_HI_MIN": "97", "NX46_THRESHOLD_QUANTILE": "0.9"}, {}, "exclude each other"),
        ({}, {"weights": {"p3d": -1.0}}, "--weights: "),
        ({}, {"object_connectivity": "7"}, "--object-connectivity: Input should be 6, 18 or 26"),
        ({}, {"quantile": float("nan")}, "--quantile: "),
        ({}, {"low_quantile": 0.96}, "low_quantile is 0.96, above quantile"),
    ],
)
def test_bad_values_are_reported_by_variable_or_flag(environment, knobs, message):
    with pytest.raises(SettingError, match=message):
        chosen(environment=environment, **knobs)


def test_knobs_that_need_another_one_imply_it():
    block = parse_block("0:2, 1:3,4:9")
    assert chosen(block=block) == Setting(domain="block", block=((0, 2), (1, 3), (4, 9)))
    assert chosen("first-place", quantile=0.9) == preset("first-place").changed(
        rule="quantile", quantile=0.9
    )
    assert chosen(probability=0.4) == Setting(rule="probability", probability=0.4)
    assert chosen(low_quantile=0.5) == Setting(hysteresis=True, low_quantile=0.5)
    assert chosen(low_probability=0.2, rule="probability") == Setting(
        rule="probability", hysteresis=True, low_probability=0.2
    )
    assert chosen("nx46-v7.5", adaptive_low_min=70.0) == preset("nx46-v7.5").changed(
        rule="adaptive", adaptive_low_min=70.0
    )
    assert chosen(rule="adaptive") == Setting(rule="adaptive")


@pytest.mark.parametrize(
    ("knobs", "messages"),
    [
        ({"block": ((0, 1),) * 3, "domain": "dataset"}, ("--block implies", "--domain dataset")),
        ({"low_quantile": 0.5, "hysteresis": False}, ("--low-quantile implies", "--no-hyst")),
        ({"probability": 0.5, "rule": "quantile"}, ("--probability implies", "--rule quantile")),
        ({"adaptive_gap": 1.0, "rule": "probability"}, ("--adaptive-gap implies",)),
        ({"quantile": 0.9, "probability": 0.5}, ("--quantile, which implies --rule quantile",)),
        ({"low_probability": 0.2, "quantile": 0.9}, ("--low-probability", "--quantile implies")),
    ],
)
def test_flags_that_contradict_each_other_are_named(knobs, messages):
    with pytest.raises(SettingError) as caught:
        chosen(**knobs)
    for message in messages:
        assert message in str(caught.value)


def test_a_flag_that_stands_alone_implies_nothing():
    assert with_implied({"blend": 0.5, "rule": "adaptive"}) == {"blend": 0.5, "rule": "adaptive"}
    assert with_implied({}) == {}


def test_every_knob_has_a_flag_that_gives_it(tmp_path):
    values = {
        "source": "residual",
        "weights": "unet=0.25, p3d=1",
        "temperatures": "unet=2, p3d=0.5",
        "smooth_stage": "volumes",
        "averaging": "logit",
        "rule": "probability",
        "domain": "block",
        "block": "0:1,2:3,4:5",
        "object_connectivity": "18",
        "plug_cubes": "raster",
        "median_window": "slice",
        "smooth": "gaussian",
        "smooth_window": "cube",
        "ct_gate": "mask",
        "sheetness": "gate",
    }
    expected = {
        **values,
        "weights": {"p3d": 1, "unet": 0.25},
        "temperatures": {"p3d": 0.5, "unet": 2},
        "block": ((0, 1), (2, 3), (4, 5)),
        "object_connectivity": 18,
    }
    # Each of these implies a rule of its own: they are tried on their own below.
    ruled = [name for name in Setting.model_fields if "quantile" in name or "adaptive" in name]
    arguments = []
    for name, field in Setting.model_fields.items():
        if field.annotation is bool:
            arguments.append(flag_name(name))
            expected[name] = True
        elif name not in ruled:
            if name not in values:
                bounds = [getattr(fact, "ge", None) for fact in field.metadata]
                low = next(bound for bound in bounds if bound is not None)
                values[name] = expected[name] = low
            arguments += [flag_name(name), str(values[name])]
    assert saved_setting(tmp_path, *arguments) == Setting(**expected)
    for name in ruled:
        rule = "adaptive" if "adaptive" in name else "quantile"
        value = {"adaptive_min": 1.0, "adaptive_max": 90.0}.get(name, 1.0)
        pair = {"quantile": 1.0, "hysteresis": True} if name == "low_quantile" else {}
        quantile = ("--quantile", "1") if pair else ()
        given = saved_setting(tmp_path, flag_name(name), str(value), *quantile)
        assert given == Setting(**{"rule": rule, name: value, **pair})


def test_switches_can_be_switched_off_again(tmp_path):
    given = saved_setting(tmp_path, "--preset", "first-place", "--no-fill-cavities")
    assert given == preset("first-place").changed(fill_cavities=False)


@pytest.mark.parametrize("command", ["run", "export", "presets"])
def test_the_help_says_every_knob_in_its_group(command):
    shown = nx46_here(command, "--help").stdout
    headlines = [line for line in shown.splitlines() if re.fullmatch(r"\S[^:]*:", line)]
    groups = [f"{group.value}:" for group in GROUPS]
    assert [line for line in headlines if line in groups] == groups
    assert headlines.index("Setting:") < headlines.index(groups[0])
    sections = dict(zip(headlines, re.split(r"(?m)^\S[^:\n]*:$", shown)[1:], strict=True))
    words = {line: " ".join(section.split()) for line, section in sections.items()}
    for name, description in described_knobs(Setting).items():
        assert flag_name(name) in words[f"{description.group.value}:"]
        # A long line of help is cut at spaces and hyphens alone.
        reported = description.help.replace("- ", "-")
        assert reported in words[f"{description.group.value}:"].replace("- ", "-")
    for variable in ENVIRONMENT_FIELDS:
        assert f"env var: {variable}" in " ".join(words.values())
    assert "Implies --domain block." in words["Threshold:"]
    assert "[0 to 8 slices; default: 2; " in words["Score:"]


def test_a_user_finds_presets_of_either_origin_and_all_names_where_there_is_none(tmp_path):
    environment = {"NX46_PRESETS_DIR": str(tmp_path)}
    PresetStore(tmp_path).save("mine", Setting(opening=True))
    assert chosen("mine", environment, blend=0.1) == Setting(opening=True, blend=0.1)
    for name in ("other", "../mine", ""):
        with pytest.raises(SettingError, match="no preset") as caught:
            chosen(name, environment)
        for known in (*all_presets(), "yours: mine"):
            assert known in str(caught.value)


def test_a_group_stands_for_its_options_and_missing_ones_are_an_error():
    calls = []

    @with_flag_groups
    def command(first: int, knobs: KnobFlags, last: int = 3) -> None:
        calls.append((first, knobs, last))

    values = dict.fromkeys(flag.name for flag in KnobFlags.flags())
    command(first=1, **values)
    command(first=1, last=2, **(values | {"preset": "a", "weights": "m=1", "opening": False}))
    assert calls == [
        (1, KnobFlags(), 3),
        (1, KnobFlags("a", None, {"weights": {"m": 1.0}, "opening": False}), 2),
    ]
    assert issubclass(KnobFlags, FlagGroup)
    with pytest.raises(KeyError):
        command(first=1)


@pytest.mark.parametrize(
    "text", ["", "0:1", "0:1,0:1", "0:1,0:1,0:1,0:1", "0:1,0:1,a:b", "-1:1,0:1,0:1", "2:1,0:1,0:1"]
)
def test_blocks_that_are_none_are_refused(text):
    with pytest.raises(typer.BadParameter):
        parse_block(text)


@pytest.mark.parametrize("text", ["", "0.1", "a:b", "0.2:0.1", "-0.1:0.5", "0.5:1.5", "nan:0.5"])
def test_bands_that_are_none_are_refused(text):
    assert parse_band("0:1") == parse_band("none") == (0.0, 1.0)
    with pytest.raises(typer.BadParameter):
        parse_band(text)


@pytest.mark.parametrize("text", ["", "0.1:", ":0.1", "1.5", "-0.1", "0.2:0.1", "nan", "0:0.1:1"])
def test_densities_that_are_none_are_refused(text):
    assert parse_density("0.09") == (0.09, 0.09)
    assert parse_density("0.06:0.12") == (0.06, 0.12)
    with pytest.raises(typer.BadParameter):
        parse_density(text)


@pytest.mark.parametrize("text", ["p3d", "p3d=", "=1", "p3d=a", "p3d=1,p3d=2", "p3d=1,,p2d=2"])
def test_weights_that_are_none_are_refused(text):
    assert parse_weights("p3d=1, unet = 0.5") == {"p3d": 1.0, "unet": 0.5}
    assert parse_weights("") == {}
    with pytest.raises(typer.BadParameter):
        parse_weights(text)
