"""Hidden folders of killed processes, and those of living ones."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import time
from contextlib import contextmanager

import pytest

from napari_nx46.files.atomic import write_beside, write_together
from napari_nx46.files.staging import remove_abandoned, staging_folder

WEEKS = 15 * 24 * 3600.0

HOLD = """
import pathlib, sys
from napari_nx46.files.staging import staging_folder
with staging_folder(pathlib.Path(sys.argv[1])) as staging:
    (staging / "inner").mkdir()
    (staging / "inner" / "a.tif").write_bytes(b"half")
    print(staging.name, flush=True)
    sys.stdin.read()
"""


@contextmanager
def other_process(folder):
    """Hold a staging folder in another process; yield it and the folder's path."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout is not None
        yield process, folder / process.stdout.readline().strip()


def left_by_a_killed_process(folder):
    with other_process(folder) as (process, staging):
        process.kill()
    assert staging.is_dir()
    return staging


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def make_old(*paths):
    before = time.time() - WEEKS
    for path in paths:
        os.utime(path, (before, before))


def test_a_folder_is_gone_afterwards_whatever_happens(tmp_path):
    with pytest.raises(KeyboardInterrupt), staging_folder(tmp_path) as staging:
        assert staging.parent == tmp_path
        (staging / "inner").mkdir()
        raise KeyboardInterrupt
    assert names(tmp_path) == []


def test_whatever_is_written_next_removes_what_a_killed_process_left(tmp_path):
    left_by_a_killed_process(tmp_path)
    with write_beside(tmp_path / "another.json") as partial:
        partial.write_bytes(b"{}")
    assert names(tmp_path) == ["another.json"]


def test_every_folder_of_a_batch_is_cleared(tmp_path):
    folders = [tmp_path / name for name in "ab"]
    for folder in folders:
        folder.mkdir()
        left_by_a_killed_process(folder)
    with write_together() as batch:
        for folder in folders:
            batch.add(folder / "x.csv").write_bytes(b"")
    assert [names(folder) for folder in folders] == [["x.csv"]] * 2


def test_the_folder_of_a_living_process_stays_however_old_it_is(tmp_path):
    with other_process(tmp_path) as (process, staging):
        make_old(*staging.rglob("*"), staging)
        with write_beside(tmp_path / "a.json"):
            pass
        assert (staging / "inner" / "a.tif").read_bytes() == b"half"
        process.communicate("")
    assert names(tmp_path) == ["a.json"]


def test_the_folder_of_another_thread_or_an_outer_block_stays(tmp_path):
    with staging_folder(tmp_path) as outer, staging_folder(tmp_path) as inner:
        remove_abandoned(tmp_path)
        assert outer.is_dir()
        assert inner.is_dir()


def test_a_folder_that_a_process_was_killed_in_the_making_of_is_removed(tmp_path):
    (tmp_path / ".nx46-00000000.partial").mkdir()
    (tmp_path / ".nx46-11111111.partial").mkdir()
    (tmp_path / ".nx46-11111111.partial" / "lock").touch()
    remove_abandoned(tmp_path)
    assert names(tmp_path) == []


@pytest.mark.parametrize("old", [False, True])
def test_what_has_no_lock_is_removed_once_nothing_in_it_has_changed_for_long(tmp_path, old):
    folder, file = (tmp_path / f".nx46-{digit * 8}.partial" for digit in "01")
    folder.mkdir()
    (folder / "a.tif").touch()
    file.touch()
    if old:
        make_old(folder / "a.tif", folder, file)
    remove_abandoned(tmp_path)
    assert names(tmp_path) == ([] if old else [folder.name, file.name])


def test_what_other_programs_hide_stays(tmp_path):
    others = (".git", ".nx46-00000000", ".nx46-notes.partial", "x.partial", ".nx46.partial")
    for name in others:
        (tmp_path / name).mkdir()
    make_old(*tmp_path.iterdir())
    remove_abandoned(tmp_path)
    assert names(tmp_path) == sorted(others)


@pytest.mark.skipif(os.name == "nt", reason="symbolic links need a privilege there")
def test_a_link_is_not_followed(tmp_path):
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "lock").touch()
    (precious / "a.tif").touch()
    (tmp_path / ".nx46-00000000.partial").symlink_to(precious)
    remove_abandoned(tmp_path)
    assert names(precious) == ["a.tif", "lock"]


@pytest.mark.skipif(sys.platform == "win32", reason="locks are made in another way there")
@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS])
def test_without_locks_files_are_written_and_nothing_fresh_is_removed(
    tmp_path, monkeypatch, number
):
    import fcntl

    left = left_by_a_killed_process(tmp_path)

    def refuse(_file, _operation):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", refuse)
    with staging_folder(tmp_path) as staging:
        with write_beside(tmp_path / "a.json") as partial:
            partial.write_bytes(b"{}")
        assert staging.is_dir()
    assert names(tmp_path) == sorted([left.name, "a.json"])
    make_old(*left.rglob("*"), left)
    remove_abandoned(tmp_path)
    assert names(tmp_path) == ["a.json"]
