"""What all workers need, imported by the process that they are forked from.

No thread may run after the import: a thread's locks would stay locked in what is forked.
"""

from __future__ import annotations

import distributed
import scipy.ndimage
import zarr

from napari_nx46.core.score.kernels import PIPELINE_MODULES
from napari_nx46.voxels.compiling.build import targets

__all__ = ["distributed", "scipy", "zarr"]

for _target in targets(PIPELINE_MODULES):
    if _target.is_kept:
        _target.compile()  # the first one has numba load its own libraries, 0.2 s
