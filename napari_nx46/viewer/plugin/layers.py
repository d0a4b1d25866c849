"""Tuning the layers that are selected: Layers > Segment, and the menu of a layer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_nx46.viewer.messages.notices import notify_error

if TYPE_CHECKING:
    import napari

CONTEXT_COMMAND = "napari-nx46.tune_layers_of_menu"
TITLE = "Tune surface mask"

LAID_OUT_SECONDS = 0.2
"""After a dock was added: by then the canvas has become smaller."""


def tune_selected(viewer: napari.Viewer) -> None:
    """Tune the selected layers, or open the chooser where they are not enough.

    What each of them is follows from names and types: a Labels layer is the label, the first image
    the 3D path. The chooser shows it, and takes another choice.
    """
    from napari_nx46.viewer.canvas.access import unwrapped
    from napari_nx46.viewer.messages.working import OPENING, working

    viewer = unwrapped(viewer)
    with working(viewer, OPENING):
        _tune_selected(viewer)


def _tune_selected(viewer: napari.Viewer) -> None:
    """Tune what is selected, with the dock that is there or a new one."""
    from napari_nx46.data.fragments import FragmentError
    from napari_nx46.viewer.canvas.viewing import is_whole
    from napari_nx46.viewer.qt.later import Later
    from napari_nx46.viewer.sources.choice import guessed, what_is_missing
    from napari_nx46.viewer.window.session_dock import has_tune_dock, tune_dock_of

    was_whole = not has_tune_dock(viewer) and is_whole(viewer)
    selected = [layer for layer in viewer.layers if layer in viewer.layers.selection]
    choice, dock = guessed(selected), tune_dock_of(viewer)
    frame = dock.parentWidget()
    if frame is not None:
        frame.show()
        frame.raise_()
    if not choice.has_source:
        dock.layers.propose(guessed(viewer.layers))
        notify_error(FragmentError(what_is_missing(selected)))
        return
    try:
        dock.layers.begin(choice)
    except (ValueError, OSError) as error:
        dock.layers.propose(choice)
        notify_error(error)
        return
    session = dock.viewer_session
    if was_whole and session is not None and not session.look_again():
        Later(dock)(LAID_OUT_SECONDS, viewer.reset_view)


def activate(context: object = None) -> None:
    """Do what the manifest cannot, when napari first uses the plugin.

    Parameters
    ----------
    context : npe2.PluginContext, optional
    """
    from napari_nx46.viewer.canvas.access import add_to_layer_menu

    add_to_layer_menu(CONTEXT_COMMAND, f"{TITLE} (NX46)", tune_selected)
