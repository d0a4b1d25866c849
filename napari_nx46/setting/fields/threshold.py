"""The knobs of the threshold."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from napari_nx46.setting.choices import BlockExtents, Domain, ThresholdRule
from napari_nx46.setting.fields.smoothing import SmoothingKnobs
from napari_nx46.setting.knobs import Group, knob

__all__ = ["ThresholdKnobs"]


class ThresholdKnobs(SmoothingKnobs):
    """How the threshold is found."""

    rule: Annotated[
        ThresholdRule,
        knob(
            Group.THRESHOLD,
            "Threshold by",
            "A quantile of the scores, a probability, or NX47's adaptive pair for each slice.",
        ),
    ] = ThresholdRule.QUANTILE
    quantile: Annotated[
        float,
        Field(ge=0.0, le=1.0),
        knob(
            Group.THRESHOLD,
            "Threshold quantile",
            "Share of the domain's voxels below the threshold: higher keeps fewer voxels.",
            step=0.001,
        ),
    ] = 0.95
    probability: Annotated[
        float,
        Field(ge=0.0, le=1.0),
        knob(
            Group.THRESHOLD,
            "Threshold probability",
            "The score that a voxel must reach: higher keeps fewer voxels.",
            step=0.005,
        ),
    ] = 0.5
    hysteresis: Annotated[
        bool,
        knob(
            Group.THRESHOLD,
            "Hysteresis pair",
            "Keep voxels from a low threshold on where they are connected to one from the high"
            " threshold on.",
        ),
    ] = False
    low_quantile: Annotated[
        float,
        Field(ge=0.0, le=1.0),
        knob(
            Group.THRESHOLD,
            "Low quantile",
            "Share of the domain's voxels below the low threshold.",
            step=0.001,
        ),
    ] = 0.9
    low_probability: Annotated[
        float,
        Field(ge=0.0, le=1.0),
        knob(
            Group.THRESHOLD,
            "Low probability",
            "The low threshold of the pair.",
            step=0.005,
        ),
    ] = 0.3
    weak_from_argmax: Annotated[
        bool,
        knob(
            Group.THRESHOLD,
            "Weak by any volume",
            "Of a pair, voxels also count as reaching the low threshold where any volume that is"
            " averaged is above a half by itself.",
        ),
    ] = False
    domain: Annotated[
        Domain,
        knob(Group.THRESHOLD, "Quantile of", "The voxels over which the quantile is taken."),
    ] = Domain.FRAGMENT
    block: BlockExtents | None = None
    adaptive_base: Annotated[
        float,
        Field(ge=0.0, le=100.0),
        knob(
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
        knob(
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
        knob(Group.ADAPTIVE, "High at least", "Lowest high percentile.", unit="%", step=0.1),
    ] = 88.0
    adaptive_max: Annotated[
        float,
        Field(ge=0.0, le=100.0),
        knob(Group.ADAPTIVE, "High at most", "Highest high percentile.", unit="%", step=0.1),
    ] = 96.0
    adaptive_gap: Annotated[
        float,
        Field(ge=0.0, le=100.0),
        knob(
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
        knob(Group.ADAPTIVE, "Low at least", "Lowest low percentile.", unit="%", step=0.1),
    ] = 80.0
