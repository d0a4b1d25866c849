"""A kit makes the masks of the window without a network."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from importlib.metadata import version

import nbformat
import pytest

from napari_nx46.run.kit.wheels import (
    KitError,
    download_wheels,
    installed_versions,
    write_own_wheel,
)

NOTHING_ANSWERS = {
    "PIP_CONFIG_FILE": os.devnull,
    "PIP_FIND_LINKS": "",
    "PIP_INDEX_URL": "http://127.0.0.1:9/simple",
    "PIP_RETRIES": "1",
    "PIP_TIMEOUT": "1",
}


def test_the_own_wheel_is_whole_and_equal_each_time(tmp_path):
    (tmp_path / "again").mkdir()
    wheel, again = write_own_wheel(tmp_path), write_own_wheel(tmp_path / "again")
    assert wheel.read_bytes() == again.read_bytes()
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        record = archive.read(next(name for name in names if name.endswith("RECORD"))).decode()
        metadata = archive.read(next(name for name in names if name.endswith("METADATA"))).decode()
    assert f"Version: {version('napari-nx46')}" in metadata
    assert {line.rpartition(",sha256=")[0] or line[:-2] for line in record.splitlines()} == {*names}
    assert {"napari_nx46/napari.yaml", "napari_nx46/cli/app.py"} <= {*names}
    assert not any("__pycache__" in name for name in names)


def test_all_that_the_base_needs_is_pinned_and_nothing_of_the_extras():
    pins = {line.partition("==")[0].lower() for line in installed_versions()}
    assert {"numpy", "numba", "llvmlite", "zarr", "pydantic_core"} <= pins
    assert not pins & {"napari", "dask", "optuna", "pyqt6"}
    assert all("==" in line for line in installed_versions())


def test_a_python_without_wheels_is_refused(tmp_path):
    with pytest.raises(KitError, match=r"no wheels for Python 3\.5"):
        download_wheels(write_own_wheel(tmp_path), tmp_path, "3.5")


@pytest.mark.parametrize("python", ["abc", "3", "3.12.1", "--help"])
def test_what_is_no_version_is_refused(tmp_path, python):
    with pytest.raises(KitError, match=r"expected a version such as 3\.12"):
        download_wheels(tmp_path / "own.whl", tmp_path, python)
    assert not list(tmp_path.iterdir())


def test_without_a_network_the_message_says_so(tmp_path, monkeypatch):
    for name, value in NOTHING_ANSWERS.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(KitError, match="cannot reach the package index"):
        download_wheels(write_own_wheel(tmp_path), tmp_path, "3.12")


@pytest.mark.slow
def test_a_kit_installs_without_a_network_and_makes_the_same_masks(tmp_path):
    from napari_nx46 import Setting, export, open_data, write_sample
    from napari_nx46.run.kit.kit import write_kit

    setting = Setting(quantile=0.9, closing_z=1, smallest_object=50)
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    kit = write_kit(tmp_path / "kit", setting, python)
    assert kit.most_volumes > 1000
    notebook = nbformat.read(kit.folder / "submit.ipynb", as_version=nbformat.NO_CONVERT)
    nbformat.validate(notebook)
    assert notebook.cells[0].source == (kit.folder / "submit.py").read_text()
    write_sample(tmp_path / "data")
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=True)
    interpreter = tmp_path / "venv" / "bin" / "python"
    done = subprocess.run(
        [interpreter, kit.folder / "submit.py", "data", "submission.zip"],
        cwd=tmp_path,
        env={"PATH": "", "PIP_NO_INDEX": "1", "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "3 volumes: about" in done.stdout
    export(open_data(tmp_path / "data"), setting, tmp_path / "mine.zip")
    assert (tmp_path / "submission.zip").read_bytes() == (tmp_path / "mine.zip").read_bytes()
