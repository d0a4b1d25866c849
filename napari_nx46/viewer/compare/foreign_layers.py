"""The masks of others as layers of the fragment that is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari.layers import Image

from napari_nx46.live.arrays.mask import lazy_mask
from napari_nx46.live.arrays.volume import LazyVolume
from napari_nx46.live.masks.choices import ChosenMask, MaskChoices
from napari_nx46.run.okabe_ito import PURPLE
from napari_nx46.viewer.canvas.layer_exchange import NewData
from napari_nx46.viewer.canvas.overlay import DEFAULT_OPACITY, mask_colormap
from napari_nx46.viewer.canvas.overlay_layer import below_classes, overlay_layer
from napari_nx46.viewer.canvas.slice_drawing import refresh_slice

if TYPE_CHECKING:
    import napari

    from napari_nx46.viewer.sources.placing import Placing

COLOR = PURPLE


class ForeignLayers:
    """A layer for each archive, folder or file of masks that is open; who deletes it, closes that.

    Parameters
    ----------
    viewer : napari viewer
    choices : MaskChoices
    placing : Placing
        Says where the fragment lies.

    Attributes
    ----------
    layers : dict of str to Image
        By name.
    """

    def __init__(self, viewer: napari.Viewer, choices: MaskChoices, placing: Placing) -> None:
        self._viewer = viewer
        self._placing = placing
        self._choices = choices
        self.layers: dict[str, Image] = {}
        choices.foreign.masks_changed.connect(self._update)

    @property
    def own_layers(self) -> tuple[Image, ...]:
        """The layers."""
        return tuple(self.layers.values())

    def new_data(self) -> list[NewData]:
        """Return the layers with the masks of the current fragment."""
        return [(layer, self._mask(name)) for name, layer in self.layers.items()]

    def close(self) -> None:
        """Take the layers away for good."""
        self._choices.foreign.masks_changed.disconnect(self._update)
        self._remove(*self.layers)

    def _update(self) -> None:
        """Have a layer for what is open, and none for what is not; draw what was read."""
        names = self._choices.foreign.names
        self._remove(*(name for name in self.layers if name not in names))
        for name in names:
            if name in self.layers:
                refresh_slice(self._viewer, self.layers[name])
            else:
                self._add(name)

    def _add(self, name: str) -> None:
        layer = overlay_layer(
            self._mask(name),
            name=name,
            colormap=mask_colormap(COLOR),
            opacity=DEFAULT_OPACITY,
            visible=True,
        )
        self.layers[name] = layer
        self._viewer.layers.insert(below_classes(self._viewer), self._placing.place(layer))

    def _mask(self, name: str) -> LazyVolume:
        return lazy_mask(self._choices.session, ChosenMask(self._choices, name))

    def _remove(self, *names: str) -> None:
        for name in names:
            layer = self.layers.pop(name)
            if layer in self._viewer.layers:
                self._viewer.layers.remove(layer)

    def drop(self, layer: Image) -> None:
        """Close what a user has deleted the layer of."""
        name = next((name for name, one in self.layers.items() if one is layer), None)
        if name is not None:
            del self.layers[name]
            self._choices.foreign.close_file(name)
