"""Keeps compiled code on disk, or does without where that cannot be done.

Numba's own cache raises if there is no folder that can be written, if a file is damaged, and if the
disk is full. This one only ever makes the next start slower. A file holds the code of one kernel
for one set of types, processor and version of numba; its checksum is verified before it is read,
since damaged machine code could compute anything.
"""

from __future__ import annotations

import hashlib
import logging
import os
import pickle
import platform
import secrets
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import llvmlite
import numba
from numba.core import config
from numba.core.caching import NullCache
from numba.core.compiler import CompileResult
from numba.core.errors import NumbaError
from numba.core.serialize import dumps
from numba.misc.appdirs import AppDirs

from napari_nx46.voxels.compiling.fingerprint import fingerprint

__all__ = ["CodeCache", "code_folders"]

_LOG = logging.getLogger("napari_nx46.voxels.compiling")
_LOG.addHandler(logging.NullHandler())  # silent, unless a program wants to hear of it
_MAGIC = b"nx46 compiled code 1\n"
_DIGEST_BYTES = hashlib.sha256().digest_size
_HEADER_BYTES = len(_MAGIC) + 2 * _DIGEST_BYTES
_LARGEST_FILE = 2**26
_PROBE_BYTES = 2**18
"""More than the code of any kernel takes."""
_UNREADABLE = (
    pickle.UnpicklingError,
    ArithmeticError,
    AttributeError,
    EOFError,
    ImportError,
    LookupError,
    MemoryError,
    NumbaError,
    RuntimeError,
    TypeError,
    ValueError,
)
"""What unpickling and linking raise where the code comes from another version of something."""


def code_folders(source: str) -> tuple[Path, ...]:
    """Return the folders in which the compiled code of a source file may be kept, best first.

    Parameters
    ----------
    source : str
        Path of the file.

    Returns
    -------
    tuple of Path
        In `NUMBA_CACHE_DIR` if it is set; else beside the file, and in the user's cache folder.
    """
    folder = Path(source).resolve().parent
    own = f"{folder.name}_{hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]}"
    if config.CACHE_DIR:
        return (Path(config.CACHE_DIR) / own,)
    user = AppDirs(appname="numba", appauthor=False).user_cache_dir
    return folder / "__pycache__", Path(user) / own


class CodeCache(NullCache):  # type: ignore[misc]
    """The compiled code of one kernel on disk; never raises for what it finds there.

    Parameters
    ----------
    function : callable
        The kernel as it is written in Python.
    """

    def __init__(self, function: Callable[..., object]) -> None:
        self._function = function
        self.source = function.__code__.co_filename
        self._folders = code_folders(self.source)
        self._kept_in: Path | None = None
        self._fingerprint: bytes | None = None
        self._enabled = True

    @property
    def cache_path(self) -> str | None:
        """The folder that code was last read from or written to, if any."""
        return None if self._kept_in is None else str(self._kept_in)

    def enable(self) -> None:
        """Read and write files; so it is at first."""
        self._enabled = True

    def disable(self) -> None:
        """Neither read nor write files."""
        self._enabled = False

    def flush(self) -> None:
        """Do nothing: a file that is out of date is replaced when it is met."""

    def load_overload(self, types: tuple[Any, ...], target: Any) -> CompileResult | None:
        """Return the code for some types; log that it will be compiled and return None without."""
        target.refresh()
        code = self._read(self._name(types, target)) if self._enabled else None
        if code is not None:
            try:
                return CompileResult._rebuild(target, *pickle.loads(code))
            except _UNREADABLE as error:
                _LOG.debug("compiled code of %s cannot be used: %r", self._function, error)
        _LOG.info("compiling %s", self._function.__qualname__)
        return None

    def save_overload(self, types: tuple[Any, ...], result: CompileResult) -> None:
        """Keep the code for some types, if there is a folder for it."""
        if self._enabled and not result.library.has_dynamic_globals:
            self._write(self._name(types, result.target_context), dumps(result._reduce()))

    def is_kept(self, types: tuple[Any, ...], target: Any) -> bool:
        """Return whether there is a file with the code for some types, whole and up to date."""
        return self._read(self._name(types, target)) is not None

    def writable_folder(self) -> Path | None:
        """Return the folder into which code would be written, if any can be."""
        for folder in self._folders:
            probe = folder / f"{secrets.token_hex(8)}.tmp"
            if _written(probe, b"\0" * _PROBE_BYTES):
                _remove(probe)
                return folder
        return None

    def _stamp(self) -> bytes:
        """Return what the code is out of date without; known when all helpers are defined."""
        if self._fingerprint is None:
            self._fingerprint = fingerprint(self._function)
        return self._fingerprint

    def _name(self, types: tuple[Any, ...], target: Any) -> str:
        """Return the name of the file for some types on this machine, of this version of numba."""
        machine = (
            *(str(of_argument) for of_argument in types),
            *(str(part) for part in target.codegen().magic_tuple()),
            *(numba.__version__, llvmlite.__version__, platform.python_version(), sys.abiflags),
            *(str(config.OPT), str(config.BOUNDSCHECK), str(config.DEBUGINFO_DEFAULT)),
        )
        digest = hashlib.sha256("\0".join(machine).encode()).hexdigest()[:24]
        module = self._function.__module__.rpartition(".")[2]
        return f"{module}.{self._function.__qualname__}-{digest}.nbc"

    def _read(self, name: str) -> bytes | None:
        """Return the code in the first file of this name that is whole and up to date."""
        expected = _MAGIC + self._stamp()
        for folder in self._folders:
            code = _verified(folder / name, expected)
            if code is not None:
                self._kept_in = folder
                return code
        return None

    def _write(self, name: str, code: bytes) -> None:
        """Write code into the first folder that takes it."""
        head = _MAGIC + self._stamp() + hashlib.sha256(code).digest()
        for folder in self._folders:
            if _written(folder / name, head + code):
                self._kept_in = folder
                return
        self._kept_in = None
        folders = " or ".join(str(folder) for folder in self._folders)
        _LOG.warning("compiled code cannot be kept in %s, and will be compiled again", folders)


def _verified(path: Path, expected: bytes) -> bytes | None:
    """Return what follows the header of a file, if all of it is what was written."""
    try:
        if not path.is_file() or path.stat().st_size > _LARGEST_FILE:
            return None
        content = path.read_bytes()
    except OSError:
        return None
    code = content[_HEADER_BYTES:]
    intact = content[:_HEADER_BYTES] == expected + hashlib.sha256(code).digest()
    return code if intact else None


def _written(path: Path, content: bytes) -> bool:
    """Write a file beside its place and rename it; return False if that fails."""
    partial = path.with_name(f"{path.name}.{secrets.token_hex(8)}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_bytes(content)
        os.replace(partial, path)
    except OSError:
        _remove(partial)
        return False
    return True


def _remove(path: Path) -> None:
    try:
        path.unlink()
    except OSError:
        return  # never made, or in a folder that cannot be changed
