"""Thick objects are split at their necks, as plain loops over pairs of voxels say."""

from __future__ import annotations

import itertools
from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from skimage.segmentation import watershed

from napari_nx46.core.cleanup.fused.splitting import split_thick
from tests.voxels.mask_cases import noise_mask

AROUND = [step for step in itertools.product((-1, 0, 1), repeat=3) if any(step)]


def neighbours(voxel, shape, steps):
    """Yield the neighbours of a voxel within a volume."""
    for step in steps:
        other = tuple(np.add(voxel, step))
        if all(0 <= index < length for index, length in zip(other, shape, strict=True)):
            yield other


def defined_merging(parts, distances):
    """Merge parts across deep borders, the deepest first."""
    borders = defaultdict(list)
    for voxel in map(tuple, np.argwhere(parts)):
        for other in neighbours(voxel, parts.shape, np.eye(3, dtype=int)):
            if parts[other] and parts[other] != parts[voxel]:
                pair = tuple(sorted((int(parts[voxel]), int(parts[other]))))
                borders[pair].append(min(distances[voxel], distances[other]))
    depth = {part: np.percentile(distances[parts == part], 90) for part in np.unique(parts)}
    group = {int(part): {int(part)} for part in np.unique(parts) if part}
    size = {part: int((parts == part).sum()) for part in group}
    mean = {pair: float(np.mean(np.array(found, float))) for pair, found in borders.items()}
    for pair in sorted(borders, key=lambda pair: (-mean[pair], pair)):
        shallower = min(depth[part] for part in pair)
        first, second = (group[part] for part in pair)
        both = sum(size[part] for part in first | second)
        fits = 20 <= len(borders[pair]) <= 60 and mean[pair] >= 0.75 * shallower
        if fits and first is not second and both < 0.15 * sum(size.values()):
            first |= second
            for part in second:
                group[part] = first
    merged = parts.copy()
    for part, members in group.items():
        merged[parts == part] = min(members)
    return merged


def defined_split(mask, core_depth):
    distances = ndimage.distance_transform_edt(mask).astype(np.float32)
    cores, count = ndimage.label(distances >= core_depth)
    kept = [number for number in range(1, count + 1) if (cores == number).sum() >= 60]
    if len(kept) <= 1 or mask.all():
        return mask
    markers = np.zeros_like(cores)
    for number, core in enumerate(kept, 1):
        markers[cores == core] = number
    parts = defined_merging(watershed(-distances, markers, mask=mask > 0), distances)
    split = mask.copy()
    for voxel in map(tuple, np.argwhere(parts)):
        around = [parts[other] for other in neighbours(voxel, parts.shape, AROUND)]
        if any(0 < part < parts[voxel] for part in around):
            split[voxel] = 0
    return split


def two_sheets(neck):
    """Return two sheets of five voxels, joined by a neck of this width."""
    mask = np.zeros((17, 20, 20), np.uint8)
    mask[2:7] = mask[10:15] = 1
    mask[7:10, 8 : 8 + neck, 8 : 8 + neck] = 1
    return mask


def test_sheets_that_touch_at_a_place_are_parted_by_one_voxel():
    joined = two_sheets(2)
    assert ndimage.label(joined, np.ones((3, 3, 3)))[1] == 1
    split = split_thick(joined, 2)
    assert ndimage.label(split, np.ones((3, 3, 3)))[1] == 2
    assert 4 <= joined.sum() - split.sum() <= 16
    assert split[2:7].all()


def test_what_is_thin_or_one_stays_as_it_is():
    for mask in (two_sheets(0), noise_mask(1, (9, 10, 11), 0.3), np.ones((4, 5, 6), np.uint8)):
        np.testing.assert_array_equal(split_thick(mask, 3.5), mask)
    np.testing.assert_array_equal(split_thick(two_sheets(2), 0), two_sheets(2))


@settings(max_examples=12, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    share=st.sampled_from([0.4, 0.5, 0.6]),
    smooth=st.sampled_from([1.5, 2.0]),
    depth=st.sampled_from([1.5, 2.0]),
)
def test_splitting_equals_the_definition(seed, share, smooth, depth):
    mask = noise_mask(seed, (18, 26, 24), share, smooth)
    np.testing.assert_array_equal(split_thick(mask, depth), defined_split(mask, depth))


def test_knobs_below_zero_are_refused():
    with pytest.raises(ValueError, match="split_thick"):
        split_thick(np.zeros((2, 3, 4), np.uint8), -1)
