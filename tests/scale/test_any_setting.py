"""Whatever the knobs are, tiles give the mask in memory, or a reason why they cannot."""

from __future__ import annotations

from enum import Enum

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_nx46.core.pipeline import FragmentPipeline
from napari_nx46.core.score.fragment_score import FragmentScore
from napari_nx46.core.score.weak import WeakVoxels
from napari_nx46.scale.stages import refusals
from napari_nx46.scale.tiles import TileWork
from napari_nx46.setting import Domain, Setting, checked_knob, described_knobs
from napari_nx46.voxels.blocks import FragmentVolumes, whole_block
from napari_nx46.voxels.grid import Grid
from tests.scale.in_memory import mask_by_tiles, measured_by_tiles

MOST = {"patch_blocks": 16, "ced_steps": 2, "diffusion_iterations": 2, "smooth_passes": 2}
"""Of knobs that take long on small volumes, or would be larger than these."""
PAIRS = (
    ("low_quantile", "quantile"),
    ("low_probability", "probability"),
    ("adaptive_min", "adaptive_max"),
)


def values(name):
    """Return a strategy of the values of a knob."""
    field = Setting.model_fields[name]
    kind, default = field.annotation, field.default
    if kind is bool:
        return st.booleans()
    if isinstance(kind, type) and issubclass(kind, Enum):
        return st.sampled_from([value for value in kind if value is not Domain.BLOCK])
    lowest = next(fact.ge for fact in field.metadata if hasattr(fact, "ge"))
    highest = next(fact.le for fact in field.metadata if hasattr(fact, "le"))
    highest = min(highest, MOST.get(name, 40))
    if kind is int:
        return st.one_of(st.just(min(default, highest)), st.integers(lowest, highest))
    return st.one_of(st.just(default), st.floats(lowest, highest))


@st.composite
def any_setting(draw):
    """Draw some knobs, and leave the others to their defaults."""
    names = [name for name in described_knobs(Setting) if name not in ("weights", "temperatures")]
    chosen = draw(st.sets(st.sampled_from(names), max_size=25))
    knobs = {name: checked_knob(name, draw(values(name))) for name in sorted(chosen)}
    whole = {name: field.default for name, field in Setting.model_fields.items()} | knobs
    for low, high in PAIRS:
        whole[low], whole[high] = sorted((whole[low], whole[high]))
    return Setting(**whole)


@settings(max_examples=60, deadline=None)
@given(
    setting=any_setting(),
    seed=st.integers(0, 2**32 - 1),
    shape=st.tuples(*[st.integers(1, 20)] * 3),
    tile=st.tuples(*[st.integers(3, 12)] * 3),
)
def test_any_setting_has_one_mask_however_it_is_computed(setting, seed, shape, tile):
    rng = np.random.default_rng(seed)
    image, p2d = rng.integers(0, 256, (2, *shape), np.uint8)
    volumes = FragmentVolumes(rng.random(shape, np.float32), p2d, {}, image)
    kept, read = FragmentPipeline(volumes), FragmentPipeline(volumes, keep_score=False)
    threshold, whole = kept.threshold(setting), whole_block(shape)
    expected = kept.mask(setting, threshold, whole)
    assert read.threshold(setting) == threshold
    np.testing.assert_array_equal(read.mask(setting, threshold, whole), expected)
    plane = (slice(0, 1), *whole[1:])
    assert kept.preview(setting, threshold, plane).shape == expected[:1].shape
    if reasons := refusals(setting, "volume"):
        assert all(len(reason.split()) > 5 for reason in reasons)
        return
    grid = Grid(shape, tile)
    measured = measured_by_tiles(volumes, setting, grid)
    score = FragmentScore(volumes, keep_score=False, measured=measured)
    weak = WeakVoxels(score)
    found = mask_by_tiles(
        TileWork(setting, threshold, grid),
        lambda block: score.score(setting, block),
        weak=lambda block, high, low: weak.adjusted(setting, block, high, low),
        image=image,
    )
    np.testing.assert_array_equal(found, expected)
