"""nx46 warm-up, and what commands print while they compile."""

from __future__ import annotations

import logging
import re
from pathlib import Path

import pytest

from napari_nx46.cli.commands import warm_up as compiling
from napari_nx46.cli.commands.warm_up import compiling_noted
from napari_nx46.run import warm_up
from napari_nx46.voxels.compiling.build import Build
from tests.command import nx46_here

LOGGER = logging.getLogger("napari_nx46.voxels.compiling")


def test_the_second_warm_up_compiles_nothing_and_names_the_folder():
    # The kernels are compiled before the tests, or by the first call.
    assert nx46_here("warm-up").exit_code == 0
    result = nx46_here("warm-up")
    assert result.exit_code == 0
    assert "kernels had been compiled" in result.stdout
    kept = result.stdout.splitlines()[-1]
    assert re.fullmatch(r"kept in [0-9]+ folders of /.+", kept)
    assert Path(kept.partition(" of ")[2]).is_dir()


def test_a_warm_up_that_keeps_not_everything_fails(monkeypatch):
    done = Build(kernels=53, compiled=52, kept=1, seconds=2.0, folders=(Path("/full"),))
    monkeypatch.setattr(warm_up, "warm_up", lambda *_: done)
    result = nx46_here("warm-up")
    assert result.exit_code == 1
    assert (
        result.stdout
        == f"compiled 52 of 53 kernels in 2.0 s\nkept in 1 folder of {Path('/full')}\n"
    )
    assert "52 of 53 kernels could not be kept" in result.stderr
    assert "NUMBA_CACHE_DIR" in result.stderr


@pytest.mark.parametrize("hint", [True, False])
def test_compiling_is_noted_once_and_only_if_it_takes_long(capsys, monkeypatch, hint):
    times = iter([0.0, 0.0, 0.5, 1.5])
    monkeypatch.setattr(compiling.time, "monotonic", lambda: next(times))
    with compiling_noted(hint=hint):
        LOGGER.info("compiling %s", "first")
        LOGGER.info("compiling %s", "second")
        assert capsys.readouterr().err == ""
        LOGGER.info("compiling %s", "third")
        LOGGER.info("compiling %s", "fourth")
    noted = capsys.readouterr().err
    assert noted.count("once on this machine") == 1
    assert ("warm-up" in noted) is hint
    LOGGER.info("compiling %s", "fifth")
    assert capsys.readouterr().err == ""


def test_where_code_cannot_be_kept_that_is_noted_once(capsys):
    with compiling_noted():
        for folder in ("/one", "/two"):
            LOGGER.warning("compiled code cannot be kept in %s", folder)
            LOGGER.info("compiling %s", "first")
    noted = capsys.readouterr().err
    assert noted.count("cannot be kept") == 1
    assert "/one" in noted
    assert "NUMBA_CACHE_DIR" in noted
    assert "once on this machine" not in noted
