"""NRRD files (``.nrrd``, ``.nhdr``) as voxels.

Read by this module itself: the header is a text of some lines, and no library sees it. The format:
http://teem.sourceforge.net/nrrd/format.html.
"""

from __future__ import annotations

import re

import numpy as np

from napari_nx46.files.naming import printable
from napari_nx46.files.volumes.channels import Channels
from napari_nx46.files.volumes.origin import Origin
from napari_nx46.files.volumes.placement import Placement
from napari_nx46.files.volumes.plain.numbers import (
    Numbers,
    Packing,
    data_file,
    open_numbers,
    placed,
    real_numbers,
    text_header,
    whole_numbers,
)
from napari_nx46.files.volumes.stamps import Stamps

_TYPES = {
    **dict.fromkeys(("signed char", "int8", "int8_t"), "i1"),
    **dict.fromkeys(("uchar", "unsigned char", "uint8", "uint8_t"), "u1"),
    **dict.fromkeys(
        ("short", "short int", "signed short", "signed short int", "int16", "int16_t"), "i2"
    ),
    **dict.fromkeys(("ushort", "unsigned short", "unsigned short int", "uint16", "uint16_t"), "u2"),
    **dict.fromkeys(("int", "signed int", "int32", "int32_t"), "i4"),
    **dict.fromkeys(("uint", "unsigned int", "uint32", "uint32_t"), "u4"),
    **dict.fromkeys(("longlong", "long long", "long long int", "int64", "int64_t"), "i8"),
    **dict.fromkeys(("ulonglong", "unsigned long long", "uint64", "uint64_t"), "u8"),
    **{"float": "f4", "double": "f8"},
}
_PACKINGS = {
    "raw": Packing.NONE,
    **dict.fromkeys(("gzip", "gz"), Packing.GZIP),
    **dict.fromkeys(("bzip2", "bz2"), Packing.BZIP2),
}
_MAGIC = re.compile(r"NRRD000[1-6]")
_VECTOR = re.compile(r"\(([^()]*)\)")
_CHANNEL_KINDS = ("list", "vector", "point", "scalar", "stub", "none", "covariant-vector")
_SPACE = ("x", "y", "z")


def open_nrrd(origin: Origin, stamps: Stamps) -> Channels:
    """Open a NRRD file as voxels; only its header is read.

    Parameters
    ----------
    origin : Origin
        The file.
    stamps : Stamps
        Takes the stamp of the file of the numbers.

    Raises
    ------
    VolumeError
        If it is no NRRD file, is cut off, leads out of its folder, or is no volume.
    """
    alone = origin.path.suffix.lower() == ".nhdr"
    lines, end = text_header(origin, lambda line: not line, alone=alone)
    fields = {}
    for line in lines[1:]:
        name, colon, value = line.partition(": ")
        if colon and not line.startswith("#"):
            fields[name.strip().lower()] = value.strip()
    shape = whole_numbers(origin, fields.get("sizes", ""), "sizes")
    kind, encoding = fields.get("type", "").lower(), fields.get("encoding", "").lower()
    skips = [fields.get(name, "0") for name in ("byte skip", "byteskip", "line skip", "lineskip")]
    if (
        _MAGIC.fullmatch(lines[0]) is None
        or fields.get("dimension", "") != str(len(shape))
        or kind not in _TYPES
        or encoding not in _PACKINGS
        or any(one != "0" for one in skips)
    ):
        raise origin.error(
            f"a header with type {printable(kind)!r}, dimension "
            f"{printable(fields.get('dimension', ''))!r}, {len(shape)} sizes, encoding "
            f"{printable(encoding)!r} and skips {printable(', '.join(skips))}",
            "a NRRD of numbers, raw, gzip or bzip2, without skips",
        )
    detached = fields.get("data file", fields.get("datafile"))
    big = fields.get("endian", "little").lower() == "big"
    names = _names(fields.get("kinds", ""), len(shape))
    numbers = Numbers(
        origin.path if detached is None else data_file(origin, detached),
        end if detached is None else 0,
        shape[::-1],
        np.dtype(_TYPES[kind]).newbyteorder(">" if big else "<"),
        None if names is None else names[::-1],
        _PACKINGS[encoding],
        placement=_placement(fields, names),
    )
    return open_numbers(origin, numbers, stamps)


def _names(kinds: str, count: int) -> tuple[str, ...] | None:
    """Return the names of axes, the fastest first, as far as their kinds say them."""
    listed = kinds.lower().split()
    if len(listed) != count:
        return _SPACE if count == len(_SPACE) else None
    space = iter(_SPACE)
    channel = [_is_of_channels(kind) for kind in listed]
    if sum(channel) > 1 or count - sum(channel) > len(_SPACE):
        return None
    return tuple("c" if of_channels else next(space) for of_channels in channel)


def _is_of_channels(kind: str) -> bool:
    return kind in _CHANNEL_KINDS or kind.endswith(("-color", "-vector", "-matrix"))


def _placement(fields: dict[str, str], names: tuple[str, ...] | None) -> Placement | None:
    """Return size and place of the voxels, where the axes are those of the grid."""
    if names is None:
        return None
    units = set(re.findall(r'"([^"]*)"', fields.get("space units", "")))
    unit = units.pop() if len(units) == 1 else None
    spaced = fields.get("spacings")
    if spaced is not None:
        along = dict(zip(names, spaced.split(), strict=False))
        return placed(real_numbers(" ".join(along.get(name, "") for name in _SPACE)), None, unit)
    texts = _VECTOR.findall(fields.get("space directions", ""))
    vectors = [real_numbers(one.replace(",", " ")) or () for one in texts]
    if [len(one) for one in vectors] != [len(_SPACE)] * len(_SPACE):
        return None
    directions = np.array(vectors, float)
    sizes_along = np.diag(directions)
    if (directions != np.diag(sizes_along)).any():
        sizes_along = np.linalg.norm(directions, axis=1)  # turned: the place says nothing then
        return placed(tuple(map(float, sizes_along)), None, unit)
    corner = real_numbers(fields.get("space origin", "").strip("()").replace(",", " "))
    return placed(tuple(map(float, np.abs(sizes_along))), corner, unit)
