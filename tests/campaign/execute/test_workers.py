"""Worker processes: of this machine or of a cluster that is there, also when they are killed."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

from napari_nx46.campaign.execute import dispatch, forked, remote
from napari_nx46.campaign.execute.cluster import CampaignError, ClusterChoice, connected
from napari_nx46.campaign.execute.forking import forking
from napari_nx46.campaign.execute.remote import LanePlugin, measure_in_lane
from napari_nx46.campaign.plan.source import DataSource
from napari_nx46.campaign.records.results import CampaignPlan, PlannedRun, TaskState
from napari_nx46.campaign.records.store import CampaignRequest
from napari_nx46.scale.execute.tasks import TilePlugin
from napari_nx46.setting import Setting
from tests.campaign.execute.clusters import PATIENCE, scheduler, worker
from tests.campaign.running import ran, stored, table, watched


def worker_processes(parent=None):
    """Return the processes below this one that Dask's nannies have started."""
    own = parent or psutil.Process()
    servers = [one for one in own.children() if "forkserver" in " ".join(one.cmdline())]
    forked = [one for server in servers for one in server.children()]
    below = own.children(recursive=True)
    return forked + [one for one in below if "spawn_main" in " ".join(one.cmdline())]


def kill_at(reported, count, victims):
    """Kill processes once so many tasks are done, and return those that were killed."""
    killed = []

    def kill(row):
        if reported.reported[TaskState.DONE] >= count and not killed:
            for one in victims():
                killed.append(one)
                one.send_signal(signal.SIGKILL)

    reported.run.task_changed.connect(kill)
    return killed


def test_a_worker_that_is_killed_has_its_tasks_run_again(asked, undisturbed, tmp_path):
    reported = watched(asked, tmp_path / "w.sqlite", ClusterChoice(workers=2))
    killed = kill_at(reported, 3, lambda: worker_processes()[:1])
    results = reported.run.run()
    assert len(killed) == 1
    assert table(results) == table(undisturbed)
    assert reported.run.progress.failed == 0
    assert worker_processes() == []


def test_a_task_that_kills_its_workers_fails_alone(asked, tmp_path, monkeypatch):
    runs = (PlannedRun("fits", Setting()), PlannedRun("kills", Setting(quantile=0.5)))
    request = CampaignRequest(CampaignPlan("two", runs), asked.source, with_score=False)
    reported = watched(request, tmp_path / "w.sqlite", ClusterChoice(workers=1))
    monkeypatch.setattr(remote, "measure_in_lane", die_at_the_median)
    results = reported.run.run()
    states = {place: one.state for place, one in results.fragments.items()}
    assert states.pop(("kills", "a")) is TaskState.FAILED
    assert "3 workers died" in results.fragments["kills", "a"].error
    assert set(states.values()) == {TaskState.DONE}


def die_at_the_median(plugin, lane, image_id, setting, with_score):
    """Stand for a task that needs so much memory that the system kills its process."""
    report = measure_in_lane(plugin, lane, image_id, setting, with_score)  # waits for its turn
    if setting.quantile == 0.5 and image_id == "a":
        time.sleep(1)  # a nanny gives a worker up that dies while it starts
        os.kill(os.getpid(), signal.SIGKILL)
    return report


@pytest.mark.skipif(sys.platform != "linux", reason="workers are forked on Linux alone")
def test_what_workers_are_forked_from_runs_no_thread():
    assert forking()
    modules = [forked.__name__, LanePlugin.__module__, TilePlugin.__module__]
    code = (
        f"import os, {', '.join(modules)}\n"
        "print(len(os.listdir('/proc/self/task')), 'numba' in sys.modules)"
    )
    environment = os.environ | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}  # by Dask
    result = subprocess.run(
        [sys.executable, "-c", f"import sys; {code}"],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=PATIENCE,
    )
    assert result.stdout.split() == ["1", "True"]


def test_workers_are_replaced_when_what_they_are_forked_from_is_killed():
    with connected(ClusterChoice(workers=1)) as client:
        assert client.submit(lambda: 46).result(timeout=PATIENCE) == 46
        (worker_process,) = worker_processes()
        if worker_process.ppid() != os.getpid():
            worker_process.parent().kill()
        worker_process.kill()
        assert client.submit(lambda: 47).result(timeout=PATIENCE) == 47


def test_worker_processes_load_neither_napari_nor_qt(data):
    with connected(ClusterChoice(workers=1)) as client:
        client.register_plugin(LanePlugin("plugin", DataSource.of(data), 2**30))
        (address,) = client.nthreads()
        assert address.startswith("tcp://127.0.0.1:")
        assert client.scheduler.address.startswith("tcp://127.0.0.1:")
        report = client.submit(
            *(measure_in_lane, "plugin", 0, "a", Setting(), True), workers=[address]
        ).result(timeout=PATIENCE)
        assert report.measurement.metrics["leaderboard_score"] > 0
        loaded = client.submit(lambda: sorted(sys.modules)).result(timeout=PATIENCE)
        strangers = ("napari", "PyQt6", "qtpy", "vispy", "matplotlib", "optuna", "bokeh")
        assert [name for name in loaded if name.split(".")[0] in strangers] == []


def listening():
    """Return the ports that this process and those below it listen on, with their addresses."""
    own = psutil.Process()
    sockets = [
        one for process in (own, *worker_processes()) for one in process.net_connections("inet")
    ]
    return {one.laddr for one in sockets if one.status == psutil.CONN_LISTEN}


@pytest.mark.parametrize(
    "choice", [ClusterChoice(), ClusterChoice(threads=2), ClusterChoice(workers=1)], ids=str
)
def test_a_cluster_of_this_machine_listens_on_loopback_alone(choice):
    before = listening()
    with connected(choice) as client:
        assert client.submit(lambda: 46).result(timeout=PATIENCE) == 46
        opened = listening() - before
    assert opened
    assert {address.ip for address in opened} == {"127.0.0.1"}


# ---- a cluster that is there -------------------------------------------------------------------


def test_a_cluster_that_is_there_gives_the_same_table_though_a_worker_is_killed(
    asked, undisturbed, tmp_path
):
    with scheduler(tmp_path) as (_, address), contextlib.ExitStack() as stack:
        two_threads = ("--nthreads", 2, "--no-nanny")
        first = stack.enter_context(worker(address, tmp_path, *two_threads))
        stack.enter_context(worker(address, tmp_path, "--nthreads", 1, "--no-nanny"))
        reported = watched(asked, tmp_path / "w.sqlite", ClusterChoice(scheduler=address))
        killed = kill_at(reported, 4, lambda: [first])
        results = reported.run.run()
        assert killed == [first]
        assert table(results) == table(undisturbed)
        # the workers go on, with nothing of the campaign left on them
        with connected(ClusterChoice(scheduler=address)) as client:
            (plugins,) = client.run(lambda dask_worker: list(dask_worker.plugins)).values()
            assert not [name for name in plugins if name.startswith("nx46")]


def test_a_campaign_whose_scheduler_dies_says_it_and_goes_on_later(asked, undisturbed, tmp_path):
    work = tmp_path / "w.sqlite"
    with scheduler(tmp_path) as (process, address), worker(address, tmp_path, "--no-nanny"):
        reported = watched(asked, work, ClusterChoice(scheduler=address))
        kill_at(reported, 2, lambda: [process])
        with pytest.raises(CampaignError, match="what is done is kept"):
            reported.run.run()
    done = [one for one in stored(work).fragments.values() if one.state is TaskState.DONE]
    assert 2 <= len(done) < len(undisturbed.fragments)
    resumed = ran(asked, work)
    assert table(resumed.results) == table(undisturbed)
    assert resumed.run.progress.known >= len(done)


def test_a_cluster_without_workers_is_not_waited_for_for_ever(asked, tmp_path, monkeypatch):
    monkeypatch.setattr(dispatch, "NO_WORKER_SECONDS", 1.0)
    with scheduler(tmp_path) as (_, address):
        reported = watched(asked, tmp_path / "w.sqlite", ClusterChoice(scheduler=address))
        with pytest.raises(CampaignError, match="no worker"):
            reported.run.run()
