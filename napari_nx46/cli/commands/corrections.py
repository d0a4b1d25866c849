"""``nx46 corrections``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from napari_nx46.cli.commands.workspaces import WorkspaceFlags, opened_workspace
from napari_nx46.cli.flags.groups import with_flag_groups
from napari_nx46.cli.output.console import ExitCode, echo, fail, guarded

if TYPE_CHECKING:
    from napari_nx46.voxels.corrections.corrections import Corrections


@guarded
@with_flag_groups
def corrections(
    workspace: WorkspaceFlags,
    source: Annotated[
        Path | None,
        typer.Argument(
            metavar="[FILE]",
            help="A file of corrections, or a folder of them; else those of a workspace.",
        ),
    ] = None,
    accepted: Annotated[
        bool,
        typer.Option(
            "--accepted", help="Those that were frozen with the accepted settings of a workspace."
        ),
    ] = False,
    fragment: Annotated[
        list[str] | None,
        typer.Option("--fragment", metavar="ID", help="Of this fragment; may be given again."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            metavar="FILE",
            help="Save them: FILE.npz, or FILE.tif with the labels 0, 1 (add) and 2 (erase) of one "
            "fragment.",
        ),
    ] = None,
) -> None:
    """List what was corrected by hand, or save it to a file.

    'nx46 run' and 'nx46 export' apply such a file by --corrections.
    """
    if source is not None and (accepted or workspace.work or workspace.data):
        raise typer.BadParameter(
            "a workspace is given as well; expected one of the two", param_hint="FILE"
        )
    if source is None:
        found = _of_workspace(workspace.path(), accepted=accepted)
    else:
        from napari_nx46.files.corrections import read_corrections

        found = read_corrections(source)
    chosen = _chosen(found, fragment or sorted(found))
    for image_id, one in chosen.items():
        echo(
            f"{image_id}  {one.added:,} voxels added, {one.erased:,} erased  "
            f"{' x '.join(map(str, one.shape))}  {one.digest[:12]}"
        )
    if not chosen:
        echo("nothing is corrected by hand")
    if out is not None:
        from napari_nx46.files.corrections import write_corrections

        write_corrections(out, chosen)
        echo(f"wrote {out}")


def _of_workspace(path: Path, *, accepted: bool) -> dict[str, Corrections]:
    with opened_workspace(path) as opened:
        return opened.accepted_corrections() if accepted else opened.corrections()


def _chosen(found: Mapping[str, Corrections], image_ids: list[str]) -> dict[str, Corrections]:
    missing = [image_id for image_id in image_ids if image_id not in found]
    if missing:
        there = ", ".join(sorted(found)) or "none"
        fail(
            f"error: found no corrections of {', '.join(missing)}; there are: {there}",
            ExitCode.BAD_INPUT,
        )
    return {image_id: found[image_id] for image_id in image_ids}
