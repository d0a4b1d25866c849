"""Small fragments with wavy sheets, and networks that err."""

from __future__ import annotations

import numpy as np
from scipy import ndimage as ndi

from napari_nx46.data.fragments import open_data, write_data_folder

SIDE = 32


def fragment_volumes(seed, side=SIDE):
    """Return p3d, p2d and label of a fragment, the same ones for the same seed."""
    random = np.random.default_rng(seed)
    z, y, _ = np.indices((side,) * 3)
    height = z + 2 * np.sin(y / 5 + random.uniform(0, 6)) + random.uniform(0, 8)
    label = (height % 9 < 2.5).astype(np.uint8)
    torn = ndi.gaussian_filter(random.standard_normal(label.shape), 3)
    seen = label * (torn < 1.3 * torn.std())
    noise = ndi.gaussian_filter(random.standard_normal(label.shape), 0.8)
    p3d = np.clip(ndi.gaussian_filter(seen * 1.2, (1, 0.7, 0.7)) + 0.25 * noise, 0, 1)
    p2d = np.clip(seen * 0.8 + 0.25 * random.standard_normal(label.shape), 0, 1)
    label[:, :2] = 2
    as_bytes = (np.rint(255 * one).astype(np.uint8) for one in (p3d, p2d))
    return dict(zip(("p3d", "p2d"), as_bytes, strict=True)) | {"train_labels": label}


def write_labelled(root, count=2, first_seed=0):
    """Write fragments "f0", "f1" and so on, and return their data set."""
    for number in range(count):
        write_data_folder(root, f"f{number}", fragment_volumes(first_seed + number))
    return open_data(root)
