"""``--density``: the threshold that gives the masks a density."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, Self

import typer

from napari_nx46.cli.flags.groups import FlagGroup
from napari_nx46.cli.flags.parsing import parse_density
from napari_nx46.cli.output.console import note, print_table, share_bar
from napari_nx46.cli.output.reporting import shown_knob
from napari_nx46.setting import Setting, ThresholdRule, knob_applies

if TYPE_CHECKING:
    from napari_nx46.cli.commands.job import Task
    from napari_nx46.run.density import DensitySolution

_SECTION = "Density target"
_THRESHOLD_KNOBS: Mapping[ThresholdRule, str] = {
    ThresholdRule.QUANTILE: "quantile",
    ThresholdRule.PROBABILITY: "probability",
    ThresholdRule.ADAPTIVE: "adaptive_base",
}


class Sharing(StrEnum):
    """What one threshold is solved for."""

    FRAGMENT = "fragment"
    ALL = "all"


@dataclass(frozen=True)
class DensityFlags(FlagGroup):
    """The flags that solve for a density.

    Parameters
    ----------
    density : str, optional
        A density, or the band ``LOW:HIGH``.
    sharing : Sharing, optional
        Whether every fragment has its own threshold, which it has by default.
    """

    density: Annotated[
        str | None,
        typer.Option(
            "--density",
            metavar="DENSITY|LOW:HIGH",
            help="Solve for the threshold that gives the final masks this density, or one in this "
            "band; the other knobs stay as they are.",
            rich_help_panel=_SECTION,
        ),
    ] = None
    sharing: Annotated[
        Sharing | None,
        typer.Option(
            "--density-for",
            metavar="fragment|all",
            help="Reach it in every fragment by a threshold of its own, or in all together by one "
            "threshold.",
            show_default=Sharing.FRAGMENT.value,
            rich_help_panel=_SECTION,
        ),
    ] = None

    @classmethod
    def gathered(cls, **values: Any) -> Self:
        """Return the flags, once they are known to make sense.

        Raises
        ------
        typer.BadParameter
            As `target`.
        """
        flags = cls(**values)
        flags.target()
        return flags

    def target(self) -> tuple[float, float] | None:
        """Return the lowest and highest density to reach; None if there is no such flag.

        Raises
        ------
        typer.BadParameter
            If the density cannot be parsed, or is missing beside ``--density-for``.
        """
        if self.density is not None:
            return parse_density(self.density)
        if self.sharing is not None:
            raise typer.BadParameter("expected --density with it", param_hint="--density-for")
        return None


def solved(task: Task, flags: DensityFlags) -> Task:
    """Return the task with the settings that reach the density, and print what was found.

    Parameters
    ----------
    task : Task
        Returned as it is if no density was asked for.
    flags : DensityFlags

    Raises
    ------
    FragmentError, VolumeError, Cancelled
        As writing would.
    """
    target = flags.target()
    if target is None:
        return task
    from napari_nx46.run.density import DensityTarget, solve_density

    # All fragments have the one setting that the flags give.
    before = next(iter(task.settings.values()))
    with share_bar("solving for the density") as progress:
        solution = solve_density(
            task.pipelines,
            tuple(task.settings),
            before,
            DensityTarget(*target),
            shared=flags.sharing is Sharing.ALL,
            cancelled=task.cancelled,
            progress=progress,
        )
    _print_solution(before, solution)
    if not solution.met:
        note(f"warning: the target density is not met\n{solution.message}")
    return replace(task, settings=solution.settings)


def report_unsolved(flags: DensityFlags) -> None:
    """Say that a check alone solves for no density, if one was asked for."""
    if flags.target() is not None:
        note("note: --density is not solved in a dry run; the settings are those to start with")


def _print_solution(before: Setting, solution: DensitySolution) -> None:
    print_table(
        ("fragment", "threshold", "density", "target"),
        [
            (
                image_id,
                _found(before, setting),
                f"{solution.densities[image_id]:.6f}",
                str(solution.target),
            )
            for image_id, setting in solution.settings.items()
        ],
    )


def _found(before: Setting, setting: Setting) -> str:
    """Return the knobs that solving has moved; where it moved none, the threshold's."""
    moved = [
        name
        for name in Setting.model_fields
        if getattr(setting, name) != getattr(before, name) and knob_applies(name, setting)
    ]
    names = moved or [_THRESHOLD_KNOBS[setting.rule]]
    return " ".join(shown_knob(name, setting) for name in names)
