"""A run that was killed goes on where it was, to the same bytes."""

from __future__ import annotations

import os
import random
import shutil
import sys

import pytest

from napari_nx46.scale.execute.progress import ApplyState
from napari_nx46.scale.execute.run import RunOptions, apply
from napari_nx46.scale.plan.errors import ApplyError
from napari_nx46.scale.plan.plan import plan_apply
from napari_nx46.scale.results.receipt import read_receipt
from tests.scale.execute.killing import KILLED, run_and_die
from tests.scale.execute.stores import OUTPUT, SETTING, applied, scores, write_store

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="processes are forked")

KILLS = int(os.environ.get("NX46_KILLS", "5"))
"""How often the process is killed; the tests in `make test` make do with a few."""


def _files(folder):
    """Return the content of all files below a folder."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    return write_store(tmp_path_factory.mktemp("store") / "p.zarr", scores())


@pytest.fixture(scope="module")
def undisturbed(source, tmp_path_factory):
    """Return what is written when nothing happens, and how many changes of the disk that takes."""
    folder = tmp_path_factory.mktemp("undisturbed")
    plan = plan_apply(source, SETTING, folder / "mask.zarr", tile=16, output=OUTPUT)
    status, changes = run_and_die(plan)
    assert status == 0
    return _files(folder / "mask.zarr"), read_receipt(plan.receipt), changes


def test_killed_again_and_again_it_comes_to_the_same_bytes(source, undisturbed, tmp_path):
    files, receipt, changes = undisturbed
    chance, kills = random.Random(46), 0
    while kills < KILLS:
        out = tmp_path / f"{kills}" / "mask.zarr"
        out.parent.mkdir()
        plan = plan_apply(source, SETTING, out, tile=16, output=OUTPUT)
        status = KILLED
        while status == KILLED:
            at = chance.randint(1, changes // 3) if kills < KILLS else None
            status, _ = run_and_die(plan, at)
            kills += status == KILLED
        assert status == 0
        assert _files(plan.out) == files
        assert read_receipt(plan.receipt).sha256 == receipt.sha256
        assert not plan.work.exists()
        assert not plan.partial.exists()


@pytest.mark.parametrize("share", [0.02, 0.5, 0.95])
def test_killed_once_anywhere_it_comes_to_the_same_bytes(source, undisturbed, tmp_path, share):
    files, receipt, changes = undisturbed
    plan = plan_apply(source, SETTING, tmp_path / "mask.zarr", tile=16, output=OUTPUT)
    status, _ = run_and_die(plan, at=max(1, round(share * changes)))
    assert status == KILLED
    status, more = run_and_die(plan)
    assert status == 0
    assert _files(plan.out) == files
    assert read_receipt(plan.receipt) == receipt
    assert more < changes * (1.15 - share) + 40


def test_another_plan_is_refused_and_restart_begins_again(source, tmp_path):
    out = tmp_path / "mask.zarr"
    plan = plan_apply(source, SETTING, out, tile=16, output=OUTPUT)
    assert run_and_die(plan, at=40)[0] == KILLED
    other = SETTING.changed(probability=0.6)
    with pytest.raises(ApplyError, match="--restart"):
        applied(source, other, out)
    last = applied(source, other, out, options=RunOptions(restart=True))[-1]
    assert last.state is ApplyState.DONE
    with pytest.raises(ApplyError, match="another plan"):
        applied(source, SETTING, out)
    assert applied(source, other, out)[-1].state is ApplyState.DONE
    last = applied(source, SETTING, out, options=RunOptions(restart=True))[-1]
    assert last.state is ApplyState.DONE


@pytest.mark.parametrize("content", [b"", b"SQLite format 3\0 and then nothing", b"PK\3\4 a zip"])
def test_a_ledger_that_is_none_is_refused_and_left_as_it_is(source, tmp_path, content):
    work = tmp_path / "mask.zarr.work"
    work.mkdir()
    (work / "ledger.sqlite").write_bytes(content)
    if not content:  # an empty file is a new SQLite file
        assert applied(source, SETTING, tmp_path / "mask.zarr")[-1].state is ApplyState.DONE
        return
    with pytest.raises(ApplyError, match="ledger"):
        applied(source, SETTING, tmp_path / "mask.zarr")
    assert (work / "ledger.sqlite").read_bytes() == content


def test_scratch_that_is_gone_is_computed_again(source, undisturbed, tmp_path):
    plan = plan_apply(source, SETTING, tmp_path / "mask.zarr", tile=16, output=OUTPUT)
    assert run_and_die(plan, at=undisturbed[2] // 2)[0] == KILLED
    layers = plan.work / "scratch/layers"
    shutil.rmtree(sorted(layers.iterdir())[0])
    *_, last = apply(plan)
    assert last.state is ApplyState.DONE
    assert _files(plan.out) == undisturbed[0]
