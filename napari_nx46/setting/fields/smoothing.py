"""The knobs that smooth the score, and confine it to what the CT image supports."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from napari_nx46.setting.choices import (
    CtGate,
    MedianWindow,
    ScoreSmoothing,
    Sheetness,
    SmoothStage,
)
from napari_nx46.setting.fields.score import ScoreKnobs
from napari_nx46.setting.knobs import Group, knob

__all__ = ["SmoothingKnobs"]


class SmoothingKnobs(ScoreKnobs):
    """How the score is smoothed after the mean, and where the CT image supports it."""

    smooth: Annotated[
        ScoreSmoothing,
        knob(
            Group.SCORE_SMOOTHING,
            "Smooth by",
            "Smooth the score after the mean: by anisotropic diffusion as ITK does it, a Gaussian,"
            " or medians.",
        ),
    ] = ScoreSmoothing.OFF
    smooth_stage: Annotated[
        SmoothStage,
        knob(
            Group.SCORE_SMOOTHING,
            "Smoothed",
            "The score after the mean, or each volume before it.",
        ),
    ] = SmoothStage.SCORE
    diffusion_conductance: Annotated[
        float,
        Field(ge=0.5, le=5.0),
        knob(
            Group.SCORE_SMOOTHING,
            "Conductance",
            "How steep an edge may be that diffusion still smooths.",
            step=0.1,
        ),
    ] = 2.0
    diffusion_step: Annotated[
        float,
        Field(ge=0.005, le=0.0625),
        knob(
            Group.SCORE_SMOOTHING,
            "Time step",
            "How far each iteration of the diffusion goes.",
            step=0.005,
        ),
    ] = 0.04
    diffusion_iterations: Annotated[
        int,
        Field(ge=1, le=20),
        knob(
            Group.SCORE_SMOOTHING,
            "Iterations",
            "Steps of the diffusion. Each reads the whole fragment once more.",
            unit="steps",
        ),
    ] = 2
    smooth_sigma_z: Annotated[
        float,
        Field(ge=0.0, le=3.0),
        knob(
            Group.SCORE_SMOOTHING,
            "Sigma, z",
            "Width of the Gaussian across slices, in slices.",
            step=0.1,
        ),
    ] = 1.0
    smooth_sigma: Annotated[
        float,
        Field(ge=0.0, le=3.0),
        knob(
            Group.SCORE_SMOOTHING,
            "Sigma, xy",
            "Width of the Gaussian within slices, in voxels.",
            step=0.1,
        ),
    ] = 1.0
    smooth_window: Annotated[
        MedianWindow,
        knob(
            Group.SCORE_SMOOTHING,
            "Window",
            "What the median of the scores is taken of.",
        ),
    ] = MedianWindow.CROSS
    smooth_passes: Annotated[
        int,
        Field(ge=1, le=10),
        knob(
            Group.SCORE_SMOOTHING,
            "Passes",
            "How often the median of the scores is taken.",
            unit="passes",
        ),
    ] = 1
    sheetness: Annotated[
        Sheetness,
        knob(
            Group.SHEETNESS,
            "Use",
            "How much like a bright sheet the score is around a voxel: mixed into the score, to"
            " drop scores below the high threshold where it is low, or in place of the score.",
        ),
    ] = Sheetness.OFF
    sheet_sigma: Annotated[
        float,
        Field(ge=0.5, le=4.0),
        knob(
            Group.SHEETNESS,
            "Sheet sigma",
            "Width of the Gaussian before the curvature is measured, in voxels.",
            step=0.1,
        ),
    ] = 2.0
    sheet_gamma: Annotated[
        float,
        Field(ge=0.1, le=5.0),
        knob(
            Group.SHEETNESS,
            "Sheet gamma",
            "How strong the curvature must be.",
            step=0.1,
        ),
    ] = 1.5
    sheet_beta: Annotated[
        float,
        Field(ge=0.1, le=1.0),
        knob(
            Group.SHEETNESS,
            "Sheet beta",
            "How unlike a sheet the curvature may be.",
            step=0.05,
        ),
    ] = 0.5
    sheet_threshold: Annotated[
        float,
        Field(ge=0.0, le=1.0),
        knob(
            Group.SHEETNESS,
            "Least sheetness",
            "Scores below the high threshold of a pair become 0 where the sheetness is lower.",
            step=0.01,
        ),
    ] = 0.5
    sheet_mix: Annotated[
        float,
        Field(ge=0.0, le=1.0),
        knob(
            Group.SHEETNESS,
            "Share of sheetness",
            "Weight of the sheetness, over its 0.995 quantile, in the score.",
            step=0.05,
        ),
    ] = 0.3
    ced_steps: Annotated[
        int,
        Field(ge=0, le=100),
        knob(
            Group.COHERENCE,
            "Steps",
            "Steps of coherence-enhancing diffusion, which smooths the score along sheets within"
            " each slice, and hardly across them; 0: off.",
            unit="steps",
        ),
    ] = 0
    ced_sigma: Annotated[
        float,
        Field(ge=0.5, le=4.0),
        knob(
            Group.COHERENCE,
            "Gradient sigma",
            "Width of the Gaussian before the gradient is taken, in voxels.",
            step=0.1,
        ),
    ] = 1.0
    ced_rho: Annotated[
        float,
        Field(ge=1.0, le=8.0),
        knob(
            Group.COHERENCE,
            "Direction rho",
            "Width of the Gaussian over which directions are averaged, in voxels.",
            step=0.1,
        ),
    ] = 2.0
    ced_lambda: Annotated[
        float,
        Field(ge=0.1, le=10.0),
        knob(
            Group.COHERENCE,
            "Contrast lambda",
            "How clear a direction must be, in grey levels of 255 squared, for the score to be"
            " smoothed along it.",
            step=0.1,
        ),
    ] = 1.0
    ct_gate: Annotated[
        CtGate,
        knob(
            Group.CT_SUPPORT,
            "Confine",
            "Remove what lies where the CT image has no value above a threshold: from the scores,"
            " before everything else, or from the mask, at the end.",
        ),
    ] = CtGate.OFF
    ct_threshold: Annotated[
        float,
        Field(ge=0.0, le=255.0),
        knob(
            Group.CT_SUPPORT,
            "CT above",
            "The value that the CT image must exceed.",
            step=1.0,
        ),
    ] = 0.0
    ct_margin: Annotated[
        int,
        Field(ge=0, le=8),
        knob(
            Group.CT_SUPPORT,
            "CT margin",
            "So many voxels at the rim of what the CT image supports go, too.",
            unit="voxels",
        ),
    ] = 0
