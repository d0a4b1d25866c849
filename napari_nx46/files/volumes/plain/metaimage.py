"""MetaImage files (``.mha``, ``.mhd``), as ITK writes them, as voxels.

Read by this module itself: the header is a text of some lines, and no library sees it.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from napari_nx46.files.naming import printable
from napari_nx46.files.volumes.channels import Channels
from napari_nx46.files.volumes.origin import Origin
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
    **{"MET_CHAR": "i1", "MET_UCHAR": "u1", "MET_SHORT": "i2", "MET_USHORT": "u2"},
    **{"MET_INT": "i4", "MET_UINT": "u4", "MET_LONG_LONG": "i8", "MET_ULONG_LONG": "u8"},
    **{"MET_FLOAT": "f4", "MET_DOUBLE": "f8"},
}
_DATA = "elementdatafile"
_UNIT = "mm"
"""Of ITK, where a file does not say another one."""


def open_metaimage(origin: Origin, stamps: Stamps) -> Channels:
    """Open a MetaImage file as voxels; only its header is read.

    Parameters
    ----------
    origin : Origin
        The file.
    stamps : Stamps
        Takes the stamp of the file of the numbers.

    Raises
    ------
    VolumeError
        If it is no MetaImage file, is cut off, leads out of its folder, or is no volume.
    """
    lines, end = text_header(origin, lambda line: _key_of(line) == _DATA)
    fields = {_key_of(line): line.partition("=")[2].strip() for line in lines}
    shape = whole_numbers(origin, fields.get("dimsize", ""), "DimSize")[::-1]
    channels = whole_numbers(origin, fields.get("elementnumberofchannels", "1"), "channels")
    kind = fields.get("elementtype", "")
    if fields.get("ndims", "") != str(len(shape)) or len(channels) != 1 or kind not in _TYPES:
        raise origin.error(
            f"a header with NDims {printable(fields.get('ndims', ''))}, DimSize of {len(shape)} "
            f"numbers and ElementType {printable(kind)}",
            "a MetaImage of numbers",
        )
    if not _is_true(fields, "binarydata", default=True):
        raise origin.error("numbers in text", "binary ones")
    big = _is_true(fields, "binarydatabyteordermsb") or _is_true(fields, "elementbyteordermsb")
    names = ("t", "z", "y", "x")[-len(shape) :] if len(shape) <= len("tzyx") else None
    several = channels if channels != (1,) else ()
    inside = fields[_DATA].upper() == "LOCAL"
    header_size = whole_numbers(origin, fields.get("headersize", "0"), "HeaderSize")
    if len(header_size) != 1 or header_size[0] < 0 or (inside and header_size[0] not in (0, end)):
        raise origin.error(f"HeaderSize {printable(fields['headersize'])}", "the size of a header")
    numbers = Numbers(
        origin.path if inside else data_file(origin, fields[_DATA]),
        end if inside else header_size[0],
        (*shape, *several),
        np.dtype(_TYPES[kind]).newbyteorder(">" if big else "<"),
        None if names is None else (*names, *"c" * len(several)),
        Packing.ZLIB if _is_true(fields, "compresseddata") else Packing.NONE,
        placement=placed(
            real_numbers(fields.get("elementspacing", fields.get("elementsize", ""))),
            real_numbers(fields.get("offset", fields.get("position", fields.get("origin", "")))),
            fields.get("distanceunits", _UNIT),
        ),
    )
    return open_numbers(origin, numbers, stamps)


def _key_of(line: str) -> str:
    """Return the name of a field, in lower case."""
    return line.partition("=")[0].strip().lower()


def _is_true(fields: Mapping[str, str], name: str, *, default: bool = False) -> bool:
    return fields.get(name, str(default)).lower() in ("true", "1")
