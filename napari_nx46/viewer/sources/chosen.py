"""The layers that a user has chosen, which stay the user's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from napari.layers import Labels
from psygnal import Signal
from qtpy.QtCore import QObject, QTimer

from napari_nx46.data.fragments import Fragment
from napari_nx46.viewer.canvas.layer_exchange import NewData, give_data
from napari_nx46.viewer.sources.choice import LayerChoice

if TYPE_CHECKING:
    import napari
    from napari.layers import Layer

    from napari_nx46.files.volumes.array_volume import ArrayVolume
    from napari_nx46.viewer.sources.grid import Space

PAINTING_RESTS_MILLISECONDS = 1000
"""Layers that are painted are read again once nobody paints any more."""


class ChosenLayers(QObject):
    """The layers of a fragment where they were in the viewer before; none is added or changed.

    Parameters
    ----------
    viewer : napari viewer
    choice : LayerChoice
    volumes : dict of str to ArrayVolume
        As `LayerChoice.open` returns them.
    parent : QObject, optional
        With which it ends: the window of a viewer that is closed removes the layers as well.

    Attributes
    ----------
    replaced : Signal(object)
        Carries the choice that is left when a layer was removed, has other data, or was painted.
    """

    replaced = Signal(object)

    def __init__(
        self,
        viewer: napari.Viewer,
        choice: LayerChoice,
        volumes: dict[str, ArrayVolume],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self.choice = choice
        self._viewer = viewer
        first = next(iter(choice.places))
        self._reference = choice.places[first], volumes[first].axes.space
        # What is done together is followed once, when it is done.
        self._settle = QTimer(self)
        self._settle.setSingleShot(True)
        self._settle.timeout.connect(self._follow)
        viewer.layers.events.removed.connect(self._removed)
        for layer in choice.layers:
            layer.events.data.connect(self._settle_soon)
            if isinstance(layer, Labels):
                layer.events.paint.connect(self._settle_after_painting)

    @property
    def layers(self) -> list[Layer]:
        """Those that are still there, in the viewer's order."""
        return [layer for layer in self._viewer.layers if layer in self.choice.layers]

    @property
    def reference(self) -> tuple[Layer, Space]:
        """The layer that says where the fragment lies, and which of its axes are z, y and x."""
        return self._reference

    def remember_visible(self) -> None:
        """Do nothing: the layers are the user's."""

    def show(self, fragment: Fragment, overlays: Sequence[NewData] = ()) -> None:
        """Give the overlays their data; the layers have theirs."""
        give_data(overlays)

    def close(self) -> None:
        """Follow the layers no longer."""
        self._settle.stop()
        self._viewer.layers.events.removed.disconnect(self._removed)
        for layer in self.choice.layers:
            layer.events.data.disconnect(self._settle_soon)
            if isinstance(layer, Labels):
                layer.events.paint.disconnect(self._settle_after_painting)
        self.deleteLater()

    def _removed(self, event: Any) -> None:
        if event.value in self.choice.layers:
            self._settle_soon()

    def _settle_soon(self, event: Any = None) -> None:
        self._settle.start(0)

    def _settle_after_painting(self, event: Any = None) -> None:
        self._settle.start(PAINTING_RESTS_MILLISECONDS)

    def _follow(self) -> None:
        gone = [layer for layer in self.choice.layers if layer not in self._viewer.layers]
        self.replaced.emit(self.choice.without(gone))
