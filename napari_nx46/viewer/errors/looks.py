"""How errors look: a colour for what they are, a shape for whose they are."""

from __future__ import annotations

from collections.abc import Mapping

from napari_nx46.live.errors.listing import Tone
from napari_nx46.live.errors.picture import ItemClass
from napari_nx46.run.okabe_ito import BLUE, GREEN, ORANGE, PURPLE, SKY, VERMILION

__all__ = ["ITEM_COLORS", "LEGEND", "LEGEND_OF_SUSPICIONS", "SYMBOLS", "TONE_COLORS"]

YELLOW = "#f0e442"
"""The eighth of Okabe and Ito's colours: the only one as bright as the mask is not."""

TONE_COLORS: Mapping[Tone, str] = {
    "component": SKY,
    "loop": VERMILION,
    "cavity": PURPLE,
    "voi": GREEN,
    "surface": ORANGE,
}

SYMBOLS: Mapping[str, str] = {"prediction": "disc", "label": "diamond", "both": "square"}
"""Napari's names of the marks' shapes, by whose error it is."""

ITEM_COLORS: Mapping[ItemClass, str] = {
    ItemClass.OTHER: BLUE,
    ItemClass.ITEM: YELLOW,
    ItemClass.WAY: VERMILION,
}

_SIGNS = {"disc": "●", "diamond": "◆", "square": "■"}
_TONES: Mapping[Tone, str] = {
    "component": "component",
    "loop": "loop",
    "cavity": "cavity",
    "voi": "VOI",
    "surface": "surface",
}
_ITEMS = {
    ItemClass.ITEM: "selected",
    ItemClass.OTHER: "the sheet beside or around it",
    ItemClass.WAY: "the gap between, or what joins them",
}


def _colored(color: str, words: str) -> str:
    return f"<span style='color:{color}'>■</span>&nbsp;{words}"


LEGEND = "<br>".join(
    (
        " ".join(f"{_SIGNS[symbol]}&nbsp;{side}" for side, symbol in SYMBOLS.items())
        + " (its box: corners for the label)",
        " ".join(_colored(color, _TONES[tone]) for tone, color in TONE_COLORS.items()),
        " ".join(_colored(color, _ITEMS[kind]) for kind, color in ITEM_COLORS.items()),
    )
)
"""What colours and shapes stand for, as markup."""

LEGEND_OF_SUSPICIONS = " ".join(
    _colored(color, words)
    for color, words in (
        (TONE_COLORS["loop"], "holes"),
        (TONE_COLORS["component"], "thick sheet"),
        (TONE_COLORS["voi"], "bridge"),
        (TONE_COLORS["cavity"], "unsure place"),
        (ITEM_COLORS[ItemClass.ITEM], "selected"),
    )
)
"""What colours stand for where what is suspicious is listed, as markup."""
