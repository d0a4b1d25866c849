"""The flags that give the rules of a campaign."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from napari_nx46.cli.flags.groups import FlagGroup
from napari_nx46.cli.flags.options import DEFAULT_BAND_TEXT
from napari_nx46.cli.flags.parsing import NO_BAND, parse_band
from napari_nx46.files.naming import printable

if TYPE_CHECKING:
    from napari_nx46.campaign.records.results import CampaignResults
    from napari_nx46.campaign.verdicts.rules import BestRun, Rules, RunVerdict

_SECTION = "Rules"
_NO_RULE = "none"
_MOST_RUNS_NAMED = 10

BaselineRun = Annotated[
    str | None,
    typer.Option(
        "--baseline",
        metavar="RUN",
        help="Run that the others are compared with, by its run_id.",
        show_default="the first run; of a search the setting it starts from",
        rich_help_panel=_SECTION,
    ),
]
LargestRecallFall = Annotated[
    str | None,
    typer.Option(
        "--largest-recall-fall",
        metavar="SHARE",
        help="Reject a run whose mean recall lies by more than this below the baseline's; 'none'"
        " to let it fall.",
        show_default="none",
        rich_help_panel=_SECTION,
    ),
]
ExportsValidate = Annotated[
    bool | None,
    typer.Option(
        "--valid-exports/--any-exports",
        help="Reject a run whose export was checked and is not valid.",
        show_default="valid-exports",
        rich_help_panel=_SECTION,
    ),
]


@dataclass(frozen=True)
class RuleFlags(FlagGroup):
    """The flags that give the rules of a campaign; None where one is not given.

    Parameters
    ----------
    baseline : str, optional
    largest_recall_fall : str, optional
        A share, or ``none``.
    band : str, optional
        ``LOW:HIGH``, or ``none``.
    valid_exports : bool, optional
    """

    baseline: BaselineRun = None
    largest_recall_fall: LargestRecallFall = None
    band: Annotated[
        str | None,
        typer.Option(
            "--band",
            metavar="LOW:HIGH",
            help="Reject a run whose mean density lies outside; 'none' for any density.",
            show_default=DEFAULT_BAND_TEXT,
            rich_help_panel=_SECTION,
        ),
    ] = None
    valid_exports: ExportsValidate = None

    def rules(self, kept: Rules | None = None) -> Rules:
        """Return the rules.

        Parameters
        ----------
        kept : Rules, optional
            Those that the campaign was begun with, which hold where no flag is given; the usual
            ones by default.

        Raises
        ------
        typer.BadParameter
            If a value makes no sense.
        """
        from napari_nx46.campaign.verdicts.rules import Rules

        given: dict[str, object] = {}
        if self.baseline is not None:
            given["baseline"] = self.baseline
        if self.largest_recall_fall is not None:
            given["largest_recall_fall"] = _parse_fall(self.largest_recall_fall)
        if self.band is not None:
            given["band"] = None if self.band.strip() == NO_BAND else parse_band(self.band)
        if self.valid_exports is not None:
            given["exports_validate"] = self.valid_exports
        return (kept or Rules()).model_copy(update=given)

    def check_baseline(self, run_ids: Sequence[str], campaign: str) -> None:
        """Check that a campaign has the baseline that is named.

        Parameters
        ----------
        run_ids : sequence of str
            All that the campaign has, or may come to have.
        campaign : str
            What it is called in the error.

        Raises
        ------
        typer.BadParameter
            If it has not.
        """
        if self.baseline is None or self.baseline in run_ids:
            return
        names = ", ".join(map(printable, run_ids[:_MOST_RUNS_NAMED])) or "none"
        more = ", …" if len(run_ids) > _MOST_RUNS_NAMED else ""
        raise typer.BadParameter(
            f"found {self.baseline!r}, expected a run of {campaign}: {names}{more}",
            param_hint="--baseline",
        )


def best_words(
    results: CampaignResults, verdicts: Sequence[RunVerdict], best: BestRun | None
) -> Iterator[str]:
    """Yield which run is the best, and a rejected one that has a better score.

    Parameters
    ----------
    results : CampaignResults
    verdicts : sequence of RunVerdict
    best : BestRun, optional
        From `rules.best_run`.
    """
    from napari_nx46.campaign.verdicts.rules import better_rejected

    if best is None:
        yield "no run is the best: none is done, or there is nothing to choose by"
        return
    yield f"best run: {_named(best)}"
    other = better_rejected(results, verdicts, best)
    if other is not None:
        yield f"a better one is rejected: {_named(other)}"


def _named(best: BestRun) -> str:
    """Return a run with what it was chosen by, and why it is rejected if it is."""
    words = f"{printable(best.run_id)}, by its {best.criterion}, {best.value:.6f}"
    if best.rejected_for:
        words += f"; it is rejected: {'; '.join(map(printable, best.rejected_for))}"
    return words


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
