"""Compiles kernels beforehand, in two processes, so that what needs them computes at once."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from napari_nx46.voxels.compiling.kernel import declared_types, is_kernel

__all__ = ["Build", "Helpers", "Target", "build", "load", "targets"]

Report = Callable[[str, int, int], None]

_HELPER = (
    "import sys; from napari_nx46.voxels.compiling import build; "
    "build.build_from(sys.argv[1], sys.argv[2:])"
)
_FRONT, _BACK = "front", "back"
_POLL_SECONDS = 0.05
WORTH_A_PROCESS = 4
"""Kernels to compile from which on a second process takes less time than it saves."""


@dataclass(frozen=True)
class Target:
    """A kernel to be compiled for some types.

    Parameters
    ----------
    dispatcher : Dispatcher
        Of numba.
    types : tuple of numba types
    """

    dispatcher: Any
    types: tuple[Any, ...]

    @property
    def name(self) -> str:
        """The function's name."""
        return str(self.dispatcher.py_func.__name__).lstrip("_")

    @property
    def is_kept(self) -> bool:
        """Whether its compiled code is on disk."""
        return bool(self.dispatcher._cache.is_kept(self.types, self.dispatcher.targetctx))

    def compile(self) -> None:
        """Load its compiled code, or compile it and keep that."""
        self.dispatcher.compile(self.types)


@dataclass(frozen=True)
class Build:
    """What `build` has done.

    Parameters
    ----------
    kernels : int
        How many were asked for.
    compiled : int
        How many of them were not on disk.
    kept : int
        How many are on disk now.
    seconds : float
    folders : tuple of Path
        Where compiled code is kept; empty if nowhere.
    """

    kernels: int
    compiled: int
    kept: int
    seconds: float
    folders: tuple[Path, ...]


def targets(modules: Iterable[str]) -> list[Target]:
    """Return each kernel of some modules with each of its declared signatures.

    Parameters
    ----------
    modules : iterable of str
        Their names.

    Returns
    -------
    list of Target
    """
    found = []
    for name in modules:
        for value in vars(import_module(name)).values():
            if is_kernel(value) and value.py_func.__module__ == name:
                found += [Target(value, types) for types in declared_types(value)]
    return found


def load(
    modules: Sequence[str],
    report: Report = lambda _name, _done, _total: None,
    cancelled: Callable[[], bool] = lambda: False,
    coming: Callable[[], bool] = lambda: False,
) -> None:
    """Load the compiled code of all kernels of some modules; compile what is not on disk.

    Parameters
    ----------
    modules : sequence of str
        Their names.
    report : callable
        Called with a name, how many kernels are done, and how many there are, if any is not on
        disk: before each kernel, and at the end.
    cancelled : callable
        Called before each kernel; if it returns True, the rest is left.
    coming : callable
        Returns whether `Helpers` are compiling: while they are, their code is waited for.
    """
    wanted = targets(modules)
    missing = sum(not target.is_kept for target in wanted)
    with _helper(modules, wanted, 0 if coming() else missing):
        for done, target in enumerate(wanted):
            if missing:
                report(target.name, done, len(wanted))
            while coming() and not target.is_kept and not cancelled():
                time.sleep(_POLL_SECONDS)
            if cancelled():
                return
            target.compile()
    if missing:
        report("", len(wanted), len(wanted))


def build(
    modules: Sequence[str],
    report: Report = lambda _name, _done, _total: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> Build:
    """Compile the kernels of some modules that are not on disk, and keep their code there.

    Parameters
    ----------
    modules : sequence of str
        Their names.
    report : callable
        Called before each kernel with its name, how many are done, and how many there are.
    cancelled : callable
        Called before each kernel; if it returns True, the rest is left.

    Returns
    -------
    Build
    """
    start = time.perf_counter()
    wanted = targets(modules)
    missing = [target for target in wanted if not target.is_kept]
    with _helper(modules, wanted, len(missing)):
        for done, target in enumerate(missing):
            if cancelled():
                break
            report(target.name, done, len(missing))
            if not target.is_kept:
                target.compile()
    kept = [target for target in wanted if target.is_kept]
    folders = {target.dispatcher._cache.cache_path for target in kept}
    return Build(
        len(wanted),
        len(missing),
        len(kept),
        time.perf_counter() - start,
        tuple(Path(folder) for folder in sorted(folders)),
    )


def build_from(end: str, modules: Sequence[str]) -> None:
    """Compile the kernels of some modules from one end of the list, but for what is on disk.

    Two processes that begin at either end share the work without speaking to each other. Each ends
    after the kernel at hand if the process that has started it is gone.

    Parameters
    ----------
    end : str
        ``front`` or ``back``.
    modules : sequence of str
        Their names.
    """
    parent = os.getppid()
    wanted = targets(modules)
    for target in wanted if end == _FRONT else reversed(wanted):
        if os.getppid() != parent:
            return
        if not target.is_kept:
            target.compile()


class Helpers:
    """Processes that compile the kernels of some modules, so that this one stays free for others.

    They end by themselves. Where they cannot be started or fail, `load` compiles everything.

    Parameters
    ----------
    modules : sequence of str
        Their names.
    """

    def __init__(self, modules: Sequence[str]) -> None:
        wanted = targets(modules)
        missing = sum(not target.is_kept for target in wanted)
        started = [_start(end, modules) for end in _ends(wanted, missing, (_FRONT, _BACK))]
        self._processes = [process for process in started if process is not None]

    @property
    def working(self) -> bool:
        """Whether any of them has not ended yet."""
        return any(process.poll() is None for process in self._processes)

    def close(self) -> None:
        """End them."""
        for process in self._processes:
            _end(process)


@contextmanager
def _helper(modules: Sequence[str], wanted: Sequence[Target], missing: int) -> Iterator[None]:
    """Let a second process compile from the end, if there is much to do and a place to keep it.

    A process, because numba compiles one function at a time in each. Should it fail, this one
    compiles everything.
    """
    processes = [_start(end, modules) for end in _ends(wanted, missing, (_BACK,))]
    try:
        yield
    finally:
        for process in processes:
            if process is not None:
                _end(process)


def _ends(wanted: Sequence[Target], missing: int, ends: tuple[str, ...]) -> tuple[str, ...]:
    """Return from which ends processes are to begin: from none if they would be of no use."""
    useful = missing >= WORTH_A_PROCESS and (os.cpu_count() or 1) > 1 and _can_start(wanted)
    return ends if useful else ()


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()


def _can_start(wanted: Sequence[Target]) -> bool:
    caches = {target.dispatcher._cache.source: target.dispatcher._cache for target in wanted}
    return (
        bool(sys.executable)
        and not getattr(sys, "frozen", False)
        and all(cache.writable_folder() is not None for cache in caches.values())
    )


def _start(end: str, modules: Sequence[str]) -> subprocess.Popen[bytes] | None:
    # The program may have been found by way of a path that only this process knows.
    paths = os.pathsep.join(path or os.getcwd() for path in sys.path)
    try:
        return subprocess.Popen(
            [sys.executable, "-c", _HELPER, end, *modules],
            env={**os.environ, "PYTHONPATH": paths},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
    except OSError:
        return None
