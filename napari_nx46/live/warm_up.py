"""Compiles the kernels off the owner's thread; until then NumPy draws."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable

import numpy as np

from napari_nx46.core.pipeline import FragmentPipeline, Kernels, compiled_kernels
from napari_nx46.core.volume import Sources, whole_block
from napari_nx46.fragments import Fragment
from napari_nx46.setting import Setting

TINY_SHAPES = ((3, 2, 2), (1, 2, 2))

SourceTypes = tuple[str, str]
"""Names of the dtypes of p3d and p2d: the kernels are compiled for each pair."""


def source_types(fragment: Fragment) -> SourceTypes:
    """Return the types of a fragment's volumes."""
    return fragment.p3d.dtype.name, fragment.p2d.dtype.name


class KernelWarmUp:
    """Compiles the kernels in a thread of its own, for one pair of types after the other.

    Parameters
    ----------
    types : iterable of SourceTypes
        In the order in which they are needed.
    ready : callable
        Called in that thread with the kernels and the types for which they are ready now.
    """

    def __init__(
        self,
        types: Iterable[SourceTypes],
        ready: Callable[[Kernels, SourceTypes], None],
    ) -> None:
        self._types = tuple(dict.fromkeys(types))
        self._ready = ready
        self._closed = threading.Event()
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._compile, name="nx46-compile", daemon=True)

    def start(self) -> None:
        """Begin to compile."""
        self._thread.start()

    @property
    def done(self) -> bool:
        """Whether all types have been compiled and reported."""
        return self._done.is_set()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until all is compiled; return False if that took too long."""
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def close(self) -> None:
        """Report nothing any more, and stop after the types that are being compiled."""
        self._closed.set()

    def _compile(self) -> None:
        kernels = compiled_kernels()
        for types in self._types:
            if self._closed.is_set():
                return
            warm_up(kernels, types)
            if not self._closed.is_set():
                self._ready(kernels, types)
        self._done.set()


def warm_up(kernels: Kernels, types: SourceTypes) -> None:
    """Run every kernel once on tiny volumes of these types."""
    for shape in TINY_SHAPES:
        sources = Sources(*(np.zeros(shape, dtype) for dtype in types))
        pipeline = FragmentPipeline(sources, kernels=kernels)
        setting = Setting()
        threshold = pipeline.threshold(setting)
        pipeline.density(setting, threshold)
        pipeline.mask(setting, threshold, whole_block(pipeline.shape))
