"""One of the three views: a slice with the mask's outline, and the cursor in it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from qtpy.QtCore import QPointF, QRectF, QSize, Qt, Signal
from qtpy.QtGui import QColor, QImage, QMouseEvent, QPainter, QPaintEvent, QPen, QWheelEvent
from qtpy.QtWidgets import QSizePolicy, QWidget

from napari_nx46.live.derived.surface import Picture
from napari_nx46.voxels.blocks import Mask

CURSOR_COLOR = QColor(255, 255, 255, 150)
GAP = 6
"""Pixels around the cursor that its lines leave free."""

WHEEL_STEP = 120
"""Of a wheel's notch, as Qt counts them."""


class SliceView(QWidget):
    """A slice across one axis; a click or a drag moves the cursor within it, the wheel across it.

    Parameters
    ----------
    axis : int
        Across which the slice lies.
    name : str
        Such as ``xy``.

    Attributes
    ----------
    moved : Signal(int, int)
        The cursor is to be at this row and column.
    stepped : Signal(int)
        The cursor is to move by so many slices.
    """

    moved = Signal(int, int)
    stepped = Signal(int)

    def __init__(self, axis: int, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.axis = axis
        self._name = name
        self._image: QImage | None = None
        self._sizes = (1.0, 1.0)
        self._cursor = (0, 0)
        self._text = name
        self._turned = 0
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(80, 80)
        self.setCursor(Qt.CursorShape.CrossCursor)
        self.setAccessibleName(f"View {name}")
        self.setToolTip("Click or drag to move the cursor, turn the wheel to go through the slices")

    def sizeHint(self) -> QSize:
        """Return a square."""
        return QSize(220, 220)

    def show_slice(
        self,
        picture: Picture,
        mask: Mask,
        color: str,
        cursor: tuple[int, int],
        text: str,
        sizes: tuple[float, float] = (1.0, 1.0),
    ) -> None:
        """Show a slice, its mask outlined, with the cursor at a row and column.

        Parameters
        ----------
        picture, mask : (rows, columns) array
        color : str
            Of the outline, ``#rrggbb``.
        cursor : tuple of int
        text : str
        sizes : tuple of float
            Height and width of a voxel, in any unit: it is painted so.
        """
        self._sizes = sizes
        self._image = image_of(outlined(picture, mask, color))
        self._cursor, self._text = cursor, text
        self.update()

    def clear(self) -> None:
        """Show nothing."""
        self._image, self._text = None, self._name
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint slice, cursor and text."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor(0, 0, 0))
        if self._image is not None:
            painter.drawImage(self._target(), self._image)
            self._paint_cursor(painter)
        painter.setPen(QColor(255, 255, 255))
        painter.drawText(self.rect().adjusted(4, 2, -4, -2), Qt.AlignmentFlag.AlignTop, self._text)
        painter.end()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Move the cursor to where the mouse is."""
        self._move(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Move the cursor with the mouse while its button is held."""
        self._move(event)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Go through the slices."""
        self._turned += event.angleDelta().y()
        steps, self._turned = divmod(self._turned, WHEEL_STEP)
        if steps:
            self.stepped.emit(-steps)
        event.accept()

    def place_of(self, row: int, column: int) -> QPointF:
        """Return where the middle of a voxel is painted."""
        target = self._target()
        height, width = self._size()
        return QPointF(
            target.left() + (column + 0.5) * target.width() / width,
            target.top() + (row + 0.5) * target.height() / height,
        )

    def _move(self, event: QMouseEvent) -> None:
        if self._image is None or not event.buttons() & Qt.MouseButton.LeftButton:
            return
        target, place = self._target(), event.position()
        height, width = self._size()
        row = int((place.y() - target.top()) * height / target.height())
        column = int((place.x() - target.left()) * width / target.width())
        self.moved.emit(min(max(row, 0), height - 1), min(max(column, 0), width - 1))

    def _size(self) -> tuple[int, int]:
        return (1, 1) if self._image is None else (self._image.height(), self._image.width())

    def _target(self) -> QRectF:
        """Return where the slice is painted: as large as fits, by the sizes of its voxels."""
        height, width = (
            number * size for number, size in zip(self._size(), self._sizes, strict=True)
        )
        scale = min(self.width() / width, self.height() / height)
        size = (width * scale, height * scale)
        return QRectF((self.width() - size[0]) / 2, (self.height() - size[1]) / 2, *size)

    def _paint_cursor(self, painter: QPainter) -> None:
        target, at = self._target(), self.place_of(*self._cursor)
        painter.setPen(QPen(CURSOR_COLOR, 1))
        for start, end in (
            ((target.left(), at.y()), (at.x() - GAP, at.y())),
            ((at.x() + GAP, at.y()), (target.right(), at.y())),
            ((at.x(), target.top()), (at.x(), at.y() - GAP)),
            ((at.x(), at.y() + GAP), (at.x(), target.bottom())),
        ):
            painter.drawLine(QPointF(*start), QPointF(*end))


def outlined(picture: Picture, mask: Mask, color: str) -> npt.NDArray[np.uint8]:
    """Return a picture in red, green and blue with the outline of a mask in a colour ``#rrggbb``.

    A voxel is of the outline if it is in the mask and one of its four neighbours is not.
    """
    inside = np.pad(mask.astype(bool), 1)
    around = inside[:-2, 1:-1] & inside[2:, 1:-1] & inside[1:-1, :-2] & inside[1:-1, 2:]
    painted = np.repeat(picture[..., None], 3, axis=-1)
    rgb = [int(color[start : start + 2], 16) for start in (1, 3, 5)]
    painted[inside[1:-1, 1:-1] & ~around] = rgb
    return painted


def image_of(pixels: npt.NDArray[np.uint8]) -> QImage:
    """Return an image with pixels of red, green and blue of its own."""
    pixels = np.ascontiguousarray(pixels)
    height, width = pixels.shape[:2]
    image = QImage(pixels.data, width, height, 3 * width, QImage.Format.Format_RGB888)
    return image.copy()
