"""The Dask cluster of a campaign: threads, processes of this machine, or one that is there."""

from __future__ import annotations

import gc
import logging
import os
import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import dask
from distributed import Client, Nanny, Scheduler, SpecCluster, Worker
from distributed.diagnostics.plugin import WorkerPlugin

from napari_nx46.campaign.execute.forking import forking

__all__ = ["CLUSTER_GONE", "CampaignError", "ClusterChoice", "connected"]

LOOPBACK = "127.0.0.1"
CONNECT_SECONDS = 10

_NANNIES_STAY = {"distributed.deploy.lost-worker-timeout": "1 week"}
"""By default Dask looks once, some seconds after a worker died, whether there is a new one, and
else ends its nanny for good: also where the new one has died meanwhile, and the next is coming."""

_MEMORY_KEPT = {
    "distributed.nanny.pre-spawn-environ.MALLOC_MMAP_THRESHOLD_": 1 << 25,
    "distributed.nanny.pre-spawn-environ.MALLOC_TRIM_THRESHOLD_": 1 << 28,
}
"""Dask has processes give freed memory back at once, also where the next task takes as much, which
was a quarter of the time of small tasks. They keep 256 MB; of 32 MB on glibc always asks again."""

_UNWATCHED = {
    "distributed.worker.profile.enabled": False,
    "distributed.admin.tick.interval": "500ms",
    "distributed.admin.system-monitor.interval": "5s",
}
"""Nobody looks at Dask's pages, for which it samples every thread a hundred times a second."""

CLUSTER_GONE = (OSError, RuntimeError)
"""What a client raises whose scheduler is gone: of the connection, or of a pool that is closed."""


class CampaignError(RuntimeError):
    """A campaign that cannot go on; what it has done is kept."""


@dataclass(frozen=True, slots=True)
class ClusterChoice:
    """What a campaign runs on.

    Parameters
    ----------
    threads : int, optional
        Of this process, where neither of the others is given; by default one a processor.
    workers : int, optional
        So many processes of this machine, which compute one task at a time each.
    scheduler : str, optional
        Address of the scheduler of a cluster that runs already, e.g. ``tcp://host:8786``.
    """

    threads: int | None = None
    workers: int | None = None
    scheduler: str | None = None

    @property
    def is_local(self) -> bool:
        """Whether the cluster is made for the campaign."""
        return self.scheduler is None


@contextmanager
def connected(choice: ClusterChoice, modules: Sequence[str] = ()) -> Iterator[Client]:
    """Connect to a cluster; one that is made for it listens on loopback alone, and is closed.

    Parameters
    ----------
    choice : ClusterChoice
    modules : sequence of str
        Names of modules that the tasks need; see `forking`.

    Yields
    ------
    distributed.Client
        Not the default one.

    Raises
    ------
    CampaignError
        If the scheduler cannot be reached, or the address is none.
    """
    if choice.scheduler is not None:
        with _client_of(choice.scheduler) as client:
            yield client
        return
    with (
        dask.config.set({**_NANNIES_STAY, **_MEMORY_KEPT, **_UNWATCHED, **forking(modules)}),
        _local_cluster(choice) as cluster,
        Client(cluster, set_as_default=False) as client,
    ):
        if choice.workers is not None:
            client.register_plugin(_InterruptsIgnored())
        yield client


class _InterruptsIgnored(WorkerPlugin):
    """Lets a worker process live on at a Ctrl-C, which a terminal sends to all processes."""

    name = "nx46-interrupts-ignored"

    def setup(self, worker: Worker) -> None:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, signal.SIG_IGN)


def _client_of(scheduler: str) -> Client:
    try:
        return Client(scheduler, timeout=CONNECT_SECONDS, set_as_default=False)
    except (OSError, ValueError) as error:
        found = str(error)
    # The client that did not connect closes itself when it is collected. Were that to happen while
    # another one starts, both would wait for one lock for ever.
    gc.collect()
    raise CampaignError(
        f"scheduler {scheduler}: cannot be reached ({found}); expected the address of a "
        "running Dask scheduler, e.g. tcp://127.0.0.1:8786"
    )


def _local_cluster(choice: ClusterChoice) -> SpecCluster:
    """Make workers of one lane each, in this process or in processes of their own.

    A worker has a second thread, in which its next task waits for the lane: it begins when the one
    before it ends, without a word to the scheduler in between. Dask's limits of memory are off: it
    would pause and kill workers by what the whole process takes, while a measurer keeps to its own
    budget.
    """
    processes = choice.workers is not None
    # Every node serves HTTP in any case. By default the workers in this process would do so at an
    # address of the network, and `LocalCluster`, given an address for them, loads bokeh.
    listening = {
        "host": LOOPBACK if processes else None,
        "protocol": "tcp://" if processes else "inproc://",
        "dashboard_address": f"{LOOPBACK}:0",
        "dashboard": False,
    }
    worker = {
        "cls": Nanny if processes else Worker,
        "options": {
            **listening,
            "nthreads": 2,
            "memory_limit": None,
            "silence_logs": logging.CRITICAL,
        },
    }
    count = choice.workers or choice.threads or os.cpu_count() or 1
    return SpecCluster(
        workers=dict.fromkeys(range(count), worker),
        worker=worker,
        scheduler={"cls": Scheduler, "options": {**listening, "port": 0}},
        silence_logs=logging.CRITICAL,
    )
