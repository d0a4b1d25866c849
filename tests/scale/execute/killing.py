"""A process that applies a setting and dies at one of its writes or commits."""

from __future__ import annotations

import os
import sys
import threading
from multiprocessing import get_context

from napari_nx46.campaign.execute.cluster import ClusterChoice
from napari_nx46.scale.execute.ledger import Ledger
from napari_nx46.scale.execute.run import RunOptions, apply
from napari_nx46.scale.plan.plan import ApplyPlan

KILLED = 9
_FORKS = get_context("forkserver")
_FORKS.set_forkserver_preload(["napari_nx46.scale.execute.run", "tests.scale.execute.killing"])


class _Deaths:
    """Counts what changes the disk, and ends the process at one of them."""

    def __init__(self, at: int | None, counted) -> None:
        self.at = at
        self.counted = counted
        self._lock = threading.Lock()  # its own: a lock that is shared would never be given back

    def wrap(self, function, *, after: bool):
        def counting(*args, **kwargs):
            if not after:
                self._count()
            result = function(*args, **kwargs)
            if after:
                self._count()
            return result

        return counting

    def _count(self) -> None:
        with self._lock:
            self.counted.value += 1
            if self.counted.value == self.at:
                os._exit(KILLED)


def _run(plan: ApplyPlan, at: int | None, counted) -> None:
    deaths = _Deaths(at, counted)
    os.replace = deaths.wrap(deaths.wrap(os.replace, after=False), after=True)
    Ledger.commit = deaths.wrap(Ledger.commit, after=True)
    options = RunOptions(ClusterChoice(threads=1))
    *_, last = apply(plan, options=options)
    sys.exit(0 if last.state == "done" else 1)


def run_and_die(plan: ApplyPlan, at: int | None = None) -> tuple[int, int]:
    """Apply a plan in another process, which dies at the n-th change of the disk.

    Returns
    -------
    tuple of int
        The exit status, and how many changes there were.
    """
    counted = _FORKS.Value("i", 0, lock=False)
    process = _FORKS.Process(target=_run, args=(plan, at, counted))
    process.start()
    process.join(120)
    assert process.exitcode is not None, "the process does not end"
    return process.exitcode, counted.value
