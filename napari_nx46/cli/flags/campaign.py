"""What a campaign is to run, and over which data: the flags, and the plan they give together."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from napari_nx46.campaign.execute.suggest import DEFAULT_BATCH, Objective
from napari_nx46.campaign.plan.rows import MOST_RUNS
from napari_nx46.cli.flags import options as flag
from napari_nx46.cli.flags.data import DataFlags
from napari_nx46.cli.flags.groups import FlagGroup
from napari_nx46.cli.flags.knob_flags import KnobFlags
from napari_nx46.cli.flags.knobs import chosen_setting
from napari_nx46.cli.flags.parsing import ANY_DENSITY, parse_band
from napari_nx46.cli.output.console import note

if TYPE_CHECKING:
    from napari_nx46.campaign.execute.suggest import Search
    from napari_nx46.campaign.records.results import CampaignPlan
    from napari_nx46.setting import Setting

_GRID_SECTION = "Grid, instead of MATRIX"
_SEARCH_SECTION = "Search, instead of MATRIX"

CampaignDryRun = Annotated[
    bool,
    typer.Option(
        "--dry-run/--no-dry-run",
        envvar="NX46_DRY_RUN",
        help="Open every fragment, check that every setting fits it, estimate time, memory and "
        "disk, and print the plan; run and write nothing.",
    ),
]


@dataclass(frozen=True)
class CampaignDataFlags(DataFlags):
    """As `DataFlags`, with a matrix before the data.

    Parameters
    ----------
    paths : list of str
        The matrix, unless a grid or a search stands for it; then the data.
    """

    paths: Annotated[
        list[str],
        typer.Argument(
            metavar="[MATRIX] DATA",
            help="What to run: a shipped matrix ('nx46 campaign matrices' lists them), a matrix "
            "file, or FILE:KEY for one of its lists; left out with --grid or --suggest. Then the "
            "data folder; or one probability volume; or two of them, p3d and p2d.",
        ),
    ]


@dataclass(frozen=True)
class PlanFlags(FlagGroup):
    """The flags that give what a campaign runs where no matrix does.

    Parameters
    ----------
    grid : list of str, optional
        Axes, as in `campaign.axes.parse_axes`.
    suggest : int, optional
        Runs of a search.
    vary : list of str, optional
        Axes of the search.
    objective : Objective
    band : str, optional
        Density aimed at by the search, ``LOW:HIGH``, or ``none``.
    seed, batch : int
        Of the search.
    """

    grid: Annotated[
        list[str] | None,
        typer.Option(
            "--grid",
            metavar="KNOB=VALUES",
            help="Run every combination of these values, START:STOP:STEP with both ends, or "
            "VALUE,VALUE; given again for each knob.",
            rich_help_panel=_GRID_SECTION,
        ),
    ] = None
    suggest: Annotated[
        int | None,
        typer.Option(
            "--suggest",
            metavar="N",
            min=1,
            max=MOST_RUNS,
            help="Run so many settings: the one that the knobs' flags give, with which the others "
            "are compared, then those that a sampler (TPE) suggests, each batch by what the runs "
            "before it gave.",
            rich_help_panel=_SEARCH_SECTION,
        ),
    ] = None
    vary: Annotated[
        list[str] | None,
        typer.Option(
            "--vary",
            metavar="KNOB=VALUES",
            help="Knob that the search may vary: LOW:HIGH in the knob's own steps, LOW:HIGH:STEP, "
            "or VALUE,VALUE; given again for each knob.",
            rich_help_panel=_SEARCH_SECTION,
        ),
    ] = None
    objective: Annotated[
        Objective,
        typer.Option(
            "--objective",
            help="What the search aims at: the leaderboard score; a density in the band; or the "
            "recall of runs in the band. Means over the fragments.",
            rich_help_panel=_SEARCH_SECTION,
        ),
    ] = Objective.LEADERBOARD
    band: Annotated[
        str | None,
        typer.Option(
            "--band",
            metavar="LOW:HIGH",
            help="Density aimed at by a search; a run whose mean density lies outside is "
            "rejected; 'none' for any density.",
            show_default=flag.DEFAULT_BAND_TEXT,
            rich_help_panel=_SEARCH_SECTION,
        ),
    ] = None
    seed: Annotated[
        int,
        typer.Option(
            "--seed",
            metavar="N",
            min=0,
            max=2**32 - 1,
            help="The same seed suggests the same settings, whatever the number of workers.",
            rich_help_panel=_SEARCH_SECTION,
        ),
    ] = 0
    batch: Annotated[
        int,
        typer.Option(
            "--batch",
            metavar="N",
            min=1,
            max=256,
            help="Runs that are suggested together; more keep more workers busy, fewer learn "
            "sooner.",
            rich_help_panel=_SEARCH_SECTION,
        ),
    ] = DEFAULT_BATCH


@dataclass(frozen=True, slots=True)
class AskedCampaign:
    """What a campaign is asked to run, and over which data.

    Parameters
    ----------
    plan : CampaignPlan or Search
        All runs; or the search that suggests them.
    data : DataFlags
        Without the matrix.
    """

    plan: CampaignPlan | Search
    data: DataFlags


def asked_campaign(flags: PlanFlags, data: CampaignDataFlags, knobs: KnobFlags) -> AskedCampaign:
    """Return what the flags ask for: a matrix, a grid or a search, over a setting under it.

    Parameters
    ----------
    flags : PlanFlags
    data : CampaignDataFlags
    knobs : KnobFlags
        Give the setting that stands under every run, with the environment; a run's own knobs count
        more.

    Raises
    ------
    PlanError
        For everything that is wrong with what is to be run.
    SettingError
        If the knobs are.
    typer.BadParameter
        If flags are missing or exclude each other.
    """
    _check_usage(flags)
    base = chosen_setting(knobs, os.environ, note)
    if flags.grid:
        from napari_nx46.campaign.plan.grid import grid_plan

        return AskedCampaign(grid_plan(flags.grid, base), data)
    if flags.suggest is not None:
        return AskedCampaign(_checked_search(flags, flags.suggest, base), data)

    from napari_nx46.campaign.plan.matrix import read_plan

    matrix, *paths = data.paths
    if not paths:
        raise typer.BadParameter(
            f"found {str(matrix)!r} alone, expected MATRIX and DATA, or DATA with --grid or "
            "--suggest",
            param_hint="MATRIX",
        )
    return AskedCampaign(read_plan(Path(matrix), base), replace(data, paths=paths))


def _check_usage(flags: PlanFlags) -> None:
    if flags.grid and flags.suggest is not None:
        raise typer.BadParameter("found --suggest as well; expected one", param_hint="--grid")
    if flags.vary and flags.suggest is None:
        raise typer.BadParameter("found no --suggest, which alone takes it", param_hint="--vary")


def _checked_search(flags: PlanFlags, runs: int, base: Setting) -> Search:
    from napari_nx46.campaign.execute.suggest import Search, check_search

    search = Search(
        runs=runs,
        objective=flags.objective,
        vary=_texts(flags.vary),
        base=base,
        seed=flags.seed,
        batch=flags.batch,
        band=_search_band(flags),
    )
    check_search(search)
    return search


def _search_band(flags: PlanFlags) -> tuple[float, float]:
    """Return the density that a search aims at."""
    band = parse_band(flag.DEFAULT_BAND_TEXT if flags.band is None else flags.band)
    if flags.objective is Objective.DENSITY and band == ANY_DENSITY:
        raise typer.BadParameter(
            f"found {flags.band!r}, expected a density that --objective density is to aim at",
            param_hint="--band",
        )
    return band


def _texts(given: Sequence[str] | None) -> tuple[str, ...]:
    return () if given is None else tuple(given)
