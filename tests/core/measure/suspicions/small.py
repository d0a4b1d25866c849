"""Small random masks, and their components as SciPy finds them."""

from __future__ import annotations

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from scipy import ndimage

ALL = np.ones((3, 3, 3), bool)
FEW = settings(max_examples=30, deadline=None)

masks = st.tuples(*[st.integers(1, 7)] * 3).flatmap(
    lambda shape: st.sampled_from([0.2, 0.5, 0.85]).flatmap(
        lambda share: st.integers(0, 2**32 - 1).map(
            lambda seed: (np.random.default_rng(seed).random(shape) < share).astype(np.uint8)
        )
    )
)


def labelled(mask):
    return ndimage.label(mask, ALL)


def sets(places):
    return [places.voxels_of(number).tolist() for number in range(len(places))]
