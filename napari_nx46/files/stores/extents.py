"""Bytes that are read in parts, and how many there may be of them."""

from __future__ import annotations

import os
from dataclasses import dataclass
from io import BufferedReader
from typing import Protocol


class ChunkError(ValueError):
    """Bytes that are no chunk of the array; the message says what was found."""


class FetchError(ChunkError):
    """Bytes that a server did not give; the message says why.

    Parameters
    ----------
    found : str
        What the server answered, in words.
    expected : str
        What it should have, and what to do.
    refused : bool, optional
        Whether the server will not give them to this user.
    """

    def __init__(self, found: str, expected: str, *, refused: bool = False) -> None:
        super().__init__(found)
        self.expected = expected
        self.refused = refused


@dataclass(frozen=True, slots=True)
class Size:
    """How many bytes the content of a chunk has at some step of its encoding.

    Attributes
    ----------
    most : int
        The number, or the most that there may be.
    exact : bool
        Whether it is the number.
    """

    most: int
    exact: bool = True

    def check(self, found: int) -> None:
        """Raise `ChunkError` if there are more bytes than there may be, or another number."""
        if found > self.most or (self.exact and found != self.most):
            expected = "" if self.exact else "at most "
            raise ChunkError(f"{found} bytes, expected {expected}{self.most}")

    def compressed(self) -> Size:
        """Return the size after compression, which may add to what cannot be compressed."""
        return Size(self.most + self.most // 4 + 2**16, exact=False)


class Extent(Protocol):
    """Bytes that are read in parts."""

    @property
    def size(self) -> int:
        """How many there are."""
        ...

    def read(self, start: int, count: int) -> bytes:
        """Return so many bytes; raise `ChunkError` if they are not there any more."""
        ...


@dataclass(frozen=True)
class Part:
    """A part of an extent."""

    whole: Extent
    start: int
    size: int

    def read(self, start: int, count: int) -> bytes:
        """Return bytes of the part."""
        return self.whole.read(self.start + start, count)


@dataclass(frozen=True)
class Held:
    """Bytes in memory."""

    content: bytes

    @property
    def size(self) -> int:
        """How many there are."""
        return len(self.content)

    def read(self, start: int, count: int) -> bytes:
        """Return some of them."""
        return self.content[start : start + count]


@dataclass(frozen=True)
class FileExtent:
    """The bytes of an open file."""

    stream: BufferedReader
    size: int

    @classmethod
    def of(cls, stream: BufferedReader) -> FileExtent:
        """Return all bytes of a file."""
        return cls(stream, os.fstat(stream.fileno()).st_size)

    def read(self, start: int, count: int) -> bytes:
        """Return some of them."""
        self.stream.seek(start)
        content = self.stream.read(count)
        if len(content) != count:
            raise ChunkError(f"{len(content)} of {count} bytes: the file is cut off")
        return content
