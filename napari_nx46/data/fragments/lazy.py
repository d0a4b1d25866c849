"""Fragments of a data folder that are opened when they are asked for."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from typing import overload

from napari_nx46.data.fragments.model import Fragment

__all__ = ["LazyFragments"]


class LazyFragments(Sequence[Fragment]):
    """The fragments of a data folder, each opened once, when it is first asked for.

    Threads may ask at the same time.

    Parameters
    ----------
    image_ids : sequence of str
        The fragments, in ascending order.
    open_fragment : callable
        Takes an image_id and returns its fragment. What it raises for faulty files is raised each
        time when the fragment is asked for.
    """

    def __init__(self, image_ids: Sequence[str], open_fragment: Callable[[str], Fragment]) -> None:
        self.image_ids = tuple(image_ids)
        self._open = open_fragment
        self._opened: dict[str, Fragment] = {}
        self._locks = {image_id: threading.Lock() for image_id in self.image_ids}

    @property
    def opened(self) -> tuple[Fragment, ...]:
        """The fragments that have been opened, in ascending order."""
        opened = dict(self._opened)
        return tuple(opened[image_id] for image_id in self.image_ids if image_id in opened)

    def by_id(self, image_id: str) -> Fragment:
        """Return a fragment.

        Raises
        ------
        KeyError
            If there is none of this name.
        FragmentError, VolumeError
            If its files cannot be opened, or do not fit together.
        """
        with self._locks[image_id]:
            fragment = self._opened.get(image_id)
            if fragment is None:
                fragment = self._open(image_id)
                self._opened[image_id] = fragment
            return fragment

    def __len__(self) -> int:
        """Return the number of fragments, whether they are open or not."""
        return len(self.image_ids)

    @overload
    def __getitem__(self, index: int) -> Fragment: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Fragment, ...]: ...
    def __getitem__(self, index: int | slice) -> Fragment | tuple[Fragment, ...]:
        """Return fragments by their position, opened."""
        if isinstance(index, slice):
            return tuple(map(self.by_id, self.image_ids[index]))
        return self.by_id(self.image_ids[index])

    def __iter__(self) -> Iterator[Fragment]:
        """Go through the fragments, opening each."""
        return map(self.by_id, self.image_ids)
