"""Giving layers other data, all of them at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

from napari.layers import Labels

from napari_nx46.viewer.messages.notices import notify_error

if TYPE_CHECKING:
    import napari
    from napari.layers import Layer

NewData = tuple["Layer", Any]
"""A layer, and the lazy ``(Z, Y, X)`` array that it is to show, of the same type as the old one."""


@contextmanager
def unseen(viewer: napari.Viewer, layers: Iterable[Layer]) -> Iterator[None]:
    """Hide layers from the viewer, but not from the user: none reads, or is painted, meanwhile.

    Afterwards each that was visible, and is still there, reads the slice that is displayed then.
    What cannot be read is reported, and stays hidden.
    """
    hidden = [layer for layer in layers if layer.visible]
    for layer in hidden:
        with layer.events.visible.blocker():
            layer.visible = False
    try:
        yield
    finally:
        for layer in [layer for layer in hidden if layer in viewer.layers]:
            with layer.events.visible.blocker():
                shown = reveal(layer)
            if not shown:
                layer.events.visible()


def reveal(layer: Layer) -> bool:
    """Show a layer; return False where it cannot be read, which is reported."""
    try:
        layer.visible = True
    except (ValueError, OSError) as error:
        layer.visible = False
        notify_error(error)
        return False
    return True


def give_data(exchanged: Sequence[NewData]) -> None:
    """Give hidden layers other data; the viewer learns of it when the last one has them.

    The layers of a viewer are sliced along common axes: one that had the old data still would be
    asked for slices that it has not.
    """
    with ExitStack() as quiet:
        for layer, voxels in exchanged:
            quiet.enter_context(layer.events.data.blocker())
            layer.data = voxels
            # Only a visible layer does so by itself.
            layer._clear_extent()
    for layer, _ in exchanged:
        # The controls of a labels layer would read its first slice to see its type, which stays.
        if not isinstance(layer, Labels):
            layer.events.data(value=layer.data)
