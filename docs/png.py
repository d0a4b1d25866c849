"""Pictures as small PNG files: of a window, of a figure, and of a report's figures."""

from __future__ import annotations

import re
from base64 import b64decode
from pathlib import Path

from matplotlib.figure import Figure
from PIL import Image
from qtpy.QtCore import QLoggingCategory, QRectF, Qt
from qtpy.QtGui import QImage, QPainter
from qtpy.QtSvg import QSvgRenderer

FIGURE_WIDTH = 1100
FIGURE_PATTERN = r'svg\+xml;base64,([^"]+)"[^>]*>\s*<figcaption><strong>Figure \d+\. ([^<]*)\.<'
INK = "#24292f"
DOTS = 130
COLOURS = 256
"""Of a palette: slices are grey, and windows have few colours, so that no eye sees a difference."""


def write_png(picture: QImage, target: Path) -> None:
    """Write a picture as a small PNG."""
    picture.save(str(target))
    shrink(target)


def save_figure(figure: Figure, target: Path) -> None:
    """Write a figure on white as a small PNG."""
    figure.savefig(target, dpi=DOTS, facecolor="white")
    shrink(target)


def shrink(target: Path) -> None:
    """Write a PNG again with a palette, which takes less than half of the bytes."""
    with Image.open(target) as image:
        few = image.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
    few.save(target, optimize=True)


def draw_figures(page: Path, titles: tuple[str, ...], target: Path) -> None:
    """Draw figures of a report below each other on white."""
    figures = re.findall(FIGURE_PATTERN, page.read_text())
    drawn = {title: svg for svg, title in figures}
    QLoggingCategory.setFilterRules("qt.svg.warning=false")  # a space has a path without points
    renderers = [
        QSvgRenderer(b64decode(drawn[title]).decode().replace("currentColor", INK).encode())
        for title in titles
    ]
    sizes = [renderer.defaultSize() for renderer in renderers]
    scale = FIGURE_WIDTH / max(size.width() for size in sizes)
    heights = [scale * size.height() for size in sizes]
    picture = QImage(FIGURE_WIDTH, round(sum(heights)), QImage.Format.Format_RGB32)
    picture.fill(Qt.GlobalColor.white)
    painter = QPainter(picture)
    top = 0.0
    for renderer, size, height in zip(renderers, sizes, heights, strict=True):
        renderer.render(painter, QRectF(0, top, scale * size.width(), height))
        top += height
    painter.end()
    write_png(picture, target)
