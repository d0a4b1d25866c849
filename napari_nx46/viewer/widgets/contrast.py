"""How well a colour stands out against another, by the definition of WCAG 2."""

from __future__ import annotations

__all__ = ["BLACK", "WHITE", "contrast"]

BLACK, WHITE = "#000000", "#ffffff"

_FLARE = 0.05


def contrast(first: str, second: str) -> float:
    """Return the contrast ratio of two colours, in [1, 21].

    Parameters
    ----------
    first, second : str
        ``#rrggbb``.
    """
    darker, lighter = sorted((_luminance(first), _luminance(second)))
    return (lighter + _FLARE) / (darker + _FLARE)


def _luminance(color: str) -> float:
    """Return the relative luminance of a colour of sRGB."""
    red, green, blue = (_linear(int(color[start : start + 2], 16) / 255) for start in (1, 3, 5))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(share: float) -> float:
    return share / 12.92 if share <= 0.04045 else float(((share + 0.055) / 1.055) ** 2.4)
