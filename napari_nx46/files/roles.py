"""What a volume stands for, and what its voxels may therefore be."""

from __future__ import annotations

from enum import StrEnum

import numpy as np

from napari_nx46.files.indexing import Box
from napari_nx46.files.origin import Origin, VolumeError

PROBABILITY_DTYPES = ("uint8", "uint16", "float16", "float32", "float64")
LABEL_VALUES = (0, 1, 2)


class Role(StrEnum):
    """What the voxels of a volume stand for.

    ``PROBABILITY``: probability of surface; floats in [0, 1], or uint8 / uint16 for p * 255 /
    p * 65535. ``IMAGE``: density of the CT, any real type. ``LABEL``: 0 background, 1 surface,
    2 ignore.
    """

    PROBABILITY = "probability"
    IMAGE = "image"
    LABEL = "label"


def check_dtype(origin: Origin, role: Role, dtype: np.dtype) -> None:
    """Check that a type can play a role.

    Parameters
    ----------
    origin : Origin
        The file, for the message.
    role : Role
        What the voxels stand for.
    dtype : numpy.dtype
        Type of the voxels.

    Raises
    ------
    VolumeError
        If the role does not allow the type.
    """
    if role is Role.PROBABILITY and dtype.name not in PROBABILITY_DTYPES:
        raise origin.error(
            f"{dtype} voxels in a probability volume", "one of " + ", ".join(PROBABILITY_DTYPES)
        )
    if role is Role.LABEL and dtype.kind not in "biu":
        raise origin.error(f"{dtype} voxels in a label", "an integer type")
    if dtype.kind not in "biuf":
        raise origin.error(f"{dtype} voxels", "integers or real numbers")


def check_block(origin: Origin, role: Role, block: np.ndarray, box: Box) -> None:
    """Check that the values of a block can play a role.

    Parameters
    ----------
    origin : Origin
        The file, for the message.
    role : Role
        What the voxels stand for.
    block : numpy.ndarray
        The voxels read, in (Z, Y, X).
    box : tuple of slice
        Where in the volume they lie.

    Raises
    ------
    VolumeError
        If a float probability is NaN or outside [0, 1], or a label is none of 0, 1 and 2.
    """
    if block.size == 0:
        return
    if role is Role.PROBABILITY and block.dtype.kind == "f":
        if not _is_plainly_in_unit_range(block):
            allowed = (block >= 0) & (block <= 1)
            if not allowed.all():
                raise _value_error(origin, block, box, allowed, "probabilities in [0, 1]")
        return
    if role is Role.LABEL and (block.min() < LABEL_VALUES[0] or block.max() > LABEL_VALUES[-1]):
        allowed = np.isin(block, LABEL_VALUES)
        raise _value_error(origin, block, box, allowed, "labels 0, 1 or 2")


def _is_plainly_in_unit_range(block: np.ndarray) -> bool:
    """Tell whether all floats are in [0, 1]; False also for a -0.0, which is.

    The bits of floats from +0 on are ordered as the floats are, and those of negative numbers and
    NaN lie above them, so that one pass over integers tells all: the usual case is fast, also for
    float16, which processors do not compare.
    """
    bits = np.dtype(f"u{block.dtype.itemsize}")
    return bool(block.view(bits).max() <= np.ones((), block.dtype).view(bits))


def _value_error(
    origin: Origin, block: np.ndarray, box: Box, allowed: np.ndarray, expected: str
) -> VolumeError:
    """Return the error that names the first voxel that is not allowed, and how many there are."""
    count = int(allowed.size - np.count_nonzero(allowed))
    first = np.unravel_index(int(np.argmin(allowed)), allowed.shape)
    place = tuple(part.start + int(step) * part.step for part, step in zip(box, first, strict=True))
    value = block[first]
    named = "NaN" if np.isnan(value) else f"value {value}"
    more = "" if count == 1 else f" ({count} such voxels in the block read)"
    return origin.error(f"{named} at (z, y, x) = {place}{more}", expected)
