"""Writing a report into a folder."""

from __future__ import annotations

from pathlib import Path

from napari_nx46.campaign.report.markdown import report_markdown
from napari_nx46.campaign.report.page import report_html
from napari_nx46.campaign.report.sections import CampaignReport
from napari_nx46.campaign.report.tables import TABLE_NAMES
from napari_nx46.files.atomic import WriteError, write_together
from napari_nx46.run.export.targets import kept_if_used

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
    pages = (report_html(report), report_markdown(report))
    contents = (*pages, *(table.to_bytes() for table in report.tables))
    targets = report_targets(folder)
    if folder.exists() and not folder.is_dir():
        raise WriteError(folder, "there is a file of that name, expected a folder")
    with kept_if_used(folder), write_together() as batch:
        for target, content in zip(targets, contents, strict=True):
            batch.add(target).write_bytes(content)
    return targets
