"""The knobs of the score."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from napari_nx46.setting.choices import Averaging, ScoreFrom, Weights
from napari_nx46.setting.knobs import Group, knob

__all__ = ["ScoreKnobs"]


class ScoreKnobs(BaseModel):
    """What the score is made from, and how."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    source: Annotated[
        ScoreFrom,
        knob(
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
        knob(
            Group.SCORE,
            "Residual sigma",
            "Width of the Gaussian that is subtracted from the CT.",
            unit="voxels",
            step=0.1,
        ),
    ] = 2.0
    weights: Annotated[
        Weights,
        knob(
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
        knob(
            Group.SCORE,
            "Mean of",
            "Average the volumes' probabilities, or their logits.",
            advanced=True,
        ),
    ] = Averaging.PROBABILITY
    blend: Annotated[
        float,
        Field(ge=0.0, le=1.0),
        knob(
            Group.SCORE,
            "Blend weight 3D",
            "Weight of the 3D path in the score; the 2D path has the rest.",
            step=0.01,
        ),
    ] = 0.72
    z_radius: Annotated[
        int,
        Field(ge=0, le=8),
        knob(
            Group.SCORE,
            "Z-radius",
            "The 3D path is averaged over this many slices on either side.",
            unit="slices",
        ),
    ] = 2
