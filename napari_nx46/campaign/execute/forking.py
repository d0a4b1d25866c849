"""Worker processes forked from one that has loaded what they need and runs no thread.

A process that is started afresh loads Python, Dask, numba and the package for a second and more
of CPU time, each worker on its own. The fork server does it once, and ends with this process.
"""

from __future__ import annotations

import multiprocessing
import sys
from collections.abc import Sequence

from distributed import utils

__all__ = ["forking"]

_SERVED = "napari_nx46.campaign.execute.forked"


def forking(modules: Sequence[str] = ()) -> dict[str, str]:
    """Return the configuration of Dask by which workers are forked; empty where that is not safe.

    Libraries of macOS start threads when they are loaded, and Windows cannot fork.

    Parameters
    ----------
    modules : sequence of str
        Names of modules that tasks need, loaded once for all workers. They must start no thread.
        Where a fork server runs already, workers load what it lacks.
    """
    if sys.platform != "linux":
        return {}
    # Otherwise Dask replaces the list, and imports pandas both here and in the server.
    utils._forkserver_preload_set = True
    multiprocessing.get_context("forkserver").set_forkserver_preload([_SERVED, *modules])
    return {"distributed.worker.multiprocessing-method": "forkserver"}
