"""An export beside the session: whole or not at all, reported in the owner's thread."""

from __future__ import annotations

import io
import threading
import zipfile

import numpy as np
import pytest
import tifffile

from napari_nx46.data.fragments import FragmentError, VolumeError
from napari_nx46.files.atomic import WriteError
from napari_nx46.live.jobs.export import export_work
from napari_nx46.run.export.export import run, same_setting
from napari_nx46.run.export.manifest import RunOptions
from napari_nx46.run.job import Job
from napari_nx46.run.pipelines import PipelineSet
from napari_nx46.setting import Domain, Setting
from napari_nx46.voxels.workers import Cancelled
from tests.live.driver import Events, Loop, named_threads, wait_for

SIGNALS = ("progressed", "done", "cancelled", "failed")
SETTING = Setting(quantile=0.9, blend=0.4, z_radius=1)


class Export:
    """An export job, its loop and its events."""

    def __init__(self, dataset, accepted, target):
        self.loop = Loop()
        self.job = Job(self.loop.post, "nx46-export")
        self.work = export_work(dataset, accepted, target, RunOptions(tag="t"))
        self.events = Events(self.job, *SIGNALS)

    def to_the_end(self):
        """Start the job, run its loop until it has ended, and return how it did."""
        self.start()
        return self.end()

    def start(self):
        self.job.start(self.work)

    def progress(self):
        """Return the numbers of slices done, and in all, that were signalled."""
        return [(now.done, now.total) for (now,) in self.events.of("progressed")]

    def end(self):
        self.loop.run_until(lambda: self.ending() is not None)
        self.loop.run()
        return self.ending()

    def ending(self):
        """Return the one signal that reported the end, or None."""
        endings = [name for name in self.events.names() if name != "progressed"]
        assert len(endings) <= 1
        return endings[0] if endings else None


@pytest.fixture
def target(tmp_path):
    """Return the archive to write, in a folder of its own."""
    folder = tmp_path / "out"
    folder.mkdir()
    return folder / "submission.zip"


def masks_in_archive(path):
    with zipfile.ZipFile(path) as archive:
        return {
            name.removesuffix(".tif"): tifffile.imread(io.BytesIO(archive.read(name)))
            for name in archive.namelist()
        }


def content(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("domain", Domain)
def test_the_session_the_archive_and_a_run_have_equal_masks(driver, target, tmp_path, domain):
    session, dataset = driver.session, driver.dataset
    session.change(quantile=0.9, blend=0.45, z_radius=3, domain=domain)
    if domain is Domain.BLOCK:
        session.apply(session.setting.changed(block=((1, 4), (2, 9), (0, 7))))
    session.accept()
    export = Export(dataset, session.accepted, target)
    assert export.to_the_end() == "done"
    run(PipelineSet(dataset), same_setting(dataset, session.setting), tmp_path / "run")
    archived, setting = masks_in_archive(target), session.setting
    for image_id in dataset.image_ids:
        session.show_fragment(image_id)
        session.apply(setting)
        driver.settle()
        z = session.view.slice_index
        expected = driver.expected(setting)
        in_run = tifffile.imread(tmp_path / "run" / "masks" / f"{image_id}.tif")
        np.testing.assert_array_equal(driver.shown()[0], expected[z])
        np.testing.assert_array_equal(session.whole_mask(), expected)
        np.testing.assert_array_equal(archived[image_id], expected)
        np.testing.assert_array_equal(in_run, expected)
    assert list(archived) == list(dataset.image_ids)


def test_a_finished_export_hands_over_its_result_and_leaves_three_files(dataset, target):
    export = Export(dataset, same_setting(dataset, SETTING), target)
    assert export.to_the_end() == "done"
    ((result,),) = export.events.of("done")
    assert result.target == target
    assert [record.image_id for record in result.records] == ["a", "b", "c"]
    assert result.report is not None
    assert sorted(content(target.parent)) == [
        "metrics.csv",
        "submission.manifest.json",
        "submission.zip",
    ]


def test_progress_rises_to_all_slices_of_all_fragments(dataset, target):
    export = Export(dataset, same_setting(dataset, SETTING), target)
    export.to_the_end()
    done = [slices for slices, _ in export.progress()]
    assert {total for _, total in export.progress()} == {12 + 5 + 7}
    assert done == sorted(done)
    assert done[-1] == 24
    assert export.events.names()[-1] == "done"


def test_only_what_was_accepted_is_written_and_counted(dataset, target):
    accepted = {"b": SETTING}
    export = Export(dataset, accepted, target)
    accepted["a"] = SETTING  # later changes are not this job's
    assert export.to_the_end() == "done"
    assert list(masks_in_archive(target)) == ["b"]
    assert export.progress()[-1] == (5, 5)


def test_all_its_signals_come_in_the_owners_thread(dataset, target):
    export = Export(dataset, same_setting(dataset, SETTING), target)
    export.to_the_end()
    assert export.events.threads == {threading.get_ident()}


def test_nothing_is_reported_before_the_owner_lets_it(dataset, target):
    export = Export(dataset, same_setting(dataset, SETTING), target)
    export.start()
    wait_for(target.exists)
    wait_for(lambda: named_threads("nx46-export") == [])
    assert export.events.log == []
    assert export.end() == "done"


def test_its_threads_end_with_it(dataset, target):
    Export(dataset, same_setting(dataset, SETTING), target).to_the_end()
    wait_for(lambda: named_threads() == [])


@pytest.mark.parametrize("slices", [0, 1, 13, 23])
def test_cancelling_leaves_the_old_archive_and_nothing_else(dataset, target, slices):
    old = {
        "submission.zip": b"the old archive",
        "metrics.csv": b"the old metrics",
        "submission.manifest.json": b"the old manifest",
    }
    for name, data in old.items():
        (target.parent / name).write_bytes(data)
    export = Export(dataset, same_setting(dataset, SETTING), target)
    cancel_in_time(export, slices)
    assert export.to_the_end() == "cancelled"
    assert export.events.of("cancelled") == [()]
    assert content(target.parent) == old


def test_cancelling_where_there_was_no_archive_leaves_an_empty_folder(dataset, target):
    export = Export(dataset, same_setting(dataset, SETTING), target)
    cancel_in_time(export, 5)
    assert export.to_the_end() == "cancelled"
    assert content(target.parent) == {}


def cancel_in_time(export, slices):
    """Cancel a job once that many slices are written, in the thread that writes them."""
    if slices == 0:
        export.job.cancel()
        return
    work = export.work

    def cancelling_work(cancelled, report):
        def report_and_cancel(progress):
            report(progress)
            if progress.done == slices:
                export.job.cancel()

        return work(cancelled, report_and_cancel)

    export.work = cancelling_work


def test_progress_is_reported_one_at_a_time_however_slow_the_listener(dataset, target):
    export = Export(dataset, same_setting(dataset, SETTING), target)
    waiting = []
    export.job.progressed.connect(lambda *_: waiting.append(export.loop.posted.qsize()))
    export.start()
    wait_for(target.exists)
    wait_for(lambda: named_threads("nx46-export") == [])
    assert export.loop.posted.qsize() == 2  # one progress, and the end
    assert export.end() == "done"
    assert export.progress()[-1] == (24, 24)
    assert waiting[0] == 1


def test_cancelling_after_the_end_changes_nothing(dataset, target):
    export = Export(dataset, same_setting(dataset, SETTING), target)
    export.to_the_end()
    before = content(target.parent)
    export.job.cancel()
    export.loop.run()
    assert export.ending() == "done"
    assert content(target.parent) == before


def test_an_export_can_follow_a_cancelled_one(dataset, target):
    first = Export(dataset, same_setting(dataset, SETTING), target)
    first.job.cancel()
    assert first.to_the_end() == "cancelled"
    assert Export(dataset, same_setting(dataset, SETTING), target).to_the_end() == "done"
    assert list(masks_in_archive(target)) == ["a", "b", "c"]


def test_damaged_data_fail_with_file_and_fragment_and_keep_the_old_archive(damaged, target):
    target.write_bytes(b"the old archive")
    export = Export(damaged, same_setting(damaged, SETTING), target)
    assert export.to_the_end() == "failed"
    ((error,),) = export.events.of("failed")
    assert isinstance(error, VolumeError)
    assert str(damaged["a"].p3d.path) in str(error)
    assert "fragment a" in str(error)
    assert content(target.parent) == {"submission.zip": b"the old archive"}
    wait_for(lambda: named_threads() == [])


def test_sound_fragments_of_a_damaged_data_set_can_be_exported(damaged, target):
    assert Export(damaged, {"b": SETTING}, target).to_the_end() == "done"
    assert list(masks_in_archive(target)) == ["b"]


@pytest.mark.parametrize(
    ("accepted", "error", "message"),
    [
        ({}, FragmentError, "no fragment is chosen"),
        (
            {"b": Setting(domain="block", block=((6, 9), (0, 4), (0, 4)))},
            FragmentError,
            "fragment b",
        ),
    ],
)
def test_a_setting_that_does_not_fit_is_reported_by_failed(
    dataset, target, accepted, error, message
):
    export = Export(dataset, accepted, target)
    assert export.to_the_end() == "failed"
    ((found,),) = export.events.of("failed")
    assert isinstance(found, error)
    assert message in str(found)
    assert content(target.parent) == {}


def test_a_target_that_cannot_be_written_is_reported_by_failed(dataset, target):
    target.mkdir()
    export = Export(dataset, same_setting(dataset, SETTING), target)
    assert export.to_the_end() == "failed"
    ((error,),) = export.events.of("failed")
    assert isinstance(error, WriteError)
    assert not isinstance(error, Cancelled)
    assert str(target) in str(error)


def test_a_session_stays_exact_while_an_export_of_the_same_data_runs(driver, target):
    export = Export(driver.dataset, same_setting(driver.dataset, SETTING), target)
    export.start()
    for quantile in (0.6, 0.7, 0.8):
        driver.session.change(quantile=quantile)
        driver.session.step_fragment(1)
        driver.settle()
        driver.assert_shows_the_definition()
    assert export.end() == "done"
