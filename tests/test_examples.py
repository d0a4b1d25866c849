"""Every script of examples/ runs on sample data and prints what it is for."""

from __future__ import annotations

import os
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
    "where_the_score_is_lost": [r"^ *\d+ 1 - score +0\.\d+", r"^The costliest one has [1-9]"],
    "sweep_in_a_notebook": [r"^ +0\.90? +[012] +0\.7\d+"],
    "tune_a_dask_layer": [r"^0\.9: [91]\d?\.\d% of the voxels"],
    "apply_to_a_store": [r"^threshold: 12 tiles", r"^0 voxels differ"],
    "score_a_folder": [rf"^{name} +0\.\d+" for name in (*SAMPLES, "mean")],
}
"""Script -> expressions, each of which is found in what it prints."""
WITH_WINDOW = "tune_a_dask_layer"
MAKES_SAMPLES = "mask_in_ten_lines"
"""The others find those that a test has made."""
RUN = """
import runpy, shutil, sys
import napari_nx46
if samples := sys.argv.pop():
    napari_nx46.write_sample = lambda folder: shutil.copytree(samples, folder)
if sys.argv.pop() == "window":
    import napari
    napari.run = lambda: napari.current_viewer().close()
runpy.run_path(sys.argv.pop(), run_name="__main__")
"""
"""Runs a script; a window is closed where the user would begin to work with it."""


def test_every_example_is_run_and_shown():
    assert {path.stem for path in FOLDER.glob("*.py")} == set(PRINTED)
    gallery = (FOLDER.parent / "docs" / "gallery.md").read_text(encoding="utf-8")
    for name in PRINTED:
        assert f'--8<-- "examples/{name}.py"' in gallery
        assert f"pictures/{name}.png" in gallery


@pytest.mark.parametrize("name", PRINTED)
def test_an_example_runs_on_sample_data(name, tmp_path, sample_folder):
    warnings = () if name == WITH_WINDOW else ("-W", "error")  # napari's own on import
    samples = "" if name == MAKES_SAMPLES else sample_folder
    kind = "window" if name == WITH_WINDOW else "text"
    done = subprocess.run(
        [sys.executable, *warnings, "-c", RUN, FOLDER / f"{name}.py", kind, samples],
        cwd=tmp_path,
        env={**os.environ, "MPLBACKEND": "agg"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    for expression in PRINTED[name]:
        assert re.search(expression, done.stdout, flags=re.MULTILINE), done.stdout
