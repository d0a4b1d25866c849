"""What a volume stands for, and what its voxels may therefore be."""

from __future__ import annotations

from enum import StrEnum

import numpy as np

from napari_nx46.files.volumes.indexing import Box
from napari_nx46.files.volumes.origin import AnyOrigin, VolumeError

PROBABILITY_DTYPES = ("uint8", "uint16", "float16", "float32", "float64")
LABEL_VALUES = (0, 1, 2)
HAIR = 1e-3
"""How far beyond [0, 1] rounding may have brought a probability."""

_FEW = 50
"""Whole numbers beyond this are no logits but grey values."""


class Role(StrEnum):
    """What the voxels of a volume stand for.

    ``PROBABILITY``: probability of surface; floats in [0, 1], or uint8 / uint16 for p * 255 /
    p * 65535. ``IMAGE``: density of the CT, any real type. ``LABEL``: 0 background, 1 surface,
    2 ignore.
    """

    PROBABILITY = "probability"
    IMAGE = "image"
    LABEL = "label"


class LogitsError(VolumeError):
    """A probability volume holds values that look like logits, and was not opened as such."""


def check_dtype(origin: AnyOrigin, role: Role, dtype: np.dtype) -> None:
    """Check that a type can play a role.

    Parameters
    ----------
    origin : AnyOrigin
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


def checked_block(
    origin: AnyOrigin, role: Role, block: np.ndarray, box: Box
) -> tuple[np.ndarray, bool]:
    """Check that the values of a block can play a role, and clip those a hair beyond [0, 1].

    Parameters
    ----------
    origin : AnyOrigin
        The file, for the message.
    role : Role
        What the voxels stand for.
    block : numpy.ndarray
        The voxels read, in (Z, Y, X).
    box : tuple of slice
        Where in the volume they lie.

    Returns
    -------
    block : numpy.ndarray
        The same, or one with the probabilities that were up to `HAIR` beyond [0, 1] clipped.
    clipped : bool
        True if there were any.

    Raises
    ------
    LogitsError
        If the values of a probability volume look like logits.
    VolumeError
        If a float probability is NaN or further beyond [0, 1], or a label is none of 0, 1 and 2.
    """
    if block.size == 0:
        return block, False
    if role is Role.PROBABILITY and block.dtype.kind == "f":
        if _is_plainly_in_unit_range(block):
            return block, False
        allowed = (block >= -HAIR) & (block <= 1 + HAIR)
        if not allowed.all():
            raise _probability_error(origin, block, box, allowed)
        return _clipped(block)
    if role is Role.LABEL and (block.min() < LABEL_VALUES[0] or block.max() > LABEL_VALUES[-1]):
        allowed = np.isin(block, LABEL_VALUES)
        raise origin.error(_what_was_found(block, box, allowed), "labels 0, 1 or 2")
    return block, False


def _clipped(block: np.ndarray) -> tuple[np.ndarray, bool]:
    """Return a block of probabilities within [0, 1], and whether some were not; -0.0 is."""
    if block.min() >= 0 and block.max() <= 1:
        return block, False
    return np.clip(block, 0, 1), True


def _is_plainly_in_unit_range(block: np.ndarray) -> bool:
    """Return True if all floats are in [0, 1]; False also for a -0.0, which is.

    The bits of floats from +0 on are ordered as the floats are, and those of negative numbers and
    NaN lie above them, so that one pass over integers is enough: the usual case is fast, also for
    float16, which processors do not compare.
    """
    bits = np.dtype(f"u{block.dtype.itemsize}")
    return bool(block.view(bits).max() <= np.ones((), block.dtype).view(bits))


def _probability_error(
    origin: AnyOrigin, block: np.ndarray, box: Box, allowed: np.ndarray
) -> VolumeError:
    """Return the error of values that are no probabilities, and what they look like."""
    found, expected = _what_was_found(block, box, allowed), "probabilities in [0, 1]"
    finite = block[np.isfinite(block)]
    if not finite.size or (finite.min() >= -HAIR and finite.max() <= 1 + HAIR):
        return origin.error(found, expected)
    if finite.min() >= 0 and finite.max() > _FEW and bool((finite == np.rint(finite)).all()):
        return origin.error(found, f"{expected}; save values of 0 to 255 as uint8, not as floats")
    hint = (
        "if these are logits, read them with --logits sigmoid or --logits softmax; signed "
        "distances with --logits distance"
    )
    error = origin.error(found, f"{expected}; {hint}")
    return LogitsError(str(error), error.detail, path=error.path)


def _what_was_found(block: np.ndarray, box: Box, allowed: np.ndarray) -> str:
    """Return in words the first voxel that is not allowed, and how many there are."""
    count = int(allowed.size - np.count_nonzero(allowed))
    first = np.unravel_index(int(np.argmin(allowed)), allowed.shape)
    place = tuple(part.start + int(step) * part.step for part, step in zip(box, first, strict=True))
    value = block[first]
    named = "NaN" if np.isnan(value) else f"value {value}"
    more = "" if count == 1 else f" ({count} such voxels in the block read)"
    return f"{named} at (z, y, x) = {place}{more}"
