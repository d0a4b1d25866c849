"""The contents of a file or folder as one hash."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from napari_nx46.files.regular import open_regular
from napari_nx46.files.volumes.origin import Origin
from napari_nx46.files.volumes.stamps import Stamps

_HASHED_BYTES = 2**20


def fingerprint_of(origin: Origin, stamps: Stamps, slices: Sequence[Path] = ()) -> str:
    """Return the SHA-256 of a file, or of all names and contents of a folder.

    Parameters
    ----------
    origin : Origin
        The file or folder.
    stamps : Stamps
        Of the files that were read before; those that were not are stamped now.
    slices : sequence of Path
        The only files of the folder that count, or, of a file, it and those that belong to it; all
        of the folder if there is none.

    Returns
    -------
    str
        64 hexadecimal digits.

    Raises
    ------
    VolumeError
        If a file cannot be read or has been changed since it was stamped, or a folder has links to
        files outside it.
    """
    digest = hashlib.sha256()
    try:
        if slices:
            root = origin.path if origin.path.is_dir() else origin.path.parent
            _hash_files(digest, slices, root, stamps)
        elif origin.path.is_dir():
            _hash_folder(digest, origin, stamps)
        else:
            stamps.note(origin.path)
            with open_regular(origin.path) as stream:
                _hash_stream(digest, stream)
    except OSError as error:
        raise origin.error(str(error), "readable files") from error
    stamps.check()
    return digest.hexdigest()


def _hash_stream(digest: hashlib._Hash, stream: BinaryIO) -> None:
    """Add the contents of a stream to a hash, piece by piece."""
    while piece := stream.read(_HASHED_BYTES):
        digest.update(piece)


def _hash_folder(digest: hashlib._Hash, origin: Origin, stamps: Stamps) -> None:
    """Add the relative names, sizes and contents of all files of a folder to a hash."""
    root = origin.path.resolve()
    for folder in _folders(root):
        stamps.note(folder)  # the stamp of a folder changes with the names in it
    paths = [root / name for name in sorted(_relative_files(root))]
    for path in paths:
        if not path.resolve().is_relative_to(root):
            name = path.relative_to(root).as_posix()
            raise origin.error(f"a link to a file outside the folder, {name}", "files of its own")
    _hash_files(digest, paths, root, stamps)


def _hash_files(digest: hashlib._Hash, paths: Iterable[Path], root: Path, stamps: Stamps) -> None:
    """Add the names relative to a folder, sizes and contents of files to a hash."""
    for path in paths:
        stamps.note(path)
        encoded = path.relative_to(root).as_posix().encode("utf-8", "surrogateescape")
        # With their lengths before them, names and contents cannot be confused.
        digest.update(len(encoded).to_bytes(8, "little") + encoded)
        digest.update(path.stat().st_size.to_bytes(8, "little"))
        with open_regular(path) as stream:
            _hash_stream(digest, stream)


def _folders(root: Path) -> Iterator[Path]:
    """Yield a folder and all folders below it."""
    return (Path(folder) for folder, _, _ in os.walk(root))


def _relative_files(root: Path) -> Iterator[str]:
    """Yield the names of all files below a folder, relative to it, with ``/`` between parts."""
    for folder, folders, files in os.walk(root):
        for name in files + [name for name in folders if os.path.islink(Path(folder, name))]:
            yield Path(folder, name).relative_to(root).as_posix()
