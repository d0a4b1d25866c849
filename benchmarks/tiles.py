"""Times masks by tiles against SciPy and cc3d on the same voxels, in CPU seconds of one run.

    python benchmarks/tiles.py [--shape 256 256 256] [--tile 128] [--repeats 3]

The volume is a sample that is mirrored until it fills the shape. Every mask is compared with the
plain chain in SciPy, voxel by voxel: with --shape 640 512 512 --tile 128, on half a dozen tiles
along each axis. Nothing is read or written: that is what `scale` times.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import cc3d
import numpy as np
from baseline import keep_ratio
from cleanup import plain_hysteresis, scipy_closing
from scipy import ndimage

from napari_nx46.core.cleanup.objects import LINKED
from napari_nx46.core.cleanup.sheets import keep_sheets_apart
from napari_nx46.core.score.fragment_score import FragmentScore
from napari_nx46.core.score.kernels import warm_up_cleanup
from napari_nx46.core.threshold.rules import find_threshold
from napari_nx46.data.synthetic import SAMPLES, make_sample
from napari_nx46.scale.tiles import TileWork
from napari_nx46.setting import Setting
from napari_nx46.voxels.blocks import FragmentVolumes, Mask, whole_block
from napari_nx46.voxels.grid import Grid
from napari_nx46.voxels.pieces import label_pieces
from napari_nx46.voxels.workers import never

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.scale.in_memory import mask_by_tiles

CHAIN = Setting(
    rule="probability",
    probability=0.6,
    low_probability=0.35,
    hysteresis=True,
    closing_z=3,
    closing_xy=2,
    fill_cavities=True,
    smallest_object=500,
    z_radius=0,
)
WHOLE = np.ones((3, 3, 3), bool)


def scored(volume: np.ndarray) -> tuple[FragmentScore, np.ndarray]:
    """Return what computes the scores of a volume, and all of them."""
    source = FragmentScore(FragmentVolumes(volume, volume), keep_score=False)
    return source, source.score(CHAIN, whole_block(volume.shape))


def tile_work(source: FragmentScore, setting: Setting, tile: int) -> TileWork:
    """Return what computes the tiles of a volume."""
    threshold = find_threshold(source, setting, (), never)
    return TileWork(setting, threshold, Grid(source.shape, (tile,) * 3))


@contextmanager
def cpu_seconds(times: list[float]) -> Iterator[None]:
    """Add the CPU seconds of all threads to a list."""
    start = time.process_time()
    yield
    times.append(time.process_time() - start)


def mirrored(shape: tuple[int, int, int]) -> np.ndarray:
    """Return a sample's probabilities, mirrored until they fill a shape."""
    sample = make_sample(SAMPLES[1]).p3d
    margins = [(0, max(0, size - length)) for size, length in zip(shape, sample.shape, strict=True)]
    z, y, x = shape
    return np.ascontiguousarray(np.pad(sample, margins, "symmetric")[:z, :y, :x])


def foreground(score: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return where scores are at least the low, and the high, probability of the chain."""
    exact = score.astype(np.float64)
    return exact >= CHAIN.low_probability, exact >= CHAIN.probability


def plain_mask(score: np.ndarray) -> Mask:
    """Return the mask of the chain, step by step in SciPy."""
    low, high = foreground(score)
    labels, count = ndimage.label(low, WHOLE)
    kept = np.zeros(count + 1, bool)
    kept[labels[high]] = True
    kept[0] = False
    closed = scipy_closing(kept[labels].astype(np.uint8), margin=True)
    filled = ndimage.binary_fill_holes(closed)
    labels, _ = ndimage.label(filled, WHOLE)
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    return (sizes >= CHAIN.smallest_object)[labels].astype(np.uint8)


def compared(ours: Callable[[], object], plain: Callable[[], object], repeats: int) -> list[float]:
    """Return the median CPU seconds of both, taking turns."""
    times: list[list[float]] = [[], []]
    for _ in range(repeats):
        for taken, work in zip(times, (ours, plain), strict=True):
            with cpu_seconds(taken):
                work()
    return [statistics.median(taken) for taken in times]


def report(name: str, seconds: list[float], voxels: int, plain: str) -> None:
    """Print the speed of both, and keep their ratio."""
    ours, other = (voxels / 1e6 / second for second in seconds)
    print(f"{name:34s} {ours:7.0f} Mvoxel per CPU s; {plain} {other:6.0f}")
    keep_ratio(f"{name}, x {plain}", seconds[0] / seconds[1])


def labelling(volume: np.ndarray, repeats: int) -> None:
    """Time the pieces of one tile against cc3d's hysteresis on the same voxels."""
    low, high = (mask.astype(np.uint8) for mask in foreground(volume))
    shape = tuple(3 * length for length in low.shape)
    block = tuple(slice(length, 2 * length) for length in low.shape)
    seconds = compared(
        lambda: label_pieces(low, LINKED, block, shape, marks=high),
        lambda: plain_hysteresis(low, high),
        repeats,
    )
    report("pieces for hysteresis", seconds, low.size, "cc3d")
    labels = compared(
        lambda: label_pieces(low, LINKED, block, shape, marks=high),
        lambda: cc3d.connected_components(low, connectivity=26),
        repeats,
    )
    report("pieces for hysteresis", labels, low.size, "cc3d's labels alone")


def chain(volume: np.ndarray, tile: int, repeats: int) -> None:
    """Time the whole chain by tiles against SciPy's on the whole volume; raise if they differ."""
    source, score = scored(volume)
    work = tile_work(source, CHAIN, tile)
    found: dict[str, Mask] = {}

    def by_tiles() -> None:
        found["tiles"] = mask_by_tiles(work, lambda block: source.score(CHAIN, block))

    def plain() -> None:
        found["plain"] = plain_mask(score)

    by_tiles()
    seconds = compared(by_tiles, plain, repeats)
    if not np.array_equal(found["tiles"], found["plain"]):
        raise SystemExit("the mask by tiles differs from the plain one")
    report(f"the chain in {len(work.grid)} tiles", seconds, volume.size, "SciPy")


def sheets(volume: np.ndarray, tile: int, repeats: int) -> None:
    """Time all that keeping sheets apart adds by tiles against the same on the whole."""
    source, score = scored(volume)
    setting = CHAIN.changed(sheet_gap=1)
    works = [tile_work(source, one, tile) for one in (setting, CHAIN)]
    unjoined = plain_hysteresis(*(mask.astype(np.uint8) for mask in foreground(score)))
    joined = plain_mask(score)
    times: list[list[float]] = [[], [], []]
    for _ in range(repeats):
        for work, taken in zip(works, times, strict=False):
            with cpu_seconds(taken):
                mask = mask_by_tiles(work, lambda block: source.score(setting, block))
            if work is works[0]:
                parted = mask
        with cpu_seconds(times[2]):
            whole = keep_sheets_apart(joined, unjoined, 1, CHAIN.smallest_object)
        if not np.array_equal(parted, whole):
            raise SystemExit("the sheets parted by tiles differ from those of the whole")
    with_gap, without, alone = (statistics.median(taken) for taken in times)
    report("sheets kept apart", [with_gap - without, alone], volume.size, "the whole at once")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shape", type=int, nargs=3, default=(256, 256, 256))
    parser.add_argument("--tile", type=int, default=128)
    parser.add_argument("--repeats", type=int, default=3)
    given = parser.parse_args()
    warm_up_cleanup()
    volume = mirrored(tuple(given.shape))
    labelling(volume, given.repeats)
    chain(volume, given.tile, given.repeats)
    sheets(volume, given.tile, given.repeats)


if __name__ == "__main__":
    main()
