"""The types of the knobs that are no plain numbers."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum, StrEnum
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer

MOST_SOURCES = 64
LONGEST_SOURCE_NAME = 128


class Domain(StrEnum):
    """The voxels over which the quantile is taken.

    ``nonzero`` are those of the fragment whose score is above 0: for volumes that are mostly
    empty.
    """

    FRAGMENT = "fragment"
    SLICE = "slice"
    BLOCK = "block"
    DATASET = "dataset"
    NONZERO = "nonzero"


class ScoreFrom(StrEnum):
    """What the score is made from."""

    PROBABILITIES = "probabilities"
    GRADIENT = "gradient"
    RESIDUAL = "residual"


class Averaging(StrEnum):
    """What is averaged over the probability volumes."""

    PROBABILITY = "probability"
    LOGIT = "logit"
    GEOMETRIC = "geometric"
    POWER = "power"
    RANK = "rank"


class ScoreSmoothing(StrEnum):
    """How the score is smoothed after the mean."""

    OFF = "off"
    DIFFUSION = "diffusion"
    GAUSSIAN = "gaussian"
    MEDIAN = "median"


class SmoothStage(StrEnum):
    """What is smoothed: the score after the mean, or each volume before it."""

    SCORE = "score"
    VOLUMES = "volumes"


class Sheetness(StrEnum):
    """What the sheetness of the score is used for."""

    OFF = "off"
    MIX = "mix"
    GATE = "gate"
    REPLACE = "replace"


class CtGate(StrEnum):
    """What is removed where the CT image has no support for it."""

    OFF = "off"
    SCORE = "score"
    MASK = "mask"


class ThresholdRule(StrEnum):
    """How the threshold is found."""

    QUANTILE = "quantile"
    PROBABILITY = "probability"
    ADAPTIVE = "adaptive"


class CubePlugging(StrEnum):
    """How cubes of 2 x 2 x 2 voxels are plugged."""

    OFF = "off"
    CUBES = "cubes"
    RASTER = "raster"


class MedianWindow(StrEnum):
    """The voxels that a median is taken of."""

    CUBE = "cube"
    CROSS = "cross"
    SLICE = "slice"
    LINE = "line"


class Connectivity(IntEnum):
    """Which neighbours of a voxel are connected to it: by faces, also edges, also corners."""

    FACES = 6
    EDGES = 18
    CORNERS = 26


Extent = tuple[Annotated[int, Field(ge=0)], Annotated[int, Field(ge=1)]]
BlockExtents = tuple[Extent, Extent, Extent]
"""Start (included) and stop (excluded) of a block along z, y and x, in voxels."""


def _pairs(numbers: object) -> object:
    """Take numbers by name as a mapping, as pairs, or as the text ``name=number,name=number``."""
    if isinstance(numbers, str):
        parts = [part.partition("=") for part in numbers.split(",") if part.strip()]
        return tuple(sorted((name.strip(), number.strip()) for name, _, number in parts))
    if isinstance(numbers, Mapping):
        return tuple(sorted(numbers.items()))
    return numbers


def _each_once(numbers: tuple[tuple[str, float], ...]) -> tuple[tuple[str, float], ...]:
    names = [name for name, _ in numbers]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise ValueError(f"{', '.join(repeated)} has more than one")
    return numbers


SourceName = Annotated[str, Field(min_length=1, max_length=LONGEST_SOURCE_NAME)]

Weights = Annotated[
    tuple[tuple[SourceName, Annotated[float, Field(ge=0.0, le=1e6)]], ...],
    Field(max_length=MOST_SOURCES),
    BeforeValidator(_pairs),
    AfterValidator(_each_once),
    PlainSerializer(dict, return_type=dict[str, float], when_used="always"),
]
"""Weight of each probability volume by its name, in ascending order of the names."""

Temperatures = Annotated[
    tuple[tuple[SourceName, Annotated[float, Field(ge=0.25, le=4.0)]], ...],
    Field(max_length=MOST_SOURCES),
    BeforeValidator(_pairs),
    AfterValidator(_each_once),
    PlainSerializer(dict, return_type=dict[str, float], when_used="always"),
]
"""Temperature of single probability volumes by their names, in ascending order of the names."""
