"""The knobs of steps that repair torn sheets and smooth the mask."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from napari_nx46.setting.choices import MedianWindow
from napari_nx46.setting.fields.sheets import SheetKnobs
from napari_nx46.setting.knobs import Group, knob

__all__ = ["RepairKnobs"]


class RepairKnobs(SheetKnobs):
    """How torn sheets are repaired, and how the mask is smoothed."""

    line_norm: Annotated[
        float,
        Field(ge=0.0, le=3.0),
        knob(
            Group.REPAIR,
            "Line radius",
            "Thin each slice to its skeleton, and draw it with a disc of this radius in voxels; 0:"
            " off.",
            step=0.1,
        ),
    ] = 0.0
    gap_fill: Annotated[
        int,
        Field(ge=0, le=8),
        knob(
            Group.REPAIR,
            "Fill gaps up to",
            "Fill gaps of at most so many voxels along the axes between voxels with neighbours.",
            unit="voxels",
        ),
    ] = 0
    gap_support: Annotated[
        int,
        Field(ge=0, le=8),
        knob(
            Group.REPAIR,
            "Gap support",
            "So many of its eight neighbours in the plane across the gap must be foreground at"
            " either end.",
            unit="voxels",
        ),
    ] = 2
    diagonal_fill: Annotated[
        bool,
        knob(
            Group.REPAIR,
            "Fill diagonals",
            "Fill voxels that lie between two foreground voxels on a diagonal.",
        ),
    ] = False
    repair_passes: Annotated[
        int,
        Field(ge=1, le=6),
        knob(
            Group.REPAIR,
            "Repair passes",
            "How often gaps and diagonals are filled, as long as something changes.",
            unit="passes",
        ),
    ] = 5
    bridge_diagonals: Annotated[
        bool,
        knob(
            Group.REPAIR,
            "Bridge diagonals",
            "At the end, fill squares of 2 x 2 voxels that hold a diagonal pair and nothing else.",
        ),
    ] = False
    mask_gauss: Annotated[
        float,
        Field(ge=0.0, le=2.0),
        knob(
            Group.SMOOTHING,
            "Mask, sigma",
            "Keep what a Gaussian of the mask with this sigma in voxels leaves above a half; 0:"
            " off.",
            step=0.1,
        ),
    ] = 0.0
    median_passes: Annotated[
        int,
        Field(ge=0, le=10),
        knob(
            Group.SMOOTHING,
            "Median passes",
            "How often each voxel gets the majority of the window around it.",
            unit="passes",
        ),
    ] = 0
    median_window: Annotated[
        MedianWindow,
        knob(
            Group.SMOOTHING,
            "Median of",
            "The window of the median: 3 x 3 x 3 voxels, a voxel and its six neighbours, 3 x 3"
            " within the slice, or 3 along z.",
        ),
    ] = MedianWindow.CUBE
