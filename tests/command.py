"""Running the command nx46 in tests."""

from __future__ import annotations

import os
import subprocess
import sys

from typer.testing import CliRunner

from napari_nx46.cli.app import app

KNOB_VARIABLES = ("NX46_", "NX47_")


def gives_knobs(name):
    """Return whether a variable is one of the command's, but for those that name folders."""
    return name.startswith(KNOB_VARIABLES) and not name.endswith("_DIR")


def without_knobs(environment):
    """Return an environment without the variables of the command."""
    return {name: value for name, value in environment.items() if not gives_knobs(name)}


def as_argument(value):
    """Return an argument as a process is given it; bytes need not be UTF-8."""
    return value if isinstance(value, bytes) else str(value)


def nx46(*arguments, **environment):
    """Run the command in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "napari_nx46", *map(as_argument, arguments)],
        env=without_knobs(os.environ) | environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def nx46_here(*arguments, **environment):
    """Run the command in this process, where nothing depends on its being another one."""
    emptied = dict.fromkeys(filter(gives_knobs, os.environ))
    return CliRunner().invoke(app, [str(part) for part in arguments], env=emptied | environment)
