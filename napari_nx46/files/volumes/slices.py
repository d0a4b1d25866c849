"""Which files of a folder are the slices of one volume.

Scroll data ship as folders of one file a slice. Files are the slices of one volume if each of
them is a single slice, TIFF or ``.npy``, of equal shape and type, and if their names differ in
one number only, which counts them without a gap. Single slices with other names are volumes of
one slice each.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np

from napari_nx46.files.naming import first_few, printable
from napari_nx46.files.volumes.indexing import Shape3D
from napari_nx46.files.volumes.origin import Origin, VolumeError
from napari_nx46.files.volumes.reader import VolumeReader

SLICE_SUFFIXES = (".tif", ".tiff", ".npy")
"""Endings of files that can be slices, in lower case."""

MOST_SLICES = 2**16
_MOST_GAPS = 5
_MOST_FAULTS = 3
_MOST_DIGITS = 18
_Layout = tuple[Shape3D, np.dtype]
_DIGITS = re.compile(r"(\d+)")


def slices_in(folder: Path) -> tuple[Path, ...]:
    """Return the slices of the volume that a folder is, in ascending order.

    Parameters
    ----------
    folder : Path
        Any folder.

    Returns
    -------
    tuple of Path
        At least two files; empty if the folder is no volume.

    Raises
    ------
    VolumeError
        If there are slices of one volume, but some are missing, or their shapes or types differ,
        or there are too many.
    OSError
        If the folder cannot be listed.
    """
    entries = [path for path in folder.iterdir() if not path.name.startswith(".")]
    numbered = _numbered([path for path in entries if path.suffix.lower() in SLICE_SUFFIXES])
    if not numbered or any(path.suffix.lower() in (".npz", ".zarr") for path in entries):
        return ()
    origin = Origin(folder)
    files = tuple(path for _, path in numbered)
    layouts = _layouts(origin, files)
    if not layouts or not _are_counted(origin, [number for number, _ in numbered]):
        return ()
    _check_equal(origin, files, layouts)
    return files


def open_slice(origin: Origin) -> VolumeReader:
    """Open a file as a slice: voxels of shape (1, Y, X).

    Parameters
    ----------
    origin : Origin
        The file.

    Returns
    -------
    VolumeReader
        Its only slice; all slices, if it has several.

    Raises
    ------
    VolumeError
        If it cannot be opened, or has several channels.
    """
    if origin.path.suffix.lower() == ".npy":
        from napari_nx46.files.volumes.numpy_reader import open_npy

        channels = open_npy(origin)
    else:
        from napari_nx46.files.volumes.tiff.reader import open_tiff

        channels = open_tiff(origin)
    channels.check_single(origin, "slice of a volume")
    return channels.source(0)


def note_on_slices(slices: Sequence[Path]) -> str:
    """Return the note that the files of a folder were read as one volume.

    Parameters
    ----------
    slices : sequence of Path
        At least one, as `slices_in` returns them.
    """
    return (
        f"{slices[0].parent}: read {len(slices)} slices, {printable(slices[0].name)} to "
        f"{printable(slices[-1].name)}, as one volume"
    )


def _numbered(paths: Sequence[Path]) -> list[tuple[int, Path]]:
    """Return files by the only number in which their names differ; empty if that is not so."""
    if len(paths) < 2:  # noqa: PLR2004
        return []
    parts = [_DIGITS.split(path.name) for path in paths]
    # The suffix, and all else that is not a number, is the same in all of them.
    if any(one[::2] != parts[0][::2] for one in parts):
        return []
    columns = list(zip(*(one[1::2] for one in parts), strict=True))
    varying = [column for column in columns if len(set(column)) > 1]
    if len(varying) != 1 or max(map(len, varying[0])) > _MOST_DIGITS:
        return []
    return sorted(zip(map(int, varying[0]), paths, strict=True))


def _layouts(origin: Origin, files: Sequence[Path]) -> list[_Layout]:
    """Return the shape and type of each slice; empty if one of the files is no slice.

    Raises
    ------
    VolumeError
        If some files are slices, and others cannot be opened.
    """
    layouts: list[_Layout] = []
    faults: list[VolumeError] = []
    for path in files:
        try:
            source = open_slice(Origin(path))
        except VolumeError as fault:
            faults.append(fault)
            continue
        if source.shape[0] != 1:
            return []
        layouts.append((source.shape, source.dtype))
        if len(layouts) > MOST_SLICES:
            raise origin.error(f"more than {MOST_SLICES} slices", "a smaller volume")
    if layouts and faults:
        raise origin.error(
            f"slices that cannot be opened: {first_few(list(map(str, faults)), _MOST_FAULTS)}",
            "the slices of one volume",
        )
    return layouts


def _are_counted(origin: Origin, numbers: Sequence[int]) -> bool:
    """Return whether numbers count slices; numbers far apart are names of fragments.

    Raises
    ------
    VolumeError
        If a number is there twice, or too few are missing to be anything but slices.
    """
    lowest, highest, count = numbers[0], numbers[-1], len(numbers)
    gaps = [(before + 1, after - 1) for before, after in pairwise(numbers) if after - before > 1]
    twice = [before for before, after in pairwise(numbers) if before == after]
    if twice:
        raise origin.error(f"two slices with the number {twice[0]}", "each number once")
    missing = highest - lowest + 1 - count
    if not missing:
        return True
    regular = count > 2 and len({after - before for before, after in gaps}) == 1  # noqa: PLR2004
    if missing <= count or (regular and len(gaps) == count - 1):
        named = first_few([_gap_in_words(*gap) for gap in gaps], _MOST_GAPS)
        raise origin.error(
            f"{count} slices numbered {lowest} to {highest}, without {named}",
            "the slices of one volume without a gap; add the missing ones, or, if each file is a "
            "fragment of one slice, rename them so that they differ in more than a number",
        )
    return False


def _gap_in_words(first: int, last: int) -> str:
    return str(first) if first == last else f"{first} to {last}"


def _check_equal(origin: Origin, files: Sequence[Path], layouts: Sequence[_Layout]) -> None:
    for path, layout in zip(files, layouts, strict=True):
        if layout != layouts[0]:
            raise origin.error(
                f"slices that differ: {printable(files[0].name)} has {_in_words(layouts[0])}; "
                f"{printable(path.name)} has {_in_words(layout)}",
                "slices of one shape and type, or names that differ in more than a number if each "
                "file is a fragment of one slice",
            )


def _in_words(layout: _Layout) -> str:
    (_, height, width), dtype = layout
    return f"{height} x {width} voxels of {dtype}"
