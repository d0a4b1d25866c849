"""Pages of the manual that are made from the program: the commands and their options."""

from __future__ import annotations

import subprocess
import sys

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

COMMANDS = "commands.md"


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the page of the commands, as the program itself describes them."""
    command = [sys.executable, "-m", "typer", "napari_nx46.cli.app", "utils", "docs"]
    done = subprocess.run(
        [*command, "--name", "nx46", "--title", "Commands"],
        capture_output=True,
        text=True,
        check=True,
    )
    files.append(File.generated(config, COMMANDS, content=done.stdout))
    return files
