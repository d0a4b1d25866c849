"""Exports are kept as runs, at once or when the workspace is next opened."""

from __future__ import annotations

import json
import os
import sqlite3
import threading
from contextlib import closing, contextmanager
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from napari_nx46.files.workspace import Workspace, WorkspaceError, announcing
from napari_nx46.run.export.export import export, exported_run, same_setting
from napari_nx46.run.export.manifest import RunOptions
from napari_nx46.run.export.targets import manifest_path
from napari_nx46.run.judge.kept_exports import delete_export, reconcile, register_export
from napari_nx46.run.pipelines import PipelineSet
from napari_nx46.setting import Setting
from napari_nx46.voxels.workers import Workers
from tests.run.compare.comparing import sha256

SETTING = Setting(quantile=0.9, blend=0.3, z_radius=1)


@pytest.fixture
def workspace(tmp_path):
    with Workspace.open(tmp_path / "w" / "runs.sqlite", busy_seconds=0.05) as opened:
        yield opened


@pytest.fixture
def exported(workspace, dataset, out):
    """Return a function that exports and announces; what comes of it is not kept as a run."""

    def function(tag="t", setting=SETTING, name="submission.zip"):
        options = RunOptions(tag)
        pipelines = PipelineSet(dataset, workers=Workers(1))
        chosen = same_setting(dataset, setting)
        result = export(pipelines, chosen, out / name, options, work=workspace.path)
        return result, options

    return function


def announced(workspace):
    return [path for path in workspace.path.parent.iterdir() if "-export-" in path.name]


@contextmanager
def locked(workspace):
    """Write the workspace in another connection for as long as the block lasts."""
    with closing(sqlite3.connect(workspace.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


def test_an_export_that_was_not_kept_is_kept_as_it_would_have_been(workspace, exported):
    result, options = exported("a tag")
    assert len(announced(workspace)) == 1
    assert workspace.runs() == ()
    (note,) = reconcile(workspace)
    assert note.startswith("kept as run 1 (a tag): the export of ")
    assert str(result.target) in note
    (run,) = workspace.runs()
    expected = exported_run(result, options)
    assert run == replace(expected, id=1, time=run.time)
    assert run.archive_sha256 == sha256(result.target)
    assert dict(run.metrics) == dict(expected.metrics)
    assert reconcile(workspace) == ()
    assert announced(workspace) == []
    assert register_export(workspace, result, options) == run


def test_an_export_that_is_kept_leaves_nothing_to_be_done(workspace, exported):
    register_export(workspace, *exported())
    assert announced(workspace) == []
    assert reconcile(workspace) == ()
    assert len(workspace.runs()) == 1


def test_keeping_one_export_does_not_settle_another(workspace, exported):
    first = exported("first", name="a.zip")
    second = exported("second", name="b.zip")
    register_export(workspace, *second)
    assert len(announced(workspace)) == 1
    (note,) = reconcile(workspace)
    assert str(first[0].target) in note
    assert [run.tag for run in workspace.runs()] == ["second", "first"]


@pytest.mark.parametrize("how", ["replaced", "removed", "its folder removed"])
def test_an_export_whose_archive_is_another_or_gone_is_not_kept(workspace, exported, out, how):
    result, _ = exported()
    if how == "replaced":
        result.target.write_bytes(b"another")
    else:
        result.target.unlink()
    if how == "its folder removed":
        for path in out.iterdir():
            path.unlink()
        out.rmdir()
    (note,) = reconcile(workspace)
    assert "is not kept as a run: it was stopped before its archive was in place" in note
    assert (workspace.runs(), announced(workspace)) == ((), [])


@pytest.mark.parametrize("beside", ["of another export", "missing", "damaged", "its own"])
def test_a_manifest_that_was_not_replaced_in_time_is_reported_of(workspace, exported, beside):
    earlier = manifest_path(exported("earlier", Setting(quantile=0.8))[0].target)
    reconcile(workspace)
    old = earlier.read_bytes()
    exported()
    if beside == "missing":
        earlier.unlink()
    elif beside != "its own":
        earlier.write_bytes(old if beside == "of another export" else b"{")
    (note,) = reconcile(workspace)
    assert note.startswith("kept as run 2 (t)")
    reported = "manifest and metrics.csv beside it are not its own" in note
    assert reported == (beside != "its own")


def test_an_archive_that_cannot_be_read_now_is_waited_for(workspace, exported):
    result, _ = exported()
    aside = result.target.with_name("aside.zip")
    result.target.rename(aside)
    result.target.mkdir()
    (note,) = reconcile(workspace)
    assert "could not be kept as a run yet" in note
    result.target.rmdir()
    aside.rename(result.target)
    assert len(reconcile(workspace)) == len(workspace.runs()) == 1


def test_an_export_that_is_going_on_is_left_alone(workspace, exported):
    result, options = exported()
    assert len(reconcile(workspace)) == 1
    run = exported_run(result, replace(options, tag="going on"))
    with announcing(workspace.path) as announce:
        announce(replace(run, archive_sha256="0" * 64))
        assert reconcile(workspace) == ()
        assert len(announced(workspace)) == 1
    assert len(reconcile(workspace)) == 1
    assert len(workspace.runs()) == 1


def test_a_locked_workspace_gets_the_run_when_it_is_free(workspace, exported):
    first, second = exported("first", name="a.zip"), exported("second", name="b.zip")
    with locked(workspace):
        with pytest.raises(WorkspaceError, match=r"a\.zip is written, and is kept as a run when"):
            register_export(workspace, *first)
        (note,) = reconcile(workspace)
        assert "could not be kept as a run yet" in note
        assert "another program has been writing it for too long" in note
    assert len(announced(workspace)) == 2
    assert len(reconcile(workspace)) == 2
    assert {run.archive for run in workspace.runs()} == {first[0].target, second[0].target}
    assert announced(workspace) == []


def test_without_an_announcement_nothing_is_promised(workspace, exported):
    result, options = exported()
    delete_export(workspace, exported_run(result, options))
    with locked(workspace), pytest.raises(WorkspaceError) as caught:
        register_export(workspace, result, options)
    assert "next opened" not in str(caught.value)


def test_a_run_that_can_never_be_kept_is_not_tried_again(workspace, exported):
    too_long = exported("x" * 201)
    with pytest.raises(WorkspaceError, match="the run cannot be kept: tag: found 201 characters"):
        register_export(workspace, *too_long)
    assert announced(workspace) == []
    exported("x" * 201)
    (note,) = reconcile(workspace)
    assert note.endswith("is not kept as a run: tag: found 201 characters, expected at most 200")
    assert (workspace.runs(), announced(workspace)) == ((), [])


def test_an_export_is_written_where_it_cannot_be_announced(workspace, dataset, out):
    (out / "a file").touch()
    pipelines = PipelineSet(dataset, workers=Workers(1))
    result = export(
        pipelines, same_setting(dataset, SETTING), out / "s.zip", work=out / "a file" / "w.sqlite"
    )
    assert sha256(result.target) == result.archive_sha256


def test_two_that_open_the_workspace_keep_an_export_once(workspace, exported):
    exported()
    counts = []

    def settle():
        with Workspace.open(workspace.path) as other:
            counts.append(len(reconcile(other)))

    threads = [threading.Thread(target=settle) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sum(counts) == len(workspace.runs()) == 1
    assert announced(workspace) == []


STRANGE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_what_is_not_an_announcement_is_removed_and_nothing_is_kept(workspace, data):
    record = {
        "time": "2026-01-01T00:00:00+00:00",
        "tag": "",
        "archive": os.devnull,
        "archive_sha256": "0" * 64,
        "settings": {"a": json.loads(SETTING.to_json())},
        "metrics": {},
    }
    record[data.draw(st.sampled_from(sorted(record)))] = data.draw(STRANGE)
    whole = json.dumps(record).encode()
    content = whole[: data.draw(st.integers(0, len(whole)))]
    path = workspace.path.with_name(f"{workspace.path.name}-export-{'0' * 16}")
    path.write_bytes(content)
    reconcile(workspace)
    assert workspace.runs() == ()


@pytest.mark.parametrize("content", [b"", b"[" * 100_000, b"\xff", b"null", b"{}"])
def test_damaged_announcements_are_removed(workspace, content):
    path = workspace.path.with_name(f"{workspace.path.name}-export-{'0' * 16}")
    path.write_bytes(content)
    assert reconcile(workspace) == ()
    assert announced(workspace) == []
