"""Volumes that tests write."""

from __future__ import annotations

import numpy as np
import tifffile
import zarr


def voxels_of(dtype="uint8", shape=(6, 7, 9), seed=0):
    rng = np.random.default_rng(seed)
    if np.dtype(dtype).kind == "f":
        return rng.random(shape).astype(dtype)
    return rng.integers(0, np.iinfo(dtype).max, shape, dtype=dtype, endpoint=True)


def write_tiff(path, voxels, **options):
    tifffile.imwrite(path, voxels, photometric="minisblack", **options)
    return path


# Zarr
def make_zarr(path, voxels, zarr_format=3, **options):
    array = zarr.create_array(
        store=path, shape=voxels.shape, dtype=voxels.dtype, zarr_format=zarr_format, **options
    )
    array[...] = voxels
    return path
