"""Matrix files: shipped ones, round trips, and everything that is wrong with a stranger's."""

from __future__ import annotations

import json
import tomllib
from itertools import combinations, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_nx46.campaign.plan import matrix
from napari_nx46.campaign.plan.faults import PlanError
from napari_nx46.campaign.plan.matrix import matrix_json, parse_matrix, read_plan, shipped_matrices
from napari_nx46.campaign.plan.rows import MOST_RUNS, equal_runs
from napari_nx46.campaign.records.results import CampaignPlan, PlannedRun
from napari_nx46.setting import Setting, preset

USUAL = Setting()


def written(folder, document):
    path = folder / "matrix.json"
    path.write_text(document if isinstance(document, str) else json.dumps(document))
    return path


def refused(document, **more):
    """Return the faults of a matrix."""
    content = document if isinstance(document, bytes) else json.dumps(document).encode()
    with pytest.raises(PlanError) as caught:
        parse_matrix(content, "m.json", USUAL, **more)
    assert str(caught.value).startswith("m.json: ")
    return caught.value.faults


def only_setting(row, base=USUAL):
    (run,) = parse_matrix(json.dumps([{"run_id": "a", **row}]).encode(), "m", base).runs
    return run.setting


settings = st.builds(
    Setting,
    blend=st.floats(0, 1),
    quantile=st.floats(0.5, 1),
    low_quantile=st.floats(0, 0.5),
    hysteresis=st.booleans(),
    rule=st.sampled_from(["quantile", "probability", "adaptive"]),
    low_probability=st.just(0.1),
    weights=st.dictionaries(st.sampled_from("abc"), st.floats(0.1, 9)),
    block=st.none() | st.just(((0, 1), (2, 3), (4, 5))),
    object_connectivity=st.sampled_from([6, 18, 26]),
    opening=st.booleans(),
)
run_ids = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.,=+-]{0,20}", fullmatch=True)


@given(st.dictionaries(run_ids, settings, min_size=1, max_size=4), settings)
def test_what_is_written_reads_back_equal_whatever_stands_under_it(runs, base):
    plan = CampaignPlan("m", tuple(PlannedRun(*run) for run in runs.items()))
    assert parse_matrix(matrix_json(plan).encode(), "m", base) == plan


def test_the_shipped_nx46_matrix_is_that_of_the_presets():
    plan = read_plan("nx46-v7.5")
    numbers = [f"run-{number:02d}" for number in range(1, 11)]
    assert plan.name == "nx46-v7.5"
    assert [(run.run_id, run.setting) for run in plan.runs] == [
        (f"v7.5-{number}", preset(f"nx46-v7.5-{number}")) for number in numbers
    ]
    under = read_plan("nx46-v7.5", Setting(closing_z=2, blend=0.1, rule="adaptive"))
    assert [run.setting for run in under.runs] == [
        preset(f"nx46-v7.5-{number}").changed(closing_z=2) for number in numbers
    ]


def test_the_shipped_nx47_matrix_begins_with_v61_2_and_tries_every_pair_of_levels_once():
    plan = read_plan("nx47-v61.3")
    assert [run.run_id for run in plan.runs] == [f"v61.3-run-{n:02d}" for n in range(1, 11)]
    first, *others = [run.setting for run in plan.runs]
    assert first == preset("nx47-v61.2")
    assert equal_runs(plan.runs) == []
    knobs = ("adaptive_base", "adaptive_gap", "blend")
    for one, other in combinations(knobs, 2):
        levels = [(getattr(setting, one), getattr(setting, other)) for setting in others]
        assert sorted(levels) == sorted(product(*({pair[i] for pair in levels} for i in (0, 1))))
    for setting in others:
        assert setting == first.changed(
            **{name: getattr(setting, name) for name in knobs}, adaptive_min=setting.adaptive_base
        )


def test_shipped_matrices_are_listed_and_carried_by_wheels(repository):
    assert shipped_matrices() == ("nx46-v7.5", "nx47-v61.3")
    project = tomllib.loads((repository / "pyproject.toml").read_text(encoding="utf-8"))
    patterns = project["tool"]["setuptools"]["package-data"]["napari_nx46"]
    carried = {path for pattern in patterns for path in (repository / "napari_nx46").glob(pattern)}
    folder = repository / "napari_nx46" / "campaign" / "plan" / "matrices"
    assert {folder / f"{name}.json" for name in shipped_matrices()} <= carried


def test_a_file_holds_a_list_or_named_lists_of_which_a_key_chooses(tmp_path):
    one, two = ({"run_id": name, "quantile": 0.9} for name in "ab")
    assert [run.run_id for run in read_plan(written(tmp_path, [one, two])).runs] == ["a", "b"]
    path = written(tmp_path, {"x": [one], "y": [two]})
    joined, chosen = read_plan(path), read_plan(f"{path}:y")
    assert (joined.name, [run.run_id for run in joined.runs]) == ("matrix", ["a", "b"])
    assert (chosen.name, [run.run_id for run in chosen.runs]) == ("matrix:y", ["b"])
    with pytest.raises(PlanError, match="no list 'yy'; did you mean y"):
        read_plan(f"{path}:yy")


@pytest.mark.parametrize(
    ("row", "knobs"),
    [
        (
            {
                "NX46_THRESHOLD_QUANTILE": 0.97,
                "NX46_SCORE_BLEND_3D_WEIGHT": "0.7",
                "NX46_Z_SMOOTHING_RADIUS": 0,
            },
            {"quantile": 0.97, "blend": 0.7, "z_radius": 0},
        ),
        (
            {"NX47_PCTL_HI_BASE": 90, "NX47_PCTL_LO_GAP": 3.5},
            {"rule": "adaptive", "adaptive_base": 90, "adaptive_gap": 3.5},
        ),
        (
            {"low_probability": 0.2, "opening": True},
            {"rule": "probability", "hysteresis": True, "low_probability": 0.2, "opening": True},
        ),
        ({"rule": "probability", "quantile": 0.9}, {"rule": "probability", "quantile": 0.9}),
        ({"preset": "public-0.552", "closing_z": 1}, None),
        ({"preset": "nx47-v61.2", "quantile": 0.9}, {"quantile": 0.9}),
    ],
)
def test_knobs_go_by_variable_or_field_and_imply_their_rule(row, knobs):
    expected = preset("public-0.552").changed(closing_z=1) if knobs is None else Setting(**knobs)
    assert only_setting(row) == expected


def test_what_a_row_does_not_state_is_that_of_the_setting_under_it():
    base = Setting(rule="adaptive", closing_xy=2, blend=0.1)
    assert only_setting({"z_radius": 3}, base) == base.changed(z_radius=3)
    twelfth = only_setting({"preset": "twelfth-place", "z_radius": 3}, base)
    assert twelfth == preset("twelfth-place").changed(z_radius=3)
    assert only_setting({"quantile": 0.9}, base) == base.changed(quantile=0.9, rule="quantile")


def test_all_faults_are_reported_at_once_with_run_and_knob():
    rows = [
        {"run_id": "a", "quantil": 0.9, "z_radius": 9, "blend": True},
        {"run_id": "a", "NX46_THRESHOLD_QUANTILE": 1.5, "quantile": 0.9},
        {"run_id": "b", "NX46_THRESHOLD_QUANTILE": 0.9, "NX47_PCTL_HI_BASE": 90},
        {"run_id": "../c"},
        {"quantile": "high"},
        17,
        {"run_id": "d", "quantile": 0.9, "probability": 0.5},
        {"run_id": "e", "low_quantile": 0.95, "quantile": 0.9},
        {"run_id": "f", "preset": "first-plaice"},
        {"run_id": "g", "rule": "quantile", "NX47_PCTL_HI_BASE": 90},
        {"run_id": "h", "opening": 1},
    ]
    found = {(fault.run, fault.knob): fault.message for fault in refused(rows)}
    expected = {
        ("a", "quantil"): "did you mean quantile?",
        ("a", "z_radius"): "less than or equal to 8 (found 9)",
        ("a", "blend"): "no switch (found True)",
        ("a", "NX46_THRESHOLD_QUANTILE"): "less than or equal to 1",
        ("a", ""): "2 times",
        ("b", ""): "exclude each other",
        ("4 of the list", "run_id"): "'../c'",
        ("5 of the list", "run_id"): "found none",
        ("5 of the list", "quantile"): "valid number",
        ("6 of the list", ""): "a number, expected an object",
        ("d", "probability"): "rule quantile of quantile",
        ("e", ""): "low_quantile is 0.95, above quantile",
        ("f", "preset"): "did you mean first-place?",
        ("g", "NX47_PCTL_HI_BASE"): "rule quantile of its own",
        ("h", "opening"): "true or false",
    }
    assert set(found) == set(expected)
    for place, words in expected.items():
        assert words in found[place]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "no JSON"),
        (b"\xff\xfe\x00", "no JSON"),
        (b"[" * 100_000, "no JSON"),
        (b'[{"run_id": "a", "quantile": ' + b"9" * 5000 + b"}]", "no JSON"),
        (b'[{"run_id": "a", "quantile": NaN}]', "finite"),
        (b'[{"run_id": "a", "weights": {"p3d": 1e999}}]', "finite"),
        (b'[{"run_id": "a", "blend": 0.1, "blend": 0.2}]', "2 times in one object"),
        (b'{"x": [], "x": [{"run_id": "a"}]}', "2 times in one object"),
        (b"[]", "found 0 runs"),
        (b"{}", "found 0 runs"),
        (b'"text"', "found text, expected a list"),
        (b'{"run_id": "a", "quantile": 0.9}', "expected a list"),
        (b"[" + b",".join([b"{}"] * (MOST_RUNS + 1)) + b"]", f"expected 1 to {MOST_RUNS}"),
        (json.dumps([{str(n): n for n in range(500)}]).encode(), "object of 500 names"),
        (json.dumps([{"run_id": "a" * 500}]).encode(), "expected at most 200"),
        (b'[{"run_id": "a\\u001b[2J"}]', r"\x1b[2J"),
    ],
)
def test_hostile_content_is_refused_in_few_words(content, words):
    faults = refused(content)
    assert any(words in str(fault) for fault in faults)
    assert all(len(str(fault)) < 500 and str(fault).isprintable() for fault in faults)


def test_a_key_is_not_taken_from_a_list_without_names():
    (fault,) = refused([{"run_id": "a"}], key="x")
    assert "list without a name" in fault.message


def test_many_faults_are_cut_short_in_the_message_and_kept_whole_beside_it():
    with pytest.raises(PlanError) as caught:
        parse_matrix(
            json.dumps([{"run_id": f"r{n}", "blend": 2} for n in range(100)]).encode(), "m", USUAL
        )
    assert len(caught.value.faults) == 100
    assert str(caught.value).count("\n") == 51
    assert str(caught.value).endswith("and 50 more")


def test_a_file_full_of_faults_is_given_up_soon():
    rows = [{"run_id": f"r{n}", **{f"knob{k}": 1 for k in range(99)}} for n in range(MOST_RUNS)]
    faults = refused(rows)
    assert len(faults) == 11 * 99 + 1
    assert str(faults[-1]) == "run 12 of the list: was not looked at, nor what follows"


def test_files_that_are_none_or_too_large_are_refused(tmp_path, monkeypatch):
    with pytest.raises(PlanError, match=r"nx46-v7\.6: there is no such file.*mean nx46-v7\.5\?"):
        read_plan("nx46-v7.6")
    with pytest.raises(PlanError, match="no such file"):
        read_plan(tmp_path)
    path = written(tmp_path, [{"run_id": "a"}])
    monkeypatch.setattr(matrix, "MAXIMUM_MATRIX_BYTES", 5)
    with pytest.raises(PlanError, match="too large"):
        read_plan(path)
