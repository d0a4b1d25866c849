"""The knobs of steps that remove whole objects."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from napari_nx46.setting.choices import Connectivity
from napari_nx46.setting.fields.repair import RepairKnobs
from napari_nx46.setting.knobs import Group, knob

__all__ = ["ObjectKnobs"]


class ObjectKnobs(RepairKnobs):
    """Which objects are removed."""

    objects_first: Annotated[
        int,
        Field(ge=0, le=10_000_000),
        knob(
            Group.OBJECTS,
            "Smallest first",
            "Remove components of fewer voxels before any closing.",
            unit="voxels",
            step=10,
        ),
    ] = 0
    smallest_object: Annotated[
        int,
        Field(ge=0, le=10_000_000),
        knob(
            Group.OBJECTS,
            "Smallest object",
            "Remove components of fewer voxels.",
            unit="voxels",
            step=10,
        ),
    ] = 0
    object_connectivity: Annotated[
        Connectivity,
        knob(
            Group.OBJECTS,
            "Objects connect by",
            "Whether voxels are connected by faces (6), also edges (18), also corners (26).",
        ),
    ] = Connectivity.CORNERS
    edge_margin: Annotated[
        int,
        Field(ge=0, le=64),
        knob(
            Group.OBJECTS,
            "Margin of the faces",
            "Objects that come nearer to a face of the fragment have limits of their own; more than"
            " the border that is zeroed.",
            unit="voxels",
        ),
    ] = 0
    edge_min: Annotated[
        int,
        Field(ge=0, le=10_000_000),
        knob(
            Group.OBJECTS,
            "Smallest, face",
            "Remove objects of fewer voxels that come near faces on one axis.",
            unit="voxels",
            step=10,
        ),
    ] = 0
    corner_min: Annotated[
        int,
        Field(ge=0, le=10_000_000),
        knob(
            Group.OBJECTS,
            "Smallest, corner",
            "Remove objects of fewer voxels that come near faces on two or three axes.",
            unit="voxels",
            step=10,
        ),
    ] = 0
    sheet_span: Annotated[
        float,
        Field(ge=0.0, le=1.0),
        knob(
            Group.OBJECTS,
            "Shortest sheet",
            "Remove objects that span less than this share of the fragment along their longest"
            " side, unless they come near faces on two axes.",
            step=0.05,
        ),
    ] = 0.0
    block_dust: Annotated[
        int,
        Field(ge=0, le=10_000),
        knob(
            Group.OBJECTS,
            "Dust in octants",
            "Remove pieces of fewer voxels in each octant that the score is counted in.",
            unit="voxels",
        ),
    ] = 0
