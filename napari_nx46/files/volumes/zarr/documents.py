"""The documents of a Zarr store: its metadata, each read once and of bounded size.

The Zarr library interprets them from memory; it never sees the store.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from napari_nx46.files.naming import printable
from napari_nx46.files.stores.extents import FetchError
from napari_nx46.files.stores.keys import DOCUMENT_SIZE, Keys

if TYPE_CHECKING:
    from zarr import Group
    from zarr.types import AnyArray

_ARRAYS = ("zarr.json", ".zarray")
_OLD_GROUP, _OLD_ATTRIBUTES = ".zgroup", ".zattrs"


class Documents:
    """The metadata of a store, as far as they were asked for.

    Parameters
    ----------
    keys : Keys
        The store.
    """

    def __init__(self, keys: Keys) -> None:
        self._keys = keys
        self._found: dict[str, bytes] = {}
        self._refusal: FetchError | None = None

    def node(self, path: str = "") -> AnyArray | Group | None:
        """Return the array or group at a path; None if there are no metadata of any.

        Parameters
        ----------
        path : str
            Below the store's root; an empty string for the root.

        Raises
        ------
        FetchError
            If a server refuses all of them, or does not answer.
        ChunkError, OSError
            If a document is too long, leads out of the store, or cannot be read.
        ValueError, TypeError, LookupError, ...
            What the Zarr library raises at damaged metadata.
        """
        if not self._add(path):
            return None
        import zarr
        from zarr.core.buffer import Buffer, cpu
        from zarr.storage import MemoryStore

        held: dict[str, Buffer] = {
            key: cpu.Buffer.from_bytes(value) for key, value in self._found.items()
        }
        node: AnyArray | Group = zarr.open(
            store=MemoryStore(held, read_only=True), path=path, mode="r"
        )
        return node

    def has_array(self, path: str) -> bool:
        """Return whether there are the metadata of an array at a path."""
        return any(self._has(_key(path, name)) for name in _ARRAYS)

    def sha256(self) -> str:
        """Return the SHA-256 of the names and contents of all documents that were read."""
        digest = hashlib.sha256()
        for key, content in sorted(self._found.items()):
            digest.update(f"{key}\0{len(content)}\0".encode())
            digest.update(content)
        return digest.hexdigest()

    def _add(self, path: str) -> bool:
        """Read the documents of a path; return whether there are any."""
        self._refusal = None
        if self._has(_key(path, _ARRAYS[0])):
            return True
        old = [self._has(_key(path, name)) for name in (_ARRAYS[1], _OLD_GROUP)]
        if any(old):
            self._has(_key(path, _OLD_ATTRIBUTES))
        elif self._refusal is not None:
            raise self._refusal
        return any(old)

    def _has(self, key: str) -> bool:
        """Read a document, if it was not; return whether it is there."""
        if key in self._found:
            return True
        try:
            content = self._keys.read(key, DOCUMENT_SIZE)
        except FetchError as error:
            if not error.refused:
                raise
            self._refusal = error  # some buckets answer so for keys that they do not have
            return False
        if content is not None:
            self._found[key] = content
        return content is not None


def _key(path: str, name: str) -> str:
    return f"{path}/{name}" if path else name


def sought(path: str) -> str:
    """Return the names of documents that make an array or a group of a path, for messages."""
    names = ", ".join((*_ARRAYS, _OLD_GROUP))
    return f"{names} in {printable(path)}" if path else names
