"""What the base of the package can do, and what commands say whose extra is missing."""

from __future__ import annotations

import subprocess
import sys

import pytest

from napari_nx46.files.extras import extras_of, how_to_install

WITHOUT = """
import importlib.abc, sys
class Missing(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {missing!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Missing())
from napari_nx46.cli import main
sys.argv = ["nx46", *{arguments!r}]
main()
"""
WINDOWS = ("napari", "qtpy", "vispy", "superqt", "magicgui", "app_model")
CAMPAIGNS = ("dask", "distributed", "optuna", "matplotlib", "pandas", "statsmodels")
REMOTE = ("obstore",)


def run_without(missing, *arguments):
    code = WITHOUT.format(missing=missing, arguments=[str(one) for one in arguments])
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=300, check=False
    )


def test_modules_are_known_by_the_extras_that_bring_them():
    assert extras_of("optuna") == ("campaign",)
    assert extras_of("distributed") == ("campaign", "scale")
    assert extras_of("app_model") == ("napari",)
    assert extras_of("numpy") == extras_of("PyQt6") == extras_of("no_such_module") == ()
    assert how_to_install(ImportError("cannot import name 'x'")) is None
    assert how_to_install(ModuleNotFoundError("no", name="numpy.nothing")) is None
    text = how_to_install(ModuleNotFoundError("no", name="obstore.store"))
    assert text == 'this needs obstore; install it with: pip install "napari-nx46[scale]"'


def test_the_base_writes_measures_scores_and_validates(sample_folder, tmp_path):
    missing = (*WINDOWS, *CAMPAIGNS, *REMOTE)
    archive = tmp_path / "submission.zip"
    for arguments in (
        ("export", sample_folder, "--out", archive, "--band", "none"),
        ("validate", archive),
        ("score", archive, sample_folder / "train_labels"),
        ("compare", archive, archive),
    ):
        done = run_without(missing, *arguments)
        assert done.returncode == 0, (arguments, done.stderr)


@pytest.mark.parametrize(
    ("missing", "arguments", "extra"),
    [
        (CAMPAIGNS, ("campaign", "run", "--grid", "quantile=0.9", "--work", "kept"), "campaign"),
        (WINDOWS, ("tune",), "all"),
        (REMOTE, ("run", "https://127.0.0.1:9/a.zarr", "--out", "out"), "scale"),
    ],
)
def test_a_command_whose_extra_is_missing_says_the_line_that_installs_it(
    sample_folder, tmp_path, monkeypatch, missing, arguments, extra
):
    monkeypatch.chdir(tmp_path)
    on_data = [] if arguments[0] == "run" else [sample_folder]
    done = run_without(missing, *arguments, *on_data)
    assert done.returncode == 2, done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    assert f'pip install "napari-nx46[{extra}' in done.stderr
    assert "Traceback" not in done.stderr
