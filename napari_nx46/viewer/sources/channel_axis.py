"""Choosing which axis of a layer is of channels."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from magicgui.widgets import ComboBox

from napari_nx46.files.volumes.array_reader import finest_level
from napari_nx46.files.volumes.axes import SPACE, find_axes
from napari_nx46.files.volumes.origin import VolumeError
from napari_nx46.viewer.messages.plain_text import plain_tip
from napari_nx46.viewer.sources.choice import LayerOrigin

if TYPE_CHECKING:
    from napari.layers import Layer

__all__ = ["ChannelAxis"]

LABEL = "Channel axis"
TIP = (
    "Which axis of the probability layers is of channels; the others are z, y and x. Of further"
    " layers it is the one that leaves the same volume."
)
UNKNOWN = "choose one"


class ChannelAxis:
    """Offers the axes of the first layer that has more than three, if one of them is of channels.

    Attributes
    ----------
    box : ComboBox
        Shows the axis that was chosen, or else the one that is found by its size.
    chosen : int, str or None
        None where nobody has chosen any.
    """

    def __init__(self) -> None:
        self.chosen: int | str | None = None
        self._layer: Layer | None = None
        self.box = ComboBox(
            name="channel_axis", label=LABEL, choices=[(UNKNOWN, None)], tooltip=plain_tip(TIP)
        )
        self.box.changed.connect(self._choose)

    def offer(self, layers: Iterable[Layer], chosen: int | str | None = None) -> bool:
        """Offer the axes of the first of some layers that has more than three.

        Parameters
        ----------
        layers : iterable of Layer
        chosen : int or str, optional
            The axis that is shown as chosen; by default the one that was chosen of this layer.

        Returns
        -------
        bool
            Whether there is anything to choose.
        """
        layer = next((one for one in layers if one.ndim > len(SPACE)), None)
        if layer is not self._layer:
            self.chosen = None
        self._layer = layer
        if layer is None:
            return False
        self.chosen = self.chosen if chosen is None else chosen
        try:
            shape = tuple(map(int, finest_level(LayerOrigin(layer), layer.data).shape))
        except VolumeError:
            return False  # whoever opens it says what is wrong
        try:
            origin, names = LayerOrigin(layer), layer.axis_labels
            axis, is_clear = find_axes(origin, shape, names, channel=self.chosen).channel, True
        except VolumeError:
            axis, is_clear = None, False
        texts = [(_text(layer, number, size), number) for number, size in enumerate(shape)]
        with self.box.changed.blocked():
            self.box.choices = texts if axis is not None else [(UNKNOWN, None), *texts]
            self.box.value = axis
        return axis is not None or not is_clear

    def _choose(self, axis: int | None) -> None:
        self.chosen = axis


def _text(layer: Layer, axis: int, size: int) -> str:
    """Return what an axis is called: by its label, unless that only counts as napari's do."""
    label = layer.axis_labels[axis]
    counts = label == str(axis - layer.ndim)
    return f"{axis} (size {size})" if counts else f"{label} (axis {axis}, size {size})"
