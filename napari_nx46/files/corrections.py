"""Corrections in files: sparse in NumPy's ``.npz``, or as volumes of labels 0, 1 and 2.

In an ``.npz`` file there are two arrays a fragment, both int64: ``ID.shape`` is (Z, Y, X), and
``ID.runs`` has a row for each run of corrected voxels along x: z, y, the first x, how many voxels,
and 1 (add) or 2 (erase). A volume of labels is in any format that labels are read from, and its
name without the ending is the fragment's.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

from napari_nx46.files.atomic import WriteError, write_beside
from napari_nx46.files.naming import first_few, image_id_fault, printable
from napari_nx46.files.submission.zip_check import ZIP_DAMAGES, open_zip
from napari_nx46.files.volumes.numpy_reader import read_header
from napari_nx46.files.volumes.opening import Role, open_volume, write_volume
from napari_nx46.files.volumes.origin import Origin, VolumeError
from napari_nx46.files.volumes.paths import image_id_of, is_volume_folder, volume_suffix
from napari_nx46.voxels.corrections.corrections import Corrections, CorrectionsError
from napari_nx46.voxels.corrections.runs import SliceRuns

__all__ = [
    "CORRECTIONS_SUFFIX",
    "LARGEST_UNPACKED_BYTES",
    "corrections_bytes",
    "read_corrections",
    "write_corrections",
]

CORRECTIONS_SUFFIX = ".npz"
LARGEST_UNPACKED_BYTES = 1 << 31
"""Bytes that all arrays of a file may have together."""

_COLUMNS = ("z", "y", "first x", "voxels", "value")
_LARGEST_SIDE = 1 << 20
_TIFF_SUFFIXES = (".tif", ".tiff")

Rows = npt.NDArray[np.int64]


def read_corrections(path: Path) -> dict[str, Corrections]:
    """Read the corrections of one fragment or of several, by image_id.

    Parameters
    ----------
    path : Path
        An ``.npz`` file of this program; a volume of labels 0 (as computed), 1 (add) and
        2 (erase); or a folder of such volumes.

    Raises
    ------
    VolumeError
        If there is no such file, or it is not sound.
    """
    if path.is_dir() and not is_volume_folder(path):
        volumes = sorted(one for one in path.iterdir() if volume_suffix(one.name))
        if not volumes:
            raise Origin(path).error("no volume in this folder", "ID.tif for each fragment")
        return {image_id_of(one): _labels(one) for one in volumes}
    if path.suffix.lower() == CORRECTIONS_SUFFIX:
        return _unpacked(path)
    return {image_id_of(path): _labels(path)}


def write_corrections(path: Path, corrections: Mapping[str, Corrections]) -> None:
    """Write corrections to a file, which replaces an older one once it is whole.

    Parameters
    ----------
    path : Path
        Ends in ``.npz``, or, for one fragment, in ``.tif``.
    corrections : mapping of str to Corrections
        By image_id.

    Raises
    ------
    WriteError
        If the file cannot be written, or its ending is another one.
    """
    suffix = path.suffix.lower()
    if suffix not in (CORRECTIONS_SUFFIX, *_TIFF_SUFFIXES):
        raise WriteError(path, "its name must end in .npz, or in .tif for one fragment")
    if suffix != CORRECTIONS_SUFFIX and len(corrections) != 1:
        raise WriteError(
            path, f"a TIFF holds one fragment, found {len(corrections)}; write an .npz file"
        )
    with write_beside(path) as partial:
        if suffix == CORRECTIONS_SUFFIX:
            partial.write_bytes(corrections_bytes(corrections))
        else:
            (one,) = corrections.values()
            write_volume(partial, one.whole_labels())


def corrections_bytes(corrections: Mapping[str, Corrections]) -> bytes:
    """Return corrections as an ``.npz`` file; equal corrections give equal bytes."""
    arrays = {}
    for image_id, one in sorted(corrections.items()):
        arrays[f"{image_id}.shape"] = np.array(one.shape, "<i8")
        arrays[f"{image_id}.runs"] = _rows(one).astype("<i8", copy=False)
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, array in arrays.items():
            member = zipfile.ZipInfo(f"{name}.npy")
            member.compress_type = zipfile.ZIP_DEFLATED
            with archive.open(member, "w", force_zip64=True) as stream:
                np.lib.format.write_array(stream, array, version=(1, 0), allow_pickle=False)
    return content.getvalue()


# ---- labels ------------------------------------------------------------------------------------


def _labels(path: Path) -> Corrections:
    """Return the corrections that a volume of labels stands for, read slice by slice."""
    volume = open_volume(path, role=Role.LABEL)
    depth, height, width = volume.shape
    slices = {}
    for z in range(depth):
        labels = np.asarray(volume[z : z + 1, 0:height, 0:width])[0].astype(np.uint8, copy=False)
        runs = SliceRuns.of(labels)
        if len(runs):
            slices[z] = runs
    try:
        return Corrections.of_runs((depth, height, width), slices)
    except CorrectionsError as error:
        raise Origin(path).error(str(error), "0 as computed, 1 add and 2 erase") from error


# ---- .npz --------------------------------------------------------------------------------------


def _rows(corrections: Corrections) -> Rows:
    """Return the rows of a fragment, in ascending order."""
    width = corrections.shape[2]
    parts = [np.empty((0, len(_COLUMNS)), np.int64)]
    for z, runs in corrections.slices.items():
        y, x = np.divmod(runs.starts, width)
        lengths, values = runs.stops - runs.starts, runs.values.astype(np.int64)
        parts.append(np.column_stack([np.full_like(y, z), y, x, lengths, values]))
    return np.concatenate(parts)


def _unpacked(path: Path) -> dict[str, Corrections]:
    """Return what an ``.npz`` file of anyone holds."""
    origin = Origin(path)
    try:
        arrays = _arrays(origin)
    except FileNotFoundError as error:
        raise origin.error("nothing at this path", "a file of corrections") from error
    except VolumeError:
        raise
    except ZIP_DAMAGES as error:
        raise origin.error(
            f"a damaged .npz file ({printable(str(error))})", "a whole one"
        ) from error
    image_ids = {name.rpartition(".")[0] for name in arrays}
    wanted = {f"{image_id}.{kind}" for image_id in image_ids for kind in ("shape", "runs")}
    if wanted != arrays.keys():
        odd = first_few([printable(name) for name in sorted(wanted ^ arrays.keys())])
        raise origin.error(
            f"arrays that do not belong together ({odd})", "ID.shape and ID.runs of each fragment"
        )
    found = {}
    for image_id in sorted(image_ids):
        fault = image_id_fault(image_id)
        if fault is not None:
            raise origin.error(f"the fragment {printable(image_id)!r}", fault)
        try:
            found[image_id] = _corrections(arrays[f"{image_id}.shape"], arrays[f"{image_id}.runs"])
        except CorrectionsError as error:
            raise origin.error(f"in fragment {image_id}: {error}", "corrections") from error
    return found


def _arrays(origin: Origin) -> dict[str, Rows]:
    """Return the arrays of a file by name, all of int64."""
    arrays = {}
    with open_zip(origin.path) as archive:
        members = archive.infolist()
        declared = sum(member.file_size for member in members)
        if declared > LARGEST_UNPACKED_BYTES:
            raise origin.error(
                f"arrays of {declared} bytes", f"at most {LARGEST_UNPACKED_BYTES} together"
            )
        for member in members:
            name = member.filename.removesuffix(".npy")
            if name == member.filename or name in arrays:
                raise origin.error(f"the member {printable(member.filename)}", "one array a name")
            with archive.open(member) as stream:
                header = read_header(origin, stream)
                content = stream.read(member.file_size)
            if header.dtype != np.dtype("<i8") or header.fortran_order:
                raise origin.error(f"elements of type {header.dtype}", "int64, in C order")
            if len(content) != header.data_bytes:
                raise origin.error(f"{len(content)} bytes in {printable(name)}", "a whole array")
            flat = np.frombuffer(content, "<i8").astype(np.int64, copy=False)
            arrays[name] = flat.reshape(header.shape)
    return arrays


def _corrections(shape: Rows, rows: Rows) -> Corrections:
    """Return the corrections of a fragment from its two arrays.

    Raises
    ------
    CorrectionsError
        If they are none.
    """
    if shape.shape != (3,) or not ((shape > 0) & (shape <= _LARGEST_SIDE)).all():
        raise CorrectionsError("found no possible shape (Z, Y, X)")
    if rows.shape != (len(rows), len(_COLUMNS)):
        raise CorrectionsError(
            f"found runs of shape {rows.shape}, expected (n, {len(_COLUMNS)}): "
            f"{', '.join(_COLUMNS)}"
        )
    depth, height, width = shape.tolist()
    z, y, x, lengths, values = rows.T
    inside = (z >= 0) & (z < depth) & (y >= 0) & (y < height) & (x >= 0) & (x < width)
    if not (inside & (lengths > 0) & (lengths <= width - x)).all():
        raise CorrectionsError(f"found a run outside the shape {(depth, height, width)}")
    if not np.isin(values, (1, 2)).all() or (np.diff(z) < 0).any():
        raise CorrectionsError("found a value that is neither 1 nor 2, or runs that are not sorted")
    starts = y * width + x
    firsts = np.flatnonzero(np.diff(z, prepend=-1)).tolist()
    lasts = [*firsts, len(z)][1:]
    slices = {
        int(z[first]): SliceRuns(
            width,
            starts[first:last],
            (starts + lengths)[first:last],
            values[first:last].astype(np.uint8),
        )
        for first, last in zip(firsts, lasts, strict=True)
    }
    return Corrections.of_runs((depth, height, width), slices)
