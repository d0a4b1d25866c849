"""What napari's style sheet leaves out: where the focus is, and dimmed texts that can be read."""

from __future__ import annotations

from typing import Any

from napari.utils.theme import get_theme
from qtpy.QtGui import QColor
from qtpy.QtWidgets import QWidget

from napari_nx46.viewer.widgets.contrast import contrast

__all__ = ["DIM_CONTRAST", "PLAIN_LIST_NAME", "TITLE_NAME", "DockStyle", "dim_color"]

DIM_CONTRAST = 4.6
"""WCAG asks for 4.5; colours are rounded."""

TITLE_NAME = "nx46Title"
"""The object name of buttons that look like the title of what they fold."""
PLAIN_LIST_NAME = "nx46PlainList"
"""The object name of lists without a frame or a ground of their own."""

DIMMED = (
    *("QLabel", "QPushButton", "QToolButton", "QCheckBox", "QRadioButton", "QComboBox"),
    *("QLineEdit", "QAbstractSpinBox", "QTableView", "QListView", "QTextEdit"),
)
STYLE = """
{dimmed} {{ color: {dim}; }}
QPushButton:focus {{ border: 1px solid {line}; padding: 3px; }}
QToolButton:focus {{ border: 1px solid {line}; }}
QComboBox:focus {{ border: 1px solid {line}; padding: 2px 9px 2px 7px; }}
QAbstractSpinBox:focus {{ border: 1px solid {line}; padding: 0px 9px; }}
QLineEdit:focus {{ border: 1px solid {line}; padding: 1px; }}
QAbstractSpinBox QLineEdit:focus {{ border: 0px; padding: 2px; }}
QCheckBox::indicator:focus {{ border: 1px solid {line}; padding: 0px; }}
QRadioButton:focus {{ border: 1px solid {line}; }}
QSlider::handle:focus {{ border: 2px solid {line}; }}
QAbstractScrollArea:focus {{ border: 1px solid {line}; }}
QTabBar::tab:focus {{ border: 1px solid {line}; }}
#{title} {{ text-align: left; border: none; background: transparent; font-weight: bold;
    padding: 3px 0px; }}
#{title}:hover {{ text-decoration: underline; }}
#{title}:focus {{ border: 1px solid {line}; padding: 2px 0px; }}
#{plain} {{ background: transparent; border: 1px solid transparent; }}
#{plain}:focus {{ border: 1px solid {line}; }}
"""


class DockStyle:
    """The style sheet of a dock, which follows the theme of its window.

    Parameters
    ----------
    dock : QWidget
        Is to keep this object in an attribute.
    viewer : napari viewer
    """

    def __init__(self, dock: QWidget, viewer: Any) -> None:
        self._dock = dock
        self._viewer = viewer
        viewer.events.theme.connect(self._apply)
        dock.destroyed.connect(self._end)
        self._apply()

    def _apply(self, event: object = None) -> None:
        self._dock.setStyleSheet(dock_style(self._viewer.theme))

    def _end(self) -> None:
        self._viewer.events.theme.disconnect(self._apply)


def dock_style(theme_id: str) -> str:
    """Return the style sheet that fits one of napari's themes."""
    theme = get_theme(theme_id)
    text, *grounds = (
        color.as_hex(format="long")
        for color in (theme.text, theme.background, theme.foreground, theme.primary)
    )
    dimmed = ", ".join(f"{kind}:disabled" for kind in DIMMED)
    return STYLE.format(
        dimmed=dimmed,
        dim=dim_color(text, grounds),
        line=text,
        title=TITLE_NAME,
        plain=PLAIN_LIST_NAME,
    )


def dim_color(text: str, grounds: list[str]) -> str:
    """Return the faintest shade of a text's colour that can be read on every ground.

    Parameters
    ----------
    text, grounds : str
        Colours ``#rrggbb``; the first ground is what the shade is mixed with.
    """
    shades = (_mixed(text, grounds[0], share / 100) for share in range(101))
    return next((one for one in shades if _is_read(one, grounds)), text)


def _is_read(color: str, grounds: list[str]) -> bool:
    return all(contrast(color, ground) >= DIM_CONTRAST for ground in grounds)


def _mixed(color: str, ground: str, share: float) -> str:
    above, below = QColor(color), QColor(ground)
    channels = zip(above.getRgb()[:3], below.getRgb()[:3], strict=True)
    red, green, blue = (round(share * one + (1 - share) * other) for one, other in channels)
    return f"#{red:02x}{green:02x}{blue:02x}"
