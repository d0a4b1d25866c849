"""What can be read in a window, in which colour and on what, from its widgets as painted."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
from napari._qt.utils import QImg2array
from qtpy.QtCore import QPoint, QRect, Qt
from qtpy.QtGui import QFontInfo, QImage, QPainter, QPalette
from qtpy.QtWidgets import (
    QAbstractButton,
    QAbstractSpinBox,
    QComboBox,
    QLabel,
    QLineEdit,
    QListView,
    QMenu,
    QTabBar,
    QTableView,
    QTreeView,
    QWidget,
)

from napari_nx46.viewer.widgets.contrast import contrast

LARGE_POINTS, LARGE_BOLD_POINTS = 18, 14
"""As WCAG has it."""


@dataclass(frozen=True)
class Reading:
    """A text, its colour and the one that it stands on."""

    where: str
    text: str
    color: str
    ground: str
    large: bool

    @property
    def ratio(self):
        return contrast(self.color, self.ground)

    @property
    def passes(self):
        return self.ratio >= (3.0 if self.large else 4.5)


def readings(window: QWidget) -> list[Reading]:
    """Return all texts of a window that is shown."""
    picture = window.grab().toImage()
    return [
        reading
        for widget in window.findChildren(QWidget)
        if widget.isVisibleTo(window) and not widget.visibleRegion().isEmpty()
        for reading in _readings_of(widget, window, picture)
    ]


def _readings_of(widget: QWidget, window: QWidget, picture: QImage) -> list[Reading]:
    if isinstance(widget, QTableView):
        text = "cells" if widget.model() is not None and widget.model().rowCount() else ""
    elif isinstance(widget, QComboBox):
        text = widget.currentText()
    elif isinstance(widget, QLineEdit) and not isinstance(widget.parent(), QAbstractSpinBox):
        text = widget.text() or widget.placeholderText()
    elif isinstance(widget, QLabel | QAbstractButton | QAbstractSpinBox):
        text = widget.text()
    else:
        return []
    if not text.strip():
        return []
    info, palette = QFontInfo(widget.font()), widget.palette()
    enabled = widget.isEnabled()
    group = QPalette.ColorGroup.Active if enabled else QPalette.ColorGroup.Disabled
    color = palette.color(group, widget.foregroundRole())
    size = info.pointSizeF()
    large = size >= LARGE_POINTS or (info.bold() and size >= LARGE_BOLD_POINTS)
    path = f"{_path(widget)}{'' if enabled else ' (disabled)'}"
    ground = ground_of(widget, window, picture)
    return [Reading(path, text, _over(color, ground), ground, large)]


def painted(window: QWidget) -> list[Reading]:
    """Return the texts of tabs, lists, trees and menus of a window, by the pixels that they have.

    No palette says their colours. The edges of letters are fainter than their middles: the colour
    of a text is the pixel that stands out most.
    """
    found = []
    for widget in window.findChildren(QWidget):
        if isinstance(widget, QTabBar):
            named = [(widget.tabText(n), widget.tabRect(n)) for n in range(widget.count())]
        elif isinstance(widget, QMenu):
            named = [(one.text(), widget.actionGeometry(one)) for one in widget.actions()]
        elif isinstance(widget, QListView | QTreeView) and widget.model() is not None:
            named = _items(widget)
        else:
            continue
        shown = widget.viewport() if isinstance(widget, QListView | QTreeView) else widget
        if not isinstance(widget, QMenu) and widget.visibleRegion().isEmpty():
            continue
        image = QImg2array(shown.grab().toImage())[..., :3]
        found += [
            _painted(f"{type(widget).__name__}: in {_path(widget)}", text, image[_pixels(rect)])
            for text, rect in named
            if text.strip() and image[_pixels(rect)].size
        ]
    return found


def _items(view: QListView | QTreeView) -> list[tuple[str, QRect]]:
    model = view.model()
    rows = [model.index(row, 0, view.rootIndex()) for row in range(model.rowCount())]
    return [(str(model.data(row) or ""), view.visualRect(row)) for row in rows]


def _pixels(rect: QRect) -> tuple[slice, slice]:
    top, left = max(rect.top(), 0), max(rect.left(), 0)
    return slice(top, rect.bottom() + 1), slice(left, rect.right() + 1)


def _painted(where: str, text: str, pixels) -> Reading:
    colors, counts = np.unique(pixels.reshape(-1, 3), axis=0, return_counts=True)
    names = [f"#{bytes(color).hex()}" for color in colors]
    ground = names[counts.argmax()]
    return Reading(where, text, max(names, key=lambda one: contrast(one, ground)), ground, False)


def ground_of(widget: QWidget, window: QWidget, picture: QImage) -> str:
    """Return the colour that most of a widget has as it is painted."""
    place = QRect(widget.mapTo(window, QPoint(0, 0)), widget.size())
    seen = place & widget.visibleRegion().boundingRect().translated(place.topLeft())
    colors = Counter(
        picture.pixel(x, y)
        for x in range(seen.left(), seen.right(), 2)
        for y in range(seen.top(), seen.bottom(), 2)
    )
    if not colors:
        return "#000000"
    ((pixel, _),) = colors.most_common(1)
    return f"#{pixel & 0xFFFFFF:06x}"


def _on_ground(widget: QWidget) -> QImage:
    """Return a control as it is painted, where it is clear on the colour of its window."""
    image = QImage(widget.size(), QImage.Format.Format_RGB32)
    image.fill(widget.window().palette().color(QPalette.ColorRole.Window))
    painter = QPainter(image)
    painter.drawPixmap(0, 0, widget.grab())
    painter.end()
    return image


def _over(color, ground: str) -> str:
    """Return a colour laid over another one as opaque as it is."""
    share = color.alphaF()
    below = [int(ground[start : start + 2], 16) for start in (1, 3, 5)]
    mixed = [
        round(share * above + (1 - share) * under)
        for above, under in zip((color.red(), color.green(), color.blue()), below, strict=True)
    ]
    return "#{:02x}{:02x}{:02x}".format(*mixed)


def _path(widget: QWidget) -> str:
    names = []
    while widget is not None and len(names) < 3:
        names.append(type(widget).__name__)
        widget = widget.parentWidget()
    return " < ".join(names)


def focusable(window: QWidget) -> list[QWidget]:
    """Return the controls of a window that the Tab key goes to."""
    return [
        widget
        for widget in window.findChildren(QWidget)
        if widget.focusPolicy() & Qt.FocusPolicy.TabFocus
        and widget.focusProxy() is None
        and widget.isEnabled()
        and widget.isVisibleTo(window)
    ]


def focus_contrast(widget: QWidget, settle, *, tries: int = 3) -> float:
    """Return the highest contrast between a pixel with the focus on a control and without.

    Docks may still take their widths while pictures are taken: then they are taken again.
    """
    window = widget.window()
    settle(lambda: not widget.hasFocus(), window.setFocus)
    before = QImg2array(_on_ground(widget))[..., :3]
    settle(widget.hasFocus, lambda: widget.setFocus(Qt.FocusReason.TabFocusReason))
    after = QImg2array(_on_ground(widget))[..., :3]
    if before.shape != after.shape:
        return focus_contrast(widget, settle, tries=tries - 1) if tries > 1 else 0.0
    changed = np.concatenate([before, after], axis=-1)[(before != after).any(axis=-1)]
    pairs = np.unique(changed, axis=0) if len(changed) else []
    hexes = ((bytes(pair[:3]).hex(), bytes(pair[3:]).hex()) for pair in pairs)
    return max((contrast(f"#{old}", f"#{new}") for old, new in hexes), default=1.0)
