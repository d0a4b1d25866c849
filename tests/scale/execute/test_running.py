"""Threads, processes, a cluster that is there, and parts: the same bytes; and what goes wrong."""

from __future__ import annotations

import errno
import os
import stat

import numpy as np
import pytest

from napari_nx46.campaign.execute.cluster import ClusterChoice
from napari_nx46.files.atomic import WriteError
from napari_nx46.files.mask_store import chunks
from napari_nx46.scale.execute.progress import ApplyState
from napari_nx46.scale.execute.run import RunOptions, apply
from napari_nx46.scale.plan.errors import ApplyError
from napari_nx46.scale.plan.plan import plan_apply
from napari_nx46.scale.plan.sources import StoreAddress, StoreSources
from napari_nx46.scale.results.receipt import read_receipt
from napari_nx46.setting import Setting, ThresholdRule
from tests.campaign.execute.clusters import scheduler, worker
from tests.scale.execute.stores import (
    OUTPUT,
    applied,
    level,
    mask_in_memory,
    scores,
    write_store,
)

SETTING = Setting(
    rule=ThresholdRule.PROBABILITY,
    probability=0.55,
    hysteresis=True,
    low_probability=0.45,
    smallest_object=20,
    fill_cavities=True,
)
THREADS = RunOptions(ClusterChoice(threads=2))


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    voxels = scores(seed=3)
    return write_store(tmp_path_factory.mktemp("store") / "p.zarr", voxels), voxels


@pytest.fixture(scope="module")
def receipt(store, tmp_path_factory):
    out = tmp_path_factory.mktemp("threads") / "mask.zarr"
    assert applied(store[0], SETTING, out, options=THREADS)[-1].state is ApplyState.DONE
    assert np.array_equal(level(out), 255 * mask_in_memory(store[1], SETTING))
    return read_receipt(out.with_name("mask.zarr.receipt.json"))


def _same(receipt, out):
    assert read_receipt(out.with_name("mask.zarr.receipt.json")).sha256 == receipt.sha256


@pytest.mark.parametrize("tile", [24, 48])
def test_no_tile_changes_the_mask(store, receipt, tmp_path, tile):
    assert applied(store[0], SETTING, tmp_path / "mask.zarr", tile=tile)[-1].state == "done"
    _same(receipt, tmp_path / "mask.zarr")


def test_processes_write_the_same(store, receipt, tmp_path):
    progress = applied(store[0], SETTING, tmp_path / "mask.zarr", workers=2)
    assert progress[-1].state is ApplyState.DONE
    _same(receipt, tmp_path / "mask.zarr")
    assert {one.name for one in progress} >= {"threshold + pieces for hysteresis", "level 2"}


def test_a_scheduler_and_two_workers_started_separately_write_the_same(store, receipt, tmp_path):
    out = tmp_path / "mask.zarr"
    with (
        scheduler(tmp_path) as (_, address),
        worker(address, tmp_path),
        worker(address, tmp_path, "--nthreads", "2"),
    ):
        options = RunOptions(ClusterChoice(scheduler=address))
        progress = applied(store[0], SETTING, out, options=options)
    assert progress[-1].state is ApplyState.DONE
    _same(receipt, tmp_path / "mask.zarr")


def test_a_worker_that_is_killed_costs_its_tiles_alone(store, receipt, tmp_path):
    plan = plan_apply(store[0], SETTING, tmp_path / "mask.zarr", tile=8, output=OUTPUT)
    seen: list[object] = []
    with (
        scheduler(tmp_path) as (_, address),
        worker(address, tmp_path, "--no-nanny") as first,
        worker(address, tmp_path, "--no-nanny"),
    ):
        options = RunOptions(ClusterChoice(scheduler=address))
        done = 0
        # Cancelled once it has done a few tiles, and gone on with; then a worker is killed.
        for progress in apply(plan, options=options, cancelled=lambda: len(seen) > 0):
            if progress.done > 5:
                seen.append(progress)
        assert progress.state is ApplyState.CANCELLED
        for progress in apply(plan, options=options):
            done = done or progress.done
            if progress.done > 12 and first.is_running():
                first.kill()
                first.wait(20)
    assert done > 5
    assert not first.is_running()
    assert progress.state is ApplyState.DONE, progress
    _same(receipt, plan.out)


def test_parts_one_after_the_other_write_the_same(store, receipt, tmp_path):
    plan = plan_apply(store[0], SETTING, tmp_path / "mask.zarr", tile=16, output=OUTPUT)
    for _ in range(12):
        states = []
        for part in (2, 1):
            options = RunOptions(ClusterChoice(threads=1), part=part, parts=2)
            states.append([*apply(plan, options=options)][-1])
        if plan.out.exists():
            break
        assert states[0].state is ApplyState.WAITING
        assert "--part" in states[0].words
    _same(receipt, plan.out)


@pytest.mark.parametrize("part", [0, 4])
def test_a_part_that_cannot_be_is_refused(store, tmp_path, part):
    with pytest.raises(ApplyError, match="expected I/N"):
        applied(store[0], SETTING, tmp_path / "m.zarr", options=RunOptions(part=part, parts=3))


def test_it_is_cancelled_and_goes_on(store, receipt, tmp_path):
    asked = []

    def cancelled():
        asked.append(1)
        return len(asked) > 6

    out = tmp_path / "mask.zarr"
    assert applied(store[0], SETTING, out, options=THREADS, cancelled=cancelled)[-1].state == (
        "cancelled"
    )
    assert not out.exists()
    assert applied(store[0], SETTING, out, options=THREADS)[-1].state is ApplyState.DONE
    _same(receipt, out)


# ---- what goes wrong ---------------------------------------------------------------------------


def test_a_damaged_chunk_fails_its_tiles_alone(store, receipt, tmp_path):
    source = write_store(tmp_path / "p.zarr", store[1])
    chunk = source / "0/2/1/1"
    content = chunk.read_bytes()
    chunk.write_bytes(content[:9])
    last = applied(source, SETTING, tmp_path / "mask.zarr", options=THREADS)[-1]
    assert last.state is ApplyState.FAILED
    assert {failure.place for failure in last.failures} == {(0, 0, 0), (1, 0, 0)}
    assert all("2/1/1" in failure.reason for failure in last.failures)
    assert last.done == last.total - 2
    chunk.write_bytes(content)
    assert applied(source, SETTING, tmp_path / "mask.zarr", options=THREADS)[-1].state == "done"
    _same(receipt, tmp_path / "mask.zarr")


def test_a_full_disk_stops_it_and_it_goes_on(store, receipt, tmp_path, monkeypatch):
    out, written = tmp_path / "mask.zarr", []

    def place(path, content, staging):
        written.append(path)
        if len(written) > 9:
            raise WriteError(path, os.strerror(errno.ENOSPC), errno.ENOSPC)
        place_file(path, content, staging)

    place_file = chunks.place_file
    monkeypatch.setattr("napari_nx46.scale.execute.scratch.place_file", place)
    last = applied(store[0], SETTING, out, options=THREADS)[-1]
    assert last.state is ApplyState.FAILED
    assert "the disk is full" in last.words
    assert len(written) < 14
    monkeypatch.undo()
    assert applied(store[0], SETTING, out, options=THREADS)[-1].state is ApplyState.DONE
    _same(receipt, out)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write all")
def test_a_folder_that_cannot_be_written_is_an_error(store, tmp_path):
    tmp_path.chmod(stat.S_IRUSR | stat.S_IXUSR)
    with pytest.raises(WriteError):
        applied(store[0], SETTING, tmp_path / "mask.zarr", options=THREADS)


def test_a_target_that_cannot_be_made_is_an_error(store, tmp_path):
    (tmp_path / "mask.zarr.partial").write_text("a file of that name")
    with pytest.raises(WriteError, match=r"mask\.zarr"):
        applied(store[0], SETTING, tmp_path / "mask.zarr", options=THREADS)
    with pytest.raises(ApplyError, match="does not exist"):
        applied(store[0], SETTING, tmp_path / "nowhere/mask.zarr", options=THREADS)


def test_two_processes_do_not_work_on_one_plan(store, tmp_path):
    plan = plan_apply(store[0], SETTING, tmp_path / "mask.zarr", tile=16, output=OUTPUT)
    first = apply(plan, options=THREADS)
    next(first)
    with pytest.raises(ApplyError, match="another process"):
        next(apply(plan, options=THREADS))
    assert [*first][-1].state is ApplyState.DONE


# ---- what is refused before anything runs ------------------------------------------------------


def test_what_cannot_be_exact_by_tiles_is_refused_with_the_reason(store, tmp_path):
    with pytest.raises(ApplyError, match="nx46 freeze"):
        plan_apply(store[0], Setting(quantile=0.9), tmp_path / "m.zarr", output=OUTPUT)
    with pytest.raises(ApplyError, match="--patch-blocks"):
        plan_apply(store[0], SETTING.changed(patch_holes=3), tmp_path / "m.zarr", output=OUTPUT)


@pytest.mark.parametrize(
    ("wrong", "match"),
    [
        ({"tile": 12}, "multiple of the chunk"),
        ({"ct_above": 0.0}, "no CT"),
        ({"out": "mask.tif"}, r"ends in \.zarr"),
    ],
)
def test_plans_that_cannot_be_are_refused(store, tmp_path, wrong, match):
    out = tmp_path / wrong.pop("out", "mask.zarr")
    with pytest.raises(ApplyError, match=match):
        plan_apply(store[0], SETTING, out, **{"tile": 16, "output": OUTPUT, **wrong})


def test_volumes_of_other_shapes_are_refused(store, tmp_path):
    other = write_store(tmp_path / "other.zarr", store[1][:-1])
    sources = StoreSources(p3d=StoreAddress.of(store[0]), p2d=StoreAddress.of(other))
    with pytest.raises(ApplyError, match="shape"):
        plan_apply(sources, SETTING, tmp_path / "m.zarr", tile=16, output=OUTPUT)


# ---- boxes, two paths, the CT ------------------------------------------------------------------


def test_a_box_of_two_paths_is_placed_where_it_was(store, tmp_path):
    p3d, p2d = store[1], scores(seed=8, empty=False)
    second = write_store(tmp_path / "second.zarr", p2d)
    box = ((3, 30), (0, 33), (5, 29))
    sources = StoreSources(p3d=StoreAddress.of(store[0]), p2d=StoreAddress.of(second), box=box)
    assert applied(sources, SETTING, tmp_path / "mask.zarr")[-1].state is ApplyState.DONE
    part = tuple(slice(*extent) for extent in box)
    expected = mask_in_memory(p3d[part], SETTING, p2d=p2d[part])
    assert np.array_equal(level(tmp_path / "mask.zarr"), 255 * expected)
    plan = plan_apply(sources, SETTING, tmp_path / "mask.zarr", tile=16, output=OUTPUT)
    assert plan.placement.translate == (6.0, 0.0, 10.0)


def test_where_the_ct_is_not_above_there_is_background(store, tmp_path):
    ct = np.ones(store[1].shape, np.uint8)
    ct[:, :, :14] = 0
    image = write_store(tmp_path / "ct.zarr", ct)
    sources = StoreSources(p3d=StoreAddress.of(store[0]), image=StoreAddress.of(image))
    setting = SETTING.changed(closing_ball=1)
    progress = applied(sources, setting, tmp_path / "mask.zarr", ct_above=0)
    assert progress[-1].state is ApplyState.DONE
    expected = mask_in_memory(np.where(ct, store[1], 0), setting) * ct
    assert expected.any()
    assert np.array_equal(level(tmp_path / "mask.zarr"), 255 * expected)
    counts = read_receipt(tmp_path / "mask.zarr.receipt.json").counts
    assert 0 < counts["reached where the CT is not above"] < counts["reached"]
