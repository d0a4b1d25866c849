"""Draw how many tests there are of each room."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path

from matplotlib.figure import Figure
from png import save_figure

ROOT = Path(__file__).resolve().parents[1]
INCHES = (9.0, 5.2)
NESTED = len(("tests", "room"))
OF_ALL = "the whole"
"""Of what lies in no room's folder: contracts, manual, examples, manifest."""


def count_tests() -> Counter[str]:
    """Return how many tests each folder of `tests` has, slow ones included."""
    command = [
        sys.executable,
        "-m",
        "pytest",
        "--collect-only",
        "-q",
        "-n",
        "0",
        "-m",
        "slow or not slow",
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    names = [line.split("::")[0] for line in done.stdout.splitlines() if "::" in line]
    parts = [Path(name).parts for name in names]
    return Counter(part[1] if len(part) > NESTED else OF_ALL for part in parts)


def draw_tests(target: Path) -> None:
    """Draw the counts as bars."""
    counts = count_tests()
    rooms = [*sorted(counts, key=lambda room: counts[room])]
    figure = Figure(INCHES, layout="constrained")
    axes = figure.subplots()
    bars = axes.barh(rooms, [counts[room] for room in rooms], color="#009E73")
    axes.bar_label(bars, padding=4)
    axes.set(xlabel="Tests", title=f"{counts.total():,} tests, by the room that they test")
    axes.spines[["top", "right"]].set_visible(False)
    save_figure(figure, target)


if __name__ == "__main__":
    draw_tests(Path(sys.argv[1]).resolve())
