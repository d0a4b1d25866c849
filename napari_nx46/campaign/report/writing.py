"""Writing a report into a folder."""

from __future__ import annotations

from pathlib import Path

from napari_nx46.campaign.report.markdown import report_markdown
from napari_nx46.campaign.report.page import report_html
from napari_nx46.campaign.report.sections import CampaignReport
from napari_nx46.files.atomic import WriteError, write_together
from napari_nx46.run.targets import kept_if_used

__all__ = ["write_report"]


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
    contents = {
        "report.html": report_html(report),
        "report.md": report_markdown(report),
        **{table.name: table.to_bytes() for table in report.tables},
    }
    if folder.exists() and not folder.is_dir():
        raise WriteError(folder, "there is a file of that name, expected a folder")
    with kept_if_used(folder), write_together() as batch:
        for name, content in contents.items():
            batch.add(folder / name).write_bytes(content)
    return tuple(folder / name for name in contents)
