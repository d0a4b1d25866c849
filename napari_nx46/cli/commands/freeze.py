"""``nx46 freeze``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from napari_nx46.cli.flags.data import DataFlags
from napari_nx46.cli.flags.groups import with_flag_groups
from napari_nx46.cli.flags.knob_flags import KnobFlags
from napari_nx46.cli.flags.knobs import chosen_setting
from napari_nx46.cli.output.console import echo, guarded, interruptible, note


@guarded
@with_flag_groups
def freeze(
    data: DataFlags,
    knobs: KnobFlags,
    out: Annotated[
        Path, typer.Option("--out", metavar="FILE", help="The setting file to write (JSON).")
    ],
) -> None:
    """Turn a setting's quantiles into probabilities, for 'nx46 apply'.

    They are taken over all voxels of the data together: of a store, over the boxes that it was
    tuned on (--box, --boxes).
    """
    setting = chosen_setting(knobs, os.environ, note)
    dataset = data.opened()

    from napari_nx46.files.atomic import write_beside
    from napari_nx46.scale.beside import frozen_quantiles
    from napari_nx46.voxels.workers import Workers

    workers = Workers(os.cpu_count() or 1)
    try:
        with interruptible() as cancelled:
            result = frozen_quantiles(dataset, setting, workers, None, cancelled)
    finally:
        workers.close()
    with write_beside(out) as partial:
        partial.write_text(result.to_json(), "utf-8")
    low = f" and {result.low_probability:.9g}" if result.is_pair else ""
    echo(f"wrote {out}: probability {result.probability:.9g}{low}")
