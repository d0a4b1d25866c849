"""The plots of a window."""

from __future__ import annotations


def panel_of(opened):
    return opened.plots.panel
