"""The volumes and labels of fragments, read once and held in memory as far as a budget goes."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from napari_nx46.data.fragments import Fragment
from napari_nx46.run.pipelines import CachedVolume, cached_volumes, fragment_volumes
from napari_nx46.voxels.blocks import FragmentVolumes

__all__ = ["Stock", "StockedFragment"]


@dataclass(frozen=True, eq=False, slots=True)
class StockedFragment:
    """A fragment in memory.

    Parameters
    ----------
    fragment : Fragment
    volumes : FragmentVolumes
    label : (Z, Y, X) array of uint8, optional
    caches : tuple of CachedVolume
        What the volumes are read from.
    """

    fragment: Fragment
    volumes: FragmentVolumes
    label: npt.NDArray[np.uint8] | None
    caches: tuple[CachedVolume, ...]

    @property
    def load_bytes(self) -> int:
        """Bytes of what is loaded."""
        label = 0 if self.label is None else self.label.nbytes
        return label + sum(cache.volume.load_bytes for cache in self.caches if cache.loaded)


class Stock:
    """Fragments by name; may be asked from several threads.

    Parameters
    ----------
    fragments : iterable of Fragment
    budget : int
        Bytes that all volumes and labels may take; the newest fragment is held in any case.
    """

    def __init__(self, fragments: Iterable[Fragment], budget: int) -> None:
        self._fragments = {one.image_id: one for one in fragments}
        self._budget = budget
        self._held: OrderedDict[str, StockedFragment] = OrderedDict()
        self._lock = threading.Lock()

    def __getitem__(self, image_id: str) -> StockedFragment:
        """Return a fragment with its volumes in memory.

        Raises
        ------
        VolumeError
            If a volume is damaged or holds what a probability cannot be.
        """
        with self._lock:
            held = self._held.get(image_id)
            if held is None:
                held = self._held[image_id] = _loaded(self._fragments[image_id])
            self._held.move_to_end(image_id)
            while len(self._held) > 1 and self._bytes() > self._budget:
                _, oldest = self._held.popitem(last=False)
                _release(oldest)
            return held

    def release(self) -> None:
        """Give the memory of all fragments back."""
        with self._lock:
            for one in self._held.values():
                _release(one)
            self._held.clear()

    def _bytes(self) -> int:
        return sum(one.load_bytes for one in self._held.values())


def _loaded(fragment: Fragment) -> StockedFragment:
    caches = cached_volumes(fragment)
    for name, cache in caches.items():
        if name != "image" or not fragment.sources:
            cache.load()
    label = None if fragment.label is None else np.asarray(fragment.label[:], np.uint8)
    return StockedFragment(
        fragment, fragment_volumes(fragment, caches), label, tuple(caches.values())
    )


def _release(stocked: StockedFragment) -> None:
    for cache in stocked.caches:
        cache.release()
