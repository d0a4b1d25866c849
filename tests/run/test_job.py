"""A job ends in exactly one way, says so in its owner's thread, and nothing after it is closed."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from napari_nx46.run.job import Job
from napari_nx46.voxels.workers import Cancelled
from tests.live.driver import Events, Loop

SIGNALS = ("progressed", "ended", "done", "cancelled", "failed")
FAULT = ValueError("slice 3 has NaN")


def started(work, *, before=lambda job: None):
    """Return a started job whose work is done, its loop and its events."""
    loop = Loop()
    job = Job(loop.post, "nx46-test")
    events = Events(job, *SIGNALS)
    before(job)
    job.start(work)
    job.wait(30)
    return job, loop, events


def fail(cancelled, report):
    raise FAULT


def give_up(cancelled, report):
    assert cancelled()
    raise Cancelled


@pytest.mark.parametrize(
    ("work", "ending"),
    [
        (lambda cancelled, report: 42, ("done", (42,))),
        (lambda cancelled, report: None, ("done", (None,))),
        (fail, ("failed", (FAULT,))),
        (give_up, ("cancelled", ())),
    ],
)
def test_each_end_is_signalled_once_in_the_owners_thread(work, ending):
    job, loop, events = started(work, before=Job.cancel if work is give_up else lambda job: None)
    assert job.running
    assert events.log == []
    loop.run()
    assert events.log == [("ended", ()), ending]
    assert events.threads == {threading.get_ident()}
    assert not job.running


def test_of_reports_that_wait_only_the_newest_is_signalled():
    def work(cancelled, report):
        for number in range(5):
            report(number)

    _, loop, events = started(work)
    assert loop.posted.qsize() == 2
    loop.run()
    assert events.log == [("progressed", (4,)), ("ended", ()), ("done", (None,))]


def test_a_report_that_comes_while_one_is_shown_is_not_lost():
    shown, reported = threading.Event(), threading.Event()
    loop = Loop()
    job = Job(loop.post, "nx46-test")
    events = Events(job, *SIGNALS)

    def work(cancelled, report):
        report("first")
        assert shown.wait(30)
        report("second")
        reported.set()

    def listen(report):
        shown.set()
        assert reported.wait(30)

    job.progressed.connect(listen)
    job.start(work)
    loop.run_until(lambda: not job.running)
    assert events.of("progressed") == [("first",), ("second",)]


@pytest.mark.parametrize("work", [lambda cancelled, report: report(1), fail, give_up])
def test_a_closed_job_signals_nothing(work):
    _, loop, events = started(work, before=Job.close)
    loop.run()
    assert events.log == []


def test_closing_between_the_work_and_its_end_signals_nothing():
    job, loop, events = started(fail)
    job.close()
    loop.run()
    assert events.log == []


def test_a_job_is_started_once():
    job, loop, _ = started(lambda cancelled, report: 1)
    for _ in range(2):
        with pytest.raises(RuntimeError, match="started before"):
            job.start(fail)
        loop.run()


def test_jobs_of_one_executor_follow_each_other_even_when_closed():
    order, loop = [], Loop()
    with ThreadPoolExecutor(1) as executor:
        jobs = [Job(loop.post, "nx46-test", executor) for _ in range(3)]
        for number, job in enumerate(jobs):
            job.start(lambda cancelled, report, number=number: order.append(number))
        jobs[1].close()
    assert order == [0, 1, 2]
