"""What a store must do to serve its bytes: a folder, a zip file, or an object store."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Protocol

from napari_nx46.files.stores.extents import Extent, Size

DOCUMENT_SIZE = Size(2**24, exact=False)
"""Bytes that a document of metadata may have."""


class Keys(Protocol):
    """Bytes by key, such as ``0/c/1/2/3``. Any number of threads may read at once."""

    @property
    def name(self) -> str:
        """What messages call the store: its path or URL."""
        ...

    @property
    def threads(self) -> int:
        """How many values are worth reading at once."""
        ...

    @property
    def is_far(self) -> bool:
        """Whether reading waits for a server, so that several values are best read at once."""
        ...

    def read(self, key: str, size: Size) -> bytes | None:
        """Return a value; None if there is none.

        Parameters
        ----------
        key : str
        size : Size
            Checked before anything is read.

        Raises
        ------
        ChunkError
            If there are other bytes than so many, or the key leads out of the store; `FetchError`
            if a server does not give them.
        OSError
            If a file cannot be read.
        """
        ...

    def opened(
        self, key: str, table: int, *, at_start: bool
    ) -> AbstractContextManager[Extent | None]:
        """Give a value that is read in parts; None if there is none.

        Parameters
        ----------
        key : str
        table : int
            Bytes that are read first.
        at_start : bool
            Whether they stand at the start; else at the end.

        Raises
        ------
        ChunkError, OSError
            As `read`.
        """
        ...

    def names(self, prefix: str, depth: int) -> Iterator[str] | None:
        """Yield the keys below a prefix, without it; None where they cannot be listed.

        Parameters
        ----------
        prefix : str
            Parts of a key, or an empty string.
        depth : int
            Parts that a key has behind the prefix at most.
        """
        ...

    def identify(self, fingerprint: str) -> None:
        """Take the SHA-256 of the metadata, which are read before any chunk."""
        ...

    def discard(self, key: str) -> bool:
        """Note that a value is damaged; return whether it may be another one if read again."""
        ...
