"""Random pairs of masks."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st
from scipy import ndimage

SMALL = st.tuples(*[st.integers(1, 5)] * 3)
LONG = st.permutations([1, 2, 66]).map(tuple)
MIDDLE = st.tuples(st.integers(1, 12), st.integers(1, 14), st.integers(1, 70))


@st.composite
def mask_pairs(draw: st.DrawFn, shapes: st.SearchStrategy) -> tuple[np.ndarray, np.ndarray]:
    """Draw two masks of one shape: noise or blobs; alike to any degree, or independent."""
    shape = draw(shapes)
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    smoothing = draw(st.sampled_from([0.0, 0.6, 1.0]))
    background = draw(st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.7, 0.9]))
    first, other = (field_above(rng.random(shape), smoothing, background) for _ in range(2))
    changed = draw(st.sampled_from([0.0, 0.03, 0.1, 0.3, 1.0]))
    second = np.where(rng.random(shape) < changed, other, first)
    return (second, first) if draw(st.booleans()) else (first, second)


def field_above(field: np.ndarray, smoothing: float, quantile: float) -> np.ndarray:
    """Return where the smoothed field is at or above its quantile."""
    if smoothing:
        field = ndimage.gaussian_filter(field, smoothing)
    return field >= np.quantile(field, quantile)
