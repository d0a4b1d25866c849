"""How many bytes reading a file may hold at once, decided before anything is allocated.

A file of some kilobytes can declare a strip of gigabytes. What is decoded in one piece, such as a
strip, a tile or a chunk, may take half of the machine's memory, and no more than a budget that the
user gives; pieces that every machine can hold are always read.
"""

from __future__ import annotations

import sys
from pathlib import Path

from napari_nx46.files.volumes.origin import AnyOrigin

ALWAYS_READ = 2**28
"""Bytes of a piece that is read whatever the budget is."""

_LIMITS_OF_CONTAINERS = (
    Path("/sys/fs/cgroup/memory.max"),
    Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
)


def machine_memory() -> int:
    """Return the bytes of memory that this process may have at most.

    Returns
    -------
    int
        Of the machine, or of the container or the shell, if that sets a lower limit.
    """
    import psutil

    limits: list[int] = [psutil.virtual_memory().total]
    for path in _LIMITS_OF_CONTAINERS:
        try:
            limits.append(int(path.read_text()))
        except (OSError, ValueError):  # no container, or one without a limit ("max")
            continue
    if sys.platform != "win32":
        import resource

        soft, _ = resource.getrlimit(resource.RLIMIT_AS)
        limits += [] if soft == resource.RLIM_INFINITY else [soft]
    return min(limits)


def check_piece(origin: AnyOrigin, piece: str, size: int, budget: int | None = None) -> None:
    """Check that what is decoded in one piece fits into the memory.

    Parameters
    ----------
    origin : AnyOrigin
        The file, for the message.
    piece : str
        What is decoded, in words.
    size : int
        Its bytes, decoded.
    budget : int, optional
        Bytes that the user allows.

    Raises
    ------
    VolumeError
        If it does not.
    """
    if size <= ALWAYS_READ:
        return
    half = machine_memory() // 2
    if budget is not None and budget < min(size, half):
        raise origin.error(
            f"{piece} of {in_words(size)}, decoded in one piece",
            f"at most the {in_words(max(budget, ALWAYS_READ))} allowed; give more (--memory, or "
            "Preferences), or store it in smaller strips, tiles or chunks, or uncompressed",
        )
    if size > half:
        raise origin.error(
            f"{piece} of {in_words(size)}, decoded in one piece",
            f"at most {in_words(half)}, half of the memory; store it in smaller strips, tiles or "
            "chunks, or uncompressed",
        )


def check_held(origin: AnyOrigin, shape: tuple[int, ...], size: int) -> None:
    """Check that voxels that are to be read at once fit into the memory of the machine.

    Parameters
    ----------
    origin : AnyOrigin
        The file, for the message.
    shape : tuple of int
        Of the voxels.
    size : int
        Their bytes.

    Raises
    ------
    VolumeError
        If they do not.
    """
    if size > ALWAYS_READ and size > (most := machine_memory()):
        raise origin.error(
            f"{in_words(size)} to be read at once, as voxels of shape {shape}",
            f"at most {in_words(most)}, the memory there is; read fewer slices at a time",
        )


def check_whole(origin: AnyOrigin, shape: tuple[int, ...], size: int) -> None:
    """Check that a whole volume fits into the memory with what is made of it, as much again.

    Parameters
    ----------
    origin : AnyOrigin
        The file, for the message.
    shape : tuple of int
        Of the volume.
    size : int
        Its bytes.

    Raises
    ------
    VolumeError
        If it does not.
    """
    if size > ALWAYS_READ and size > (most := machine_memory() // 2):
        raise origin.error(
            f"{in_words(size)} to be held at once, as voxels of shape {shape}",
            f"at most {in_words(most)}, half of the memory; choose boxes or a coarser level "
            "(STORE#level=2&box=Z0:Z1,Y0:Y1,X0:X1)",
        )


def in_words(size: int) -> str:
    """Return a number of bytes as people say it.

    Parameters
    ----------
    size : int

    Returns
    -------
    str
        For example ``"1.5 GiB"``.
    """
    unit, name = (2**20, "MiB") if size < 2**30 else (2**30, "GiB")
    return f"{round(size / unit, 1):,.4g} {name}" if size < 2**40 else f"{size // unit:,} {name}"
