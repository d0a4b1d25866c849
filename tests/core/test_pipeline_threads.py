"""A pipeline that several threads use at a time, and how much it keeps."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from napari_nx46.core.mask_chain import MaskChain, MaskStage
from napari_nx46.core.pipeline import FragmentPipeline
from napari_nx46.core.score.blend import LOW_BITS_KEPT_BYTES, KeptLowBits
from napari_nx46.core.score.kernels import plain_kernels
from napari_nx46.setting import Setting
from napari_nx46.voxels.blocks import FragmentVolumes, whole_block
from napari_nx46.voxels.workers import Cancelled

PATIENCE = 30
SHAPE = (6, 9, 12)
WHOLE = whole_block(SHAPE)


@pytest.fixture
def volume():
    return np.random.default_rng(46).random(SHAPE, dtype=np.float32)


class Gated:
    """A volume whose first read waits until it may go on; it counts all reads."""

    def __init__(self, voxels):
        self.voxels, self.shape, self.dtype = voxels, voxels.shape, voxels.dtype
        self.entered, self.gate, self.reads = threading.Event(), threading.Event(), 0

    def __getitem__(self, index):
        self.reads += 1
        self.entered.set()
        assert self.gate.wait(PATIENCE)
        return self.voxels[index]


def pipeline_of(volume):
    return FragmentPipeline(FragmentVolumes(volume, volume), kernels=plain_kernels())


def test_two_threads_compute_a_stage_once(volume):
    gated = Gated(volume)
    pipeline = pipeline_of(gated)
    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(pipeline.stage, Setting())
        assert gated.entered.wait(PATIENCE)
        second = threads.submit(pipeline.stage, Setting())
        gated.gate.set()
        assert first.result(PATIENCE) is second.result(PATIENCE)
    reads = gated.reads
    pipeline.stage(Setting())
    assert gated.reads == reads


def test_who_waits_for_a_stage_can_be_cancelled(volume):
    gated = Gated(volume)
    pipeline = pipeline_of(gated)
    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(pipeline.stage, Setting())
        assert gated.entered.wait(PATIENCE)
        second = threads.submit(pipeline.stage, Setting(), lambda: True)
        with pytest.raises(Cancelled):
            second.result(PATIENCE)
        gated.gate.set()
        first.result(PATIENCE)


def test_what_is_forgotten_while_it_is_computed_is_not_kept(volume):
    gated = Gated(volume)
    pipeline = pipeline_of(gated)
    with ThreadPoolExecutor(1) as threads:
        computing = threads.submit(pipeline.stage, Setting())
        assert gated.entered.wait(PATIENCE)
        pipeline.clear_score()  # does not wait
        gated.gate.set()
        assert computing.result(PATIENCE).score is not None
    assert pipeline.kept_bytes == 0
    assert pipeline.cached_stage(Setting()).score is None


def test_masks_that_are_forgotten_while_they_are_computed_are_not_kept():
    chain = MaskChain()

    def compute(_number, _stages):
        chain.clear()
        return MaskStage.of(("a",), np.ones((1, 2, 3), np.uint8))

    chain.complete([("a",)], compute, lambda: False)
    assert chain.newest is None
    assert chain.kept_bytes == 0


class Thresholding:
    """The plain kernels, whose first threshold waits until it may go on; counts voxels."""

    def __init__(self):
        self.entered, self.gate, self.voxels = threading.Event(), threading.Event(), 0
        self.score_tile = plain_kernels().score_tile
        self.count_low_bits = plain_kernels().count_low_bits

    def threshold_tile(self, score, threshold, mask):
        self.voxels += mask.size
        self.entered.set()
        assert self.gate.wait(PATIENCE)
        plain_kernels().threshold_tile(score, threshold, mask)


@pytest.mark.parametrize("cancels", [False, True])
def test_two_threads_assemble_the_whole_mask_once_unless_the_first_is_cancelled(volume, cancels):
    pipeline, setting = pipeline_of(volume), Setting(quantile=0.8)
    pipeline.kernels = kernels = Thresholding()
    threshold, cancelled = pipeline.threshold(setting), threading.Event()
    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(pipeline.whole_mask, setting, threshold, cancelled.is_set)
        assert kernels.entered.wait(PATIENCE)
        second = threads.submit(pipeline.whole_mask, setting, threshold)
        if cancels:
            cancelled.set()
        kernels.gate.set()
        found = second.result(PATIENCE)
        if not cancels:
            assert first.result(PATIENCE) is found
            assert kernels.voxels == volume.size
    np.testing.assert_array_equal(found.mask(), pipeline.mask(setting, threshold, WHOLE))
    with pytest.raises(ValueError, match="read-only"):
        found.bits[...] = 0


@pytest.mark.parametrize(
    "setting", [Setting(), Setting(hysteresis=True, low_quantile=0.5, closing_xy=1)]
)
def test_the_whole_mask_is_counted_and_forgotten_with_the_rest(volume, setting):
    pipeline, without = pipeline_of(volume), pipeline_of(volume)
    settings = [setting, setting.changed(quantile=0.99)]
    thresholds = [one.threshold(other) for other in settings for one in (pipeline, without)][::2]
    stages = 1 if setting == Setting() else 2
    for one, threshold in zip(settings, thresholds, strict=True):
        bits = pipeline.whole_mask(one, threshold).bits
        assert pipeline.kept_bytes == without.kept_bytes + stages * bits.nbytes
        assert pipeline.whole_mask(one, threshold).bits is bits
    pipeline.clear_score()
    without.clear_score()
    assert pipeline.kept_bytes == without.kept_bytes


def test_threads_that_compute_and_forget_agree_with_one_alone(volume):
    settings = [Setting(quantile=q, z_radius=r) for q in (0.5, 0.9) for r in (0, 2)]
    alone = pipeline_of(volume)
    expected = [alone.threshold(setting).values for setting in settings]
    shared = pipeline_of(volume)
    stop = threading.Event()

    def clear():
        while not stop.wait(0.0005):
            shared.clear_score()
            shared.keep_score = True

    def compute(number):
        setting = settings[number % len(settings)]
        return number % len(settings), shared.threshold(setting).values

    clearing = threading.Thread(target=clear)
    clearing.start()
    try:
        with ThreadPoolExecutor(3) as threads:
            for number, values in threads.map(compute, range(60), timeout=PATIENCE):
                assert values == expected[number]
    finally:
        stop.set()
        clearing.join(PATIENCE)
    assert not clearing.is_alive()


def test_low_bits_are_bounded_however_many_quantiles_are_asked_for(volume):
    pipeline = pipeline_of(volume)
    empty = pipeline.stage(Setting()).score.nbytes
    for quantile in np.linspace(0, 1, 60):
        setting = Setting(quantile=float(quantile))
        fresh = pipeline_of(volume).threshold(setting).values
        assert pipeline.threshold(setting).values == fresh
    kept = pipeline.kept_bytes - empty
    assert LOW_BITS_KEPT_BYTES / 2 < kept <= LOW_BITS_KEPT_BYTES


def test_the_bins_that_were_used_last_are_kept():
    kept = KeptLowBits(most=2)
    counts = [np.full(1, value) for value in range(3)]
    kept.put(0, counts[0])
    kept.put(1, counts[1])
    assert kept.get(0) is counts[0]
    kept.put(2, counts[2])
    assert [kept.get(high_bits) for high_bits in range(3)] == [counts[0], None, counts[2]]
    assert len(kept) == 2
