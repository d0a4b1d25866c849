"""The docks that can stand beside the one in which masks are tuned, and opening them."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeVar

from qtpy.QtGui import QAction
from qtpy.QtWidgets import QMenu, QPushButton, QWidget

from napari_nx46.viewer.messages.plain_text import plain_tip
from napari_nx46.viewer.window.arrangement import TabbedDock

if TYPE_CHECKING:
    import napari

Dock = TypeVar("Dock", bound=QWidget)

PLUGIN_TITLE = "NX46"
LOWEST_WITH_DOCKS_BELOW = 800
"""A window of fewer pixels has no room below the canvas for anything that can be read."""


@dataclass(frozen=True)
class DockEntry:
    """A dock that a window can have once.

    Parameters
    ----------
    name : str
        As in the manifest's list of widgets.
    python_name : str
        ``module:class``, imported only when the dock is opened; called with the viewer.
    help : str
        One sentence.
    area : str
        Side of the window: ``right``, where it shares tabs with other docks, or ``bottom``, for
        which a low window has no room: there it goes to the right as well.
    """

    name: str
    python_name: str
    help: str
    area: str = "right"

    @property
    def title(self) -> str:
        """What napari's own menu of plugins calls the dock, so that both open the same one."""
        return f"{self.name} ({PLUGIN_TITLE})"


DOCKS: tuple[DockEntry, ...] = (
    DockEntry(
        "Compare masks",
        "napari_nx46.viewer.compare.dock:CompareDock",
        "Pin settings, flip between their masks, and see where masks differ.",
    ),
    DockEntry(
        "Plots",
        "napari_nx46.viewer.plots.dock:PlotsDock",
        "Why: the score's histogram, the mask's profile, curves against the label, and figures.",
        area="bottom",
    ),
    DockEntry(
        "Views",
        "napari_nx46.viewer.look.views_dock:ViewsDock",
        "Three slices through one cursor, and what is known of the voxel under the mouse.",
    ),
    DockEntry(
        "Bookmarks",
        "napari_nx46.viewer.look.bookmarks_dock:BookmarksDock",
        "Positions with a note, to go back to.",
    ),
    DockEntry(
        "Pictures",
        "napari_nx46.viewer.look.pictures_dock:PicturesDock",
        "Save what is seen: a picture, a pass through the slices, the sweep of a slider.",
    ),
    DockEntry(
        "Errors",
        "napari_nx46.viewer.errors.dock:ErrorsDock",
        "Where the score is lost: every error, what it costs, and what would mend it.",
    ),
    DockEntry(
        "Score landscape",
        "napari_nx46.viewer.landscape.dock:LandscapeDock",
        "Map the exact score over two knobs, and take the best point to the sliders.",
    ),
    DockEntry(
        "Suggest",
        "napari_nx46.viewer.suggest.dock:SuggestDock",
        "Look for the best setting over all knobs in a few minutes, and say how far to trust it.",
    ),
    DockEntry(
        "History",
        "napari_nx46.viewer.history.panel:HistoryDock",
        "Every setting that rested for a moment, to go back to any of them.",
    ),
    DockEntry(
        "Runs",
        "napari_nx46.viewer.runs.dock:RunsDock",
        "Score what was exported, and say whether it is better than a baseline.",
    ),
    DockEntry(
        "Campaign",
        "napari_nx46.viewer.campaign.dock:CampaignDock",
        "Run many settings over all fragments, and take up the best.",
    ),
    DockEntry(
        "Scroll",
        "napari_nx46.viewer.scroll.dock:ScrollDock",
        "Tune boxes of a store that is larger than memory, and make the mask of all of it.",
    ),
    DockEntry(
        "Keys",
        "napari_nx46.viewer.window.keys_panel:KeysDock",
        "What every key does.",
    ),
)
"""All of them, in the order in which they are listed."""


def open_dock(viewer: napari.Viewer, entry: DockEntry) -> QWidget:
    """Show a dock of a window, adding it where it is not there yet.

    Parameters
    ----------
    viewer : napari.Viewer
    entry : DockEntry

    Returns
    -------
    QWidget
        What stands in the dock.
    """
    module, _, name = entry.python_name.partition(":")
    kind = getattr(import_module(module), name)
    docked = viewer.window.dock_widgets.values()
    widget: QWidget | None = next((dock for dock in docked if isinstance(dock, kind)), None)
    if widget is None:
        widget = kind(viewer)
        low = viewer.window.geometry()[3] < LOWEST_WITH_DOCKS_BELOW
        area = "right" if low else entry.area
        viewer.window.add_dock_widget(
            widget, name=entry.title, area=area, add_vertical_stretch=False
        )
        if isinstance(widget, TabbedDock):
            widget.place()
    frame = widget.parentWidget()
    frame.show()
    frame.raise_()
    return widget


def open_dock_of(viewer: napari.Viewer, kind: type[Dock]) -> Dock:
    """Show the dock of a class in a window, adding it where it is not there yet.

    Raises
    ------
    LookupError
        If no entry of `DOCKS` has the class.
    """
    dock: Dock = open_dock(viewer, entry_of(kind))
    return dock


def open_dock_named(viewer: napari.Viewer, name: str) -> Any:
    """Show the dock of a name in a window, adding it where it is not there yet.

    For those who cannot import its class, since that module imports them.

    Raises
    ------
    LookupError
        If no entry of `DOCKS` has the name.
    """
    entry = next((entry for entry in DOCKS if entry.name == name), None)
    if entry is None:
        raise LookupError(f"expected the name of a dock, found {name}")
    return open_dock(viewer, entry)


def entry_of(kind: type[QWidget]) -> DockEntry:
    """Return the entry that has the class of a dock.

    Raises
    ------
    LookupError
        If no entry of `DOCKS` has it.
    """
    name = f"{kind.__module__}:{kind.__name__}"
    entry = next((entry for entry in DOCKS if entry.python_name == name), None)
    if entry is None:
        raise LookupError(f"expected one of the docks, found {name}")
    return entry


class DocksButton(QPushButton):
    """A button with a menu of all docks.

    Parameters
    ----------
    viewer : napari.Viewer
    parent : QWidget, optional
    """

    def __init__(self, viewer: napari.Viewer, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self.setText("More ▾")
        # napari's theme would draw its own arrow over the text.
        self.setStyleSheet("QPushButton::menu-indicator { image: none; width: 0; }")
        self.setToolTip("Open another dock beside this one")
        menu = QMenu(self)
        menu.setToolTipsVisible(True)
        for entry in DOCKS:
            action = menu.addAction(entry.name)
            action.setToolTip(plain_tip(entry.help))
            action.setData(entry)
        menu.triggered.connect(self._open)
        self.setMenu(menu)

    def _open(self, action: QAction) -> None:
        open_dock(self._viewer, action.data())
