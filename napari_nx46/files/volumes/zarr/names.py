"""The keys of the chunks of a Zarr array, and which of them a store has."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

from napari_nx46.files.stores.keys import Keys

_SEPARATORS = {".": "/", "/": "."}


@dataclass(frozen=True)
class ChunkNames:
    """The keys of the chunks of an array.

    Attributes
    ----------
    keys : Keys
        The store.
    path : str
        Of the array in the store.
    encode : callable
        Returns the key of a chunk below the path, of its place in the grid.
    grid : tuple of int
        Number of chunks along each axis.
    """

    keys: Keys
    path: str
    encode: Callable[[tuple[int, ...]], str]
    grid: tuple[int, ...]

    @property
    def first(self) -> str:
        """Key of the first chunk, below the path of the array."""
        return self.encode((0,) * len(self.grid))

    def key(self, place: tuple[int, ...]) -> str:
        """Return the key of a chunk in the store."""
        name = self.encode(place)
        return f"{self.path}/{name}" if self.path else name

    def short(self, key: str) -> str:
        """Return a key as messages give it: below the path of the array."""
        return key.removeprefix(f"{self.path}/")

    def existing(self) -> Iterator[tuple[int, ...]] | None:
        """Yield the places of the chunks that exist; None where keys cannot be listed."""
        return self._listed(self._sample)

    def are_there(self) -> bool | None:
        """Return whether any chunk exists; None where keys cannot be listed."""
        return _any(self.existing())

    def otherwise_named(self) -> tuple[str, str] | None:
        """Return the separator that chunks are named with if it is another one, and an example."""
        for declared, other in _SEPARATORS.items():
            if declared in self.first and _any(self._listed(self._sample.replace(declared, other))):
                return other, self.first.replace(declared, other)
        return None

    @cached_property
    def _sample(self) -> str:
        return self.encode((1,) * len(self.grid))

    def _listed(self, sample: str) -> Iterator[tuple[int, ...]] | None:
        """Yield the places of chunks that are named as a sample, whose numbers are all 1."""
        names = self.keys.names(self.path, sample.count("/") + 1)
        if names is None:
            return None
        pattern = re.compile(re.escape(sample).replace("1", "([0-9]{1,18})"))
        return self._matching(names, pattern)

    def _matching(
        self, names: Iterator[str], pattern: re.Pattern[str]
    ) -> Iterator[tuple[int, ...]]:
        for name in names:
            match = pattern.fullmatch(name)
            if match is None:
                continue
            place = tuple(map(int, match.groups()))
            if all(at < count for at, count in zip(place, self.grid, strict=True)):
                yield place


def _any(found: Iterator[tuple[int, ...]] | None) -> bool | None:
    return None if found is None else next(found, None) is not None
