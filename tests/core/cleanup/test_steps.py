"""Every clean-up step does what its plain definition says, on the whole and on a block of it."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from napari_nx46.core.cleanup import steps as steps_module
from napari_nx46.core.cleanup.border import zero_border
from napari_nx46.core.cleanup.morphology import close_anisotropic, close_with_ball, stabilise_slices
from napari_nx46.core.cleanup.objects import remove_small_objects
from napari_nx46.core.cleanup.patching import patch_holes
from napari_nx46.core.cleanup.sheets import keep_sheets_apart
from napari_nx46.core.cleanup.step import Reach, StepContext
from napari_nx46.core.cleanup.steps import STEPS, steps_of, unjoined_steps
from napari_nx46.setting import Setting, preset
from napari_nx46.voxels.blocks import whole_block, widened, within
from napari_nx46.voxels.workers import Workers
from tests.voxels.mask_cases import masks, noise_mask

LOCAL = {
    "zero_border": [Setting(border=border) for border in (1, 3, 5)],
    "open_by_faces": [Setting(opening=True)],
    "close_anisotropic": [
        Setting(closing_z=z, closing_xy=xy) for z, xy in ((3, 2), (1, 0), (0, 2), (2, 1))
    ],
    "close_with_ball": [Setting(closing_ball=radius) for radius in (1, 3)],
    "plug_tunnels": [Setting(plug_tunnels=True)],
    "plug_cubes": [Setting(plug_cubes="cubes", plug_passes=passes) for passes in (1, 2)],
    "repair_gaps": [
        Setting(gap_fill=1, diagonal_fill=True, repair_passes=1, gap_support=1),
        Setting(gap_fill=3, repair_passes=1),
        Setting(diagonal_fill=True, repair_passes=2),
    ],
    "bridge_diagonals": [Setting(bridge_diagonals=True)],
    "smooth_mask": [Setting(mask_gauss=0.5)],
    "take_median": [
        Setting(median_passes=passes, median_window=window)
        for passes, window in ((1, "cube"), (2, "cross"), (2, "slice"), (3, "line"))
    ],
    "confine_to_ct": [
        Setting(ct_gate="mask", ct_threshold=100, ct_margin=margin) for margin in (0, 2)
    ],
    "zero_border_again": [Setting(border=2, border_again=True)],
    "stabilise_slices": [Setting(stabilise_radius=radius) for radius in (1, 2, 4)],
}
WHOLE = {
    "remove_objects_first": Setting(objects_first=20),
    "patch_holes": Setting(patch_holes=8),
    "fill_cavities": Setting(fill_cavities=True),
    "remove_small_objects": Setting(smallest_object=20),
    "mend_sheets": Setting(per_sheet=True),
    "fit_sheets": Setting(sheet_fit=True),
    "normalise_lines": Setting(line_norm=1.5),
    "split_thick": Setting(split_thick=2),
    "remove_objects_by_faces": Setting(edge_margin=2, edge_min=20, corner_min=9),
    "remove_incomplete_sheets": Setting(sheet_span=0.5),
    "keep_sheets_apart": Setting(sheet_gap=1),
    "remove_block_dust": Setting(block_dust=3),
}
NEEDED = {"zero_border_again": {"zero_border"}}
"""Steps that its knobs turn on beside the step itself."""

OF_ANOTHER_FUNCTION = {
    "remove_objects_first": "remove_small_objects",
    "zero_border_again": "zero_border",
}
STEP_BY_NAME = {step.name: step for step in STEPS}
LOCAL_CASES = [(name, setting) for name, group in LOCAL.items() for setting in group]
CONNECTIVITY_RANKS = {6: 1, 18: 2, 26: 3}


def context_of(setting, mask, block=None, shape=None, known=None):
    """Return the context of a step on a mask that nothing was done to before."""
    return StepContext(
        setting=setting,
        unjoined=mask,
        workers=Workers(1),
        block=block or whole_block(mask.shape),
        shape=shape or mask.shape,
        known=known,
        image=ct_image(shape or mask.shape),
    )


def ct_image(shape):
    """Return a CT image of a fragment of this shape."""
    return noise_mask(7, shape, 0.7, 1.0) * np.uint8(200)


@st.composite
def blocks(draw, shape):
    """Draw a block of a volume; half of its faces lie at the volume's."""
    extents = []
    for length in shape:
        start = draw(st.one_of(st.just(0), st.integers(0, length - 1)))
        stop = draw(st.one_of(st.just(length), st.integers(start + 1, length)))
        extents.append(slice(start, stop))
    return tuple(extents)


@settings(max_examples=60, deadline=None)
@given(mask=masks(), border=st.integers(0, 6))
def test_border_zeroing_leaves_the_inside_alone_and_nothing_else(mask, border):
    expected = np.zeros_like(mask)
    for voxel in np.ndindex(mask.shape):
        lengths = zip(voxel, mask.shape, strict=True)
        if all(border <= index < length - border for index, length in lengths):
            expected[voxel] = mask[voxel]
    np.testing.assert_array_equal(zero_border(mask, border), expected)


@settings(max_examples=80, deadline=None)
@given(mask=masks(deepest=14), radius=st.integers(0, 4))
def test_stabilising_equals_the_median_over_slices(mask, radius):
    expected = ndimage.median_filter(mask, (2 * radius + 1, 1, 1), mode="nearest")
    found = stabilise_slices(mask, radius)
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, expected)


def test_stabilising_on_many_tiles_equals_the_median_over_slices():
    mask = noise_mask(46, (9, 300, 310), 0.4, 1.0)
    threads = Workers(2)
    found = stabilise_slices(mask, 2, workers=threads)
    threads.close()
    np.testing.assert_array_equal(found, ndimage.median_filter(mask, (5, 1, 1), mode="nearest"))


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.name)
def test_a_mask_without_foreground_stays_so(step):
    setting = WHOLE[step.name] if step.name in WHOLE else LOCAL[step.name][-1]
    empty = np.zeros((4, 6, 7), np.uint8)
    assert step.is_on(setting)
    assert not step.apply(empty, context_of(setting, empty)).any()


def test_an_object_of_just_the_smallest_size_stays():
    mask = np.zeros((3, 5, 9), np.uint8)
    mask[1, 1:4, 1:4] = 1
    mask[1, 2, 6:8] = 1
    kept = [int(remove_small_objects(mask, smallest, 26).sum()) for smallest in (2, 3, 9, 10)]
    assert kept == [11, 9, 9, 0]


def test_patching_and_parting_take_their_knobs_from_the_setting():
    mask = np.zeros((7, 30, 30), np.uint8)
    mask[3, 2:28, 2:28] = 1
    mask[3, 10:14, 10:14] = 0
    context = context_of(Setting(patch_holes=5, sheet_gap=2, smallest_object=9), mask)
    patched = STEP_BY_NAME["patch_holes"].apply(mask, context)
    np.testing.assert_array_equal(patched, patch_holes(mask, 5))
    two = np.zeros_like(mask)
    two[1, 2:28, 2:28] = two[5, 2:28, 2:28] = 1
    joined = two.copy()
    joined[2:5, 10:14, 10:14] = 1
    apart = STEP_BY_NAME["keep_sheets_apart"].apply(joined, context_of(context.setting, two))
    np.testing.assert_array_equal(apart, keep_sheets_apart(joined, two, 2, 9))
    assert ndimage.label(apart, np.ones((3, 3, 3)))[1] == 2


@pytest.mark.parametrize(("name", "setting"), LOCAL_CASES)
@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_a_block_with_a_halo_of_the_reach_equals_the_block_of_the_whole(name, setting, data):
    step = STEP_BY_NAME[name]
    mask = data.draw(masks(deepest=24))
    whole = step.apply(mask, context_of(setting, mask))
    block = data.draw(blocks(mask.shape))
    wide = widened(block, step.reach(setting), mask.shape)
    context = context_of(setting, mask[wide], wide, mask.shape)
    on_block = step.apply(mask[wide], context)[within(block, wide)]
    np.testing.assert_array_equal(on_block, whole[block])


# The outermost voxels of a Gaussian decide in masks alone that are made for it.
@pytest.mark.parametrize(
    ("name", "setting"), [case for case in LOCAL_CASES if case[0] != "smooth_mask"]
)
def test_the_reach_is_no_larger_than_needed(name, setting):
    step = STEP_BY_NAME[name]
    for axis, reach in enumerate(step.reach(setting)):
        if reach:
            lumps = (noise_mask(seed, SIDES, 0.4) for seed in range(200))
            candidates = itertools.chain(telling_masks(setting, axis), lumps)
            assert any(needs_the_reach(step, setting, axis, mask) for mask in candidates)


SIDES = (41, 41, 41)
CENTRE = (20, 20, 20)


def telling_masks(setting, axis):
    """Return masks whose central voxel depends on the one two radii away along an axis."""
    ball = max(setting.closing_ball, int(setting.opening))
    radii = np.array([setting.closing_z, *(setting.closing_xy,) * 2]) + ball
    point, far = list(CENTRE), list(CENTRE)
    point[axis] += radii[axis]
    far[axis] += 2 * radii[axis]
    z, y, x = (np.indices(SIDES).T - point).T
    flat = (np.abs(z) <= radii[0]) & (y**2 + x**2 <= radii[1] ** 2)
    element = z**2 + y**2 + x**2 <= ball**2 if ball else flat
    around = (~element).astype(np.uint8)
    around[tuple(far)] = 1
    return element.astype(np.uint8), around


def needs_the_reach(step, setting, axis, mask):
    """Return whether the central voxel comes out differently with a smaller halo along an axis."""
    halo = list(step.reach(setting))
    halo[axis] -= 1
    block = tuple(slice(index, index + 1) for index in CENTRE)
    wide = widened(block, tuple(halo), mask.shape)
    on_block = step.apply(mask[wide], context_of(setting, mask[wide], wide, mask.shape))
    whole = step.apply(mask, context_of(setting, mask))
    return on_block[within(block, wide)].item() != whole[CENTRE]


def test_the_steps_stand_in_the_order_of_the_design():
    assert [step.name for step in STEPS] == [
        "zero_border",
        "remove_objects_first",
        "open_by_faces",
        "close_anisotropic",
        "close_with_ball",
        "normalise_lines",
        "repair_gaps",
        "mend_sheets",
        "plug_tunnels",
        "plug_cubes",
        "patch_holes",
        "fit_sheets",
        "fill_cavities",
        "smooth_mask",
        "take_median",
        "split_thick",
        "remove_small_objects",
        "remove_objects_by_faces",
        "remove_incomplete_sheets",
        "stabilise_slices",
        "keep_sheets_apart",
        "remove_block_dust",
        "bridge_diagonals",
        "confine_to_ct",
        "zero_border_again",
    ]
    assert {step.name for step in STEPS} == LOCAL.keys() | WHOLE.keys()
    functions = [OF_ANOTHER_FUNCTION.get(step.name, step.name) for step in STEPS]
    assert all(callable(getattr(steps_module, function)) for function in functions)


def test_no_step_is_on_by_default():
    assert steps_of(Setting()) == ()


@pytest.mark.parametrize(("name", "setting"), [*LOCAL_CASES, *WHOLE.items()])
def test_each_step_is_turned_on_by_its_own_knobs_alone(name, setting):
    assert {step.name for step in steps_of(setting)} - NEEDED.get(name, set()) == {name}


@pytest.mark.parametrize("name", [step.name for step in STEPS])
def test_the_key_of_a_step_changes_with_its_own_knobs_and_no_others(name):
    step = STEP_BY_NAME[name]
    plain = Setting()
    for _, setting in [*LOCAL_CASES, *WHOLE.items()]:
        differs = any(getattr(plain, knob) != getattr(setting, knob) for knob in step.knobs)
        assert (step.key(setting) != step.key(plain)) == differs
    assert len({step.key(plain) for step in STEPS}) == len(STEPS)


def test_only_steps_by_components_reach_the_whole_fragment():
    for name, setting in LOCAL_CASES:
        assert not STEP_BY_NAME[name].reach(setting).is_whole
    for name, setting in WHOLE.items():
        assert STEP_BY_NAME[name].reach(setting).is_whole
    assert STEP_BY_NAME["close_anisotropic"].reach(Setting(closing_z=3, closing_xy=2)) == Reach(
        6, 4, 4
    )


def test_the_first_place_chain_has_the_published_steps():
    steps = steps_of(preset("first-place"))
    assert [step.name for step in steps] == [
        "zero_border",
        "remove_objects_first",
        "mend_sheets",
        "fill_cavities",
        "zero_border_again",
    ]
    assert unjoined_steps(steps) == 2


def test_what_is_parted_is_what_the_first_adding_step_joined():
    assert unjoined_steps(()) == 0
    assert unjoined_steps(steps_of(Setting(opening=True, sheet_gap=1))) == 1
    assert unjoined_steps(steps_of(Setting(border=1, opening=True))) == 2
    assert unjoined_steps(steps_of(Setting(border=1, fill_cavities=True, sheet_gap=1))) == 1


@pytest.mark.parametrize("name", [step.name for step in STEPS])
def test_steps_return_a_new_mask_and_leave_the_old_one_alone(name):
    setting = dict([*LOCAL_CASES, *WHOLE.items()])[name]
    mask = noise_mask(46, (9, 12, 70), 0.4, 1.0)
    before = mask.copy()
    mask.flags.writeable = False
    found = STEP_BY_NAME[name].apply(mask, context_of(setting, mask))
    assert found.dtype == np.uint8
    assert found.shape == mask.shape
    assert found.max() <= 1
    assert not np.shares_memory(found, mask)
    np.testing.assert_array_equal(mask, before)


@pytest.mark.parametrize("name", [step.name for step in STEPS])
@pytest.mark.parametrize("value", [0, 1])
def test_steps_take_a_mask_of_one_voxel(name, value):
    setting = dict([*LOCAL_CASES, *WHOLE.items()])[name]
    mask = np.full((1, 1, 1), value, np.uint8)
    found = STEP_BY_NAME[name].apply(mask, context_of(setting, mask))
    starts = ("zero", "open", "remove", "fit")
    takes = {name for name in STEP_BY_NAME if name.startswith(starts)}
    goes = name in takes - {"remove_incomplete_sheets"}
    assert found.item() == (0 if goes else value)


@pytest.mark.parametrize("name", [step.name for step in STEPS])
def test_steps_refuse_what_is_no_mask(name):
    setting = dict([*LOCAL_CASES, *WHOLE.items()])[name]
    for wrong in (np.zeros((2, 3, 4), bool), np.zeros((2, 3, 4), np.float32)):
        with pytest.raises(ValueError, match=str(wrong.dtype)):
            STEP_BY_NAME[name].apply(wrong, context_of(setting, np.zeros((2, 3, 4), np.uint8)))


@pytest.mark.parametrize(
    ("knob", "call"),
    [
        ("border", lambda mask: zero_border(mask, -1)),
        ("z_radius", lambda mask: close_anisotropic(mask, -1, 1)),
        ("xy_radius", lambda mask: close_anisotropic(mask, 1, -1)),
        ("radius", lambda mask: close_with_ball(mask, -1)),
        ("largest_side", lambda mask: patch_holes(mask, -1)),
        ("smallest", lambda mask: remove_small_objects(mask, -1)),
        ("radius", lambda mask: stabilise_slices(mask, -1)),
        ("gap", lambda mask: keep_sheets_apart(mask, mask, -1)),
        ("smallest", lambda mask: keep_sheets_apart(mask, mask, 1, -1)),
    ],
)
def test_knobs_below_zero_are_refused_by_name(knob, call):
    with pytest.raises(ValueError, match=f"^{knob}: expected at least 0, found -1"):
        call(np.zeros((2, 3, 4), np.uint8))


def test_parting_needs_the_mask_before_the_closing():
    mask = np.zeros((2, 3, 4), np.uint8)
    context = StepContext(Setting(sheet_gap=1), None, Workers(1), whole_block((2, 3, 4)), (2, 3, 4))
    with pytest.raises(ValueError, match="before the first closing"):
        STEP_BY_NAME["keep_sheets_apart"].apply(mask, context)
    with pytest.raises(ValueError, match="shape"):
        keep_sheets_apart(mask, mask[:1], 1, 0)


def test_on_a_block_a_small_object_that_leaves_it_stays_unless_it_is_known_to_go():
    mask = np.zeros((1, 8, 8), np.uint8)
    leaving, inner = mask.copy(), mask.copy()
    leaving[0, 0, 2:4] = 1
    inner[0, 4, 4:6] = 1
    mask = leaving | inner
    setting, step = Setting(smallest_object=5), STEP_BY_NAME["remove_small_objects"]
    block, shape = (slice(0, 1), slice(4, 12), slice(0, 8)), (1, 12, 8)

    def kept(known):
        return step.apply(mask, context_of(setting, mask, block, shape, known))

    assert not step.apply(mask, context_of(setting, mask)).any()
    np.testing.assert_array_equal(kept(None), leaving)
    np.testing.assert_array_equal(kept(mask), leaving)
    assert not kept(inner).any()
