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
            " sheets fused at places. An export refuses a split that lowers a label's score.",
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
    sheet_fit: Annotated[
        bool,
        knob(
            Group.SHEET_FIT,
            "Fit sheets",
            "Replace components with tunnels by sheets that are fitted to them, or to what is left"
            " of them at higher low thresholds.",
        ),
    ] = False
    fit_low: Annotated[
        float,
        Field(ge=0.0, le=1.0),
        knob(
            Group.SHEET_FIT,
            "Second low",
            "Score of the low threshold of the first mask that is tried where no sheet fits.",
            step=0.01,
        ),
    ] = 0.5
    fit_higher_low: Annotated[
        float,
        Field(ge=0.0, le=1.0),
        knob(
            Group.SHEET_FIT,
            "Third low",
            "Score of the low threshold of the second mask that is tried.",
            step=0.01,
        ),
    ] = 0.7
    fit_highest_low: Annotated[
        float,
        Field(ge=0.0, le=1.0),
        knob(
            Group.SHEET_FIT,
            "Fourth low",
            "Score of the low threshold of a third mask that is tried; 0: none.",
            step=0.01,
        ),
    ] = 0.0
    fit_cube: Annotated[
        int,
        Field(ge=0, le=1000),
        knob(
            Group.SHEET_FIT,
            "Cubes",
            "Fit within cubes of so many voxels alone that have tunnels, joined where they touch;"
            " 0: in the whole fragment at once.",
            unit="voxels",
            step=10,
        ),
    ] = 0
    fit_dice: Annotated[
        float,
        Field(ge=0.0, le=1.0),
        knob(
            Group.SHEET_FIT,
            "Least Dice",
            "Agreement with its component that a sheet must have.",
            step=0.01,
        ),
    ] = 0.70
    fit_coverage: Annotated[
        float,
        Field(ge=0.0, le=1.0),
        knob(
            Group.SHEET_FIT,
            "Least coverage",
            "Share of its component that a sheet must cover.",
            step=0.01,
        ),
    ] = 0.65
    fit_alt_dice: Annotated[
        float,
        Field(ge=0.0, le=1.0),
        knob(
            Group.SHEET_FIT,
            "Dice, later",
            "Agreement that sheets of the higher lows must have.",
            step=0.01,
        ),
    ] = 0.45
    fit_alt_coverage: Annotated[
        float,
        Field(ge=0.0, le=1.0),
        knob(
            Group.SHEET_FIT,
            "Coverage, later",
            "Share that sheets of the higher lows must cover.",
            step=0.01,
        ),
    ] = 0.75
    fit_grid: Annotated[
        int,
        Field(ge=10, le=150),
        knob(
            Group.SHEET_FIT,
            "Grid of the fit",
            "Points along a side of the grid that a large sheet is fitted with.",
            unit="points",
        ),
    ] = 100
    fit_smallest: Annotated[
        int,
        Field(ge=0, le=10_000_000),
        knob(
            Group.SHEET_FIT,
            "Smallest before",
            "Remove components of fewer voxels before sheets are fitted.",
            unit="voxels",
            step=10,
        ),
    ] = 1000
    fit_largest: Annotated[
        float,
        Field(ge=0.0, le=1.0),
        knob(
            Group.SHEET_FIT,
            "Largest fitted",
            "Components with a larger share of the foreground stay as they are, and so do others"
            " that nothing fits; at 1 those go, as published, fused sheets among them.",
            step=0.01,
        ),
    ] = 0.05
