"""What a report says, section by section; how it looks is left to `page` and `markdown`."""

from __future__ import annotations

from dataclasses import dataclass

from napari_nx46.campaign.analysis.whole import CampaignAnalysis
from napari_nx46.campaign.report.driver_sections import (
    density_section,
    gains_section,
    knobs_section,
)
from napari_nx46.campaign.report.parts import Section, SourcedTable
from napari_nx46.campaign.report.run_sections import (
    fragments_section,
    runs_section,
    slices_section,
    verdicts_section,
)
from napari_nx46.campaign.report.summary import headline, summary_section
from napari_nx46.campaign.report.tables import CsvTable, csv_tables
from napari_nx46.files.naming import shown
from napari_nx46.run.compare.report import ReportTable

__all__ = ["CampaignReport", "report_of"]


@dataclass(frozen=True, slots=True)
class CampaignReport:
    """A report before it is written.

    Parameters
    ----------
    title, headline : str
    sections : tuple of Section
    tables : tuple of CsvTable
        Everything that the sections are made from.
    """

    title: str
    headline: str
    sections: tuple[Section, ...]
    tables: tuple[CsvTable, ...]


def report_of(analysis: CampaignAnalysis) -> CampaignReport:
    """Put the report of a campaign together, and draw its figures."""
    tables = csv_tables(analysis)
    sections = (
        summary_section(analysis),
        runs_section(analysis, tables),
        verdicts_section(analysis),
        fragments_section(analysis, tables),
        slices_section(analysis, tables),
        density_section(analysis, tables),
        knobs_section(analysis, tables),
        gains_section(analysis, tables),
        _files_section(tuple(tables.values())),
    )
    return CampaignReport(
        f"Campaign {shown(analysis.results.plan.name)}",
        headline(analysis),
        tuple(section for section in sections if section is not None),
        tuple(tables.values()),
    )


def _files_section(tables: tuple[CsvTable, ...]) -> Section:
    rows = tuple((table.name, str(len(table.rows)), table.about) for table in tables)
    return Section(
        "Tables",
        (
            "Every table and figure above names the cells that it is made from. They are in these "
            "files, beside this report, with all digits.",
        ),
        tables=(SourcedTable(ReportTable("Files", ("file", "rows", "a row is"), rows), ()),),
    )
