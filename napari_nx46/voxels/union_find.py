"""The step that every union-find here shares."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from napari_nx46.voxels.compiling.kernel import helper

Parents = npt.NDArray[np.int32] | npt.NDArray[np.int64]

__all__ = ["find_root"]


@helper
def find_root(parent: Parents, element: int) -> int:
    """Return the root of an element of a union-find forest, and shorten the way to it."""
    while parent[element] != element:
        parent[element] = parent[parent[element]]
        element = parent[element]
    return element
