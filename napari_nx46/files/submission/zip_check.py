"""Opening zip files of strangers, which may lie about what they hold.

The table of contents may be of any size, and its members may overlap, so that a small file unpacks
to a huge one. Both are found out before anything is unpacked.
"""

from __future__ import annotations

import io
import os
import struct
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from itertools import pairwise
from typing import BinaryIO, NamedTuple

from napari_nx46.files.naming import printable
from napari_nx46.files.regular import open_regular

MAX_DIRECTORY_BYTES = 2**22
"""Bytes of a table of contents, which has to be read in one piece."""

MAX_UNPACKED_BYTES = 2**35
"""Bytes that all members may declare together: a thousand masks of 320 x 320 x 320."""

ZIP_DAMAGES = (
    *(zipfile.BadZipFile, NotImplementedError, RuntimeError, ValueError, EOFError, OSError),
    *(LookupError, OverflowError, struct.error, zlib.error),
)
"""Everything by which `zipfile` signals a damaged file."""

_LOCAL_HEADER = struct.Struct("<4s22xHH")
_LOCAL_MARK = b"PK\3\4"


class ZipFault(ValueError):
    """A zip file that is damaged or lies, found before anything was unpacked."""


class _Extent(NamedTuple):
    """The bytes of the file that a member takes, its header included."""

    start: int
    stop: int
    name: str


@contextmanager
def open_zip(path: str | os.PathLike[str]) -> Iterator[zipfile.ZipFile]:
    """Open a zip file whose members lie apart from each other, for reading.

    Parameters
    ----------
    path : str or path-like
        The file.

    Yields
    ------
    zipfile.ZipFile
        Closed in the end.

    Raises
    ------
    ZipFault
        If it is no zip file, its members overlap, or they declare too much.
    OSError
        If there is no such file, or it cannot be opened.
    """
    with _BoundedReads(open_regular(path).detach()) as file:
        try:
            archive = zipfile.ZipFile(file)
        except ZIP_DAMAGES as fault:
            raise ZipFault(f"found no readable zip archive ({printable(str(fault))})") from fault
        with closing(archive):
            _check_members(file, archive)
            yield archive


def data_start(file: BinaryIO, member: zipfile.ZipInfo) -> int:
    """Return the place of a member's first byte, which its local header gives.

    Parameters
    ----------
    file : binary file
        The zip file.
    member : zipfile.ZipInfo

    Raises
    ------
    ZipFault
        If there is no local header.
    """
    start = member.header_offset
    header = b""
    if start >= 0:
        file.seek(start)
        header = file.read(_LOCAL_HEADER.size)
    if len(header) < _LOCAL_HEADER.size or not header.startswith(_LOCAL_MARK):
        name = printable(member.orig_filename)
        raise ZipFault(f"found a damaged zip archive (no header of member {name})")
    _, name_size, extra_size = _LOCAL_HEADER.unpack(header)
    place: int = start + _LOCAL_HEADER.size + name_size + extra_size
    return place


def _check_members(file: BinaryIO, archive: zipfile.ZipFile) -> None:
    """Check that the members lie apart, before the table of contents, and declare little enough."""
    members = archive.infolist()
    declared = sum(member.file_size for member in members)
    if declared > MAX_UNPACKED_BYTES:
        raise ZipFault(
            f"found {declared} bytes declared by all members together, expected at most "
            f"{MAX_UNPACKED_BYTES}; nothing was unpacked"
        )
    try:
        extents = sorted(_extent(file, member) for member in members)
    except (OSError, OverflowError, ValueError) as fault:
        raise fault if isinstance(fault, ZipFault) else ZipFault(str(fault)) from fault
    _check_apart(extents, archive.start_dir)


def _extent(file: BinaryIO, member: zipfile.ZipInfo) -> _Extent:
    stop = data_start(file, member) + member.compress_size
    return _Extent(member.header_offset, stop, printable(member.orig_filename))


def _check_apart(extents: Sequence[_Extent], end: int) -> None:
    for one, other in pairwise(extents):
        if one.stop > other.start:
            raise ZipFault(
                f"found members that overlap, {one.name} and {other.name}, expected members of "
                "their own data; nothing was unpacked"
            )
    if extents and extents[-1].stop > end:
        raise ZipFault(
            f"found a member that reaches beyond the data, {extents[-1].name}; nothing was unpacked"
        )


class _BoundedReads(io.BufferedReader):
    """A file that refuses to be read in pieces too large for a table of contents.

    `zipfile` reads the whole table in one piece, as large as the archive says.
    """

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > MAX_DIRECTORY_BYTES:
            raise zipfile.BadZipFile(f"a table of contents of {size} bytes")
        return super().read(size)
