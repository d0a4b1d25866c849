"""Small masks of many shapes, for tests that compare with a plain definition."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st
from scipy import ndimage

WIDTHS = st.one_of(st.integers(1, 12), st.integers(45, 70), st.sampled_from([112, 120, 127, 128]))
"""Rows of one and of several words of 64 voxels, whose margins end within and at a word."""


def noise_mask(seed, shape, share, smooth=0.0):
    """Return a mask with about this share of foreground, in grains or in smooth lumps."""
    noise = np.random.default_rng(seed).random(shape)
    if smooth:
        noise = ndimage.gaussian_filter(noise, smooth, mode="wrap")
    return (noise <= np.quantile(noise, share)).astype(np.uint8)


@st.composite
def masks(draw, deepest=9):
    """Draw a mask of lone voxels, of lumps, or nearly full."""
    shape = draw(st.integers(1, deepest)), draw(st.integers(1, 9)), draw(WIDTHS)
    return noise_mask(
        draw(st.integers(0, 2**32 - 1)),
        shape,
        draw(st.sampled_from([0.02, 0.1, 0.3, 0.5, 0.7, 0.95])),
        draw(st.sampled_from([0.0, 0.7, 1.5])),
    )
