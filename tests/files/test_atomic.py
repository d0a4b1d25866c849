"""Files that appear whole or not at all."""

from __future__ import annotations

import errno
import os
import re

import pytest

from napari_nx46.files.atomic import WriteError, stop_if, write_beside, write_together
from napari_nx46.voxels.workers import Cancelled


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_finished_write_replaces_the_old_content_and_leaves_nothing_else(tmp_path):
    target = tmp_path / "report.json"
    target.write_bytes(b"old")
    with write_beside(target) as partial:
        partial.write_bytes(b"new")
        assert target.read_bytes() == b"old"
    assert target.read_bytes() == b"new"
    assert names(tmp_path) == ["report.json"]


def test_a_partial_lies_beside_its_target_and_cannot_be_taken_for_an_archive(tmp_path):
    with write_beside(tmp_path / "submission.zip") as partial:
        assert partial.parent.parent == tmp_path
        assert re.fullmatch(r"\.nx46-[a-z0-9_]{8}\.partial", partial.parent.name)
        assert partial.suffix == ".partial"


@pytest.mark.parametrize("failure", [RuntimeError, KeyboardInterrupt, Cancelled, OSError])
def test_any_exception_leaves_the_old_content_and_no_partial(tmp_path, failure):
    target = tmp_path / "mask.tif"
    target.write_bytes(b"old")
    with pytest.raises(failure), write_beside(target) as partial:
        partial.write_bytes(b"half")
        raise failure
    assert target.read_bytes() == b"old"
    assert names(tmp_path) == ["mask.tif"]


def test_an_exception_of_a_first_write_leaves_no_target(tmp_path):
    with pytest.raises(RuntimeError), write_beside(tmp_path / "mask.tif") as partial:
        partial.write_bytes(b"half")
        raise RuntimeError
    assert names(tmp_path) == []


def test_an_os_error_of_a_source_is_not_blamed_on_the_target(tmp_path):
    with pytest.raises(FileNotFoundError, match="p3d"), write_beside(tmp_path / "mask.tif"):
        (tmp_path / "p3d").read_bytes()


def test_a_missing_folder_is_named(tmp_path):
    target = tmp_path / "nowhere" / "submission.zip"
    with (
        pytest.raises(WriteError, match="nowhere does not exist") as caught,
        write_beside(target),
    ):
        pass
    assert str(target) in str(caught.value)
    assert caught.value.errno == errno.ENOENT


def test_a_folder_in_the_place_of_the_target_is_refused_before_anything_is_written(tmp_path):
    (tmp_path / "submission.zip").mkdir()
    with pytest.raises(WriteError, match="folder"), write_beside(tmp_path / "submission.zip"):
        pytest.fail("the block must not be entered")
    assert names(tmp_path) == ["submission.zip"]


def test_a_new_file_has_the_permissions_that_any_program_would_give_it(tmp_path):
    (tmp_path / "plain.txt").write_bytes(b"")
    with write_beside(tmp_path / "mask.tif"):
        pass
    assert (tmp_path / "mask.tif").stat().st_mode == (tmp_path / "plain.txt").stat().st_mode


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_write_permission_is_reported_with_the_target(tmp_path):
    folder = tmp_path / "sealed"
    folder.mkdir(mode=0o555)
    with pytest.raises(WriteError, match="submission"), write_beside(folder / "submission.zip"):
        pytest.fail("the block must not be entered")


def test_a_full_disk_is_reported_with_the_target_and_the_cause(tmp_path):
    target = tmp_path / "submission.zip"
    with (
        pytest.raises(WriteError, match="No space left") as caught,
        write_beside(target),
    ):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert str(target) in str(caught.value)
    assert caught.value.errno == errno.ENOSPC


def test_a_failing_flush_leaves_the_old_content(tmp_path, monkeypatch):
    target = tmp_path / "submission.zip"
    target.write_bytes(b"old")

    def fail(_descriptor):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(WriteError, match="Input/output error"), write_beside(target) as partial:
        partial.write_bytes(b"new")
    assert target.read_bytes() == b"old"
    assert names(tmp_path) == ["submission.zip"]


def test_content_is_flushed_before_the_rename(tmp_path, monkeypatch):
    calls = []
    flush, rename = os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda fd: (calls.append("flush"), flush(fd))[1])
    monkeypatch.setattr(os, "replace", lambda a, b: (calls.append("rename"), rename(a, b))[1])
    with write_beside(tmp_path / "mask.tif") as partial:
        partial.write_bytes(b"new")
    assert calls[:2] == ["flush", "rename"]


def test_files_written_together_are_renamed_in_order_once_all_are_complete(tmp_path, monkeypatch):
    renamed = []
    rename = os.replace

    def watch(source, target):
        assert all(path.exists() for path in partials[len(renamed) :])
        renamed.append(target.name)
        rename(source, target)

    monkeypatch.setattr(os, "replace", watch)
    with write_together() as batch:
        partials = [batch.add(tmp_path / name) for name in ("b.zip", "a.json", "c.csv")]
        for partial in partials:
            partial.write_bytes(b"x")
    assert renamed == ["b.zip", "a.json", "c.csv"]
    assert names(tmp_path) == ["a.json", "b.zip", "c.csv"]


def test_one_failing_companion_leaves_all_targets_alone(tmp_path):
    (tmp_path / "a.zip").write_bytes(b"old")
    with pytest.raises(WriteError, match="nowhere"), write_together() as batch:
        batch.add(tmp_path / "a.zip").write_bytes(b"new")
        batch.add(tmp_path / "nowhere" / "a.json")
    assert (tmp_path / "a.zip").read_bytes() == b"old"
    assert names(tmp_path) == ["a.zip"]


def test_a_rename_that_fails_after_another_says_what_is_new_already(tmp_path, monkeypatch):
    (tmp_path / "a.json").write_bytes(b"old")
    rename = os.replace

    def fail_later(source, target):
        if target.name == "a.json":
            raise OSError(errno.EACCES, "Permission denied")
        rename(source, target)

    monkeypatch.setattr(os, "replace", fail_later)
    message = r"a\.json: Permission denied \(b\.zip is new already\)"
    with pytest.raises(WriteError, match=message), write_together() as batch:
        for name in ("b.zip", "a.json"):
            batch.add(tmp_path / name).write_bytes(b"new")
    assert (tmp_path / "b.zip").read_bytes() == b"new"
    assert (tmp_path / "a.json").read_bytes() == b"old"
    assert names(tmp_path) == ["a.json", "b.zip"]


def test_one_target_cannot_be_written_twice_in_a_batch(tmp_path):
    with pytest.raises(ValueError, match="twice"), write_together() as batch:
        batch.add(tmp_path / "a.zip")
        batch.add(tmp_path / "a.zip")
    assert names(tmp_path) == []


@pytest.mark.skipif(os.name == "nt", reason="symbolic links need a privilege there")
def test_a_symbolic_link_stays_and_what_it_points_to_is_replaced(tmp_path):
    real = tmp_path / "store" / "real.zip"
    real.parent.mkdir()
    real.write_bytes(b"old")
    link = tmp_path / "submission.zip"
    link.symlink_to(real)
    with write_beside(link) as partial:
        partial.write_bytes(b"new")
    assert link.is_symlink()
    assert real.read_bytes() == b"new"


def test_a_name_at_the_limit_of_the_file_system_can_be_written(tmp_path):
    target = tmp_path / ("é" * 125 + ".tif")
    with write_beside(target) as partial:
        partial.write_bytes(b"new")
    assert target.read_bytes() == b"new"


def test_asking_whether_to_stop_raises_only_after_a_cancel():
    stop_if(lambda: False)
    with pytest.raises(Cancelled, match="nothing was written"):
        stop_if(lambda: True)
