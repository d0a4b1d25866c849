"""Volumes that tests damage."""

from __future__ import annotations

import io

import numpy as np
import tifffile


def random_voxels(shape=(8, 16, 16), dtype="uint8"):
    return np.random.default_rng(1).integers(0, 200, shape).astype(dtype)


def tiff_bytes(voxels, **options):
    stream = io.BytesIO()
    tifffile.imwrite(stream, voxels, photometric="minisblack", **options)
    return stream.getvalue()


def overwrite(path, place, content):
    with open(path, "r+b") as stream:
        stream.seek(place)
        stream.write(content)


def numpy_bytes(save, *arrays, **named):
    stream = io.BytesIO()
    save(stream, *arrays, **named)
    return stream.getvalue()
