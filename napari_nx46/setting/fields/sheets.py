"""The knobs of steps that treat each sheet by itself."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from napari_nx46.setting.fields.cleanup import CleanUpKnobs
from napari_nx46.setting.knobs import Group, knob

__all__ = ["SheetKnobs"]


class SheetKnobs(CleanUpKnobs):
    """How sheets are treated by themselves, and kept apart."""

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
