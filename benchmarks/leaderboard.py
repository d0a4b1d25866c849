"""Times the leaderboard score on pairs of real masks, beside a prototype where there is one.

    python benchmarks/leaderboard.py [--golden FOLDER] [--prototype FILE] [--workers 2]

For each pair: value, counts and seconds of the whole score and of its parts, warm, the best of
several repeats; peak memory beyond that of the program with only numba imported, from a process of
its own (Linux); and CPU time and memory of the score with the list of its errors, as multiples of
the score alone. With a prototype of the topology, a file with ``topo_counts(prediction, label,
threads)``, both are timed alternately in the same run: the ratio holds on a shared machine, the
seconds do not.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from baseline import keep_ratio

from napari_nx46 import leaderboard
from napari_nx46.leaderboard.topology import match_counts, topo_score
from napari_nx46.voxels.blocks import octants_of

SHARED = Path(__file__).resolve().parents[2] / "shared"
Masks = tuple[np.ndarray, np.ndarray]
CountTable = list[list[int]]


@dataclass(frozen=True)
class Row:
    """What is reported of one pair: seconds, MB, and what was computed."""

    name: str
    value: float
    counts: CountTable
    seconds: float
    topology: float
    surface_dice: float
    voi: float
    prototype: float | None
    memory: float
    explain: float
    explain_ratio: float
    explain_memory: float
    errors: int


def main() -> int:
    """Measure all pairs and print them; 1 if a result is not that of the golden table."""
    arguments = parse()
    if arguments.memory_of is not None:
        compute = leaderboard.explain if arguments.errors else leaderboard.score
        print(peak_memory(arguments.memory_of, arguments.workers, compute))
        return 0
    files = sorted(arguments.golden.glob("real_*.npz"))
    if not files:
        print(f"no pairs real_*.npz in {arguments.golden}: nothing to measure")
        return 0
    golden = json.loads((arguments.golden / "golden.json").read_text())
    leaderboard.warm_up()
    prototype = load_prototype(arguments.prototype)
    rows = [measure(file, prototype, arguments) for file in files]
    print_table(rows)
    wrong = [row.name for row in rows if not agrees(row, golden[row.name])]
    for name in wrong:
        print(f"NOT the golden result: {name}")
    return 1 if wrong else 0


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--golden", type=Path, default=SHARED / "golden")
    parser.add_argument(
        "--prototype", type=Path, default=SHARED / "reference" / "topology_prototype.py"
    )
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--memory-of", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--errors", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


def measure(
    file: Path,
    prototype: Callable[[np.ndarray, np.ndarray, int], np.ndarray] | None,
    arguments: argparse.Namespace,
) -> Row:
    pair = load(file)
    masks = leaderboard.binarise(*pair)
    prediction, label = masks.prediction, masks.label
    workers = arguments.workers
    result = leaderboard.score(*pair, workers=workers)
    if prototype is not None:
        prototype(prediction, label, workers)  # compiles
    sides: dict[str, Callable[[], object]] = {
        "seconds": lambda: leaderboard.score(*pair, workers=workers),
        "explain": lambda: leaderboard.explain(*pair, workers=workers),
        "topology": lambda: topology(prediction, label, workers),
        "surface_dice": lambda: leaderboard.surface_dice(prediction, label),
        "voi": lambda: leaderboard.variation_of_information(prediction, label),
    }
    if prototype is not None:
        sides["prototype"] = lambda: prototype(prediction, label, workers)
    best, cpu = dict.fromkeys(sides, float("inf")), dict.fromkeys(sides, float("inf"))
    for _ in range(arguments.repeats):
        for side, compute in sides.items():
            seconds, cpu_seconds = seconds_of(compute)
            best[side], cpu[side] = min(best[side], seconds), min(cpu[side], cpu_seconds)
    return Row(
        name=file.stem,
        value=result.value,
        counts=[
            [d.counts.matched, d.counts.predicted, d.counts.true] for d in result.topo.dimensions
        ],
        seconds=best["seconds"],
        topology=best["topology"],
        surface_dice=best["surface_dice"],
        voi=best["voi"],
        prototype=best.get("prototype"),
        memory=memory_in_own_process(file, workers),
        explain=best["explain"],
        explain_ratio=cpu["explain"] / cpu["seconds"],
        explain_memory=memory_in_own_process(file, workers, "--errors"),
        errors=len(leaderboard.explain(*pair, workers=workers).items),
    )


def topology(prediction: np.ndarray, label: np.ndarray, workers: int) -> float:
    octants = octants_of(prediction.shape)
    with ThreadPoolExecutor(workers) as pool:
        counts = pool.map(lambda octant: match_counts(prediction[octant], label[octant]), octants)
        return topo_score(counts).value


def load(file: Path) -> Masks:
    with np.load(file, allow_pickle=False) as pair:
        return pair["pred"], pair["gt"]


def load_prototype(
    file: Path,
) -> Callable[[np.ndarray, np.ndarray, int], np.ndarray] | None:
    spec = importlib.util.spec_from_file_location("topology_prototype", file)
    if not file.is_file() or spec is None or spec.loader is None:
        return None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module.topo_counts


def seconds_of(compute: Callable[[], object]) -> tuple[float, float]:
    """Return the seconds that passed, and those of CPU time in all threads."""
    start, cpu_start = time.perf_counter(), time.process_time()
    compute()
    return time.perf_counter() - start, time.process_time() - cpu_start


def memory_in_own_process(file: Path, workers: int, *flags: str) -> float:
    command = [sys.executable, __file__, "--memory-of", str(file), "--workers", str(workers)]
    done = subprocess.run([*command, *flags], check=True, capture_output=True, text=True)
    return float(done.stdout)


def peak_memory(file: Path, workers: int, compute: Callable[..., object]) -> float:
    """Return the MB by which pair, compiled kernels and result raise the peak of the process."""
    importlib.import_module("numba")
    before = peak_of_this_process()
    leaderboard.warm_up()
    compute(*load(file), workers=workers)
    return peak_of_this_process() - before


def peak_of_this_process() -> float:
    """Return the peak of the resident memory in MB.

    Not `resource.getrusage`: a process inherits that peak from the one that started it.
    """
    status = Path("/proc/self/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) / 1024


def agrees(row: Row, expected: dict) -> bool:
    counts = [[expected["counts"][f"dim{k}"][key] for key in "mpg"] for k in range(3)]
    return row.counts == counts and abs(row.value - expected["score"]) <= 1e-9


def print_table(rows: list[Row]) -> None:
    heads = ["all parts s", "topology s", "SurfaceDice s", "VOI s", "prototype s", "ratio", "MB"]
    print(f"{'pair':<28}{'value':>20}" + "".join(f"{head:>15}" for head in heads))
    for row in rows:
        figures = [row.seconds, row.topology, row.surface_dice, row.voi]
        cells = [f"{figure:.2f}" for figure in figures]
        cells += ["-", "-"]
        if row.prototype is not None:
            keep_ratio(f"topology of {row.name}, x prototype", row.topology / row.prototype)
            cells[-2:] = [f"{row.prototype:.2f}", f"{row.topology / row.prototype:.3f}"]
        cells.append(f"{row.memory:.0f}")
        print(f"{row.name:<28}{row.value:>20.15f}" + "".join(f"{cell:>15}" for cell in cells))
        print(f"    (matched, predicted, true) of dimensions 0, 1, 2: {row.counts}")
        memory = row.explain_memory / row.memory
        keep_ratio(f"CPU time of the errors of {row.name}, x score", row.explain_ratio)
        keep_ratio(f"memory of the errors of {row.name}, x score", memory)
        print(
            f"    with {row.errors} errors: {row.explain:.2f} s, CPU {row.explain_ratio:.2f} x; "
            f"{row.explain_memory:.0f} MB, {memory:.2f} x"
        )
    print("ratio: topology / prototype, both with the same threads in this run")


if __name__ == "__main__":
    sys.exit(main())
