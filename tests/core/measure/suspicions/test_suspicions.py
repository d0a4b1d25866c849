"""Suspicious places against plain definitions on small volumes."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage
from skimage.measure import euler_number

from napari_nx46.core.measure.suspicions.components import (
    REACH,
    measure_components,
    measured_volume,
)
from napari_nx46.core.measure.suspicions.find import KINDS, find_suspicions
from napari_nx46.core.measure.suspicions.holes import (
    find_all_holes,
    find_holes,
    find_thick_places,
)
from napari_nx46.core.measure.suspicions.unsure import UNSURE_CUBE, find_unsure_places
from napari_nx46.voxels.workers import Cancelled, Workers
from tests.core.measure.suspicions.small import ALL, FEW, labelled, masks, sets


def distances(mask):
    """Return the distance of each voxel to the nearest background, at most REACH."""
    if mask.all():
        return np.full(mask.shape, float(REACH))
    return np.minimum(ndimage.distance_transform_edt(mask), REACH)


@FEW
@given(masks)
def test_the_shape_of_each_component_is_that_of_the_component_alone(mask):
    shapes = measure_components(measured_volume(mask))
    labels, count = labelled(mask)
    assert len(shapes.size) == count
    away = distances(mask)
    ridge = (away > 0) & (away == ndimage.maximum_filter(away, 3))
    for number in range(count):
        alone = np.pad(labels == number + 1, 1)
        assert shapes.size[number] == alone.sum()
        assert shapes.pieces[number] == ndimage.label(alone)[1]
        assert shapes.cavities[number] == ndimage.label(~alone, ALL)[1] - 1
        assert shapes.euler_number[number] == euler_number(alone, connectivity=1)
        assert shapes.tunnels[number] >= 0
        own = 2 * away[ridge & (labels == number + 1)]
        assert shapes.thickness[number] == pytest.approx(np.median(own))
    if count:
        assert shapes.median_thickness == pytest.approx(np.median(2 * away[ridge]))
    else:
        assert shapes.median_thickness == 0.0


@FEW
@given(masks, st.sampled_from([0.0, 1.0, 1.5, 2.0]))
def test_thick_places_are_those_deeper_than_a_sheet_is_thick(mask, thickness):
    places, thickest = find_thick_places(measured_volume(mask), thickness)
    away = distances(mask)
    labels, count = labelled(away > thickness)
    assert sets(places) == [np.argwhere(labels == number + 1).tolist() for number in range(count)]
    assert thickest.tolist() == pytest.approx(
        [2 * away[labels == number + 1].max() for number in range(count)]
    )


@pytest.mark.parametrize("workers", [1, 3])
def test_distances_are_exact_up_to_the_reach_whatever_the_tiles(workers):
    mask = np.ones((40, 33, 30), np.uint8)
    mask[np.random.default_rng(1).random(mask.shape) < 0.001] = 0
    squares = measured_volume(mask, workers=Workers(workers)).squares
    np.testing.assert_array_equal(squares, np.rint(distances(mask) ** 2))


def fillings_by_definition(mask, radius, largest):
    """Return what closing across each axis adds that fills a hole, and by how much."""
    step = np.arange(-radius, radius + 1)
    disc = step[:, None] ** 2 + step**2 <= radius**2
    found = []
    for axis in range(3):
        closed = ndimage.binary_closing(np.pad(mask, 2 * radius), np.expand_dims(disc, axis))
        closed = closed[(slice(2 * radius, -2 * radius),) * 3]
        labels, count = labelled(closed & (mask == 0))
        for number in range(1, count + 1):
            both = np.pad((mask > 0) | (labels == number), 1)
            before = euler_number(np.pad(mask > 0, 1), connectivity=1)
            gain = euler_number(both, connectivity=1) - before
            voxels = np.argwhere(labels == number).tolist()
            if gain > 0 and len(voxels) <= largest:
                found.append((voxels, gain))
    return found


@FEW
@given(masks, st.integers(1, 2), st.sampled_from([4, 500]))
def test_a_hole_is_what_closing_adds_and_raises_the_euler_number(mask, radius, largest):
    expected = []
    for voxels, gain in sorted(
        fillings_by_definition(mask, radius, largest), key=lambda filling: len(filling[0])
    ):
        if not any(voxel in other for voxel in voxels for other, _ in expected):
            expected.append((voxels, gain))
    places, gains = find_holes(mask, radius=radius, largest=largest)
    assert list(zip(sets(places), gains.tolist(), strict=True)) == expected


@given(
    arrays(np.uint8, (20, 18, 35), elements=st.integers(0, 1)),
    st.integers(0, 2**32 - 1),
    st.integers(1, 3),
)
@settings(max_examples=5, deadline=None)
def test_unsure_places_are_the_cubes_where_two_masks_differ_most(first, seed, most):
    changed = np.random.default_rng(seed).random(first.shape) < 0.2
    second = np.where(changed, 1 - first, first).astype(np.uint8)
    layers = [(first[z : z + UNSURE_CUBE], second[z : z + UNSURE_CUBE]) for z in (0, UNSURE_CUBE)]
    places, share = find_unsure_places(first.shape, layers, least=5, most=most)
    found = []
    for corner in itertools.product(*(range(0, n, UNSURE_CUBE) for n in first.shape)):
        cube = tuple(slice(at, at + UNSURE_CUBE) for at in corner)
        either, one = first[cube] | second[cube], first[cube] ^ second[cube]
        if either.sum() >= 5 and one.any():
            voxels = (np.argwhere(one) + corner).tolist()
            found.append((one.sum() / either.sum(), voxels))
    best = sorted(range(len(found)), key=lambda n: -found[n][0])[:most]
    expected = [found[number] for number in sorted(best)]
    assert share.tolist() == pytest.approx([value for value, _ in expected])
    assert sets(places) == [voxels for _, voxels in expected]


def planted():
    """Return a stack of sheets with a hole, a fused place and a bridge, and where these are."""
    mask = np.zeros((60, 64, 64), np.uint8)
    mask[5:7] = mask[20:22] = mask[30:32] = mask[50:52] = 1
    mask[5:7, 30:33, 40:43] = 0
    mask[20:32, 10:22, 10:22] = 1
    mask[32:50, 40:43, 20:23] = 1
    return mask, {"hole": (5, 31, 41), "thick sheet": (25, 15, 15), "bridge": (40, 41, 21)}


@pytest.mark.parametrize("side", [3, 6, 9, 13])
def test_small_and_wide_holes_between_near_sheets_are_filled_by_what_is_missing(side):
    mask = np.zeros((30, 60, 60), np.uint8)
    mask[8:11] = mask[18:21] = 1
    hole = np.s_[8:11, 20 : 20 + side, 22 : 22 + side]
    mask[hole] = 0
    places, gains = find_all_holes(mask)
    assert gains.tolist() == [1]
    voxels = places.voxels_of(0)
    missing = np.zeros_like(mask)
    missing[hole] = 1
    assert missing[tuple(voxels.T)].all()
    # Closing by a disc leaves the corners of a square open.
    assert len(np.unique(voxels[:, 1:], axis=0)) > 0.9 * side**2


def test_planted_faults_are_listed_with_their_kind_and_place():
    mask, faults = planted()
    layers = [(mask[z : z + 16], mask[z : z + 16]) for z in (0, 16, 32, 48)]
    higher = layers[3][1].copy()
    higher[:, 48:, 48:] = 0
    layers[3] = (layers[3][0], higher)
    found = find_suspicions(mask, layers)
    for kind, place in faults.items():
        rows = [row for row in range(len(found)) if KINDS[found.kind[row]] == kind]
        voxels = [found.places.voxels_of(row).tolist() for row in rows]
        assert any(list(place) in some for some in voxels), kind
    (sheet,) = np.flatnonzero(found.kind == KINDS.index("sheet with holes")).tolist()[:1]
    assert found.figure[sheet] == 1
    (unsure,) = np.flatnonzero(found.kind == KINDS.index("unsure place"))
    assert found.suspicion[unsure] == 1.0
    assert found.place[unsure].tolist()[1] >= 48
    assert (np.diff(found.suspicion) <= 0).all()
    assert ((found.suspicion >= 0) & (found.suspicion <= 1)).all()
    for row in range(len(found)):
        assert found.place[row].tolist() in found.places.voxels_of(row).tolist()


def test_flat_sheets_and_an_empty_mask_are_not_suspicious():
    mask = np.zeros((20, 40, 40), np.uint8)
    assert len(find_suspicions(mask)) == 0
    mask[4:7] = mask[12:15] = 1
    assert len(find_suspicions(mask)) == 0


def test_it_is_given_up_when_it_is_cancelled():
    with pytest.raises(Cancelled):
        find_suspicions(planted()[0], cancelled=lambda: True)


def test_arguments_that_make_no_sense_are_refused():
    with pytest.raises(ValueError, match="equal shape"):
        layer = np.zeros((3, 4, 4), np.uint8)
        find_unsure_places((2, 4, 4), [(layer, layer)])
