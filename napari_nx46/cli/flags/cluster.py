"""The flags that say what tasks run on: threads, processes, or a cluster that is there."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from napari_nx46.cli.flags import options as flag
from napari_nx46.cli.flags.groups import FlagGroup

if TYPE_CHECKING:
    from napari_nx46.campaign.execute.cluster import ClusterChoice


@dataclass(frozen=True)
class ClusterFlags(FlagGroup):
    """The flags that say what tasks run on.

    Parameters
    ----------
    threads, workers : int, optional
    scheduler : str, optional
    """

    threads: Annotated[
        int | None,
        typer.Option(
            "--threads",
            metavar="N",
            min=1,
            help="Tasks at a time, in threads of this process.",
            show_default="one a processor",
            rich_help_panel=flag.RESOURCE_SECTION,
        ),
    ] = None
    workers: Annotated[
        int | None,
        typer.Option(
            "--workers",
            metavar="N",
            min=1,
            help="Tasks at a time, in processes of this machine.",
            rich_help_panel=flag.RESOURCE_SECTION,
        ),
    ] = None
    scheduler: Annotated[
        str | None,
        typer.Option(
            "--scheduler",
            metavar="ADDRESS",
            help="Run on a Dask cluster that is there, e.g. tcp://host:8786; its workers must see"
            " the data under the same paths.",
            rich_help_panel=flag.RESOURCE_SECTION,
        ),
    ] = None

    @property
    def lanes(self) -> int:
        """How many tasks are computed at a time, as far as is known."""
        return self.workers or self.threads or os.cpu_count() or 1

    def choice(self) -> ClusterChoice:
        """Return the cluster that is chosen.

        Raises
        ------
        typer.BadParameter
            If more than one of the flags is given.
        """
        given = [
            name
            for name, value in (
                ("--threads", self.threads),
                ("--workers", self.workers),
                ("--scheduler", self.scheduler),
            )
            if value is not None
        ]
        if len(given) > 1:
            raise typer.BadParameter(
                f"found {' and '.join(given[1:])} as well; expected one", param_hint=given[0]
            )
        from napari_nx46.campaign.execute.cluster import ClusterChoice

        return ClusterChoice(self.threads, self.workers, self.scheduler)
