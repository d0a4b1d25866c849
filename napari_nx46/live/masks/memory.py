"""Masks kept a bit a voxel within a bound of memory, the least recently used dropped first."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock
from typing import Generic, TypeVar

from napari_nx46.core.mask_chain import MaskStage

__all__ = ["MaskMemory"]

Key = TypeVar("Key", bound=Hashable)


class MaskMemory(Generic[Key]):
    """Keeps masks by key; may be asked from any thread.

    Parameters
    ----------
    memory_bytes : int
        What the masks may take together. A mask that is larger alone is never kept.

    Raises
    ------
    ValueError
        If that is less than 0.
    """

    def __init__(self, memory_bytes: int) -> None:
        if memory_bytes < 0:
            raise ValueError(f"expected at least 0 bytes for masks, found {memory_bytes}")
        self.memory_bytes = memory_bytes
        self._masks: OrderedDict[Key, MaskStage] = OrderedDict()
        self._lock = Lock()

    @property
    def used(self) -> int:
        """Bytes that the masks take now."""
        with self._lock:
            return self._used()

    def __contains__(self, key: object) -> bool:
        return key in self._masks

    def get(self, key: Key) -> MaskStage | None:
        """Return a mask, which counts as used now; None if it is not there."""
        with self._lock:
            if key in self._masks:
                self._masks.move_to_end(key)
            return self._masks.get(key)

    def keep(self, key: Key, mask: MaskStage) -> bool:
        """Keep a mask, and drop others until all are within the bound.

        Returns
        -------
        bool
            Whether it is kept: not if it is too large alone.
        """
        with self._lock:
            self._masks.pop(key, None)
            if mask.bits.nbytes > self.memory_bytes:
                return False
            self._masks[key] = mask
            while self._used() > self.memory_bytes:
                self._masks.popitem(last=False)
            return True

    def drop(self, is_dropped: Callable[[Key], bool]) -> None:
        """Drop the masks whose keys are named."""
        with self._lock:
            for key in [key for key in self._masks if is_dropped(key)]:
                del self._masks[key]

    def _used(self) -> int:
        return sum(mask.bits.nbytes for mask in self._masks.values())
