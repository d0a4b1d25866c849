"""A zip file whose members are values, as ``.zarr.zip``."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from napari_nx46.files.memory import ALWAYS_READ
from napari_nx46.files.regular import open_regular
from napari_nx46.files.stores.extents import ChunkError, Extent, FileExtent, Held, Part, Size
from napari_nx46.files.submission.zip_check import ZipFault, data_start, open_zip
from napari_nx46.files.volumes.stamps import Stamps

_ENCRYPTED = 0x1
_RAW_DEFLATE = -15


class ZipKeys:
    """The members of a zip file, stored or deflated; it is opened for each value that is read.

    Parameters
    ----------
    path : Path
        The file.
    stamps : Stamps
        Takes the stamp of the file.

    Raises
    ------
    ChunkError
        If it is no sound zip file.
    OSError
        If it cannot be read.
    """

    threads = 4
    is_far = False

    def __init__(self, path: Path, stamps: Stamps) -> None:
        self.name = str(path)
        self._path = path
        self._stamps = stamps
        stamps.note(path)
        try:
            with open_zip(path) as archive:
                members = archive.infolist()
        except ZipFault as fault:
            raise ChunkError(str(fault)) from fault
        self._members = {one.filename: one for one in members if not one.is_dir()}

    def read(self, key: str, size: Size) -> bytes | None:
        """Return the content of a member; see `Keys.read`."""
        member = self._members.get(key)
        if member is None:
            return None
        size.check(member.file_size)  # before it is unpacked
        with self.opened(key) as extent:
            return None if extent is None else extent.read(0, extent.size)

    @contextmanager
    def opened(
        self, key: str, table: int = 0, *, at_start: bool = False
    ) -> Iterator[Extent | None]:
        """Give the content of a member; see `Keys.opened`."""
        del table, at_start  # nothing is read before it is asked for
        member = self._members.get(key)
        if member is None:
            yield None
            return
        if member.flag_bits & _ENCRYPTED:
            raise ChunkError("it is encrypted in the zip file")
        self._stamps.note(self._path)
        with open_regular(self._path) as stream:
            try:
                start = data_start(stream, member)
            except ZipFault as fault:
                raise ChunkError(str(fault)) from fault
            stored = Part(FileExtent.of(stream), start, member.compress_size)
            yield _content(stored, member)

    def names(self, prefix: str, depth: int) -> Iterator[str]:
        """Yield the names of members below a prefix; see `Keys.names`."""
        folder = f"{prefix}/" if prefix else ""
        for name in self._members:
            if name.startswith(folder) and name.count("/", len(folder)) < depth:
                yield name[len(folder) :]

    def identify(self, fingerprint: str) -> None:
        """Do nothing: the file has a stamp."""

    def discard(self, key: str) -> bool:
        """Return False: nothing is kept."""
        del key
        return False


def _content(stored: Extent, member: zipfile.ZipInfo) -> Extent:
    """Return the bytes of a member: where they lie as they are, or unpacked, and then checked."""
    if member.compress_type == zipfile.ZIP_STORED:
        if member.file_size != stored.size:
            raise ChunkError(f"{stored.size} bytes in the zip file, expected {member.file_size}")
        return stored
    if member.compress_type != zipfile.ZIP_DEFLATED:
        raise ChunkError(f"compression method {member.compress_type} in the zip file")
    size = Size(member.file_size)
    if max(member.file_size, stored.size) > ALWAYS_READ:
        raise ChunkError(f"{member.file_size} bytes deflated in the zip file; store them plainly")
    stream = zlib.decompressobj(_RAW_DEFLATE)
    content = stream.decompress(stored.read(0, stored.size), member.file_size + 1)
    size.check(len(content))
    if zlib.crc32(content) != member.CRC:
        raise ChunkError("another checksum in the zip file")
    return Held(content)
