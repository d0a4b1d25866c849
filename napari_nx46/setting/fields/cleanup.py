"""The knobs of the clean-up steps."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from napari_nx46.setting.choices import Connectivity
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
    fill_cavities: Annotated[
        bool,
        knob(Group.CLEAN_UP, "Fill cavities", "Fill background that is enclosed on all sides."),
    ] = False
    smallest_object: Annotated[
        int,
        Field(ge=0, le=10_000_000),
        knob(
            Group.CLEAN_UP,
            "Smallest object",
            "Remove components of fewer voxels.",
            unit="voxels",
            step=10,
        ),
    ] = 0
    object_connectivity: Annotated[
        Connectivity,
        knob(
            Group.CLEAN_UP,
            "Objects connect by",
            "Whether voxels are connected by faces (6), also edges (18), also corners (26).",
        ),
    ] = Connectivity.CORNERS
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
    sheet_gap: Annotated[
        int,
        Field(ge=0, le=3),
        knob(
            Group.CLEAN_UP,
            "Gap between sheets",
            "Keep sheets that the closing would join this many voxels apart.",
            unit="voxels",
        ),
    ] = 0
