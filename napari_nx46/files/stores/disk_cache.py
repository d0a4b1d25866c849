"""Chunks of stores on the net, kept on the disk: bounded, and checked when they are read again."""

from __future__ import annotations

import hashlib
import os
import secrets
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from napari_nx46.files.regular import open_regular
from napari_nx46.files.stores.extents import Size

_MAGIC = b"NX46CHK1"
_HEADER = struct.Struct("<8sQH32s")
"""Magic, bytes of the content, bytes of the validator, SHA-256 of both."""

_LONGEST_VALIDATOR = 1024
_KEPT_SHARE = 0.9
"""What is left of the limit when the oldest are removed, so that it is not done at every chunk."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A value on the disk.

    Attributes
    ----------
    content : bytes
    validator : str
        What the server called this version of it.
    age : float
        Seconds since the server gave it, or confirmed that it is still the same.
    """

    content: bytes
    validator: str
    age: float


class DiskCache:
    """Values on the disk by names; any number of threads and processes may share the folder.

    Damaged entries count as missing. What cannot be written is not kept.

    Parameters
    ----------
    folder : Path
        Made when the first value is kept.
    limit : int
        Bytes; those that were not used for longest are removed beyond it.
    """

    def __init__(self, folder: Path, limit: int) -> None:
        self._folder = folder
        self._limit = limit
        self._total: int | None = None
        self._lock = threading.Lock()

    def get(self, name: str, size: Size) -> Kept | None:
        """Return a value, if it is there and whole.

        Parameters
        ----------
        name : str
        size : Size
            How many bytes it may have.
        """
        path = self._path(name)
        try:
            with open_regular(path) as stream:
                status = os.fstat(stream.fileno())
                header = stream.read(_HEADER.size)
                if len(header) != _HEADER.size:
                    return None
                magic, length, longer, digest = _HEADER.unpack(header)
                whole = _HEADER.size + longer + length
                if magic != _MAGIC or status.st_size != whole or length > size.most:
                    return None
                validator, content = stream.read(longer), stream.read(length)
            now = time.time()
            os.utime(path, (now, status.st_mtime))  # used now; confirmed when it was
        except OSError:
            return None
        if hashlib.sha256(validator + content).digest() != digest:
            self.remove(name)
            return None
        age = max(0.0, now - status.st_mtime)
        return Kept(content, validator.decode("utf-8", "replace"), age)

    def put(self, name: str, content: bytes, validator: str) -> None:
        """Keep a value: written beside its place, and renamed.

        Parameters
        ----------
        name : str
        content : bytes
            Not kept if it takes more than the limit.
        validator : str
            See `Kept`; without one nothing is kept.
        """
        described = validator.encode()
        size = _HEADER.size + len(described) + len(content)
        if not described or len(described) > _LONGEST_VALIDATOR or size > self._limit:
            return
        path = self._path(name)
        partial = path.with_name(f"{secrets.token_hex(8)}.partial")
        digest = hashlib.sha256(described + content).digest()
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with partial.open("xb") as stream:
                stream.write(_HEADER.pack(_MAGIC, len(content), len(described), digest))
                stream.write(described)
                stream.write(content)
            os.replace(partial, path)
        except OSError:
            _remove(partial)
            return
        self._count(size)

    def confirm(self, name: str) -> None:
        """Note that the server has confirmed a value."""
        with suppress(OSError):
            os.utime(self._path(name))

    def remove(self, name: str) -> None:
        """Remove a value."""
        _remove(self._path(name))

    def _path(self, name: str) -> Path:
        digest = hashlib.sha256(name.encode("utf-8", "surrogateescape")).hexdigest()
        return self._folder / digest[:2] / digest[2:]

    def _count(self, size: int) -> None:
        """Add to the total, and remove the oldest where it is beyond the limit."""
        with self._lock:
            if self._total is None:
                self._total = sum(entry.size for entry in self._entries())
            else:
                self._total += size
            if self._total > self._limit:
                self._total = self._remove_oldest()

    def _remove_oldest(self) -> int:
        """Remove what was not used for longest; return the bytes that are left."""
        entries = sorted(self._entries(), key=lambda entry: entry.used)
        total = sum(entry.size for entry in entries)
        for entry in entries:
            if total <= self._limit * _KEPT_SHARE:
                break
            _remove(entry.path)
            total -= entry.size
        return total

    def _entries(self) -> Iterator[_Entry]:
        for path in self._folder.glob("??/*"):
            try:
                status = path.stat()
            except OSError:  # another process removed it
                continue
            yield _Entry(path, status.st_size, status.st_atime)


@dataclass(frozen=True, slots=True)
class _Entry:
    """A file of the cache."""

    path: Path
    size: int
    used: float


def _remove(path: Path) -> None:
    """Remove a file, if it is there and that is allowed."""
    with suppress(OSError):
        path.unlink()
