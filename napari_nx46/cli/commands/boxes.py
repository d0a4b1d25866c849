"""``nx46 boxes``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from napari_nx46.cli.flags import options as flag
from napari_nx46.cli.output.console import echo, guarded

_MOST_COARSE = 2**28
"""Voxels of a level that is read as a whole."""


@guarded
def boxes(
    store: Annotated[str, typer.Argument(metavar="STORE", help="A Zarr store: a path or a URL.")],
    *,
    out: Annotated[
        Path, typer.Option("--out", metavar="FILE", help="File of the boxes, for --boxes.")
    ],
    count: Annotated[int, typer.Option("--count", metavar="N", min=1, max=1000, help="Boxes.")] = 6,
    side: Annotated[
        int, typer.Option("--side", metavar="N", min=8, max=4096, help="Voxels along each axis.")
    ] = 320,
    level: flag.Level = None,
    channel: flag.Channel = None,
    endpoint: flag.Endpoint = None,
    signed: flag.Signed = False,
    absent_on_403: flag.AbsentOn403 = False,
) -> None:
    """Choose boxes of a store to tune on: spread over z and radius, none empty."""
    from napari_nx46.data.fragments.boxes import BoxList
    from napari_nx46.data.fragments.choosing import choose_boxes
    from napari_nx46.files.stores.access import Access
    from napari_nx46.files.volumes.opening import Role, Volume, open_volume

    access = Access(endpoint, signed, absent_on_403)

    def opened(path: str | None) -> Volume:
        number = -1 if channel is None else channel
        return open_volume(store, role=Role.IMAGE, channel=number, level=path, access=access)

    volume = opened(level)
    coarsest = (
        None if volume.layout is None or not volume.layout.levels else volume.layout.levels[-1]
    )
    coarse = None if coarsest in (None, level) else opened(coarsest)
    if coarse is not None and coarse.size > _MOST_COARSE:
        coarse = None
    chosen = choose_boxes(volume, count, side, coarse)
    BoxList(store=store, level=level, shape=volume.shape, boxes=chosen).write(out)
    for box in chosen:
        echo(str(box))
