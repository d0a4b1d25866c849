"""The section on what was won and lost: errors that the best run mends, and errors that it adds."""

from __future__ import annotations

from napari_nx46.campaign.analysis.whole import CampaignAnalysis
from napari_nx46.campaign.report.parts import Section, SourcedTable
from napari_nx46.files.naming import printable
from napari_nx46.run.compare.changes import WonAndLost, change_tables
from napari_nx46.run.compare.errors import points_text

__all__ = ["CHANGE_COLUMNS", "change_rows", "changes_section"]

CHANGE_COLUMNS = (
    *("run_id", "baseline", "fragment", "kind"),
    *("mended", "mended_points", "new", "new_points", "in_both", "in_both_points", "won_points"),
)
"""Columns of the table of `change_rows`; points are those that the score gains."""

_MOST_NAMED = 3


def change_rows(analysis: CampaignAnalysis) -> list[tuple[str | int | float, ...]]:
    """Return what became of each kind of error on each fragment, `CHANGE_COLUMNS`."""
    return [
        (
            *(gain.run_id, gain.baseline, gain.image_id, one.kind),
            *(one.mended, one.mended_share, one.new, -one.new_share),
            *(one.kept, -one.kept_change, one.won),
        )
        for gain in analysis.gains
        if gain.errors is not None
        for one in gain.errors.kinds
    ]


def changes_section(analysis: CampaignAnalysis) -> Section | None:
    """Report the errors that the best run mends, and those that it adds; None without a label."""
    found = {
        printable(gain.image_id): gain.errors for gain in analysis.gains if gain.errors is not None
    }
    if not found:
        return None
    gain = analysis.gains[0]
    tables = tuple(SourcedTable(table, ("changes.csv",)) for table in change_tables(found))
    return Section(
        "What was won and lost",
        tuple(
            _sentence(image_id, printable(gain.run_id), printable(gain.baseline), one)
            for image_id, one in found.items()
        ),
        tables=tuple(one for one in tables if one.table.rows),
        notes=(
            "An error is what costs points of the leaderboard score: a component, loop or cavity "
            "that has no partner, a pair of components of the VOI score, a region of missed "
            "surface. It is mended if only the baseline has it, and new if only the best run has "
            "it. Errors of one kind and side are the same if they lie at one place or, being each "
            "other's nearest, within 4 voxels. The points of all kinds sum to the difference of "
            "the scores.",
        ),
    )


def _sentence(image_id: str, run_id: str, baseline: str, found: WonAndLost) -> str:
    words = (
        f"On {image_id} {run_id} wins {points_text(found.won, signed=True)} points on {baseline}"
    )
    kinds = [one for one in found.kinds if one.won][:_MOST_NAMED]
    if not kinds:
        return f"{words}: no error changes."
    named = ", ".join(f"{one.kind} {points_text(one.won, signed=True)}" for one in kinds)
    return f"{words}; most by {named}."
