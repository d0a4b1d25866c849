"""A fragment with ten planted faults: a mask, its label, and volumes that give the mask."""

from __future__ import annotations

import numpy as np

from napari_nx46.data.fragments import open_data, write_data_folder

SIDE = 64
INSIDE, OUTSIDE = 0.9, 0.1
"""Probabilities of what is in the mask, and of what is not."""


def box(z, y, x):
    return tuple(slice(*bounds) for bounds in (z, y, x))


FAULTS = {
    "merge": box((8, 18), (4, 18), (4, 18)),
    "split": box((8, 12), (4, 18), (40, 56)),
    "island": box((20, 24), (40, 44), (8, 12)),
    "missed sheet": box((20, 22), (44, 47), (44, 47)),
    "hole": box((40, 44), (4, 20), (4, 20)),
    "closed hole": box((40, 44), (4, 20), (40, 56)),
    "bridge or handle": box((40, 48), (40, 56), (4, 20)),
    "missing handle": box((50, 58), (40, 56), (40, 56)),
    "cavity": box((52, 60), (4, 14), (4, 14)),
    "surface far off": box((3, 14), (40, 54), (40, 54)),
}
"""Kind of a fault -> where it lies; nothing else differs there."""


def plate(mask, z, y, x, height=12, width=12):
    mask[z : z + 2, y : y + height, x : x + width] = True


def planted_pair():
    """Return a prediction and its label, two large sheets with small things between them."""
    label = np.zeros((SIDE, SIDE, SIDE), bool)
    label[1:3] = label[33:35] = True
    prediction = label.copy()
    for mask in (prediction, label):
        plate(mask, 8, 5, 5)
        plate(mask, 16, 5, 5)
        plate(mask, 9, 5, 42)
        for z, y, x in ((40, 5, 5), (40, 5, 42), (40, 42, 5), (50, 42, 42)):
            plate(mask, z, y, x)
        mask[53:59, 5:13, 5:13] = True
        for z, y, x in ((8, 14, 14), (16, 14, 14), (40, 50, 7), (50, 50, 44)):
            mask[z : z + 2, y : y + 2, x : x + 2] = False
    prediction[10:16, 8, 8] = True
    prediction[9:11, 5:17, 47] = False
    prediction[21:23, 41:43, 9:11] = True
    label[20:22, 44:47, 44:47] = True
    prediction[40:42, 9:11, 9:11] = False
    label[40:42, 9:11, 46:48] = False
    for mask, z, y, x in ((prediction, 42, 44, 7), (label, 52, 44, 44)):
        mask[z : z + 4, y, x] = mask[z : z + 4, y, x + 6] = True
        mask[z + 3, y, x : x + 7] = True
    prediction[55:57, 8:10, 8:10] = False
    prediction[3:13, 42:52, 42:52] = True
    return prediction, label


def planted_volumes():
    """Return the volumes of a fragment: probabilities whose mask is the prediction, and a label."""
    prediction, label = planted_pair()
    p3d = np.where(prediction, INSIDE, OUTSIDE).astype(np.float32)
    return {"p3d": p3d, "p2d": p3d, "train_labels": label.astype(np.uint8)}


PLANTED_KNOBS = {"rule": "probability", "probability": 0.5, "z_radius": 0, "blend": 1.0}
"""A setting by which the mask of these volumes is the prediction."""


def planted_data_set(root):
    """Return a data set of a fragment with a label, "a", and the same one without, "b"."""
    volumes = planted_volumes()
    write_data_folder(root, "a", volumes)
    write_data_folder(root, "b", {"p3d": volumes["p3d"], "p2d": volumes["p2d"]})
    return open_data(root)
