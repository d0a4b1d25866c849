"""NIfTI files (``.nii``, ``.nii.gz``) as voxels.

nibabel interprets the header, whose bytes are all it sees; it needs the extra ``[formats]``. The
fastest axis of a file is x, as in ITK; a fourth one is of channels.
"""

from __future__ import annotations

import gzip
import math
import zlib
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from napari_nx46.files.regular import open_regular
from napari_nx46.files.volumes.channels import Channels
from napari_nx46.files.volumes.indexing import Box, Shape3D
from napari_nx46.files.volumes.origin import Origin
from napari_nx46.files.volumes.placement import Placement
from napari_nx46.files.volumes.plain.numbers import Numbers, Packing, open_numbers, placed
from napari_nx46.files.volumes.reader import VolumeReader
from napari_nx46.files.volumes.stamps import Stamps

if TYPE_CHECKING:
    from nibabel.nifti1 import Nifti1Header

_SIZES = {348: 352, 540: 544}
"""Bytes that a header of version 1 or 2 says it has, and where the numbers are at the earliest."""

_MOST_START = 2**24
_NAMES = ("c", "t", "z", "y", "x")
_MOST_AXES = 5
_GZIPPED = b"\x1f\x8b"


def open_nifti(origin: Origin, stamps: Stamps) -> Channels:
    """Open a NIfTI file as voxels; only its header is read.

    Parameters
    ----------
    origin : Origin
        The file.
    stamps : Stamps
        Takes the stamp of the file.

    Raises
    ------
    VolumeError
        If nibabel is not installed, or it is no NIfTI file, is cut off, or is no volume.
    """
    try:
        from nibabel.nifti1 import Nifti1Header
        from nibabel.nifti2 import Nifti2Header
    except ImportError as error:
        raise origin.error(
            "a NIfTI file, which nibabel reads",
            'nibabel; install it with pip install "napari-nx46[formats]"',
        ) from error
    content, packed = _start(origin)
    said = {int.from_bytes(content[:4], order) for order in ("little", "big")}
    size = next((one for one in _SIZES if one in said), 0)
    if not size or len(content) < size:
        raise origin.error("no NIfTI header", "a NIfTI file in one piece, .nii or .nii.gz")
    kind = Nifti1Header if size == min(_SIZES) else Nifti2Header
    header = kind(content[:size], check=False)
    if bytes(header["magic"])[:2] != b"n+":
        raise origin.error("a NIfTI header without numbers behind it", "a file in one piece, .nii")
    numbers = _numbers(origin, header, _SIZES[size])
    if packed:
        numbers = replace(numbers, start=0, skipped=numbers.start, packing=Packing.GZIP)
    channels = open_numbers(origin, numbers, stamps)
    slope, shift = float(header["scl_slope"]), float(header["scl_inter"])
    if (
        not (math.isfinite(slope) and math.isfinite(shift))
        or slope == 0
        or (slope, shift) == (1, 0)
    ):
        return channels
    return replace(channels, source=partial(_scaled, channels, slope, shift))


def _scaled(channels: Channels, slope: float, shift: float, channel: int) -> VolumeReader:
    return ScaledReader(channels.source(channel), slope, shift)


class ScaledReader:
    """Voxels that are stored as other numbers: slope * number + shift, as float32.

    Parameters
    ----------
    source : VolumeReader
        The numbers.
    slope, shift : float
    """

    dtype = np.dtype(np.float32)

    def __init__(self, source: VolumeReader, slope: float, shift: float) -> None:
        self.shape: Shape3D = source.shape
        self.piece_bytes = source.piece_bytes
        self._source = source
        self._slope = slope
        self._shift = shift

    def read_box(self, box: Box) -> np.ndarray:
        """Read a box; see `VolumeReader.read_box`."""
        numbers = self._source.read_box(box).astype(np.float64)
        return (numbers * self._slope + self._shift).astype(np.float32)

    def release(self) -> None:
        """Drop what is kept in memory."""
        self._source.release()


def _start(origin: Origin) -> tuple[bytes, bool]:
    """Return the first bytes, unpacked, and whether they were compressed."""
    most = max(_SIZES)
    try:
        with open_regular(origin.path) as stream:
            content = stream.read(most)
            if not content.startswith(_GZIPPED):
                return content, False
            stream.seek(0)
            with gzip.GzipFile(fileobj=stream, mode="rb") as unzipped:
                return unzipped.read(most), True
    except (OSError, EOFError, zlib.error) as error:
        raise origin.error(f"no readable header ({error})", "a NIfTI file") from error


def _numbers(origin: Origin, header: Nifti1Header, earliest: int) -> Numbers:
    """Return the numbers that a header describes, after checking what it says."""
    dims = [int(size) for size in header["dim"]]
    start = float(header["vox_offset"])
    try:
        dtype = np.dtype(header.get_data_dtype())
    except (KeyError, ValueError, TypeError) as error:
        raise origin.error(f"numbers of type {int(header['datatype'])}", "real numbers") from error
    if dtype.kind not in "biuf" or dtype.names is not None:
        raise origin.error(f"numbers of type {dtype}", "real numbers")
    if not 2 <= dims[0] <= _MOST_AXES or min(dims[1 : dims[0] + 1]) < 1:  # noqa: PLR2004
        raise origin.error(f"sizes {dims}", "two to five axes, none empty")
    if not (earliest <= start <= _MOST_START and start == int(start)):
        raise origin.error(f"numbers from byte {start} on", f"behind the header, from {earliest}")
    sizes = dims[dims[0] : 0 : -1]
    # Without a fifth axis the fourth is not time here: there is one time in a scan.
    names = _NAMES if len(sizes) == _MOST_AXES else ("c", *_NAMES[2:])[-len(sizes) :]
    if sizes[0] == 1:
        names = tuple("batch" if name == "c" else name for name in names)
    return Numbers(
        origin.path, int(start), tuple(sizes), dtype, names, placement=_placement(header)
    )


def _placement(header: Nifti1Header) -> Placement | None:
    """Return size and place of the voxels, the place where the axes are not turned."""
    units = {"meter": "m", "mm": "mm", "micron": "µm"}
    try:
        unit = units.get(header.get_xyzt_units()[0])
        scale = tuple(float(size) for size in header.get_zooms()[:3])
        affine = np.asarray(header.get_best_affine(), float)
    except (KeyError, ValueError, ArithmeticError):
        return None
    if not all(map(math.isfinite, scale)):
        return None
    along = np.diag(affine)[:3]
    aligned = int(header["sform_code"]) and (affine[:3, :3] == np.diag(along)).all()
    # ITK's x and y grow where those of NIfTI fall: the place is that along the axes of the voxels.
    corner = affine[:3, 3] * np.sign(along) if aligned else np.zeros(3)
    corner = corner if np.isfinite(corner).all() else np.zeros(3)
    return placed(scale, tuple(map(float, corner)), unit)
