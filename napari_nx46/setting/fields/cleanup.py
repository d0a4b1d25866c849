"""The knobs of the clean-up steps."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from napari_nx46.setting.choices import CubePlugging
from napari_nx46.setting.fields.threshold import ThresholdKnobs
from napari_nx46.setting.knobs import Group, knob

__all__ = ["CleanUpKnobs"]


class CleanUpKnobs(ThresholdKnobs):
    """What is done to the mask."""

    border: Annotated[
        int,
        Field(ge=0, le=64),
        knob(
            Group.CLEAN_UP,
            "Border to zero",
            "So many voxels at every face become background.",
            unit="voxels",
        ),
    ] = 0
    border_again: Annotated[
        bool,
        knob(
            Group.CLEAN_UP,
            "Border again",
            "The same voxels become background once more after all other steps.",
        ),
    ] = False
    opening: Annotated[
        bool,
        knob(
            Group.CLEAN_UP,
            "Opening",
            "Remove what is thinner than a voxel with its six neighbours.",
        ),
    ] = False
    closing_z: Annotated[
        int,
        Field(ge=0, le=8),
        knob(
            Group.CLEAN_UP,
            "Closing, z-radius",
            "Close gaps of up to twice this many slices.",
            unit="slices",
        ),
    ] = 0
    closing_xy: Annotated[
        int,
        Field(ge=0, le=8),
        knob(
            Group.CLEAN_UP,
            "Closing, xy-radius",
            "Close gaps within slices with a disc of this radius.",
            unit="voxels",
        ),
    ] = 0
    closing_ball: Annotated[
        int,
        Field(ge=0, le=8),
        knob(
            Group.CLEAN_UP,
            "Closing, ball",
            "Close gaps in all directions with a ball of this radius.",
            unit="voxels",
        ),
    ] = 0
    plug_tunnels: Annotated[
        bool, knob(Group.CLEAN_UP, "Plug tunnels", "Fill tunnels that are one voxel wide.")
    ] = False
    plug_cubes: Annotated[
        CubePlugging,
        knob(
            Group.CLEAN_UP,
            "Plug cubes",
            "Fill cubes of 2 x 2 x 2 voxels where voxels touch by an edge or a corner alone: all at"
            " once, or in raster order by the table of the first place.",
        ),
    ] = CubePlugging.OFF
    plug_passes: Annotated[
        int,
        Field(ge=1, le=4),
        knob(
            Group.CLEAN_UP,
            "Plugging passes",
            "How often cubes are plugged, as long as something changes.",
            unit="passes",
        ),
    ] = 2
    patch_holes: Annotated[
        int,
        Field(ge=0, le=64),
        knob(
            Group.CLEAN_UP,
            "Patch holes up to",
            "Patch holes in a sheet of at most this side, unless its Euler number gets worse.",
            unit="voxels",
        ),
    ] = 0
    patch_blocks: Annotated[
        int,
        Field(ge=0, le=4096),
        knob(
            Group.CLEAN_UP,
            "Patch in blocks",
            "Patch holes, mend sheet by sheet, or split in fixed blocks of this side, each by"
            " itself, as volumes larger than memory need it; 0: in the whole fragment.",
            unit="voxels",
            step=64,
        ),
    ] = 0
    fill_cavities: Annotated[
        bool,
        knob(Group.CLEAN_UP, "Fill cavities", "Fill background that is enclosed on all sides."),
    ] = False
    stabilise_radius: Annotated[
        int,
        Field(ge=0, le=4),
        knob(
            Group.CLEAN_UP,
            "Stabilise slices",
            "Majority over this many slices on either side.",
            unit="slices",
        ),
    ] = 0
