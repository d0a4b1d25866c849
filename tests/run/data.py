"""A small data set on disk, and what the plain definition makes of it."""

from __future__ import annotations

import numpy as np

from napari_nx46.data.fragments import open_data, write_data_folder
from tests.core.definition import defined_mask


def write_fragments(root):
    """Write three fragments of different shapes and types; the last has one path only."""
    rng = np.random.default_rng(46)
    volumes = {
        "a": {
            "p3d": rng.random((9, 20, 17), dtype=np.float32),
            "p2d": rng.integers(0, 256, (9, 20, 17), dtype=np.uint8),
            "test_images": rng.integers(0, 256, (9, 20, 17), dtype=np.uint8),
        },
        "b": {
            "p3d": (rng.random((5, 11, 24)) ** 2).astype(np.float16),
            "p2d": rng.integers(0, 65536, (5, 11, 24), dtype=np.uint16),
        },
        "c": {"p2d": np.sqrt(rng.random((7, 13, 10), dtype=np.float32))},
    }
    for image_id, of_fragment in volumes.items():
        write_data_folder(root, image_id, of_fragment)
    return open_data(root)


def pairs_of(dataset):
    """Return p3d and p2d of every fragment as arrays."""
    return [(fragment.p3d.read(), fragment.p2d.read()) for fragment in dataset]


def expected_masks(dataset, settings):
    """Return the mask of every fragment that has a setting, by the plain definition."""
    pairs = pairs_of(dataset)
    return {
        image_id: defined_mask(pairs, settings[image_id], which)
        for which, image_id in enumerate(dataset.image_ids)
        if image_id in settings
    }


def files_in(folder):
    """Return the content of every file below a folder by its relative name; None for folders."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() if path.is_file() else None
        for path in folder.rglob("*")
    }
