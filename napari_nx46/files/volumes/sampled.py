"""Which array it is, known without reading all of it."""

from __future__ import annotations

import hashlib
import math
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["SAMPLE_BYTES", "sampled_fingerprint"]

SAMPLE_BYTES = 8 * 2**20
"""As many are read within a frame."""


def sampled_fingerprint(array: npt.NDArray[Any]) -> str:
    """Return a SHA-256 of shape, type and voxels; of a large array, of rows spread over all of it.

    Parameters
    ----------
    array : (..., Y, X) array
        In memory. Up to `SAMPLE_BYTES` all of it counts; of a larger one every n-th row of every
        n-th plane.

    Returns
    -------
    str
        Equal for equal arrays, whatever their layout and byte order.

    Examples
    --------
    >>> volume = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    >>> sampled_fingerprint(volume) == sampled_fingerprint(volume.astype(">f4"))
    True
    >>> sampled_fingerprint(volume) == sampled_fingerprint(volume + 1)
    False
    """
    dtype = array.dtype.newbyteorder("<")
    digest = hashlib.sha256(f"{array.shape} {dtype.str}".encode())
    step = max(1, math.ceil(math.sqrt(array.nbytes / SAMPLE_BYTES)))
    sample = array[tuple(slice(None, None, step) for _ in range(min(array.ndim - 1, 2)))]
    digest.update(np.ascontiguousarray(sample, dtype).data)
    return digest.hexdigest()
