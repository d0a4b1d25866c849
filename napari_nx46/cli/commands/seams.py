"""``nx46 seams``."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated

import typer

from napari_nx46.cli.flags import options as flag
from napari_nx46.cli.output.console import echo, guarded, interruptible, print_table

_DEFAULT_CHUNK = 128


@guarded
def seams(
    mask: Annotated[str, typer.Argument(metavar="MASK", help="A mask: a Zarr store or a file.")],
    *,
    exact: Annotated[
        str | None,
        typer.Option(
            "--exact", metavar="STORE", help="The same mask as it should be, e.g. of 'nx46 apply'."
        ),
    ] = None,
    chunk: Annotated[
        int | None,
        typer.Option(
            "--chunk",
            metavar="N",
            min=2,
            help="Side of the chunks that the mask was computed by.",
            show_default="of the store",
        ),
    ] = None,
    level: flag.Level = None,
    endpoint: flag.Endpoint = None,
    signed: flag.Signed = False,
    absent_on_403: flag.AbsentOn403 = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the counts as JSON.")] = False,
) -> None:
    """Count what a mask has wrong at the faces of the chunks that it was computed by.

    Shells from which voxels were removed, and objects that end at a face, compared with the middle
    of the chunks, or with the exact mask.
    """
    from napari_nx46.files.stores.access import Access
    from napari_nx46.files.volumes.opening import Role, open_volume
    from napari_nx46.scale.results.seams import find_seams, rows_of

    access = Access(endpoint, signed, absent_on_403)
    volume = open_volume(mask, role=Role.IMAGE, level=level, access=access)
    other = (
        None if exact is None else open_volume(exact, role=Role.IMAGE, level=level, access=access)
    )
    side = chunk or (_DEFAULT_CHUNK if volume.layout is None else max(volume.layout.chunks))
    with interruptible() as cancelled:
        found = find_seams(volume, side, other, cancelled)
    if as_json:
        echo(json.dumps(asdict(found), indent=2))
        return
    columns = ("voxels from a face", "density")
    print_table(columns if other is None else (*columns, "missing", "added"), [*rows_of(found)])
    if found.shell:
        echo(f"shell: the {found.shell} layers nearest to each face have lost half, or more")
    else:
        echo("no shell: no layer at the faces has lost half of its foreground")
    words = "end there" if other is None else "are cut there, and are not in the exact mask"
    echo(f"at faces: {found.cut:,} of {found.objects:,} objects {words} ({found.share_cut:.1%})")
    echo(
        f"in the middle of chunks: {found.middle_cut:,} of {found.middle_objects:,} "
        f"({found.middle_share_cut:.1%})"
    )
