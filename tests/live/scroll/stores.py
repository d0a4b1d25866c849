"""Small OME-Zarr images with levels, and what their coarser levels hold."""

from __future__ import annotations

import json

import numpy as np
import zarr


def halved(voxels):
    """Return the mean of 2 x 2 x 2 voxels of a volume of even sides."""
    z, y, x = (side // 2 for side in voxels.shape)
    blocks = voxels.reshape(z, 2, y, 2, x, 2).astype(np.float64)
    return blocks.mean(axis=(1, 3, 5)).astype(voxels.dtype)


def write_image(folder, voxels, levels=3, chunk=16, scale=(4.0, 4.0, 4.0)):
    """Write an OME-Zarr 0.4 image, and return the voxels of its levels."""
    group = zarr.open_group(folder, mode="w", zarr_format=2)
    datasets, written = [], []
    for level in range(levels):
        written.append(voxels)
        array = group.create_array(
            str(level), shape=voxels.shape, chunks=(chunk,) * 3, dtype=voxels.dtype, fill_value=0
        )
        array[...] = voxels
        factor = 2**level
        place = {"type": "translation", "translation": [s * (factor - 1) / 2 for s in scale]}
        size = {"type": "scale", "scale": [s * factor for s in scale]}
        datasets.append({"path": str(level), "coordinateTransformations": [size, place]})
        voxels = halved(voxels)
    axes = [{"name": name, "type": "space", "unit": "micrometer"} for name in "zyx"]
    image = {"version": "0.4", "axes": axes, "datasets": datasets}
    (folder / ".zattrs").write_text(json.dumps({"multiscales": [image]}))
    return written


def waves(shape, seed=0):
    """Return probabilities of sheets, uint8."""
    z, y, x = np.indices(shape)
    rng = np.random.default_rng(seed)
    sheets = 0.5 + 0.5 * np.sin((x + 0.5 * y) / 3 + z / 20)
    return (255 * np.clip(0.8 * sheets + 0.2 * rng.random(shape), 0, 1)).astype(np.uint8)
