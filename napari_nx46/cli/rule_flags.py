"""The flags that give the rules of a campaign."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from napari_nx46.campaign.rules import DEFAULT_RECALL_FALL
from napari_nx46.cli import options as flag
from napari_nx46.cli.flag_groups import FlagGroup
from napari_nx46.cli.parsing import parse_band
from napari_nx46.files.naming import shown

if TYPE_CHECKING:
    from napari_nx46.campaign.results import CampaignResults
    from napari_nx46.campaign.rules import Rules

_SECTION = "Rules"
_NO_RULE = "none"
_MOST_RUNS_TOLD = 10

BaselineRun = Annotated[
    str | None,
    typer.Option(
        "--baseline",
        metavar="RUN",
        help="Run that recall is compared with, by its run_id.",
        show_default="the first run",
        rich_help_panel=_SECTION,
    ),
]
LargestRecallFall = Annotated[
    str,
    typer.Option(
        "--largest-recall-fall",
        metavar="SHARE",
        help="Reject a run whose mean recall lies by more than this below the baseline's; 'none'"
        " to let it fall.",
        rich_help_panel=_SECTION,
    ),
]
DensityBand = Annotated[
    str,
    typer.Option(
        "--band",
        metavar="LOW:HIGH",
        help="Reject a run whose mean density lies outside; 'none' for any density.",
        rich_help_panel=_SECTION,
    ),
]
ExportsValidate = Annotated[
    bool,
    typer.Option(
        "--valid-exports/--any-exports",
        help="Reject a run whose export was checked and is not valid.",
        rich_help_panel=_SECTION,
    ),
]


@dataclass(frozen=True)
class RuleFlags(FlagGroup):
    """The flags that give the rules of a campaign.

    Parameters
    ----------
    baseline : str, optional
    largest_recall_fall : str
        A share, or ``none``.
    band : str
        ``LOW:HIGH``, or ``none``.
    valid_exports : bool
    """

    baseline: BaselineRun = None
    largest_recall_fall: LargestRecallFall = str(DEFAULT_RECALL_FALL)
    band: DensityBand = flag.DEFAULT_BAND_TEXT
    valid_exports: ExportsValidate = True

    def rules(self) -> Rules:
        """Return the rules.

        Raises
        ------
        typer.BadParameter
            If a value makes no sense.
        """
        from napari_nx46.campaign.rules import Rules

        return Rules(
            baseline=self.baseline,
            largest_recall_fall=_parse_fall(self.largest_recall_fall),
            band=None if self.band == _NO_RULE else parse_band(self.band),
            exports_validate=self.valid_exports,
        )

    def check_baseline(self, results: CampaignResults) -> None:
        """Check that the campaign has the baseline that is named.

        Raises
        ------
        typer.BadParameter
            If it has not.
        """
        run_ids = [run.run_id for run in results.plan.runs]
        if self.baseline is None or self.baseline in run_ids:
            return
        told = ", ".join(map(shown, run_ids[:_MOST_RUNS_TOLD])) or "none"
        more = ", …" if len(run_ids) > _MOST_RUNS_TOLD else ""
        raise typer.BadParameter(
            f"found {self.baseline!r}, expected a run of campaign {results.campaign_id}: "
            f"{told}{more}",
            param_hint="--baseline",
        )


def _parse_fall(text: str) -> float | None:
    if text == _NO_RULE:
        return None
    try:
        fall = float(text)
    except ValueError:
        fall = -1.0
    if not 0.0 <= fall <= 1.0:
        raise typer.BadParameter(
            f"found {text!r}, expected a share from 0 to 1, or 'none'",
            param_hint="--largest-recall-fall",
        )
    return fall
