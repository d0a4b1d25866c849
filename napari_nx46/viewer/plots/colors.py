"""The colours of plots, which fit the window's theme and are safe for the colour-blind."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from napari.utils.theme import get_theme
from qtpy.QtGui import QColor

from napari_nx46.run.okabe_ito import BLUE, GREEN, ORANGE, PURPLE, SKY, VERMILION

__all__ = ["PlotColors", "Role", "plot_colors"]


class Role(StrEnum):
    """What a colour is for."""

    TEXT = "text"
    FAINT = "faint"
    FIRST = "first"
    SECOND = "second"
    THIRD = "third"
    BAND = "band"


_ON_DARK = {
    Role.FIRST: SKY,
    Role.SECOND: ORANGE,
    Role.THIRD: PURPLE,
    Role.BAND: GREEN,
}
_ON_LIGHT = {
    Role.FIRST: BLUE,
    Role.SECOND: VERMILION,
    Role.THIRD: "#a85a86",  # purple, darker: the usual shade is too faint on a light ground
    Role.BAND: GREEN,
}
"""Of each pair of shades the one that stands out."""


@dataclass(frozen=True)
class PlotColors:
    """The colours of a theme.

    Parameters
    ----------
    background : str
    by_role : dict of Role to str
        As ``#rrggbb``.
    """

    background: str
    by_role: dict[Role, str]

    def of(self, role: Role, opacity: float = 1.0) -> QColor:
        """Return a colour, opaque or let through."""
        color = QColor(self.by_role[role])
        color.setAlphaF(opacity)
        return color


def plot_colors(theme_id: str) -> PlotColors:
    """Return the colours that fit one of napari's themes.

    Parameters
    ----------
    theme_id : str
        As in ``viewer.theme``.
    """
    theme = get_theme(theme_id)
    accents = _ON_LIGHT if theme.type == "light" else _ON_DARK
    text, faint = (color.as_hex(format="long") for color in (theme.text, theme.secondary))
    return PlotColors(
        theme.background.as_hex(format="long"),
        {Role.TEXT: text, Role.FAINT: faint, **accents},
    )
