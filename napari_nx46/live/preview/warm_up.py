"""Compiles the kernels off the owner's thread; until then NumPy draws."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from napari_nx46.core.pipeline import FragmentPipeline
from napari_nx46.core.score.kernels import (
    PIPELINE_MODULES,
    Kernels,
    compiled_kernels,
    warm_up_cleanup,
)
from napari_nx46.data.fragments import Fragment
from napari_nx46.run.warm_up import EVERY_MODULE
from napari_nx46.setting import Setting
from napari_nx46.voxels.blocks import FragmentVolumes, whole_block
from napari_nx46.voxels.ending import close_at_exit
from napari_nx46.voxels.workers import CancelCheck, Cancelled, never

if TYPE_CHECKING:
    from napari_nx46.voxels.compiling.build import Helpers

TINY_SHAPES = ((3, 2, 2), (1, 2, 2))

SourceTypes = tuple[tuple[str, str], ...]
"""Pairs of names of dtypes for which the kernels are compiled."""

COMPUTED = ("float32", "float32")
"""Types of what is averaged already, or follows from a CT image."""


def source_types(fragment: Fragment) -> SourceTypes:
    """Return the pairs of types that the kernels meet in a fragment: the two paths', then each's.

    Every volume is paired with itself where several are averaged.
    """
    volumes = fragment.sources
    names = {name: volume.dtype.name for name, volume in volumes.items()}
    pairs = [(name, name) for name in names.values()]
    if "p3d" in names or "p2d" in names:
        p3d = names.get("p3d", names.get("p2d", ""))
        pairs.insert(0, (p3d, names.get("p2d", p3d)))
    return tuple(dict.fromkeys([*pairs, COMPUTED]))


class KernelWarmUp:
    """Compiles the kernels in a thread of its own, for the types of one fragment after the other.

    Parameters
    ----------
    types : iterable of SourceTypes
        Of each fragment, in the order in which they are needed.
    ready : callable
        Called in that thread with the kernels and the types for which they are ready now.
    clean_up_ready : callable
        Called in that thread when hysteresis and clean-up are compiled, which comes last.
    report : callable
        Called in that thread with a name, how many kernels of hysteresis and clean-up are compiled,
        and how many there are, unless all are on disk.
    ended : callable
        Called in that thread when nothing is compiled any more.
    """

    def __init__(
        self,
        types: Iterable[SourceTypes],
        ready: Callable[[Kernels, SourceTypes], None],
        clean_up_ready: Callable[[], None],
        report: Callable[[str, int, int], None] = lambda _name, _done, _total: None,
        ended: Callable[[], None] = lambda: None,
    ) -> None:
        self._waiting = list(dict.fromkeys(types))
        self._known = set(self._waiting)
        self._adding = threading.Lock()
        self._ready = ready
        self._clean_up_ready = clean_up_ready
        self._report = report
        self._report_end = ended
        self._cleans_up = threading.Event()
        self._closed = threading.Event()
        self._done = threading.Event()
        self._masks_over = threading.Event()
        self._ended = threading.Event()
        self._helpers: Helpers | None = None
        self._thread = threading.Thread(target=self._compile, name="nx46-compile")
        close_at_exit(self.close)

    def start(self) -> None:
        """Begin to compile."""
        self._thread.start()

    def add(self, types: SourceTypes) -> None:
        """Compile for more types, those of a fragment that is opened later."""
        with self._adding:
            if types in self._known:
                return
            self._known.add(types)
            self._waiting.append(types)
            if self._done.is_set() and not self._closed.is_set():
                threading.Thread(target=self._compile_waiting, name="nx46-compile").start()

    @property
    def done(self) -> bool:
        """Whether all types have been compiled and reported."""
        return self._done.is_set()

    @property
    def clean_up_ready(self) -> bool:
        """Whether hysteresis and clean-up have been compiled."""
        return self._cleans_up.is_set()

    def helped(self) -> bool:
        """Return whether other processes are still compiling."""
        return self._helpers is not None and self._helpers.working

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until all is compiled, or it was closed; return False if that took too long.

        What is about to be started is waited for, too.
        """
        return self._ended.wait(timeout)

    def wait_for_masks(self) -> None:
        """Wait until the kernels that every mask needs are compiled, or it was closed."""
        self._masks_over.wait()

    def close(self) -> None:
        """Report nothing any more, and stop after the kernel that is being compiled."""
        self._closed.set()
        if self._helpers is not None:
            self._helpers.close()
        if self._thread.ident is None:
            self._masks_over.set()
            self._ended.set()

    def _compile(self) -> None:
        try:
            self._compile_all()
        finally:
            self._masks_over.set()
            self._ended.set()
            self._report_end()

    def _start_helpers(self) -> None:
        """Let other processes compile what is missing, and wait for what draws the mask."""
        from napari_nx46.voxels.compiling.build import Helpers, load

        self._helpers = Helpers(EVERY_MODULE)
        if self._closed.is_set():
            self._helpers.close()
        elif self._helpers.working:
            load(PIPELINE_MODULES, self._report, self._closed.is_set, self.helped)

    def _compile_all(self) -> None:
        self._start_helpers()
        self._compile_waiting()
        self._masks_over.set()
        if not self._closed.is_set():
            warm_up_cleanup(self._report, self._closed.is_set, self.helped)
        if not self._closed.is_set():
            self._cleans_up.set()
            self._clean_up_ready()

    def _compile_waiting(self) -> None:
        """Compile for the types that wait, unless it was closed."""
        kernels = compiled_kernels()
        while (types := self._next_types()) is not None:
            with suppress(Cancelled):
                warm_up(kernels, types, self._closed.is_set)
            if not self._closed.is_set():
                self._ready(kernels, types)

    def _next_types(self) -> SourceTypes | None:
        with self._adding:
            if self._closed.is_set():
                return None
            if self._waiting:
                return self._waiting.pop(0)
            self._done.set()
            return None


def warm_up(kernels: Kernels, types: SourceTypes, cancelled: CancelCheck = never) -> None:
    """Run every kernel once on tiny volumes of these types, or raise `Cancelled`."""
    for shape, (p3d, p2d) in product(TINY_SHAPES, types):
        sources = FragmentVolumes(np.zeros(shape, p3d), np.zeros(shape, p2d))
        pipeline = FragmentPipeline(sources, kernels=kernels)
        setting = Setting()
        threshold = pipeline.threshold(setting, cancelled=cancelled)
        pipeline.density(setting, threshold, cancelled)
        pipeline.mask(setting, threshold, whole_block(pipeline.shape), cancelled)
