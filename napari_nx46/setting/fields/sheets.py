"""The knobs of steps that treat each sheet by itself."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from napari_nx46.setting.fields.cleanup import CleanUpKnobs
from napari_nx46.setting.knobs import Group, knob

__all__ = ["SheetKnobs"]


class SheetKnobs(CleanUpKnobs):
    """How sheets are treated by themselves, and kept apart."""

    per_sheet: Annotated[
        bool,
        knob(
            Group.SHEETS,
            "Sheet by sheet",
            "Close, patch and plug each sheet by itself, and keep its patches only where they leave"
            " no more tunnels; sheets never join. As the first place did.",
        ),
    ] = False
    sheet_closing: Annotated[
        int,
        Field(ge=0, le=8),
        knob(
            Group.SHEETS,
            "Closing, sheets",
            "Close gaps of each sheet with a ball a quarter of a voxel larger than this radius.",
            unit="voxels",
        ),
    ] = 3
    most_sheets: Annotated[
        int,
        Field(ge=0, le=10_000),
        knob(
            Group.SHEETS,
            "Most sheets",
            "Drop all sheets but the first so many in raster order; 0 keeps them all.",
            unit="sheets",
        ),
    ] = 0
    split_thick: Annotated[
        float,
        Field(ge=0.0, le=8.0),
        knob(
            Group.SHEETS,
            "Split, depth",
            "Split objects at necks between cores at least so many voxels deep; 0: off, 2: of"
            " sheets fused at places.",
            step=0.5,
        ),
    ] = 0.0
    sheet_gap: Annotated[
        int,
        Field(ge=0, le=3),
        knob(
            Group.SHEETS,
            "Gap between sheets",
            "Keep sheets that the closing would join this many voxels apart.",
            unit="voxels",
        ),
    ] = 0
