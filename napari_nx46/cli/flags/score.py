"""The flags of ``nx46 score`` that give the parameters of the leaderboard score."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Annotated, TypeVar

import typer

from napari_nx46.cli.flags.groups import FlagGroup
from napari_nx46.leaderboard.parameters import COMPETITION, Parameters, PartWeights

Number = TypeVar("Number", int, float)
Triple = tuple[Number, Number, Number]

_NOTHING = "none"


def _text(values: tuple[float, ...]) -> str:
    return ",".join(f"{value:g}" for value in values)


_WEIGHTS = COMPETITION.part_weights


@dataclass(frozen=True)
class ParameterFlags(FlagGroup):
    """What the flags give, lists still as text.

    Parameters
    ----------
    tau, alpha : float
    connectivity : int
    spacing, weights, dimension_weights, octants, ignore_label : str
    """

    tau: Annotated[
        float,
        typer.Option(
            "--tau", metavar="DISTANCE", help="Distance up to which surfaces agree in SurfaceDice."
        ),
    ] = COMPETITION.tolerance
    spacing: Annotated[
        str, typer.Option("--spacing", metavar="Z,Y,X", help="Edge lengths of a voxel.")
    ] = _text(COMPETITION.spacing)
    alpha: Annotated[
        float,
        typer.Option("--alpha", metavar="A", help="VOI score = 1 / (1 + A * (split + merge))."),
    ] = COMPETITION.voi_alpha
    connectivity: Annotated[
        int,
        typer.Option(
            "--connectivity", metavar="N", help="Neighbours of a voxel for VOI: 6, 18 or 26."
        ),
    ] = COMPETITION.voi_connectivity
    weights: Annotated[
        str,
        typer.Option(
            "--weights",
            metavar="TOPO,SURFACE,VOI",
            help="Weights of the three parts; they are used as they are.",
        ),
    ] = _text((_WEIGHTS.topo, _WEIGHTS.surface_dice, _WEIGHTS.voi))
    dimension_weights: Annotated[
        str,
        typer.Option(
            "--dimension-weights",
            metavar="W0,W1,W2",
            help="Weights of components, loops and cavities in TopoScore.",
        ),
    ] = _text(COMPETITION.dimension_weights)
    octants: Annotated[
        str,
        typer.Option(
            "--octants", metavar="NZ,NY,NX", help="Into how many parts TopoScore cuts the axes."
        ),
    ] = _text(COMPETITION.octants)
    ignore_label: Annotated[
        str,
        typer.Option(
            "--ignore-label",
            metavar="VALUE",
            help=f"Label of voxels that are background in both masks; '{_NOTHING}' ignores"
            " nothing.",
        ),
    ] = str(COMPETITION.ignore_label)

    def parameters(self) -> Parameters:
        """Return the parameters of the leaderboard score.

        Raises
        ------
        typer.BadParameter
            If a value is out of its range; names the flag.
        """
        with _blaming("--tau"):
            chosen = replace(COMPETITION, tolerance=self.tau)
        with _blaming("--spacing"):
            chosen = replace(chosen, spacing=parse_triple(self.spacing, float))
        with _blaming("--alpha"):
            chosen = replace(chosen, voi_alpha=self.alpha)
        with _blaming("--connectivity"):
            chosen = replace(chosen, voi_connectivity=self.connectivity)
        with _blaming("--weights"):
            parts = parse_triple(self.weights, float)
            chosen = replace(chosen, part_weights=PartWeights(*parts))
        with _blaming("--dimension-weights"):
            dimensions = parse_triple(self.dimension_weights, float)
            chosen = replace(chosen, dimension_weights=dimensions)
        with _blaming("--octants"):
            chosen = replace(chosen, octants=parse_triple(self.octants, int))
        with _blaming("--ignore-label"):
            ignored = parse_ignore_label(self.ignore_label)
        return replace(chosen, ignore_label=ignored)


@contextmanager
def _blaming(flag: str) -> Iterator[None]:
    try:
        yield
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint=flag) from error


def parse_triple(text: str, number: Callable[[str], Number]) -> Triple[Number]:
    """Parse three numbers with commas between them, ``Z,Y,X``.

    Raises
    ------
    ValueError
        If there are not three, or one of them is no such number.
    """
    parts = text.split(",")
    try:
        first, second, third = (number(part) for part in parts)
    except ValueError as error:
        raise ValueError(f"found {text!r}, expected three numbers, A,B,C") from error
    return first, second, third


def parse_ignore_label(text: str) -> int | None:
    """Parse a label value, or the word for none.

    Raises
    ------
    ValueError
        If it is neither.
    """
    if text == _NOTHING:
        return None
    try:
        return int(text)
    except ValueError as error:
        raise ValueError(f"found {text!r}, expected an integer or {_NOTHING!r}") from error
