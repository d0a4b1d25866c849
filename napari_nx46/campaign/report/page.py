"""A report as one page of HTML that needs no other file, no network and no script."""

from __future__ import annotations

import base64

from napari_nx46.campaign.report.sections import CampaignReport

__all__ = ["report_html"]

_TEMPLATE = "page.html.jinja"


def report_html(report: CampaignReport) -> bytes:
    """Return a report as HTML, UTF-8; everything that users have named is escaped."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("napari_nx46.campaign.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["as_image"] = _as_image
    return environment.get_template(_TEMPLATE).render(report=report).encode()


def _as_image(svg: str) -> str:
    """Return an SVG as the source of an image, in which no script runs and nothing is loaded."""
    return f"data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()}"
