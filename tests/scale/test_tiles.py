"""Masks by tiles equal those in memory, voxel by voxel."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from napari_nx46.core.cleanup.sheets import MOST_LAYERS
from napari_nx46.core.cleanup.steps import STEPS, steps_of
from napari_nx46.core.pipeline import FragmentPipeline
from napari_nx46.scale.stages import plan_passes, refusals
from napari_nx46.scale.tiles import TileWork
from napari_nx46.setting import Setting, preset
from napari_nx46.voxels.blocks import FragmentVolumes, whole_block
from napari_nx46.voxels.grid import Grid
from tests.scale.in_memory import mask_by_tiles, run_passes

PLAIN = Setting(rule="probability", probability=0.6, low_probability=0.4, z_radius=1)
KNOBS = {
    "hysteresis": {"hysteresis": True},
    "zero_border": {"border": 2},
    "remove_objects_first": {"objects_first": 3},
    "open_by_faces": {"opening": True},
    "close_anisotropic": {"closing_z": 2, "closing_xy": 1},
    "close_with_ball": {"closing_ball": 2},
    "plug_tunnels": {"plug_tunnels": True},
    "plug_cubes": {"plug_cubes": "cubes", "plug_passes": 2},
    "patch_holes": {"patch_holes": 6, "patch_blocks": 8},
    "repair_gaps": {"gap_fill": 2, "diagonal_fill": True, "repair_passes": 1},
    "bridge_diagonals": {"bridge_diagonals": True},
    "smooth_mask": {"mask_gauss": 0.5},
    "take_median": {"median_passes": 1, "median_window": "cross"},
    "mend_sheets": {"per_sheet": True, "patch_holes": 5, "patch_blocks": 8},
    "split_thick": {"split_thick": 1, "patch_blocks": 8},
    "fill_cavities": {"fill_cavities": True},
    "remove_small_objects": {"smallest_object": 7},
    "remove_objects_by_faces": {
        "smallest_object": 9,
        "edge_margin": 2,
        "edge_min": 6,
        "corner_min": 3,
    },
    "remove_incomplete_sheets": {"sheet_span": 0.4, "edge_margin": 1},
    "stabilise_slices": {"stabilise_radius": 1},
    "confine_to_ct": {"ct_gate": "mask", "ct_threshold": 90.0, "ct_margin": 1},
    "keep_sheets_apart": {"sheet_gap": 1},
    "zero_border_again": {"border": 1, "border_again": True},
}
ALONE = [{}, *KNOBS.values(), {"smallest_object": 6, "object_connectivity": 6}]
PAIRS = [one | other for one, other in itertools.combinations(KNOBS.values(), 2)]
EVERY_STEP = {name: value for knobs in KNOBS.values() for name, value in knobs.items()}


def test_every_step_is_tried():
    tried = {step.name for knobs in ALONE for step in steps_of(PLAIN.changed(**knobs))}
    # For whole slices, and masks by other thresholds.
    refused = {"normalise_lines", "fit_sheets"}
    assert tried == {step.name for step in STEPS if not step.fragments_alone} - refused


def noise(seed, shape, smooth):
    values = np.random.default_rng(seed).random(shape)
    if smooth:
        values = ndimage.gaussian_filter(values, smooth)
    spread = np.ptp(values)
    return ((values - values.min()) / (spread or 1.0)).astype(np.float32)


def in_memory(volume, setting):
    """Return a volume's pipeline, threshold and mask."""
    image = np.rint(255 * noise(3, volume.shape, 1.0)).astype(np.uint8)
    pipeline = FragmentPipeline(FragmentVolumes(volume, volume, image=image))
    threshold = pipeline.threshold(setting)
    return pipeline, threshold, pipeline.mask(setting, threshold, whole_block(volume.shape))


def assert_equal_by_tiles(volume, setting, tile, *, growth=2, order=None, absent=False):
    pipeline, threshold, expected = in_memory(volume, setting)
    lowest = threshold.lower.values[0]

    def score(block):
        scores = pipeline.score(setting, block)
        return None if absent and scores.max() < lowest else scores

    grid = Grid(volume.shape, tile)
    work = TileWork(setting, threshold, grid, first_growth=growth)
    np.testing.assert_array_equal(
        mask_by_tiles(work, score, order, image=pipeline.sources.image), expected
    )
    return expected


@st.composite
def cases(draw, knobs):
    """Draw a volume, the setting of some knobs, and tiles in some order."""
    shape = tuple(draw(st.integers(1, 22)) for _ in range(3))
    seed = draw(st.integers(0, 2**32 - 1))
    volume = noise(seed, shape, draw(st.sampled_from([0.0, 0.6, 1.0])))
    low, high = np.quantile(volume, sorted(draw(st.tuples(*[st.floats(0.1, 0.99)] * 2)))).tolist()
    setting = PLAIN.changed(
        probability=high, low_probability=low, z_radius=draw(st.integers(0, 3)), **draw(knobs)
    )
    tile = tuple(draw(st.integers(3, 17)) for _ in range(3))
    order = np.random.default_rng(seed).permutation(len(Grid(shape, tile))).tolist()
    return volume, setting, tile, order


@settings(max_examples=150, deadline=None)
@given(case=cases(st.sampled_from(ALONE)), growth=st.integers(1, 5), absent=st.booleans())
def test_every_step_by_tiles_equals_the_mask_in_memory(case, growth, absent):
    volume, setting, tile, order = case
    assert_equal_by_tiles(volume, setting, tile, growth=growth, order=order, absent=absent)


@settings(max_examples=200, deadline=None)
@given(case=cases(st.sampled_from(PAIRS)), growth=st.integers(1, 5))
def test_every_pair_of_steps_by_tiles_equals_the_mask_in_memory(case, growth):
    volume, setting, tile, order = case
    assert_equal_by_tiles(volume, setting, tile, growth=growth, order=order)


@settings(max_examples=40, deadline=None)
@given(case=cases(st.just(EVERY_STEP)))
def test_all_steps_together_by_tiles_equal_the_mask_in_memory(case):
    volume, setting, tile, order = case
    assert_equal_by_tiles(volume, setting, tile, order=order)


def snake(shape=(14, 14, 14)):
    """Return a snake of diagonal steps that passes through all eight tiles of side 7."""
    mask = np.zeros(shape, np.float32)
    corners = [(1, 1, 1), (1, 1, 12), (1, 12, 12), (12, 12, 12), (12, 12, 1), (12, 1, 1)]
    corners += [(12, 1, 12), (5, 5, 12), (5, 12, 1)]
    for start, end in itertools.pairwise(np.array(corners)):
        for step in range(12):
            mask[tuple(np.round(start + (end - start) * step / 11).astype(int))] = 1
    return mask


def shell(shape=(14, 14, 14)):
    """Return a closed shell around the place where eight tiles of side 7 meet."""
    mask = np.zeros(shape, np.float32)
    mask[2:12, 2:12, 2:12] = 1
    mask[3:11, 3:11, 3:11] = 0
    return mask


def corner_contacts():
    """Return voxels on the diagonal, connected by corners only, one where tiles of side 7 meet."""
    mask = np.zeros((14, 14, 14), np.float32)
    places = np.arange(4, 10)
    mask[places, places, places] = 1
    return mask


VOLUMES = {
    "background": np.zeros((14, 14, 14), np.float32),
    "foreground": np.ones((14, 14, 14), np.float32),
    "checkerboard": (np.indices((14, 14, 14)).sum(0) % 2).astype(np.float32),
    "snake": snake(),
    "shell": shell(),
    "corner contacts": corner_contacts(),
}


@pytest.mark.parametrize("volume", VOLUMES.values(), ids=VOLUMES.keys())
@pytest.mark.parametrize("tile", [(7, 7, 7), (5, 6, 20)])
def test_shapes_that_pass_through_many_tiles_equal_those_in_memory(volume, tile):
    for knobs in ALONE:
        setting = PLAIN.changed(z_radius=0, **knobs)
        assert_equal_by_tiles(volume, setting, tile, absent=True)


def test_what_passes_through_eight_tiles_counts_as_one():
    setting = PLAIN.changed(z_radius=0)
    corners = setting.changed(smallest_object=6)
    assert assert_equal_by_tiles(corner_contacts(), corners, (7, 7, 7)).sum() == 6
    assert not assert_equal_by_tiles(
        corner_contacts(), corners.changed(smallest_object=7), (7, 7, 7)
    ).any()
    filled = assert_equal_by_tiles(shell(), setting.changed(fill_cavities=True), (7, 7, 7))
    assert filled.sum() == 10**3
    marked = snake() * 0.5
    marked[1, 1, 1] = 1
    linked = assert_equal_by_tiles(marked, setting.changed(hysteresis=True), (7, 7, 7))
    assert linked.sum() == np.count_nonzero(marked)


def test_sheets_that_grow_from_far_away_are_kept_apart():
    joined = np.zeros((60, 9, 9), np.float32)
    joined[::2, 4, 4] = 1
    joined[:5, 3:6, 4] = joined[55:, 3:6, 4] = 1
    setting = PLAIN.changed(z_radius=0, closing_z=1, smallest_object=6)
    closed = assert_equal_by_tiles(joined, setting, (5, 4, 9), growth=1)
    apart = assert_equal_by_tiles(joined, setting.changed(sheet_gap=2), (5, 4, 9), growth=1)
    assert closed[30, 4, 4] == 1
    # The two sheets grow by 25 voxels each, and meet in the middle.
    removed = np.argwhere(closed != apart)
    assert removed.size
    assert ((removed[:, 0] > 26) & (removed[:, 0] < 33)).all()


def test_sheets_grow_a_bounded_number_of_layers_in_memory_and_by_tiles():
    length = 2 * MOST_LAYERS + 30
    joined = np.zeros((length, 5, 5), np.float32)
    joined[::2, 2, 2] = 1
    joined[:5, 1:4, 2] = joined[-5:, 1:4, 2] = 1
    setting = PLAIN.changed(z_radius=0, closing_z=1, smallest_object=6)
    closed = assert_equal_by_tiles(joined, setting, (25, 4, 5), growth=4)
    gap = setting.changed(sheet_gap=2)
    # Between the ends of what the two sheets reach, there is nothing left to keep them apart.
    np.testing.assert_array_equal(assert_equal_by_tiles(joined, gap, (25, 4, 5), growth=4), closed)
    both = np.concatenate([joined[: MOST_LAYERS + 4], joined[-MOST_LAYERS - 4 :]])
    assert (assert_equal_by_tiles(both, gap, (25, 4, 5), growth=4)[60:76, 2, 2] == 0).any()


def test_a_threshold_of_each_slice_reaches_the_tiles_of_its_slices():
    volume = noise(5, (12, 9, 14), 1.0)
    setting = Setting(rule="adaptive", z_radius=1, closing_xy=1, smallest_object=4)
    assert assert_equal_by_tiles(volume, setting, (5, 4, 6)).any()


def test_stages_are_counted_on_the_whole():
    volume = noise(6, (12, 16, 15), 0.7)
    setting = PLAIN.changed(
        probability=0.7, low_probability=0.6, hysteresis=True, closing_xy=1, smallest_object=9
    )
    pipeline, threshold, mask = in_memory(volume, setting)
    work = TileWork(setting, threshold, Grid(volume.shape, (5, 7, 6)))
    _, counts = run_passes(work, lambda block: pipeline.score(setting, block))
    score = pipeline.score(setting, whole_block(volume.shape))
    linked = in_memory(volume, setting.changed(closing_xy=0, smallest_object=0))[2]
    assert counts == {
        "threshold": np.count_nonzero(score >= np.float32(0.7)),
        "low threshold": np.count_nonzero(score >= np.float32(0.6)),
        "hysteresis": linked.sum(),
        "close_anisotropic": in_memory(volume, setting.changed(smallest_object=0))[2].sum(),
        "remove_small_objects": mask.sum(),
    }


def test_passes_are_few_and_named():
    setting = preset("first-place").changed(
        hysteresis=True,
        low_probability=0.2,
        border=0,
        objects_first=0,
        per_sheet=False,
        closing_ball=3,
        plug_tunnels=True,
        plug_cubes="off",
        patch_holes=0,
        smallest_object=20_000,
    )
    names = [part.name for part in plan_passes(setting)]
    assert names == [
        "threshold + pieces for hysteresis",
        "hysteresis",
        "close with ball + plug tunnels + pieces for fill cavities",
        "fill cavities + pieces for remove small objects",
        "remove small objects",
    ]
    assert [part.name for part in plan_passes(PLAIN)] == ["threshold"]


def test_cells_are_read_whole_and_nothing_around_them():
    setting = PLAIN.changed(closing_z=1, patch_holes=4, patch_blocks=8, stabilise_radius=2)
    closing, patching, stabilising = plan_passes(setting)[1:]
    tile, shape = (slice(8, 12), slice(4, 12), slice(16, 19)), (30, 30, 19)
    assert closing.boxes(setting, tile, shape)[0] == (slice(6, 14), *tile[1:])
    cells = (slice(8, 16), slice(0, 16), slice(16, 19))
    assert patching.boxes(setting, tile, shape) == [cells, tile]
    assert stabilising.boxes(setting, tile, shape)[0] == (slice(6, 14), *tile[1:])


def test_what_tiles_cannot_do_is_refused_with_the_reason():
    assert refusals(PLAIN) == []
    [quantile] = refusals(Setting(quantile=0.9))
    assert "nx46 freeze" in quantile
    assert refusals(Setting(quantile=0.9), "volume") == []
    assert refusals(Setting(rule="adaptive")) == []
    [holes] = refusals(PLAIN.changed(patch_holes=8))
    assert "--patch-blocks" in holes
    assert refusals(PLAIN.changed(patch_holes=8, patch_blocks=64)) == []
    assert refusals(PLAIN.changed(ct_gate="mask")) == []
    assert refusals(PLAIN.changed(ct_gate="score")) == []
    smoothed = PLAIN.changed(smooth="diffusion", smooth_stage="volumes")
    assert refusals(smoothed) == refusals(PLAIN.changed(averaging="rank")) == []
    [ranks] = refusals(smoothed.changed(averaging="rank"))
    assert "ranks" in ranks
    [cubes] = refusals(PLAIN.changed(plug_cubes="raster"))
    assert "plug_cubes" in cubes
    [lines] = refusals(PLAIN.changed(line_norm=1.5))
    assert "normalise_lines looks at each slice as a whole" in lines
    [dust] = refusals(PLAIN.changed(block_dust=9))
    assert "fragment alone" in dust
    with pytest.raises(ValueError, match="patch_holes looks at the whole volume"):
        plan_passes(PLAIN.changed(patch_holes=8))
