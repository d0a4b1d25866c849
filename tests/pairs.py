"""Folders of masks and of their labels."""

from __future__ import annotations

import numpy as np
import tifffile


def write_tiff(path, voxels):
    """Write a volume, with the folder that it is in, and return its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    tifffile.imwrite(path, voxels, photometric="minisblack", compression="zlib")
    return path


def random_pairs(root, shapes):
    """Write random masks and labels by name into two folders, and return these."""
    rng = np.random.default_rng(4)
    for name, shape in shapes.items():
        write_tiff(root / "pred" / f"{name}.tif", rng.integers(0, 2, shape, dtype=np.uint8))
        write_tiff(root / "label" / f"{name}.tif", rng.integers(0, 3, shape, dtype=np.uint8))
    return root / "pred", root / "label"
