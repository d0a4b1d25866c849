"""``nx46 kit``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from napari_nx46.cli.flags.groups import with_flag_groups
from napari_nx46.cli.flags.knob_flags import KnobFlags
from napari_nx46.cli.flags.knobs import chosen_setting
from napari_nx46.cli.output.console import ExitCode, echo, fail, guarded, note


@guarded
@with_flag_groups
def kit(
    folder: Annotated[
        Path, typer.Argument(metavar="OUT_DIR", help="Folder to write; new or empty.")
    ],
    knobs: KnobFlags,
    python: Annotated[
        str,
        typer.Option(
            "--python", metavar="X.Y", help="Version of the interpreter that will install it."
        ),
    ] = "3.12",
) -> None:
    """Write a folder that makes the submission where there is no network.

    It has wheels for Linux on x86-64, the setting, and submit.py, also as a notebook of one cell,
    which turns a folder of probability volumes into submission.zip.
    """
    from napari_nx46.run.kit.kit import LIMIT_SECONDS, KitError, write_kit

    setting = chosen_setting(knobs, os.environ, note)
    try:
        made = write_kit(folder, setting, python)
    except KitError as error:
        fail(f"error: {error}", ExitCode.BAD_INPUT)
    echo(f"wrote {folder}: {len(made.wheels)} wheels, {made.bytes / 1e6:.0f} MB")
    hours = LIMIT_SECONDS // 3600
    echo(
        f"a volume of 320 x 320 x 320 takes {made.volume_seconds:.1f} s here, compiling once "
        f"{made.compile_seconds:.0f} s: {made.most_volumes} volumes in {hours} hours"
    )
