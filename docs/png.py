"""Pictures as small PNG files: of a window, and of a report's figures."""

from __future__ import annotations

import re
from base64 import b64decode
from pathlib import Path

from PIL import Image
from qtpy.QtCore import QLoggingCategory, QRectF, Qt
from qtpy.QtGui import QImage, QPainter
from qtpy.QtSvg import QSvgRenderer

FIGURE_WIDTH = 1100
FIGURE_PATTERN = r'svg\+xml;base64,([^"]+)"[^>]*>\s*<figcaption><strong>Figure \d+\. ([^<]*)\.<'
INK = "#24292f"


def write_png(picture: QImage, target: Path) -> None:
    """Write a picture as a PNG that is as small as it can be without a loss."""
    picture.save(str(target))
    with Image.open(target) as image:
        image.convert("RGB").save(target, optimize=True)


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
