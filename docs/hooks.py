"""What the manual's pages have from the program: commands, rooms, equations, and benchmarks."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

from latex2mathml.converter import convert
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

sys.path.append(str(Path(__file__).parent))
from rooms import draw_rooms

COMMANDS, ARCHITECTURE = "commands.md", "architecture.md"
PICTURE = "![The commands, as nx46 --help lists them](pictures/help.png)"
EQUATION = re.compile(r"^```math\n(.*?)^```$", flags=re.MULTILINE | re.DOTALL)
BENCHMARKS = "<!-- the stored ratios, script by script -->"
FOLDER = Path(__file__).resolve().parents[1] / "benchmarks"


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the page of the commands, as the program itself describes them."""
    command = [sys.executable, "-m", "typer", "napari_nx46.cli.app", "utils", "docs"]
    done = subprocess.run(
        [*command, "--name", "nx46", "--title", "Commands"],
        capture_output=True,
        text=True,
        check=True,
    )
    files.append(File.generated(config, COMMANDS, content=f"{done.stdout}\n{PICTURE}\n"))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Draw rooms, and equations as MathML, which needs no script, and put in the benchmarks."""
    drawn = EQUATION.sub(lambda found: f"<div>{convert(found[1], display='block')}</div>", markdown)
    if page.file.src_uri == ARCHITECTURE:
        drawn = draw_rooms(drawn)
    return drawn.replace(BENCHMARKS, stored_benchmarks())


def stored_benchmarks() -> str:
    """Return what each script measures, its command, and the ratios that are stored of it."""
    stored = json.loads((FOLDER / "baseline.json").read_text("utf-8"))
    parts = []
    for path in sorted(FOLDER.glob("*.py")):
        if path.stem == "baseline":
            continue
        module = ast.parse(path.read_text("utf-8"))
        title, usage, *_ = dedent(ast.get_docstring(module) or "").split("\n\n")
        rows = [
            f"| {name} | {row['value']:.3g} | {'higher' if row['higher_is_better'] else 'lower'} |"
            for name, row in stored.get(path.stem, {}).items()
        ]
        head = ["| ratio | stored | better |", "|---|---|---|"]
        table = "\n".join([*head, *rows]) if rows else "Nothing of it is stored."
        parts.append(f"### {path.stem}\n\n{title}\n\n```sh\n{usage.strip()}\n```\n\n{table}\n")
    return "\n".join(parts)
