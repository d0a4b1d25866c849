"""Saving a plot as a picture, and its numbers as a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from qtpy.QtCore import QBuffer, QByteArray, QIODevice, QRectF
from qtpy.QtGui import QImage, QPainter
from qtpy.QtSvg import QSvgGenerator
from qtpy.QtWidgets import QGraphicsView

from napari_nx46.files.atomic import WriteError, write_beside
from napari_nx46.run.csv_text import CsvValue, csv_bytes

__all__ = ["PICTURE_SUFFIXES", "TABLE_SUFFIX", "Table", "save_picture", "save_table"]

PICTURE_SUFFIXES = (".png", ".svg")
TABLE_SUFFIX = ".csv"
PNG_SCALE = 2
"""Pixels of a PNG along each pixel of the screen."""


@dataclass(frozen=True)
class Table:
    """The numbers of a plot.

    Parameters
    ----------
    columns : sequence of str
    rows : sequence of sequences
        None is a number that is not known.
    """

    columns: Sequence[str]
    rows: Sequence[Sequence[CsvValue]]


def save_table(table: Table, target: Path) -> None:
    """Write the numbers of a plot as CSV.

    Raises
    ------
    WriteError
        If the file cannot be written; what was there before is unchanged.
    """
    with write_beside(target) as partial:
        partial.write_bytes(csv_bytes(table.columns, table.rows))


def save_picture(view: QGraphicsView, target: Path) -> None:
    """Write a plot as it is seen, as PNG or SVG by the file's suffix.

    Raises
    ------
    WriteError
        If the suffix is another one, or the file cannot be written; what was there before is
        unchanged.
    """
    suffix = target.suffix.lower()
    if suffix not in PICTURE_SUFFIXES:
        expected = ", ".join((*PICTURE_SUFFIXES, TABLE_SUFFIX))
        raise WriteError(target, f"found the suffix {suffix or 'none'}, expected {expected}")
    encoded = _svg(view) if suffix == ".svg" else _png(view)
    with write_beside(target) as partial:
        partial.write_bytes(encoded)


def _png(view: QGraphicsView) -> bytes:
    image = QImage(PNG_SCALE * view.viewport().size(), QImage.Format.Format_RGB32)
    image.setDevicePixelRatio(PNG_SCALE)
    image.fill(view.backgroundBrush().color())
    painter = QPainter(image)
    view.render(painter, QRectF(view.viewport().rect()))
    painter.end()
    encoded = QByteArray()
    buffer = QBuffer(encoded)
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    image.save(buffer, "PNG")
    return bytes(encoded)


def _svg(view: QGraphicsView) -> bytes:
    encoded = QByteArray()
    buffer = QBuffer(encoded)  # kept alive: the generator does not own it
    generator = QSvgGenerator()
    generator.setOutputDevice(buffer)
    generator.setSize(view.viewport().size())
    generator.setViewBox(view.viewport().rect())
    painter = QPainter(generator)
    view.render(painter, QRectF(view.viewport().rect()))
    painter.end()
    return bytes(encoded)
