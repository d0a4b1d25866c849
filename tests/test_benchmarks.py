"""Ratios of benchmarks are compared with those that are stored."""

from __future__ import annotations

import importlib.util
import json
import re
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[1] / "benchmarks"


@pytest.fixture(scope="module")
def baseline():
    spec = importlib.util.spec_from_file_location("baseline", FOLDER / "baseline.py")
    module = sys.modules["baseline"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    yield module
    del sys.modules["baseline"]


@pytest.mark.parametrize(
    ("value", "higher_is_better", "loss"),
    [(12.0, False, 0.2), (8.0, False, -0.2), (8.0, True, 0.25), (12.5, True, -0.2)],
)
def test_the_loss_is_positive_where_a_ratio_got_worse(baseline, value, higher_is_better, loss):
    before = baseline.Ratio(10.0, higher_is_better)
    now = baseline.Ratio(value, higher_is_better)
    assert now.loss_since(before) == pytest.approx(loss)


def test_losses_beyond_the_share_and_what_is_missing_are_listed(baseline):
    ratio = baseline.Ratio
    before = {"a": ratio(1.0), "b": ratio(1.0), "c": ratio(1.0), "d": ratio(16.0, True)}
    now = {"a": ratio(1.2), "b": ratio(1.3), "d": ratio(8.0, True), "new": ratio(9.0)}
    assert baseline.losses(before, now, 0.25) == [
        "c: not measured any more",
        "b: 1 -> 1.3, 30% worse",
        "d: 16 -> 8, 100% worse",
    ]


def test_a_script_adds_its_ratios_to_the_file_of_the_run(baseline, tmp_path, monkeypatch):
    file = tmp_path / "ratios.jsonl"
    baseline.keep_ratio("nobody asks", 1.0)
    monkeypatch.setenv(baseline.RATIOS_FILE, str(file))
    baseline.keep_ratio("a", 1.23456789)
    baseline.keep_ratio("b", 16, higher_is_better=True)
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    found = baseline.ratios_of(rows)
    assert found == {"a": baseline.Ratio(1.2346), "b": baseline.Ratio(16.0, True)}
    with pytest.raises(ValueError, match="two ratios are called 'a'"):
        baseline.ratios_of([*rows, rows[0]])


def test_every_benchmark_is_run_and_the_baseline_has_ratios_of_benchmarks(baseline):
    scripts = {path.stem for path in FOLDER.glob("*.py")} - {"baseline"}
    stored = baseline.read_baseline()
    assert scripts == set(baseline.SCRIPTS)
    assert stored
    assert stored.keys() <= scripts
    assert all(stored.values())
    for script in scripts:
        text = (FOLDER / f"{script}.py").read_text()
        assert re.search(r"^from baseline import keep_ratio$", text, flags=re.MULTILINE)
