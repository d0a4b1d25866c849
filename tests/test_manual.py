"""Commands and Python of the manual run as they stand there, page by page, on the samples."""

from __future__ import annotations

import os
import re
import shlex
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from napari_nx46.cli.app import app
from tests.command import gives_knobs

DOCS = Path(__file__).parents[1] / "docs"
BLOCK = re.compile(r"^```(sh|python)\n(?!--8<--)(.*?)^```$", flags=re.MULTILINE | re.DOTALL)
"""What is included from a script is run with the examples."""

NOT_RUN = ("nx46 tune", "nx46 warm-up", "nx46 kit", "make ", "pip install", "python", ". env")
"""What opens a window, compiles, needs a network, or is run by other tests."""
FAILS = "exits with 1"
IN_A_WINDOW = re.compile(r"\bviewer")


def blocks_of(page):
    return BLOCK.findall(page.read_text(encoding="utf-8"))


def commands_in(block):
    lines = block.replace("\\\n", " ").splitlines()
    return [line for line in lines if line and not line.startswith((*NOT_RUN, "#"))]


RUN_PAGES = [page for page in sorted(DOCS.glob("*.md")) if blocks_of(page)]


@pytest.mark.parametrize("page", RUN_PAGES, ids=lambda page: page.stem)
def test_a_page_runs_as_it_stands(page, sample_folder, tmp_path, monkeypatch):
    shutil.copytree(sample_folder, tmp_path / "sample")
    monkeypatch.chdir(tmp_path)
    environment = dict.fromkeys(filter(gives_knobs, os.environ)) | {
        "NX46_PRESETS_DIR": str(tmp_path / "presets"),
        "NX46_WORKSPACES_DIR": str(tmp_path / "workspaces"),
    }
    names = {}
    for kind, block in blocks_of(page):
        if kind == "python":
            if not IN_A_WINDOW.search(block):
                exec(compile(block, page.name, "exec"), names)
            continue
        for line in commands_in(block):
            command, *arguments = shlex.split(line, comments=True)
            assert command == "nx46", line
            done = CliRunner().invoke(app, arguments, env=environment)
            expected = 1 if line.endswith(FAILS) else 0
            assert done.exit_code == expected, (line, done.output, done.exception)


def test_the_first_page_leaves_a_submission():
    lines = [line for _, block in blocks_of(DOCS / "index.md") for line in commands_in(block)]
    assert any(line.startswith("nx46 export") for line in lines)
    assert len(lines) >= 4


def test_most_pages_are_run():
    assert {"index", "command-line", "python", "campaigns", "errors"} <= {
        page.stem for page in RUN_PAGES
    }
