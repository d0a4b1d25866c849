"""The knobs of the score."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from napari_nx46.setting.choices import Averaging, ScoreFrom, Temperatures, Weights
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
            "Average the volumes' probabilities, their logits, their logarithms (the geometric"
            " mean), a power of them, or the ranks of their voxels in the whole fragment.",
            advanced=True,
        ),
    ] = Averaging.PROBABILITY
    power: Annotated[
        float,
        Field(ge=-4.0, le=4.0),
        knob(
            Group.SCORE,
            "Power of the mean",
            "1 is the mean, 0 the geometric mean, -1 the harmonic one; larger ones follow the"
            " surest volume.",
            step=0.1,
            advanced=True,
        ),
    ] = 1.0
    temperature: Annotated[
        float,
        Field(ge=0.25, le=4.0),
        knob(
            Group.SCORE,
            "Temperature",
            "Divide the logits of every volume before the mean: above 1, sure voxels count less.",
            step=0.05,
            advanced=True,
        ),
    ] = 1.0
    temperatures: Annotated[
        Temperatures,
        knob(
            Group.SCORE,
            "Temperatures",
            "Temperature of single probability volumes, in place of the one for all.",
            step=0.05,
            advanced=True,
        ),
    ] = ()
    sdf_zero: Annotated[
        float,
        Field(ge=-10.0, le=5.0),
        knob(
            Group.SCORE,
            "Zero of the distance",
            "Added to the logits of every volume before they are divided: of signed distances, the"
            " distance in voxels outside at which the surface ends; above 0, it gets thicker.",
            step=0.1,
            advanced=True,
        ),
    ] = 0.0
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
