"""A report as pages and tables in a folder.

The page of HTML needs no other file, no network and no script; what it links to lies beside it.
"""

from __future__ import annotations

import base64
from itertools import repeat
from pathlib import Path

from napari_nx46.campaign.report.sections import CampaignReport
from napari_nx46.campaign.report.tables import TABLE_NAMES, table_bytes
from napari_nx46.files.atomic import WriteError, write_together
from napari_nx46.run.export.targets import kept_if_used
from napari_nx46.run.pages import render_page

__all__ = ["report_targets", "write_report"]

PAGES = ("report.html", "report.md")


def report_targets(folder: Path) -> tuple[Path, ...]:
    """Return what a report writes into a folder, report.html first."""
    return tuple(folder / name for name in (*PAGES, *TABLE_NAMES))


def write_report(report: CampaignReport, folder: Path) -> tuple[Path, ...]:
    """Write report.html, report.md and the tables, all of them complete or none.

    Parameters
    ----------
    report : CampaignReport
    folder : Path
        Made if it is missing. Files of an older report are replaced.

    Returns
    -------
    tuple of Path
        What was written, report.html first.

    Raises
    ------
    WriteError
        If something cannot be written; then nothing was.
    """
    contents = [*map(_rendered, PAGES, repeat(report)), *map(table_bytes, report.tables.values())]
    targets = report_targets(folder)
    if folder.exists() and not folder.is_dir():
        raise WriteError(folder, "there is a file of that name, expected a folder")
    with kept_if_used(folder), write_together() as batch:
        for target, content in zip(targets, contents, strict=True):
            batch.add(target).write_bytes(content)
    return targets


def _rendered(page: str, report: CampaignReport) -> bytes:
    """Return a page of the report, UTF-8; what users have named is escaped."""
    values = {"report": report}
    return render_page("napari_nx46.campaign.report", page, values, {"as_image": _as_image})


def _as_image(svg: str) -> str:
    """Return an SVG as the source of an image, in which no script runs and nothing is loaded."""
    return f"data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()}"
