"""What a campaign may cost, from what a few of its settings cost on a small block of its data.

An estimate: it takes the block for the whole, and every setting for the mean of those that were
tried. It is meant to distinguish minutes from hours.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean
from time import perf_counter

import numpy as np
import numpy.typing as npt

from napari_nx46.core.measure.label_bits import LabelBits
from napari_nx46.core.measure.slices import measure_slices, percentiles_of_slices
from napari_nx46.core.measure.volume import measure_volume
from napari_nx46.core.pipeline import FragmentPipeline
from napari_nx46.core.score.blend import ScoreKey
from napari_nx46.data.fragments import Fragment
from napari_nx46.leaderboard import score
from napari_nx46.run.preflight import computed_bytes, sources_read
from napari_nx46.setting import Domain, Setting
from napari_nx46.voxels.blocks import Block, FragmentVolumes, Mask, block_shape, whole_block
from napari_nx46.voxels.spans import find_runs
from napari_nx46.voxels.workers import CancelCheck, never

Arrays = Mapping[str, npt.NDArray[np.generic]]

_SAMPLE_SHAPE = (64, 128, 128)
_WARM_UP_SHAPE = (16, 32, 32)
_MOST_SETTINGS = 4

# What a workspace took for 72 tasks of 52 slices each, 8.3 kB a task, shared out generously.
_SLICE_BYTES = 128
_TASK_BYTES = 2048

_FLOAT32_VOLUMES = 2


@dataclass(frozen=True, slots=True)
class Cost:
    """What was measured on a block, in seconds of one thread.

    Parameters
    ----------
    image_id : str
        The fragment that the block is of.
    voxels : int
        Of the block.
    settings : int
        That were tried.
    read : float
        Seconds a byte of a volume, to read it.
    score : float
        Seconds a voxel, for the score and its percentiles: what runs share that differ only below.
    mask : float
        Seconds a voxel, for threshold, clean-up and measures.
    leaderboard : float, optional
        Seconds a voxel, for the leaderboard score; None where it was not tried.
    """

    image_id: str
    voxels: int
    settings: int
    read: float
    score: float
    mask: float
    leaderboard: float | None = None


def measure_cost(
    fragment: Fragment,
    settings: Sequence[Setting],
    *,
    leaderboard: bool = True,
    cancelled: CancelCheck = never,
) -> Cost:
    """Measure what settings cost on a block in the middle of a fragment.

    Parameters
    ----------
    fragment : Fragment
    settings : sequence of Setting
        At least one; a few that are evenly spread over them are tried.
    leaderboard : bool
        Whether the leaderboard score counts, where the fragment has a label.
    cancelled : callable
        Asked between settings.

    Raises
    ------
    FragmentError, VolumeError
        If a setting does not fit the fragment, or a volume cannot be read.
    Cancelled
        If `cancelled` returned True.
    """
    block = _central(fragment.shape, _SAMPLE_SHAPE)
    shape = block_shape(block)
    label = None
    if leaderboard and fragment.label is not None:
        label = fragment.label[block].astype(np.uint8)
    # Of a file whole slices are read.
    read_voxels = shape[0] * math.prod(fragment.shape[1:])
    distinct = list(dict.fromkeys(settings))
    count = min(_MOST_SETTINGS, len(distinct))
    reading, stages = [], []
    for index in range(count):
        setting = _anywhere(distinct[index * len(distinct) // count])
        began = perf_counter()
        sources = {name: volume[block] for name, volume in sources_read(fragment, setting).items()}
        seconds = perf_counter() - began
        reading.append(seconds / sum(read_voxels * voxels.itemsize for voxels in sources.values()))
        # The first time compiles, or loads what was compiled.
        small = _central(shape, _WARM_UP_SHAPE)
        _stage_seconds(
            {name: voxels[small] for name, voxels in sources.items()},
            *(setting, None if label is None else label[small], cancelled),
        )
        stages.append(_stage_seconds(sources, setting, label, cancelled))
    a_voxel = [fmean(seconds) / math.prod(shape) for seconds in zip(*stages, strict=True)]
    return Cost(fragment.image_id, math.prod(shape), count, fmean(reading), *a_voxel)


def campaign_seconds(
    cost: Cost,
    fragments: Sequence[Fragment],
    settings: Sequence[Setting],
    runs: int | None = None,
) -> float:
    """Return how long a campaign takes in one thread.

    Every fragment is read once, and runs with the same knobs upstream of the score share it.

    Parameters
    ----------
    cost : Cost
    fragments : sequence of Fragment
    settings : sequence of Setting
        Of the runs; of a search, those that are known.
    runs : int, optional
        Of a search, how many there will be: as many more scores and masks.
    """
    scores: float = len({ScoreKey.of(setting) for setting in settings})
    masks = len(set(settings))
    if runs is not None and masks:
        scores, masks = scores * runs / masks, runs
    seconds = 0.0
    for fragment in fragments:
        voxels = math.prod(fragment.shape)
        seconds += cost.read * sum(volume.nbytes for volume in fragment.sources.values())
        seconds += voxels * (scores * cost.score + masks * cost.mask)
        if fragment.label is not None and cost.leaderboard is not None:
            seconds += voxels * masks * cost.leaderboard
    return seconds


def worker_bytes(fragment: Fragment, setting: Setting) -> int:
    """Return the memory of a worker that has a fragment: the volumes read and two of float32.

    Raises
    ------
    FragmentError
        If the setting does not fit the fragment.
    """
    read = sum(volume.nbytes for volume in sources_read(fragment, setting).values())
    float32_volumes = max(4 * _FLOAT32_VOLUMES, computed_bytes(setting))
    return read + math.prod(fragment.shape) * float32_volumes


def result_bytes(fragments: Sequence[Fragment], runs: int) -> int:
    """Return the disk that the figures of so many runs take in a workspace."""
    slices = sum(fragment.shape[0] for fragment in fragments)
    return runs * (slices * _SLICE_BYTES + len(fragments) * _TASK_BYTES)


def _stage_seconds(
    sources: Arrays, setting: Setting, label: Mask | None, cancelled: CancelCheck
) -> list[float]:
    """Return what the score, the rest of a task and, with a label, the leaderboard score take."""
    names = dict(sources)
    image, p3d = names.pop("image", None), names.pop("p3d", None)
    pipeline = FragmentPipeline(FragmentVolumes(p3d, names.pop("p2d", p3d), names, image))
    whole = whole_block(pipeline.shape)
    clock = [perf_counter()]
    pipeline.stage(setting, cancelled)
    percentiles = percentiles_of_slices(pipeline.score(setting, whole), cancelled=cancelled)
    clock.append(perf_counter())
    threshold = pipeline.threshold(setting, [pipeline], cancelled)
    mask = pipeline.mask(setting, threshold, whole, cancelled)
    runs = find_runs(mask)
    profile = measure_slices(
        mask, label=LabelBits.of(mask), percentiles=percentiles, runs=runs, cancelled=cancelled
    )
    measure_volume(mask, profile=profile, runs=runs, cancelled=cancelled)
    clock.append(perf_counter())
    if label is not None:
        score(mask, label, workers=1, cancelled=cancelled)
        clock.append(perf_counter())
    return [end - begin for begin, end in pairwise(clock)]


def _anywhere(setting: Setting) -> Setting:
    """Return the setting without a block, which may lie outside the sample."""
    if setting.domain is not Domain.BLOCK:
        return setting
    return setting.changed(domain=Domain.FRAGMENT, block=None)


def _central(shape: tuple[int, int, int], most: tuple[int, int, int]) -> Block:
    sizes = [min(length, limit) for length, limit in zip(shape, most, strict=True)]
    starts = [(length - size) // 2 for length, size in zip(shape, sizes, strict=True)]
    z, y, x = (slice(start, start + size) for start, size in zip(starts, sizes, strict=True))
    return z, y, x
