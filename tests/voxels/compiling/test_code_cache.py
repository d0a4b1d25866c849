"""Compiled code that is damaged, out of date, or cannot be kept: it is compiled again."""

from __future__ import annotations

import errno
import logging
import os
import pickle
import random
import subprocess
import sys
from importlib import util
from pathlib import Path

import numpy as np
import pytest
from numba.core import config

from napari_nx46.voxels.compiling import code_cache

SOURCE = """
from napari_nx46.voxels.compiling.kernel import helper, kernel

STEP = {step}

@helper
def _next(value):
    return value + STEP

@kernel("(i8[::1],)")
def total(values):
    found = 0
    for value in values:
        found += _next(value)
    return found
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Return the folder in which compiled code is kept."""
    kept = tmp_path / "kept"
    monkeypatch.setattr(config, "CACHE_DIR", str(kept))
    return kept


@pytest.fixture
def load(tmp_path, caplog, monkeypatch):
    """Return a function that imports and calls the kernel: the sum, and what was logged."""
    # Python takes a module that is written twice within a second for unchanged.
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    caplog.set_level(logging.INFO, "napari_nx46.voxels.compiling")

    def loaded(step=1):
        path = tmp_path / "module_with_a_kernel.py"
        path.write_text(SOURCE.format(step=step))
        spec = util.spec_from_file_location("module_with_a_kernel", path)
        module = util.module_from_spec(spec)
        spec.loader.exec_module(module)
        caplog.clear()
        found = module.total(np.arange(4))
        return found, [record.getMessage() for record in caplog.records]

    return loaded


def files(folder):
    return [path for path in folder.rglob("*") if path.is_file()]


def compiled(messages):
    return "compiling total" in messages


def refuse_writing(monkeypatch, number):
    """Have every file that is written fail with an error of the system."""

    def fails(path, _content):
        raise OSError(number, os.strerror(number), str(path))

    monkeypatch.setattr(Path, "write_bytes", fails)


def test_code_is_compiled_once(folder, load):
    assert load() == (10, ["compiling total"])
    assert len(files(folder)) == 1
    assert load() == (10, [])


def test_a_helper_that_changes_is_compiled_again(folder, load):
    assert load(step=1)[0] == 10
    assert load(step=2) == (14, ["compiling total"])
    assert len(files(folder)) == 1  # what is out of date is replaced


@pytest.mark.parametrize("share", [0.0, 0.001, 0.5, 0.999])
def test_a_file_that_is_cut_off_is_replaced(folder, load, share):
    load()
    [path] = files(folder)
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    assert load() == (10, ["compiling total"])
    assert load() == (10, [])


def test_changed_bytes_are_never_run(folder, load):
    load()
    [path] = files(folder)
    content = path.read_bytes()
    rng = random.Random(46)
    for _ in range(12):
        damaged = bytearray(content)
        for _ in range(rng.choice((1, 1, 50))):
            damaged[rng.randrange(len(damaged))] ^= rng.randrange(1, 256)
        path.write_bytes(damaged)
        assert load() == (10, ["compiling total"])


def test_code_of_another_version_is_compiled_again(folder, load, monkeypatch):
    load()
    monkeypatch.setattr(code_cache.numba, "__version__", "0.1")
    assert compiled(load()[1])
    assert len(files(folder)) == 2


def test_what_cannot_be_unpickled_is_compiled_again(folder, load):
    load()
    [path] = files(folder)
    head = path.read_bytes()[: -len(path.read_bytes()) or None][: 21 + 32]
    for payload in (
        b"",
        b"garbage",
        pickle.dumps(()),
        pickle.dumps((1, 2, 3)),
        b"cnot_there\nx\n.",
    ):
        path.write_bytes(head + code_cache.hashlib.sha256(payload).digest() + payload)
        assert load() == (10, ["compiling total"])


def test_a_folder_in_place_of_the_file_is_passed_by(folder, load):
    load()
    [path] = files(folder)
    path.unlink()
    path.mkdir()
    found, messages = load()
    assert found == 10
    assert messages[0] == "compiling total"
    assert str(path.parent) in messages[1]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EACCES, errno.EROFS, errno.EIO])
def test_what_cannot_be_written_is_compiled_in_memory(folder, load, monkeypatch, number):
    refuse_writing(monkeypatch, number)
    for _ in range(2):
        found, messages = load()
        assert found == 10
        assert messages[0] == "compiling total"
        assert "cannot be kept" in messages[1]
    assert files(folder) == []


def test_what_cannot_be_read_is_compiled_in_memory(folder, load, monkeypatch):
    load()

    def fails(path):
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(Path, "read_bytes", fails)
    assert load() == (10, ["compiling total"])


def test_without_a_variable_code_is_kept_beside_the_source_or_for_the_user(monkeypatch, tmp_path):
    monkeypatch.setattr(config, "CACHE_DIR", "")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "user"))
    beside, user = code_cache.code_folders(str(tmp_path / "package" / "module.py"))
    assert beside == tmp_path / "package" / "__pycache__"
    assert user.is_relative_to(tmp_path / "user")


def test_a_folder_that_can_only_be_read_is_read(folder, load, monkeypatch):
    # The image of a container has code in it; who runs it may not write there.
    load()
    refuse_writing(monkeypatch, errno.EROFS)
    assert load() == (10, [])


PROGRAM = """
import numpy as np
from napari_nx46 import leaderboard
mask = np.ones((3, 3, 3), np.uint8)
print(leaderboard.variation_of_information(mask, mask).value)
"""


def test_where_no_folder_can_be_made_a_score_is_computed():
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env={**os.environ, "HOME": os.devnull, "NUMBA_CACHE_DIR": os.path.join(os.devnull, "no")},
        capture_output=True,
        check=False,
        text=True,
        timeout=300,
    )
    assert (done.returncode, done.stdout.strip()) == (0, "1.0"), done.stderr
