"""Folders of volumes that tests write."""

from __future__ import annotations

import numpy as np

from napari_nx46.data.fragments import write_data_folder

SHAPE = (4, 6, 8)


def probabilities(seed=0, shape=SHAPE):
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def write(root, folder, image_id, voxels):
    write_data_folder(root, image_id, {folder: voxels})
    return root / folder / f"{image_id}.tif"
