"""The actions as napari's command palette calls them: by the names that the manifest gives.

Each action's name is a function of this module, made when it is asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from napari_nx46.viewer.messages.notices import notify_info
from napari_nx46.viewer.window.actions import ACTIONS, Action

if TYPE_CHECKING:
    import napari

Command = Callable[["napari.Viewer"], None]

NOTHING_OPEN = "Nothing is open yet: open data in the dock that tunes masks first."


def __getattr__(name: str) -> Command:
    for action in ACTIONS:
        if action.name == name:
            return command(action)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def command(action: Action) -> Command:
    """Return a function that does to a viewer's session what an action does."""

    def run(viewer: napari.Viewer) -> None:
        from napari_nx46.viewer.canvas.access import unwrapped
        from napari_nx46.viewer.window.session_dock import tune_dock_of

        tune = tune_dock_of(unwrapped(viewer))
        if tune.viewer_session is None:
            notify_info(NOTHING_OPEN)
        tune.run(action)

    run.__name__ = action.name
    run.__doc__ = f"{action.title}. {action.help}"
    return run
