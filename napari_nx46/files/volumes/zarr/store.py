"""A Zarr store that serves the files of one folder and nothing beyond it.

Importing this module imports Zarr, which takes long: import it where a Zarr folder is opened.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from zarr.abc.store import ByteRequest
from zarr.core.buffer import Buffer, BufferPrototype
from zarr.storage import LocalStore

from napari_nx46.files.regular import special_kind
from napari_nx46.files.volumes.stamps import Stamps

MAX_METADATA_BYTES = 2**24
_METADATA_SUFFIXES = (".json", ".zarray", ".zattrs", ".zgroup", ".zmetadata")


class ContainedStore(LocalStore):
    """Local folder whose keys may lead, even through links, to no file outside it.

    Parameters
    ----------
    root : Path
        The folder.
    read_only : bool
        Whether nothing can be written.
    stamps : Stamps, optional
        Takes the stamp of every file that is read, or found missing.
    """

    def __init__(
        self, root: Path | str, *, read_only: bool = False, stamps: Stamps | None = None
    ) -> None:
        super().__init__(root, read_only=read_only)
        self._stamps = stamps

    async def get(
        self,
        key: str,
        prototype: BufferPrototype | None = None,
        byte_range: ByteRequest | None = None,
    ) -> Buffer | None:
        """Return the bytes of a key, or None if it has none; see `zarr.abc.store.Store.get`."""
        self._check(key)
        return await super().get(key, prototype, byte_range)

    def get_sync(
        self,
        key: str,
        *,
        prototype: BufferPrototype | None = None,
        byte_range: ByteRequest | None = None,
    ) -> Buffer | None:
        """Return the bytes of a key, or None if it has none, without the event loop."""
        self._check(key)
        return super().get_sync(key, prototype=prototype, byte_range=byte_range)

    async def get_partial_values(
        self,
        prototype: BufferPrototype,
        key_ranges: Iterable[tuple[str, ByteRequest | None]],
    ) -> list[Buffer | None]:
        """Return parts of the bytes of several keys."""
        wanted = list(key_ranges)
        for key, _ in wanted:
            self._check(key)
        return await super().get_partial_values(prototype, wanted)

    def _check(self, key: str) -> None:
        """Check that a key leads to a file in the folder, and to metadata of bounded size only."""
        path = self.root / key
        if not path.resolve().is_relative_to(self.root):
            raise ValueError(f"{key} leads out of the folder")
        kind = special_kind(path)
        if kind is not None:
            raise ValueError(f"{key} is {kind}")
        is_metadata = PurePosixPath(key).name.endswith(_METADATA_SUFFIXES)
        if is_metadata and path.is_file() and path.stat().st_size > MAX_METADATA_BYTES:
            raise ValueError(f"{key} has more than {MAX_METADATA_BYTES} bytes")
        if self._stamps is not None:
            self._stamps.note(path)
