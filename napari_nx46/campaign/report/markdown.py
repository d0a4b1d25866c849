"""A report as Markdown; its figures are in the page of HTML."""

from __future__ import annotations

from collections.abc import Iterator

from napari_nx46.campaign.report.parts import Section
from napari_nx46.campaign.report.sections import CampaignReport
from napari_nx46.run.compare.report import markdown_table, markdown_text

__all__ = ["report_markdown"]


def report_markdown(report: CampaignReport) -> bytes:
    """Return a report as Markdown, UTF-8."""
    parts = [f"# {markdown_text(report.title)}", markdown_text(report.headline)]
    for section in report.sections:
        parts += _parts(section)
    return ("\n\n".join(parts) + "\n").encode()


def _parts(section: Section) -> Iterator[str]:
    yield f"## {markdown_text(section.title)}"
    yield from map(markdown_text, section.paragraphs)
    if section.points:
        yield "\n".join(f"- {markdown_text(point)}" for point in section.points)
    for one in section.tables:
        yield f"### {markdown_text(one.table.title)}"
        yield markdown_table(one.table)
        yield from (f"From {markdown_text(source.text)}." for source in one.sources)
    for figure in section.figures:
        told = f"Figure in report.html: {figure.title}. {figure.caption}"
        yield markdown_text(told)
        yield from (f"From {markdown_text(source.text)}." for source in figure.sources)
    yield from map(markdown_text, section.notes)
