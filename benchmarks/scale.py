"""Times `nx46 apply` beside its floors and a plain Dask pass over the same stores, in one run.

    python benchmarks/scale.py --voxels 1 --steps linear     (1 and 8 Gvoxel)
    python benchmarks/scale.py [--voxels 0.13] [--threads 2] [--stores DIR] [--steps all]

With a folder, its stores p3d.zarr and p2d.zarr (level 0 of OME-Zarr images, uint8) are read, as
large as they are; without one, stores of so many Gvoxel are written from a mirrored sample. Every
program runs in a process of its own; CPU seconds are those of all its threads after everything is
imported and compiled, and the memory that of the process and those below it. `--steps` chooses:
threshold, pyramid, clean, exact, run, linear, sparse, memory, or all. Prints ratios, which hold on
a shared machine; the seconds beside them do not.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from baseline import keep_ratio

from napari_nx46.setting import Setting, ThresholdRule

HIGH, LOW = 0.6, 0.4
ONE = Setting(rule=ThresholdRule.PROBABILITY, probability=HIGH, z_radius=0)
TWO = ONE.changed(z_radius=2)
CLEAN = ONE.changed(
    hysteresis=True, low_probability=LOW, closing_z=1, closing_xy=2, smallest_object=200
)
EXACT = CLEAN.changed(
    opening=True,
    closing_ball=1,
    plug_tunnels=True,
    fill_cavities=True,
    stabilise_radius=1,
    border=2,
)
CHUNK, TILE = 128, 256
SETTINGS = {"one": ONE, "two": TWO, "clean": CLEAN, "exact": EXACT}
STEPS = ("threshold", "pyramid", "clean", "exact", "run", "linear", "sparse", "memory")

ALONE = {"linear", "sparse"}
"""Steps that write stores of their own, and remove them: one of 8 Gvoxel takes 2.5 GB."""


@dataclass(frozen=True)
class Cost:
    """What a program took: CPU and wall seconds, bytes of memory at most, and voxels."""

    cpu: float
    wall: float
    memory: int
    voxels: int

    @property
    def per_gvoxel(self) -> float:
        """CPU seconds for 1024^3 voxels."""
        return self.cpu / (self.voxels / 1024**3)


# ---- stores ------------------------------------------------------------------------------------


def create(path: Path, shape: tuple[int, ...]) -> Any:
    """Return a new array of level 0, as published predictions are stored."""
    import zarr
    from numcodecs import Blosc

    group = zarr.open_group(str(path), mode="w", zarr_format=2)
    axes = [{"name": name, "type": "space", "unit": "micrometer"} for name in "zyx"]
    datasets = [{"path": "0", "coordinateTransformations": [{"type": "scale", "scale": [1.0] * 3}]}]
    group.attrs["multiscales"] = [{"version": "0.4", "axes": axes, "datasets": datasets}]
    return zarr.create_array(
        store=str(path / "0"), shape=shape, chunks=(CHUNK,) * 3, dtype="uint8", zarr_format=2,
        compressors=Blosc("zstd", 1, Blosc.SHUFFLE), fill_value=0,
        config={"write_empty_chunks": False},
        chunk_key_encoding={"name": "v2", "separator": "/"},
    )  # fmt: skip


def write_stores(
    folder: Path, gvoxels: float, empty: float = 0.0, names: Sequence[str] = ("p3d", "p2d")
) -> None:
    """Write p3d.zarr and p2d.zarr of a sample that is mirrored until it fills the volume.

    Of a store that is partly empty the columns of chunks farthest from the axis are left out.
    """
    from napari_nx46.data.synthetic import SAMPLES, make_sample

    side = max(1, round((gvoxels * 2**30) ** (1 / 3) / CHUNK)) * CHUNK
    depth = max(1, round(gvoxels * 2**30 / side**2 / CHUNK)) * CHUNK
    sample = make_sample(SAMPLES[0])
    for name in names:
        source = np.asarray(getattr(sample, name))
        voxels = source if source.dtype == np.uint8 else np.rint(source * 255).astype(np.uint8)
        block = voxels
        for axis in range(3):
            while block.shape[axis] < CHUNK:
                block = np.concatenate([block, np.flip(block, axis)], axis)
        array = create(folder / f"{name}.zarr", (depth, side, side))
        chance = np.random.default_rng(46)
        kept = columns(side, empty)
        for z, y, x in product(*(range(0, n, CHUNK) for n in array.shape)):
            if (y, x) in kept:
                roll = [int(n) for n in chance.integers(0, CHUNK, 3)]
                part = np.roll(block, roll, (0, 1, 2))[:CHUNK, :CHUNK, :CHUNK]
                array[z : z + CHUNK, y : y + CHUNK, x : x + CHUNK] = part


def columns(side: int, empty: float) -> set[tuple[int, int]]:
    """Return where along y and x there are chunks: nearest to the axis."""
    middle = (side - CHUNK) / 2
    places = list(product(range(0, side, CHUNK), repeat=2))
    places.sort(key=lambda place: (np.hypot(place[0] - middle, place[1] - middle), place))
    return set(places[: max(1, round((1 - empty) * len(places)))])


def boxes(shape: tuple[int, ...]) -> list[tuple[slice, ...]]:
    """Return the tiles of a volume."""
    starts = product(*(range(0, length, TILE) for length in shape))
    return [
        tuple(slice(a, min(a + TILE, n)) for a, n in zip(start, shape, strict=True))
        for start in starts
    ]


# ---- the programs, each in a process of its own ------------------------------------------------


def floor(stores: list[Path], out: Path, threads: int) -> None:
    """Read the sources and write a mask, tile by tile, and do nothing else that is not needed."""
    import zarr

    sources = [zarr.open_array(str(store / "0"), mode="r") for store in stores]
    target = create(out, sources[0].shape)

    def work(box: tuple[slice, ...]) -> None:
        parts = [source[box] for source in sources]
        target[box] = (parts[0] >= round(HIGH * 255)) * np.uint8(255)

    with ThreadPoolExecutor(threads) as pool:
        for _ in pool.map(work, boxes(sources[0].shape)):
            pass


def dask_pass(stores: list[Path], out: Path, threads: int) -> None:
    """Smooth along z, blend and threshold two sources in the plain way of Dask."""
    import dask
    import dask.array as da
    from scipy.ndimage import uniform_filter1d

    p3d, p2d = (
        da.from_zarr(str(store / "0")).astype(np.float32) / np.float32(255) for store in stores
    )
    smooth = p3d.map_overlap(
        uniform_filter1d, depth=(2, 0, 0), boundary="nearest", size=5, axis=0, dtype=np.float32
    )
    mask = ((0.72 * smooth + 0.28 * p2d) >= HIGH).astype(np.uint8) * np.uint8(255)
    target = create(out, p3d.shape)
    with dask.config.set(scheduler="threads", num_workers=threads):
        da.store(mask, target, lock=False)


def apply_setting(name: str, levels: int, processes: bool) -> Callable[..., None]:
    """Return the program that applies a setting."""

    def run(stores: list[Path], out: Path, threads: int) -> None:
        from napari_nx46.campaign.execute.cluster import ClusterChoice
        from napari_nx46.scale import OutputOptions, RunOptions, apply, plan_apply
        from napari_nx46.scale.plan.sources import StoreAddress, StoreSources

        addresses = [StoreAddress.of(store) for store in stores]
        sources = StoreSources(p3d=addresses[0], p2d=addresses[1] if addresses[1:] else None)
        output = OutputOptions(levels=levels)
        plan = plan_apply(sources, SETTINGS[name], out, tile=TILE, output=output)
        choice = ClusterChoice(workers=threads) if processes else ClusterChoice(threads=threads)
        *_, last = apply(plan, options=RunOptions(choice))
        assert last.state == "done", last

    return run


def run_fragment(name: str) -> Callable[..., None]:
    """Return the program that makes a fragment's mask with `nx46 run`, with figures and TIFF."""

    def run(stores: list[Path], out: Path, threads: int) -> None:
        from napari_nx46.cli.app import app

        file = out.with_suffix(".json")
        file.write_text(SETTINGS[name].changed(z_radius=2).to_json())
        # Little memory, so that volumes of any size are streamed.
        flags = ["--setting", file, "--out", out, "--workers", threads, "--memory", 0.1]
        app([str(part) for part in ("run", *stores, *flags)], standalone_mode=False)

    return run


PROGRAMS: dict[str, Callable[[list[Path], Path, int], None]] = {
    "floor": floor,
    "dask": dask_pass,
    **{f"run-{name}": run_fragment(name) for name in ("two", "clean")},
    **{
        f"{name}-{levels}-{kind}": apply_setting(name, levels, kind == "processes")
        for name in SETTINGS
        for levels in (1, 6)
        for kind in ("threads", "processes")
    },
}


def child(name: str, stores: list[Path], out: Path, threads: int) -> None:
    """Run a program after one small run that loads everything; print what it took."""
    import numcodecs

    numcodecs.blosc.use_threads = False
    with tempfile.TemporaryDirectory() as folder:
        small = []
        for number, _ in enumerate(stores):
            array = create(Path(folder) / f"{number}.zarr", (TILE + 32, 32, 32))
            array[...] = np.random.default_rng(number).integers(1, 255, array.shape)
            small.append(Path(folder) / f"{number}.zarr")
        PROGRAMS[name](small, Path(folder) / "out.zarr", threads)
    before, began = cpu_seconds(), time.perf_counter()
    PROGRAMS[name](stores, out, threads)
    print(json.dumps([cpu_seconds() - before, time.perf_counter() - began]))


def cpu_seconds() -> float:
    """Return what this process has taken, and those below it that have ended."""
    whose = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return sum(one.ru_utime + one.ru_stime for one in map(resource.getrusage, whose))


def measured(name: str, stores: list[Path], threads: int) -> Cost:
    """Run a program in a process of its own."""
    import zarr

    shape = zarr.open_array(str(stores[0] / "0"), mode="r").shape
    with tempfile.TemporaryDirectory(dir=stores[0].parent) as folder:
        out = Path(folder) / "out.zarr"
        command = [sys.executable, __file__, "--child", name, "--out", str(out)]
        command += ["--threads", str(threads), *map(str, stores)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            peak = Peak(process.pid)
            text, _ = process.communicate()
            memory = peak.stop()
        if process.returncode:
            raise SystemExit(f"{name} failed")
        cpu, wall = json.loads(text.splitlines()[-1])
    return Cost(cpu, wall, memory, int(np.prod(shape)))


class Peak:
    """Watches how much memory a process and those below it take together."""

    def __init__(self, pid: int) -> None:
        self._process = psutil.Process(pid)
        self._ended = threading.Event()
        self._most = 0
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()

    def stop(self) -> int:
        """Return the most bytes that were taken."""
        self._ended.set()
        self._thread.join()
        return self._most

    def _watch(self) -> None:
        while not self._ended.wait(0.2):
            try:
                tree = [self._process, *self._process.children(recursive=True)]
                self._most = max(self._most, sum(_pss(one) for one in tree))
            except psutil.Error:
                continue


def _pss(process: psutil.Process) -> int:
    """Return the memory of a process, what it shares with others divided among them."""
    try:
        return int(process.memory_full_info().pss)
    except (psutil.Error, AttributeError):
        return 0


# ---- what is compared --------------------------------------------------------------------------


def show(words: str, cost: Cost) -> None:
    print(
        f"  {words:44} {cost.per_gvoxel:7.1f} CPU s/Gvoxel  {cost.wall:6.1f} s  "
        f"{cost.memory / 2**30:5.2f} GiB"
    )


def ratio(name: str, value: float, goal: str, *, higher_is_better: bool = False) -> None:
    print(f"    {name}: {value:.2f} (goal {goal})")
    keep_ratio(name, value, higher_is_better=higher_is_better)


def compare(folder: Path, threads: int, steps: set[str]) -> None:
    """Print floors, the plain Dask pass, and what settings take beside them."""
    one, two = [folder / "p3d.zarr"], [folder / "p3d.zarr", folder / "p2d.zarr"]
    base = measured("floor", one, threads)
    show("floor: one source in, mask out", base)
    if "threshold" in steps:
        cost = measured("one-1-threads", one, threads)
        show("threshold", cost)
        ratio("threshold against its floor", cost.cpu / base.cpu, "1.6")
        base_two, peer = measured("floor", two, threads), measured("dask", two, threads)
        show("floor: two sources in, mask out", base_two)
        show("plain Dask pass: smooth, blend, threshold", peer)
        cost = measured("two-1-threads", two, threads)
        show("smooth, blend, threshold", cost)
        ratio("two sources against their floor", cost.cpu / base_two.cpu, "-")
        ratio("two sources against the Dask pass", cost.cpu / peer.cpu, "below 1")
    if "pyramid" in steps:
        flat, cost = (
            measured("one-1-threads", one, threads),
            measured("one-6-threads", one, threads),
        )
        show("threshold and pyramid", cost)
        ratio("what the pyramid adds to the floor", (cost.cpu - flat.cpu) / base.cpu, "0.4")
    if "clean" in steps:
        cost = measured("clean-1-threads", one, threads)
        show("hysteresis, closing, small objects", cost)
        ratio("clean-up against its floor", cost.cpu / base.cpu, "4")
    if "exact" in steps:
        cost = measured("exact-1-threads", one, threads)
        show("all exact steps but the gap", cost)
        ratio("all exact steps against the floor", cost.cpu / base.cpu, "6")
    if "run" in steps:
        peer = measured("dask", two, threads)
        show("plain Dask pass: smooth, blend, threshold", peer)
        for name, words in (("two", "threshold"), ("clean", "hysteresis, closing, objects")):
            cost = measured(f"run-{name}", two, threads)
            show(f"nx46 run: {words}, TIFF, figures", cost)
            ratio(f"nx46 run ({words}) against the Dask pass", cost.cpu / peer.cpu, "-")
        ratio("memory of nx46 run with clean-up, in 2 GiB", cost.memory / 2**31, "1")
    if "memory" in steps:
        for workers in (1, 2):
            cost = measured("clean-6-processes", one, workers)
            show(f"clean-up and pyramid, {workers} processes", cost)
            if workers == 1:
                alone = cost.wall
        gain = alone / cost.wall
        ratio("two processes against one, wall", gain, "1.7", higher_is_better=True)
        ratio("memory of two processes, in 2 GiB", cost.memory / 2**31, "1")


def scaling(folder: Path, gvoxels: float, threads: int, steps: set[str]) -> None:
    """Print whether time is in proportion to what there is."""
    if "linear" in steps:
        costs = []
        for number, size in enumerate((gvoxels, 8 * gvoxels)):
            stores = folder / f"linear{number}"
            stores.mkdir()
            write_stores(stores, size, names=("p3d",))
            costs.append(measured("clean-6-threads", [stores / "p3d.zarr"], threads))
            show(f"clean-up and pyramid, {costs[-1].voxels / 2**30:.2f} Gvoxel", costs[-1])
            shutil.rmtree(stores)
        ratio("eight times as large, per voxel", costs[1].per_gvoxel / costs[0].per_gvoxel, "1.1")
    if "sparse" in steps:
        costs = []
        for empty in (0.0, 0.9):
            stores = folder / f"sparse{empty}"
            stores.mkdir()
            write_stores(stores, 4 * gvoxels, empty, ("p3d",))
            costs.append(measured("clean-6-threads", [stores / "p3d.zarr"], threads))
            show(f"clean-up and pyramid, {100 * empty:.0f} % empty", costs[-1])
            shutil.rmtree(stores)
        ratio("a store that is nine tenths empty", costs[1].cpu / costs[0].cpu, "0.15")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--voxels", type=float, default=0.13, help="Gvoxel of the stores")
    parser.add_argument("--threads", type=int, default=min(2, os.cpu_count() or 1))
    parser.add_argument("--stores", type=Path, help="folder with p3d.zarr and p2d.zarr")
    parser.add_argument("--steps", default="all", help=f"of {', '.join(STEPS)}")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("volumes", nargs="*", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        child(given.child, given.volumes, given.out, given.threads)
        return
    steps = set(STEPS) if given.steps == "all" else set(given.steps.split(","))
    with tempfile.TemporaryDirectory() as folder:
        stores = given.stores or Path(folder)
        if steps - ALONE:
            if given.stores is None:
                write_stores(stores, given.voxels)
            compare(stores, given.threads, steps)
        scaling(Path(folder), given.voxels, given.threads, steps)


if __name__ == "__main__":
    main()
