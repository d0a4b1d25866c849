"""``nx46 warm-up``, and what every command prints while it compiles."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from napari_nx46.cli.output.console import (
    ExitCode,
    counting_bar,
    echo,
    fail,
    guarded,
    interruptible,
    note,
)
from napari_nx46.files.naming import plural

__all__ = ["compile_beforehand", "compiling_noted", "warm_up"]

_LOGGER = "napari_nx46.voxels.compiling"
_ELSEWHERE = "set NUMBA_CACHE_DIR to a folder that can be written to"
_WORTH_A_NOTE = 1.0
"""Seconds of compiling after which it is noted."""


@guarded
def warm_up() -> None:
    """Compile everything beforehand, once on a machine.

    Prints how long that took and where the compiled code is kept: below NUMBA_CACHE_DIR if it is
    set. Other commands compile what they need if it is not there.
    """
    from napari_nx46.run.warm_up import warm_up as compile_all

    with interruptible() as cancelled, counting_bar("compiling") as update:
        done = compile_all(lambda name, *counts: update(f"compiling {name}", *counts), cancelled)
        stopped = cancelled()
    if stopped:
        fail("cancelled", ExitCode.CANCELLED)
    if done.compiled:
        echo(f"compiled {done.compiled} of {done.kernels} kernels in {done.seconds:.1f} s")
    else:
        echo(f"all {done.kernels} kernels had been compiled")
    if done.folders:
        echo(f"kept in {plural(len(done.folders), 'folder')} of {os.path.commonpath(done.folders)}")
    if done.kept < done.kernels:
        fail(
            f"error: the code of {done.kernels - done.kept} of {done.kernels} kernels could not be "
            f"kept; {_ELSEWHERE}",
            ExitCode.CHECK_FAILED,
        )


def compile_beforehand(modules: Sequence[str], cancelled: Callable[[], bool]) -> None:
    """Compile the kernels of some modules, with a bar, if they have not been.

    Parameters
    ----------
    modules : sequence of str
        Their names.
    cancelled : callable
        Called before each kernel; if it returns True, the rest is left.
    """
    from napari_nx46.voxels.compiling.build import build

    with counting_bar("compiling") as update:
        build(modules, lambda name, *counts: update(f"compiling {name}", *counts), cancelled)


@contextmanager
def compiling_noted(*, hint: bool = True) -> Iterator[None]:
    """Note on stderr that code is being compiled, if it takes long, while the context is open.

    Parameters
    ----------
    hint : bool
        Whether the note names the command that compiles beforehand.
    """
    logger, notes = logging.getLogger(_LOGGER), _Notes(" (nx46 warm-up does it beforehand)" * hint)
    level = logger.level
    logger.addHandler(notes)
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.removeHandler(notes)
        logger.setLevel(level)


class _Notes(logging.Handler):
    """Prints each kind of message once."""

    def __init__(self, hint: str) -> None:
        super().__init__()
        self._hint = hint
        self._first: float | None = None
        self._noted: set[int] = set()

    def emit(self, record: logging.LogRecord) -> None:
        """Print a warning; say that code is compiled as soon as that has taken a while."""
        if self._first is None:
            self._first = time.monotonic()
        if record.levelno in self._noted:
            return
        if record.levelno >= logging.WARNING:
            self._noted |= {record.levelno, logging.INFO}
            note(f"note: {record.getMessage()}; {_ELSEWHERE}")
        elif time.monotonic() - self._first >= _WORTH_A_NOTE:
            self._noted.add(record.levelno)
            note(f"compiling, once on this machine{self._hint}")
