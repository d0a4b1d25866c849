"""Install the wheel into a new environment, away from the checkout, and use what is in it.

python tools/try_wheel.py WHEEL

Commands run in a temporary folder, first with the base alone, then with the extra for campaigns.
What fails ends the program with its output.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

MOST_PACKAGES, MOST_MEGABYTES = 40, 620
"""That the base may bring, this one included; megabytes without bytecode."""

HERE = Path(__file__).resolve().parents[1]
BASE = (
    "sample data",
    "export data --quantile 0.9 --band none --out submission.zip",
    "validate submission.zip --images data/train_images",
    "export data --preset nx46-v7.5 --band none --out preset.zip",
    "compare submission.zip preset.zip --out comparison.html",
    "score submission.zip data/train_labels",
    "errors submission.zip data/train_labels --top 3",
)
CAMPAIGN = (
    "campaign matrices",
    "campaign run data --grid quantile=0.9,0.92 --band none --work work",
    "campaign report --work work --data data --out report",
)
WEIGH = """
import json
from importlib.metadata import distributions
print(json.dumps({one.name: sum(
    path.stat().st_size
    for path in map(one.locate_file, one.files or ())
    if path.suffix != ".pyc" and path.is_file()
) for one in distributions() if one.name not in ("pip", "setuptools")}))
"""
"""Print the bytes of each package, which is run in the new environment."""
HEAVY = 5e6
MADE = ("comparison.html", "report/report.html", "report/runs.csv")


def run(*command: str | Path, folder: Path, passes: bool = True) -> str:
    """Return what a command prints; end the program where it does not do as it should."""
    done = subprocess.run(
        [str(part) for part in command],
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", "HOME": str(folder), "PIP_DISABLE_PIP_VERSION_CHECK": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if (done.returncode == 0) != passes:
        sys.exit(f"{' '.join(map(str, command))}: exit code {done.returncode}\n{done.stdout}")
    return done.stdout


def try_wheel(wheel: Path, folder: Path) -> None:
    """Install a wheel into an environment in a folder, and run commands there."""
    venv.create(folder / "venv", with_pip=True)
    python, nx46 = (folder / "venv" / "bin" / name for name in ("python", "nx46"))

    def install(what: str) -> None:
        print(f"pip install {what}", flush=True)
        pins = ("--constraint", HERE / "constraints.txt")
        run(python, "-m", "pip", "install", "--quiet", *pins, what, folder=folder)

    def use(lines: tuple[str, ...]) -> None:
        for line in lines:
            print(f"nx46 {line}", flush=True)
            run(nx46, *line.split(), folder=folder)

    install(str(wheel))
    sizes: dict[str, int] = json.loads(run(python, "-c", WEIGH, folder=folder))
    megabytes = sum(sizes.values()) / 1e6
    print(f"{len(sizes)} packages, {megabytes:.0f} MB without bytecode", flush=True)
    for name, size in sorted(sizes.items(), key=lambda item: -item[1]):
        if size >= HEAVY:
            print(f"  {name} {size / 1e6:.1f} MB", flush=True)
    if len(sizes) > MOST_PACKAGES or megabytes > MOST_MEGABYTES:
        sys.exit(f"The base brings too much: {sorted(sizes)}")
    place = run(python, "-c", "import napari_nx46; print(napari_nx46.__file__)", folder=folder)
    if not Path(place.strip()).is_relative_to(folder.resolve()):
        sys.exit(f"{place.strip()} was imported; expected the one in {folder}")
    use(BASE)
    for line in ("tune data", CAMPAIGN[1]):
        refusal = run(nx46, *line.split(), folder=folder, passes=False)
        if "pip install" not in refusal:
            sys.exit(f"nx46 {line} does not name the extra that it needs:\n{refusal}")
    install(f"{wheel}[campaign]")
    use(CAMPAIGN)
    missing = [name for name in MADE if not (folder / name).is_file()]
    if missing:
        sys.exit(f"Not written: {', '.join(missing)}")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="nx46-wheel-") as work:
        try_wheel(Path(sys.argv[1]).resolve(), Path(work))
    print("The wheel has all that it needs.")
