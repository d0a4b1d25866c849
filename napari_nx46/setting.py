"""The setting: the value of every knob, frozen, validated, written as JSON and read back equal.

Called by every room of the package; imports none of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

MAXIMUM_SETTING_FILE_BYTES = 1_000_000
"""A setting file is a few hundred bytes; anything beyond this is not one."""

ENVIRONMENT_FIELDS: Mapping[str, str] = {
    "NX46_THRESHOLD_QUANTILE": "quantile",
    "NX46_SCORE_BLEND_3D_WEIGHT": "blend",
    "NX46_Z_SMOOTHING_RADIUS": "z_radius",
}
"""Environment variable -> the setting's field it gives."""

DEFAULT_BAND = (0.06, 0.12)
"""Density (share of foreground voxels) that is aimed at, both ends included."""


class SettingError(ValueError):
    """A setting, preset or setting file that cannot be used; the message lists every fault."""


class Domain(StrEnum):
    """Where the quantile is taken."""

    FRAGMENT = "fragment"
    SLICE = "slice"
    BLOCK = "block"
    DATASET = "dataset"


Extent = tuple[Annotated[int, Field(ge=0)], Annotated[int, Field(ge=1)]]
BlockExtents = tuple[Extent, Extent, Extent]
"""Start (included) and stop (excluded) of a block along z, y and x, in voxels."""


class Setting(BaseModel):
    """The value of every knob that turns probabilities into a mask.

    Parameters
    ----------
    quantile : float
        Share of the domain's voxels that lie below the threshold, in [0, 1].
    blend : float
        Weight of the z-smoothed `p3d` in the score, in [0, 1]; `p2d` has the rest.
    z_radius : int
        Radius r of the z-box over `p3d`: the mean of 2r + 1 slices, 0 to 8.
    domain : Domain
        The voxels over which the quantile is taken.
    block : tuple of (start, stop) along z, y, x, optional
        The block of the domain ``block``, in voxels; must be given with it, and only then counts.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    quantile: float = Field(default=0.95, ge=0.0, le=1.0)
    blend: float = Field(default=0.72, ge=0.0, le=1.0)
    z_radius: int = Field(default=2, ge=0, le=8)
    domain: Domain = Domain.FRAGMENT
    block: BlockExtents | None = None

    @model_validator(mode="after")
    def _check_block(self) -> Self:
        if self.domain is Domain.BLOCK and self.block is None:
            raise ValueError("the domain 'block' needs a block (start and stop along z, y and x)")
        for axis, extent in zip("zyx", self.block or (), strict=False):
            if extent[0] >= extent[1]:
                raise ValueError(f"the block is empty along {axis}: {extent[0]} to {extent[1]}")
        return self

    def changed(self, **knobs: Any) -> Setting:
        """Return a copy with some knobs changed, validated.

        Raises
        ------
        SettingError
            If a knob is unknown or its value is out of range.
        """
        return parse_setting({**self.model_dump(), **knobs})

    def to_json(self) -> str:
        """Return the setting as JSON text that `read_setting` reads back equal."""
        return self.model_dump_json(indent=2) + "\n"


def parse_setting(knobs: Mapping[str, Any]) -> Setting:
    """Make a setting from knob values.

    Parameters
    ----------
    knobs : mapping
        Field name -> value; what is not given has its default.

    Raises
    ------
    SettingError
        Lists every unknown knob and every value out of range.
    """
    try:
        return Setting.model_validate(dict(knobs))
    except ValidationError as error:
        raise SettingError(_faults(error)) from error


def read_setting(path: str | Path) -> Setting:
    """Read a setting from a JSON file.

    Raises
    ------
    SettingError
        If the file cannot be read, is no JSON object of knobs, or has a knob out of range.
    """
    path = Path(path)
    try:
        if path.stat().st_size > MAXIMUM_SETTING_FILE_BYTES:
            raise SettingError(f"{path}: too large for a setting ({path.stat().st_size} bytes)")
        return Setting.model_validate_json(path.read_bytes())
    except OSError as error:
        raise SettingError(f"{path}: cannot be read ({error.strerror})") from error
    except ValidationError as error:
        raise SettingError(f"{path}: {_faults(error)}") from error


def knobs_from_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the knobs that ``NX46_*`` variables give, as text that `parse_setting` converts.

    Parameters
    ----------
    environment : mapping
        Usually ``os.environ``; empty values count as not given.
    """
    return {
        field: environment[variable]
        for variable, field in ENVIRONMENT_FIELDS.items()
        if environment.get(variable)
    }


def preset(name: str) -> Setting:
    """Return the preset of that name.

    Raises
    ------
    SettingError
        If there is none; the message lists the names there are.
    """
    presets = all_presets()
    if name not in presets:
        raise SettingError(f"no preset {name!r}; there are: {', '.join(presets)}")
    return presets[name]


def all_presets() -> dict[str, Setting]:
    """Return the published settings by name: NX46 V7.5 and the ten runs of its campaign."""
    presets = {"nx46-v7.5": Setting(quantile=0.985, blend=0.78, z_radius=2)}
    knobs = [(q, w) for q in (0.970, 0.972, 0.974, 0.976, 0.978) for w in (0.68, 0.72)]
    for number, (quantile, blend) in enumerate(knobs, start=1):
        presets[f"nx46-v7.5-run-{number:02d}"] = Setting(quantile=quantile, blend=blend, z_radius=2)
    return presets


def _faults(error: ValidationError) -> str:
    faults = []
    for fault in error.errors(include_url=False):
        place = ".".join(str(part) for part in fault["loc"]) or "setting"
        given = f" (found {fault['input']!r})" if fault["loc"] else ""
        faults.append(f"{place}: {fault['msg']}{given}")
    return "; ".join(faults)
