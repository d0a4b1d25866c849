"""Running the command nx46 in tests."""

from __future__ import annotations

import os
import subprocess
import sys

from typer.testing import CliRunner

from napari_nx46.cli.app import app


def without_knobs(environment):
    """Return an environment without the variables of the command."""
    return {name: value for name, value in environment.items() if not name.startswith("NX46_")}


def nx46(*arguments, **environment):
    """Run the command in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "napari_nx46", *map(str, arguments)],
        env=without_knobs(os.environ) | environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def nx46_here(*arguments, **environment):
    """Run the command in this process, where nothing depends on its being another one."""
    emptied = dict.fromkeys(name for name in os.environ if name.startswith("NX46_"))
    return CliRunner().invoke(app, [str(part) for part in arguments], env=emptied | environment)
