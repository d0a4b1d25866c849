"""The model of a setting."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from napari_nx46.setting.choices import (
    Averaging,
    BlockExtents,
    Connectivity,
    Domain,
    ScoreFrom,
    ThresholdRule,
    Weights,
)
from napari_nx46.setting.errors import SettingError, faults_of
from napari_nx46.setting.knobs import Group, KnobDescription

DEFAULT_BAND = (0.06, 0.12)
"""Density (share of foreground voxels) that is aimed at, both ends included."""


def _knob(group: Group, title: str, text: str, **more: Any) -> KnobDescription:
    return KnobDescription(group, title, text, **more)


class Setting(BaseModel):
    """The value of every knob that turns probabilities into a mask.

    Every field stands beside the words that describe it. A knob that does not apply while the
    others stand as they do (see `moves.knob_applies`) is kept, but changes nothing.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    source: Annotated[
        ScoreFrom,
        _knob(
            Group.SCORE,
            "Score from",
            "The networks' probability volumes, or the CT alone: its gradient (NX46) or its"
            " residual against a Gaussian (NX47).",
            advanced=True,
        ),
    ] = ScoreFrom.PROBABILITIES
    residual_sigma: Annotated[
        float,
        Field(ge=0.5, le=8.0),
        _knob(
            Group.SCORE,
            "Residual sigma",
            "Width of the Gaussian that is subtracted from the CT.",
            unit="voxels",
            step=0.1,
        ),
    ] = 2.0
    weights: Annotated[
        Weights,
        _knob(
            Group.SCORE,
            "Weights",
            "Weight of each probability volume; they count relative to each other. Without any,"
            " the blend weighs p3d and p2d.",
            step=0.01,
            advanced=True,
        ),
    ] = ()
    averaging: Annotated[
        Averaging,
        _knob(
            Group.SCORE,
            "Mean of",
            "Average the volumes' probabilities, or their logits.",
            advanced=True,
        ),
    ] = Averaging.PROBABILITY
    blend: Annotated[
        float,
        Field(ge=0.0, le=1.0),
        _knob(
            Group.SCORE,
            "Blend weight 3D",
            "Weight of the 3D path in the score; the 2D path has the rest.",
            step=0.01,
        ),
    ] = 0.72
    z_radius: Annotated[
        int,
        Field(ge=0, le=8),
        _knob(
            Group.SCORE,
            "Z-radius",
            "The 3D path is averaged over this many slices on either side.",
            unit="slices",
        ),
    ] = 2
    rule: Annotated[
        ThresholdRule,
        _knob(
            Group.THRESHOLD,
            "Threshold by",
            "A quantile of the scores, a probability, or NX47's adaptive pair for each slice.",
        ),
    ] = ThresholdRule.QUANTILE
    quantile: Annotated[
        float,
        Field(ge=0.0, le=1.0),
        _knob(
            Group.THRESHOLD,
            "Threshold quantile",
            "Share of the domain's voxels below the threshold: higher keeps fewer voxels.",
            step=0.001,
        ),
    ] = 0.95
    probability: Annotated[
        float,
        Field(ge=0.0, le=1.0),
        _knob(
            Group.THRESHOLD,
            "Threshold probability",
            "The score that a voxel must reach: higher keeps fewer voxels.",
            step=0.005,
        ),
    ] = 0.5
    hysteresis: Annotated[
        bool,
        _knob(
            Group.THRESHOLD,
            "Hysteresis pair",
            "Keep voxels from a low threshold on where they are connected to one from the high"
            " threshold on.",
        ),
    ] = False
    low_quantile: Annotated[
        float,
        Field(ge=0.0, le=1.0),
        _knob(
            Group.THRESHOLD,
            "Low quantile",
            "Share of the domain's voxels below the low threshold.",
            step=0.001,
        ),
    ] = 0.9
    low_probability: Annotated[
        float,
        Field(ge=0.0, le=1.0),
        _knob(
            Group.THRESHOLD,
            "Low probability",
            "The low threshold of the pair.",
            step=0.005,
        ),
    ] = 0.3
    domain: Annotated[
        Domain,
        _knob(Group.THRESHOLD, "Quantile of", "The voxels over which the quantile is taken."),
    ] = Domain.FRAGMENT
    block: BlockExtents | None = None
    adaptive_base: Annotated[
        float,
        Field(ge=0.0, le=100.0),
        _knob(
            Group.ADAPTIVE,
            "High base",
            "Percentile of the high threshold where the tail of the scores is flat.",
            unit="%",
            step=0.1,
        ),
    ] = 88.0
    adaptive_gain: Annotated[
        float,
        Field(ge=0.0, le=100.0),
        _knob(
            Group.ADAPTIVE,
            "High gain",
            "Percent added for every standard deviation between the 90th and 95th percentile.",
            unit="%",
            step=0.1,
        ),
    ] = 6.0
    adaptive_min: Annotated[
        float,
        Field(ge=0.0, le=100.0),
        _knob(Group.ADAPTIVE, "High at least", "Lowest high percentile.", unit="%", step=0.1),
    ] = 88.0
    adaptive_max: Annotated[
        float,
        Field(ge=0.0, le=100.0),
        _knob(Group.ADAPTIVE, "High at most", "Highest high percentile.", unit="%", step=0.1),
    ] = 96.0
    adaptive_gap: Annotated[
        float,
        Field(ge=0.0, le=100.0),
        _knob(
            Group.ADAPTIVE,
            "Gap to low",
            "How far the low percentile lies below the high one.",
            unit="%",
            step=0.1,
        ),
    ] = 6.0
    adaptive_low_min: Annotated[
        float,
        Field(ge=0.0, le=100.0),
        _knob(Group.ADAPTIVE, "Low at least", "Lowest low percentile.", unit="%", step=0.1),
    ] = 80.0
    border: Annotated[
        int,
        Field(ge=0, le=64),
        _knob(
            Group.CLEAN_UP,
            "Border to zero",
            "So many voxels at every face become background.",
            unit="voxels",
        ),
    ] = 0
    opening: Annotated[
        bool,
        _knob(
            Group.CLEAN_UP,
            "Opening",
            "Remove what is thinner than a voxel with its six neighbours.",
        ),
    ] = False
    closing_z: Annotated[
        int,
        Field(ge=0, le=8),
        _knob(
            Group.CLEAN_UP,
            "Closing, z-radius",
            "Close gaps of up to twice this many slices.",
            unit="slices",
        ),
    ] = 0
    closing_xy: Annotated[
        int,
        Field(ge=0, le=8),
        _knob(
            Group.CLEAN_UP,
            "Closing, xy-radius",
            "Close gaps within slices with a disc of this radius.",
            unit="voxels",
        ),
    ] = 0
    closing_ball: Annotated[
        int,
        Field(ge=0, le=8),
        _knob(
            Group.CLEAN_UP,
            "Closing, ball",
            "Close gaps in all directions with a ball of this radius.",
            unit="voxels",
        ),
    ] = 0
    plug_tunnels: Annotated[
        bool, _knob(Group.CLEAN_UP, "Plug tunnels", "Fill tunnels that are one voxel wide.")
    ] = False
    patch_holes: Annotated[
        int,
        Field(ge=0, le=64),
        _knob(
            Group.CLEAN_UP,
            "Patch holes up to",
            "Patch holes in a sheet of at most this side, unless its Euler number gets worse.",
            unit="voxels",
        ),
    ] = 0
    fill_cavities: Annotated[
        bool,
        _knob(Group.CLEAN_UP, "Fill cavities", "Fill background that is enclosed on all sides."),
    ] = False
    smallest_object: Annotated[
        int,
        Field(ge=0, le=10_000_000),
        _knob(
            Group.CLEAN_UP,
            "Smallest object",
            "Remove components of fewer voxels.",
            unit="voxels",
            step=10,
        ),
    ] = 0
    object_connectivity: Annotated[
        Connectivity,
        _knob(
            Group.CLEAN_UP,
            "Objects connect by",
            "Whether voxels are connected by faces (6), also edges (18), also corners (26).",
        ),
    ] = Connectivity.CORNERS
    stabilise_radius: Annotated[
        int,
        Field(ge=0, le=4),
        _knob(
            Group.CLEAN_UP,
            "Stabilise slices",
            "Majority over this many slices on either side.",
            unit="slices",
        ),
    ] = 0
    sheet_gap: Annotated[
        int,
        Field(ge=0, le=3),
        _knob(
            Group.CLEAN_UP,
            "Gap between sheets",
            "Keep sheets that the closing would join this many voxels apart.",
            unit="voxels",
        ),
    ] = 0

    @property
    def is_pair(self) -> bool:
        """Whether there are two thresholds."""
        return self.hysteresis or self.rule is ThresholdRule.ADAPTIVE

    @model_validator(mode="after")
    def _check_block(self) -> Self:
        if self.domain is Domain.BLOCK and self.block is None:
            raise ValueError("the domain 'block' needs a block (start and stop along z, y and x)")
        for axis, extent in zip("zyx", self.block or (), strict=False):
            if extent[0] >= extent[1]:
                raise ValueError(f"the block is empty along {axis}: {extent[0]} to {extent[1]}")
        return self

    @model_validator(mode="after")
    def _check_pair(self) -> Self:
        pairs = {
            ThresholdRule.QUANTILE: ("low_quantile", "quantile"),
            ThresholdRule.PROBABILITY: ("low_probability", "probability"),
        }
        if self.hysteresis and self.rule in pairs:
            low, high = pairs[self.rule]
            if getattr(self, low) > getattr(self, high):
                raise ValueError(
                    f"{low} is {getattr(self, low)}, above {high}, which is {getattr(self, high)}"
                )
        if self.adaptive_min > self.adaptive_max:
            raise ValueError(
                f"adaptive_min is {self.adaptive_min}, above adaptive_max, "
                f"which is {self.adaptive_max}"
            )
        return self

    @model_validator(mode="after")
    def _check_weights(self) -> Self:
        names = [name for name, _ in self.weights]
        repeated = sorted({name for name in names if names.count(name) > 1})
        if repeated:
            raise ValueError(f"weights: {', '.join(repeated)} has more than one")
        if names and not any(weight > 0 for _, weight in self.weights):
            raise ValueError("weights: expected at least one above 0")
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
        raise SettingError(faults_of(error)) from error


def checked_knob(name: str, value: object) -> object:
    """Return the value of one knob as a setting holds it, whatever the other knobs are.

    Parameters
    ----------
    name : str
        A field of the setting.
    value : object
        Text counts as the number or choice that it says.

    Raises
    ------
    SettingError
        If the value is of another type, or out of range; the message does not name the knob.
    """
    try:
        return _knob_adapter(name).validate_python(value)
    except ValidationError as error:
        faults = "; ".join(fault["msg"] for fault in error.errors(include_url=False))
        raise SettingError(f"{faults} (found {value!r})") from error


@cache
def _knob_adapter(name: str) -> TypeAdapter[object]:
    """Return what validates one knob on its own: by the field's own type and bounds.

    What it must not be beside other knobs is checked with all of them. Building one costs more
    than a hundred validations.
    """
    return TypeAdapter(Setting.model_fields[name].rebuild_annotation(), config=Setting.model_config)
