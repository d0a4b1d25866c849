"""Every script of examples/ runs on sample data and prints what it is for."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[1] / "examples"
SAMPLES = ("sample-pressed", "sample-torn", "sample-wound")
PRINTED = {
    "mask_in_ten_lines": [r"sample-\w+: \(\d+, \d+, \d+\), [67]\.\d% of the voxels"],
    "measures_as_table": [*(rf"^{name} +0\.\d+" for name in SAMPLES), r"^Where most"],
    "where_the_score_is_lost": [r"^ *\d+ 1 - score +0\.\d+", r"^The dearest one has [1-9]"],
    "score_a_folder": [rf"^{name} +0\.\d+" for name in (*SAMPLES, "mean")],
}
"""Script -> expressions, each of which is found in what it prints."""


def test_every_example_is_run():
    assert {path.stem for path in FOLDER.glob("*.py")} == set(PRINTED)


@pytest.mark.parametrize("name", PRINTED)
def test_an_example_runs_on_sample_data(name, tmp_path):
    done = subprocess.run(
        [sys.executable, "-W", "error", FOLDER / f"{name}.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    for expression in PRINTED[name]:
        assert re.search(expression, done.stdout, flags=re.MULTILINE), done.stdout
