"""Times the clean-up steps against cc3d and SciPy on one fragment, in the same run.

    python benchmarks/cleanup.py [--data DIR] [--size 320] [--repeats 5] [--workers 2]

With a data folder, the masks come from its first fragment, cut to the size; without one, from a
sample that is mirrored until it fills the volume. Prints ratios, which hold on a shared machine;
the milliseconds beside them do not.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import cc3d
import numpy as np
from baseline import keep_ratio
from scipy import ndimage

from napari_nx46.core.cleanup.morphology import close_anisotropic
from napari_nx46.core.cleanup.objects import keep_linked, remove_small_objects
from napari_nx46.core.cleanup.step import Step, StepContext
from napari_nx46.core.cleanup.steps import STEPS, steps_of, unjoined_steps
from napari_nx46.core.pipeline import FragmentPipeline
from napari_nx46.core.score.kernels import warm_up_cleanup
from napari_nx46.data.fragments import open_data
from napari_nx46.data.synthetic import SAMPLES, make_sample
from napari_nx46.setting import Setting, preset
from napari_nx46.voxels.blocks import (
    FloatVolume,
    FragmentVolumes,
    Mask,
    VolumeLike,
    block_shape,
    whole_block,
    widened,
)
from napari_nx46.voxels.workers import Workers

EVERY_STEP = preset("first-place").changed(
    per_sheet=False,
    opening=True,
    closing_z=3,
    closing_xy=2,
    closing_ball=3,
    plug_tunnels=True,
    plug_cubes="cubes",
    line_norm=1.5,
    gap_fill=1,
    diagonal_fill=True,
    bridge_diagonals=True,
    mask_gauss=1.0,
    median_passes=6,
    smallest_object=20_000,
    sheet_span=0.1,
    stabilise_radius=2,
    sheet_gap=1,
    block_dust=10,
)
"""All steps but that which does several of them sheet by sheet: `whole_chain` times it."""

PREVIEW_HALO = 6
"""Slices on either side of a preview by a step that would look at the whole fragment."""
Result = TypeVar("Result")


@dataclass(frozen=True, eq=False)
class StepInput:
    """What a step works on within a chain."""

    step: Step
    mask: Mask
    unjoined: Mask


def timed(function: Callable[[], Result]) -> tuple[float, Result]:
    """Return the seconds of one call, and what it returned."""
    start = time.perf_counter()
    result = function()
    return time.perf_counter() - start, result


def median_seconds(function: Callable[[], object], repeats: int) -> float:
    """Return the median seconds of several calls."""
    return statistics.median(timed(function)[0] for _ in range(repeats))


def compared(
    ours: Callable[[], Result], plain: Callable[[], Result], repeats: int
) -> tuple[float, float, bool]:
    """Return the median seconds of both, taking turns, and whether their results are equal."""
    ours()
    times = [(timed(ours), timed(plain)) for _ in range(repeats)]
    equal = all(np.array_equal(found, expected) for (_, found), (_, expected) in times)
    return (
        statistics.median(found for (found, _), _ in times),
        statistics.median(expected for _, (expected, _) in times),
        equal,
    )


def fragment_score(folder: Path | None, size: int, workers: Workers) -> FloatVolume:
    """Return the first-place score of a fragment, `size` voxels along each axis."""
    p3d, p2d = _sample_pair(size) if folder is None else _first_pair(folder)
    sources = FragmentVolumes(p3d[_corner(size)], p2d[_corner(size)])
    pipeline = FragmentPipeline(sources, workers=workers)
    return pipeline.score(preset("first-place"), whole_block(sources.shape))


def _corner(size: int) -> tuple[slice, slice, slice]:
    return slice(0, size), slice(0, size), slice(0, size)


def _first_pair(folder: Path) -> tuple[VolumeLike, VolumeLike]:
    fragment = next(iter(open_data(folder).fragments))
    if fragment.p3d is None or fragment.p2d is None:
        raise SystemExit(f"{folder}: {fragment.image_id} has no p3d or p2d volume")
    return fragment.p3d.read(), fragment.p2d.read()


def _sample_pair(size: int) -> tuple[np.ndarray, np.ndarray]:
    sample = make_sample(SAMPLES[1])
    margins = [(0, max(0, size - length)) for length in sample.p3d.shape]
    return np.pad(sample.p3d, margins, "symmetric"), np.pad(sample.p2d, margins, "symmetric")


def foreground(score: FloatVolume, probability: float) -> Mask:
    """Return the mask of a score by one threshold."""
    return (score >= probability).astype(np.uint8)


def context_of(setting: Setting, unjoined: Mask, workers: Workers) -> StepContext:
    """Return the context of a step on a whole fragment."""
    whole = whole_block(unjoined.shape)
    return StepContext(setting, unjoined, workers, whole, block_shape(whole))


def chain(mask: Mask, setting: Setting, workers: Workers) -> tuple[Mask, list[StepInput]]:
    """Return the cleaned mask, and what each step worked on."""
    steps = steps_of(setting)
    unjoined = mask
    inputs = []
    for number, step in enumerate(steps):
        if number <= unjoined_steps(steps):
            unjoined = mask
        inputs.append(StepInput(step, mask, unjoined))
        mask = step.apply(mask, context_of(setting, unjoined, workers))
    return mask, inputs


def plain_hysteresis(low: Mask, high: Mask) -> Mask:
    """Keep what is linked, by cc3d's labels and a NumPy lookup."""
    labels = cc3d.connected_components(low, connectivity=26)
    kept = np.zeros(int(labels.max()) + 1, np.uint8)
    kept[labels[high > 0]] = 1
    return kept[labels]


def scipy_closing(mask: Mask, margin: bool) -> Mask:
    """Close a mask with z-radius 3 and xy-radius 2, in a margin of background or as it is."""
    disc = np.hypot(*np.indices((5, 5)) - 2.0) <= 2
    element = np.broadcast_to(disc, (7, 5, 5))
    if not margin:
        return ndimage.binary_closing(mask, element).astype(np.uint8)
    padded = np.pad(mask, ((3, 3), (2, 2), (2, 2)))
    return ndimage.binary_closing(padded, element)[3:-3, 2:-2, 2:-2].astype(np.uint8)


def compare_hysteresis(score: FloatVolume, repeats: int, workers: Workers) -> None:
    """Print hysteresis against cc3d."""
    setting = preset("twelfth-place")
    low, high = foreground(score, setting.low_probability), foreground(score, setting.probability)
    ours, plain, equal = compared(
        lambda: keep_linked(low, high, workers=workers),
        lambda: plain_hysteresis(low, high),
        repeats,
    )
    keep_ratio("hysteresis, x cc3d", ours / plain)
    print(
        f"hysteresis                {1e3 * ours:8.1f} ms  = {ours / plain:5.2f} x cc3d label and"
        f" lookup (at most 1.1), equal: {equal}"
    )


def compare_closing(mask: Mask, repeats: int, workers: Workers) -> None:
    """Print anisotropic closing against SciPy."""
    ours, plain, _ = compared(
        lambda: close_anisotropic(mask, 3, 2, workers=workers),
        lambda: scipy_closing(mask, margin=False),
        repeats,
    )
    found = close_anisotropic(mask, 3, 2, workers=workers)
    inner = np.s_[3:-3, 2:-2, 2:-2]
    equal = np.array_equal(found, scipy_closing(mask, margin=True))
    equal_inside = np.array_equal(found[inner], scipy_closing(mask, margin=False)[inner])
    keep_ratio("closing, x SciPy", plain / ours, higher_is_better=True)
    print(
        f"closing z 3 xy 2          {1e3 * ours:8.1f} ms  = {plain / ours:5.1f} x faster than SciPy"
        f" (at least 5), equal away from the faces: {equal_inside}, within a margin: {equal}"
    )


def compare_small_objects(mask: Mask, repeats: int, workers: Workers) -> None:
    """Print the removal of small objects against a labelling."""
    ours, plain, _ = compared(
        lambda: remove_small_objects(mask, 20_000, 26, workers=workers),
        lambda: cc3d.connected_components(mask, connectivity=26),
        repeats,
    )
    keep_ratio("small objects, x cc3d", ours / plain)
    print(
        f"small objects             {1e3 * ours:8.1f} ms  = {ours / plain:5.2f} x one cc3d"
        " labelling (at most 1.5)"
    )


def whole_chain(score: FloatVolume, repeats: int, workers: Workers) -> None:
    """Print the time of the first-place chain."""
    setting = preset("first-place")
    mask = foreground(score, setting.probability)
    cleaned, _ = chain(mask, setting, workers)
    seconds = median_seconds(lambda: chain(mask, setting, workers), repeats)
    print(
        f"first-place chain         {1e3 * seconds:8.1f} ms  (under 3000), density"
        f" {mask.mean():.4f} -> {cleaned.mean():.4f}"
    )


def each_step(score: FloatVolume, repeats: int, workers: Workers) -> None:
    """Print each step's time on the whole and on an eighth of it, and as a preview."""
    mask = foreground(score, EVERY_STEP.probability)
    half = mask.shape[0] // 2
    eighth = np.ascontiguousarray(mask[_corner(half)])
    larger = chain(mask, EVERY_STEP, workers)[1]
    smaller = chain(eighth, EVERY_STEP, workers)[1]
    print(
        f"{'step':24s}{'whole':>10s}{'per voxel':>12s}{'eighth':>14s}{'ratio':>8s}{'preview':>11s}"
    )
    for large, small in zip(larger, smaller, strict=True):
        seconds = median_seconds(lambda large=large: run(large, workers), repeats)
        of_eighth = median_seconds(lambda small=small: run(small, workers), 3 * repeats)
        preview = median_seconds(preview_of(large, workers), 5 * repeats)
        per_voxel, per_voxel_eighth = seconds / mask.size, of_eighth / eighth.size
        print(
            f"{large.step.name:24s}{1e3 * seconds:7.1f} ms{1e9 * per_voxel:9.2f} ns"
            f"{1e9 * per_voxel_eighth:11.2f} ns{per_voxel / per_voxel_eighth:8.2f}"
            f"{1e3 * preview:8.2f} ms"
        )
    print(
        "ratio: per voxel of the whole over the eighth, which fits the caches better;"
        " preview: under 16 ms"
    )


def run(given: StepInput, workers: Workers) -> Mask:
    """Run a step on a whole fragment."""
    return given.step.apply(given.mask, context_of(EVERY_STEP, given.unjoined, workers))


def preview_of(given: StepInput, workers: Workers) -> Callable[[], Mask]:
    """Return the call that previews a step on the middle slice, with its halo."""
    shape = given.mask.shape
    z_reach = given.step.reach(EVERY_STEP).z
    middle = slice(shape[0] // 2, shape[0] // 2 + 1), slice(0, shape[1]), slice(0, shape[2])
    wide = widened(middle, (PREVIEW_HALO if z_reach is None else z_reach, 0, 0), shape)
    mask, unjoined = given.mask[wide].copy(), given.unjoined[wide].copy()
    context = StepContext(EVERY_STEP, unjoined, workers, wide, shape, known=mask)
    given.step.apply(mask, context)
    return lambda: given.step.apply(mask, context)


def main() -> None:
    """Run the comparison."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="a data folder")
    parser.add_argument("--size", type=int, default=320)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--workers", type=int, default=min(2, os.cpu_count() or 1))
    arguments = parser.parse_args()
    workers, repeats = Workers(arguments.workers), arguments.repeats
    seconds = timed(warm_up_cleanup)[0]
    score = fragment_score(arguments.data, arguments.size, workers)
    mask = foreground(score, preset("first-place").probability)
    print(f"{len(STEPS)} steps warm after {seconds:.1f} s; mask of {mask.shape}")
    compare_hysteresis(score, repeats, workers)
    compare_closing(mask, min(3, repeats), workers)
    compare_small_objects(mask, repeats, workers)
    whole_chain(score, repeats, workers)
    each_step(score, repeats, workers)
    workers.close()


if __name__ == "__main__":
    main()
