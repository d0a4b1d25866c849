"""Figures of settings are those of their masks, however many threads compute them."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from napari_nx46 import leaderboard
from napari_nx46.core.pipeline import FragmentPipeline
from napari_nx46.run.suggest.trying.evaluator import Task, open_evaluator
from napari_nx46.run.suggest.trying.measures import ONE_OCTANT, LabelScore
from napari_nx46.run.suggest.trying.places import (
    FEWEST_VOXELS,
    MIDDLE,
    CroppedVolume,
    TriedPlace,
    places_of,
    threshold_within,
)
from napari_nx46.setting import preset
from napari_nx46.voxels.blocks import FragmentVolumes
from napari_nx46.voxels.workers import Cancelled
from tests.run.suggest.conftest import START

SETTINGS = [
    START,
    START.changed(blend=0.4, hysteresis=True, low_quantile=0.9, closing_z=2, smallest_object=40),
    START.changed(rule="probability", probability=0.55, opening=True, plug_cubes="cubes"),
    START.changed(rule="probability", probability=0.5, hysteresis=True, low_probability=0.3),
    preset("nx47-v61.2"),
]


def computed(fragments, tasks, threads, cancelled=lambda: False):
    found = {}
    with open_evaluator(fragments, LabelScore(), threads=threads) as evaluator:
        evaluator.evaluate(tasks, found.__setitem__, cancelled)
    return found


def expected(fragment, setting, octant):
    """Return the score of a mask on a fragment, or on an octant whose threshold is the whole's."""
    arrays = [one.read() for one in (fragment.p3d, fragment.p2d)]
    threshold = FragmentPipeline(FragmentVolumes(*arrays)).threshold(setting)
    block = TriedPlace("x", octant).block(fragment.shape)
    here = threshold_within(threshold, block)
    cut = FragmentPipeline(FragmentVolumes(*(one[block].copy() for one in arrays)))
    mask = cut.whole_mask(setting, here).mask()
    parameters = leaderboard.COMPETITION if octant is None else ONE_OCTANT
    label = np.asarray(fragment.label[:])[block]
    return leaderboard.score(mask, label, parameters=parameters), mask, threshold


@pytest.mark.parametrize("threads", [1, 3])
def test_figures_are_the_score_of_the_mask_on_that_place(two, threads):
    places = [TriedPlace(one.image_id, octant) for one in two for octant in (None, 5, MIDDLE)]
    tasks = [Task(setting, place) for setting in SETTINGS for place in places]
    found = computed(two, tasks, threads)
    assert set(found) == set(tasks)
    fragments = {one.image_id: one for one in two}
    for (setting, place), figures in found.items():
        score, mask, threshold = expected(fragments[place.image_id], setting, place.octant)
        assert figures.values == {
            "score": score.value,
            "topo": score.topo.value,
            "surface_dice": score.surface_dice,
            "voi": score.voi.value,
            "precision": score.voxels.precision,
            "recall": score.voxels.recall,
            "density": mask.mean(),
        }
        assert figures.high == np.mean(threshold.values)
        assert figures.low == np.mean(threshold.lower.values)


class BothAtOnce:
    """Measures masks once two threads have one."""

    of_mask_alone = False

    def __init__(self):
        self.meeting = threading.Barrier(2, timeout=30)

    def __call__(self, measured, label, cancelled):
        self.meeting.wait()
        return {"score": 0.0}


def test_tasks_of_one_score_are_shared_by_the_threads(two):
    tasks = [Task(START.changed(smallest_object=n), TriedPlace("f0")) for n in (0, 100)]
    found = {}
    with open_evaluator(two, BothAtOnce(), threads=2) as evaluator:
        evaluator.evaluate(tasks, found.__setitem__)
    assert set(found) == set(tasks)


def test_shares_are_of_the_voxels_below_the_thresholds(two):
    tasks = [Task(one, TriedPlace("f0")) for one in SETTINGS[:4]]
    found = computed(two, tasks, 1)
    arrays = [one.read() for one in (two[0].p3d, two[0].p2d)]
    for setting, place in tasks:
        figures = found[Task(setting, place)]
        scores = FragmentPipeline(FragmentVolumes(*arrays)).score(setting, place.block((32,) * 3))
        assert figures.high_share == pytest.approx((scores < figures.high).mean(), abs=2e-3)
        assert figures.low_share == pytest.approx((scores < figures.low).mean(), abs=2e-3)


def test_cancelling_ends_between_tasks_and_keeps_what_was_computed(two):
    tasks = [Task(one, TriedPlace("f0")) for one in SETTINGS]
    found = {}
    with open_evaluator(two, LabelScore(), threads=1) as evaluator, pytest.raises(Cancelled):
        evaluator.evaluate(tasks, found.__setitem__, lambda: len(found) >= 2)
    assert len(found) == 2


def test_a_cropped_volume_reads_as_the_block_it_is_of():
    volume = np.arange(6 * 7 * 8).reshape(6, 7, 8)
    block = (slice(1, 5), slice(2, 7), slice(0, 4))
    crop = CroppedVolume(volume, block)
    assert (crop.shape, crop.dtype) == ((4, 5, 4), volume.dtype)
    part = (slice(1, 3), slice(0, 5), slice(2, 3))
    assert np.array_equal(crop[part], volume[block][part])


def test_the_middle_has_the_size_of_the_first_octant():
    for shape in ((8, 8, 8), (9, 10, 11), (1, 2, 7)):
        middle, first = (TriedPlace("a", one).block(shape) for one in (MIDDLE, 0))
        for inner, outer, side in zip(middle, first, shape, strict=True):
            assert inner.stop - inner.start == outer.stop - outer.start
            assert 0 <= inner.start <= side - inner.stop <= inner.start + 1


def test_large_fragments_are_tried_on_octants_first():
    side = round(FEWEST_VOXELS ** (1 / 3))
    small, large = (8, 8, 8), (side, side, side)
    assert len(places_of([("a", small), ("b", large)])) == 1
    first, octants, whole = places_of([("a", large)])
    assert [one.image_id for one in octants] == ["a", "a"]
    assert [one.octant for one in octants] == [MIDDLE, 7]
    assert first == octants[:1]
    assert whole == (TriedPlace("a"),)
    first, octants, whole = places_of([(str(n), large) for n in range(9)])
    assert len({one.image_id for one in octants}) == len(octants) == 4
    assert {one.octant for one in octants} == {MIDDLE}
    assert first == octants[:2]
    assert len(whole) == 9
