"""Runs the benchmarks and compares their ratios with those that are stored.

    python benchmarks/baseline.py [core cleanup ...] [--share 0.25] [--store]

Each script adds its ratios by `keep_ratio`; they are compared with `baseline.json` beside this
file. What got worse by more than the share, and what is missing, is listed, and the exit status is
1. With --store the new ratios are stored as the baseline instead. Ratios of two times in the same
run hold on a shared machine, within some ten percent.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
BASELINE = FOLDER / "baseline.json"
SCRIPTS = (
    *("core", "cleanup", "stores", "tiles", "scale", "leaderboard", "errors", "campaign"),
    *("suggest", "live", "flip", "stepping", "brush", "three_d", "first_picture"),
)
RATIOS_FILE = "NX46_RATIOS"
"""The environment variable that names the file to which scripts add their ratios."""


@dataclass(frozen=True)
class Ratio:
    """One ratio, and whether a higher one is better."""

    value: float
    higher_is_better: bool = False

    def loss_since(self, before: Ratio) -> float:
        """Return the share by which this is worse than `before`; negative if it is better."""
        if self.higher_is_better:
            return before.value / self.value - 1
        return self.value / before.value - 1


Ratios = Mapping[str, Ratio]


def keep_ratio(name: str, value: float, *, higher_is_better: bool = False) -> None:
    """Add a ratio to the file of this run; without one, do nothing."""
    if RATIOS_FILE in os.environ:
        row = {"name": name, **asdict(Ratio(round(float(value), 4), higher_is_better))}
        with Path(os.environ[RATIOS_FILE]).open("a") as file:
            file.write(json.dumps(row) + "\n")


def ratios_of(rows: Iterable[dict[str, object]]) -> dict[str, Ratio]:
    """Return the ratios of rows by name.

    Raises
    ------
    ValueError
        If a name is given twice.
    """
    found: dict[str, Ratio] = {}
    for row in rows:
        values = dict(row)
        name = str(values.pop("name"))
        if name in found:
            raise ValueError(f"two ratios are called {name!r}; give each a name of its own")
        found[name] = Ratio(**values)
    return found


def run_script(name: str) -> dict[str, Ratio]:
    """Run a benchmark, which prints what it measures, and return its ratios."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "ratios.jsonl"
        file.touch()
        subprocess.run(
            [sys.executable, FOLDER / f"{name}.py"],
            check=True,
            env={**os.environ, RATIOS_FILE: str(file)},
        )
        return ratios_of(json.loads(line) for line in file.read_text().splitlines())


def losses(before: Ratios, now: Ratios, share: float) -> list[str]:
    """Return a line for each ratio that got worse by more than a share, or is missing."""
    lines = [f"{name}: not measured any more" for name in before if name not in now]
    for name, ratio in now.items():
        old = before.get(name)
        if old is not None and (loss := ratio.loss_since(old)) > share:
            lines.append(f"{name}: {old.value:g} -> {ratio.value:g}, {loss:.0%} worse")
    return lines


def read_baseline() -> dict[str, dict[str, Ratio]]:
    """Return the stored ratios by script."""
    stored = json.loads(BASELINE.read_text()) if BASELINE.exists() else {}
    return {
        script: {name: Ratio(**ratio) for name, ratio in ratios.items()}
        for script, ratios in stored.items()
    }


def write_baseline(baseline: Mapping[str, Ratios]) -> None:
    """Store ratios by script, in the order of the scripts."""
    rows = {
        script: {name: asdict(ratio) for name, ratio in baseline[script].items()}
        for script in SCRIPTS
        if script in baseline
    }
    BASELINE.write_text(json.dumps(rows, indent=1) + "\n")


def main() -> int:
    """Run the scripts, then store or compare; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scripts", nargs="*", metavar="SCRIPT", help=f"of {', '.join(SCRIPTS)}")
    parser.add_argument("--share", type=float, default=0.25)
    parser.add_argument("--store", action="store_true")
    arguments = parser.parse_args()
    scripts = arguments.scripts or SCRIPTS
    if unknown := set(scripts) - set(SCRIPTS):
        parser.error(f"no benchmark is called {', '.join(sorted(unknown))}")
    baseline, lines = read_baseline(), []
    for script in scripts:
        print(f"== {script}", flush=True)
        now = run_script(script)
        lines += [
            f"{script}: {line}" for line in losses(baseline.get(script, {}), now, arguments.share)
        ]
        baseline[script] = now
    if arguments.store:
        write_baseline(baseline)
        print(f"stored in {BASELINE}")
        return 0
    print(f"\nagainst {BASELINE.name}: ", end="")
    print("\n".join([f"worse by more than {arguments.share:.0%}", *lines]) if lines else "no loss")
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())
