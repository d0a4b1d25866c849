"""Okabe and Ito's colours, which people with any kind of colour vision can distinguish.

References
----------
M. Okabe and K. Ito, "Color Universal Design", 2002, https://jfly.uni-koeln.de/color/.
"""

from __future__ import annotations

from typing import Final

__all__ = ["BLUE", "GREEN", "GREY", "ORANGE", "PURPLE", "SKY", "VERMILION"]

BLUE: Final = "#0072b2"
GREEN: Final = "#009e73"
ORANGE: Final = "#e69f00"
PURPLE: Final = "#cc79a7"
SKY: Final = "#56b4e9"
VERMILION: Final = "#d55e00"
GREY: Final = "#8c8c8c"
"""Not of their palette: for what is left out."""
