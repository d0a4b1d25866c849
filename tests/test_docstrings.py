"""The examples in the docstrings hold."""

from __future__ import annotations

import doctest
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]
EXAMPLE = re.compile(r"^\s*>>> ", re.MULTILINE)
NEEDS_WINDOW = re.compile(r"^\s*>>> (import|from) napari\b", re.MULTILINE)


def modules_whose_text_matches(pattern):
    """Return the names of the package's modules in which a pattern is found."""
    paths = (REPOSITORY / "napari_nx46").rglob("*.py")
    return sorted(
        ".".join(path.relative_to(REPOSITORY).with_suffix("").parts).removesuffix(".__init__")
        for path in paths
        if pattern.search(path.read_text(encoding="utf-8"))
    )


WITH_WINDOWS = modules_whose_text_matches(NEEDS_WINDOW)
WITHOUT_WINDOWS = sorted({*modules_whose_text_matches(EXAMPLE)} - {*WITH_WINDOWS})


def test_there_are_examples_of_both_kinds():
    assert WITH_WINDOWS == ["napari_nx46.masks"]
    assert "napari_nx46.voxels.overlap" in WITHOUT_WINDOWS


@pytest.mark.parametrize("module", WITHOUT_WINDOWS)
def test_the_examples_of_a_module_hold(module):
    assert doctest.testmod(import_module(module)).failed == 0


@pytest.mark.parametrize("module", WITH_WINDOWS)
def test_the_examples_that_open_windows_hold(module):
    # In an interpreter of its own: napari refuses to set up its plugins twice in one.
    command = [sys.executable, "-m", "pytest", "-q", "-n", "0", "--no-xvfb", "--doctest-modules"]
    done = subprocess.run(
        [*command, "-p", "no:cacheprovider", import_module(module).__file__],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
