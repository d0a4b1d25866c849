"""The layers of a fragment's volumes, which stay while the fragments change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from napari_nx46.data.fragments import Fragment, Place
from napari_nx46.files.volumes.placement import Placement
from napari_nx46.viewer.canvas.layer_exchange import NewData, give_data, reveal
from napari_nx46.viewer.canvas.layers import (
    METADATA_KEY,
    LayerData,
    fragment_layers,
    image_id_of,
    origin_of,
    placed,
    plain_name_of,
    reading_of,
    reading_shown,
    volume_of,
)
from napari_nx46.viewer.messages.notices import notify_error
from napari_nx46.viewer.sources.grid import WHOLE_SPACE, Space

if TYPE_CHECKING:
    import napari
    from napari.layers import Layer

Kind = tuple[str | None, str]
"""Which of a fragment's volumes a layer shows, and the type of its voxels."""


@dataclass(frozen=True)
class Described:
    """How a layer was described when its data were made; what a user has changed since is kept."""

    name: str
    contrast_limits: tuple[float, ...]
    placement: Placement | None


class VolumeLayers:
    """The layers of the current fragment's volumes in a viewer.

    Going to another fragment, a layer keeps its place, and what a user has made of it, and gets the
    other fragment's data, where both have a volume of its kind.

    Parameters
    ----------
    viewer : napari viewer
    paths : tuple of Place
        What was opened.

    Attributes
    ----------
    layers : list of Layer
        Those of the current fragment, the lowest first.
    """

    def __init__(self, viewer: napari.Viewer, paths: tuple[Place, ...]) -> None:
        self._viewer = viewer
        self._paths = paths
        self._described: dict[Layer, Described] = {}
        self._visible: dict[str | None, bool] = {}
        self.layers: list[Layer] = []

    @property
    def reference(self) -> tuple[Layer, Space] | None:
        """The layer that says where the fragment lies, and which of its axes are z, y and x."""
        return (self.layers[0], WHOLE_SPACE) if self.layers else None

    def close(self) -> None:
        """Do nothing: the layers stay, and nothing of them is followed."""

    def remember_visible(self) -> None:
        """Remember which volumes are visible, for layers that are added later."""
        self._visible |= {volume_of(layer): bool(layer.visible) for layer in self.layers}

    def show(self, fragment: Fragment, overlays: Sequence[NewData] = ()) -> None:
        """Show a fragment: in the layers that the reader made of it, or else in those of before.

        Parameters
        ----------
        fragment : Fragment
        overlays : list of layers with their new data
            They get them at the same time.
        """
        shown = self._viewer.layers
        present = [layer for layer in self.layers if layer in shown]
        place = min(map(shown.index, present), default=len(shown))
        read = self._read_layers(fragment)
        for layer in read:
            if layer not in self._described:
                layer.name = plain_name_of(layer)
        wanted = {} if read else self._descriptions(fragment)
        kept = {kind: layer for layer in present if (kind := _kind_of(layer)) in wanted}
        for layer in present:
            if layer not in kept.values():
                shown.remove(layer)
        give_data([*((layer, wanted[kind][0]) for kind, layer in kept.items()), *overlays])
        self.layers = read or self._arranged(wanted, kept, place, fragment.placement)
        self._described = {
            layer: self._described.get(layer, _as_it_is(layer, fragment.placement))
            for layer in self.layers
        }

    def _arranged(
        self,
        wanted: dict[Kind, LayerData],
        kept: dict[Kind, Layer],
        place: int,
        placement: Placement | None,
    ) -> list[Layer]:
        """Return the layers in their order; describe the kept ones again, and add the others."""
        layers = []
        for kind, description in wanted.items():
            layer = kept.get(kind)
            if layer is None:
                layer = self._added(description, place)
            else:
                before, attributes = self._described[layer], description[1]
                self._described[layer] = _described_again(layer, before, attributes, placement)
            place = self._viewer.layers.index(layer) + 1
            layers.append(layer)
        return layers

    def _read_layers(self, fragment: Fragment) -> list[Layer]:
        """Return the layers that the reader has made of a fragment."""
        wanted = tuple(str(path) for path in self._paths), fragment.image_id, reading_of(fragment)
        return [
            layer
            for layer in self._viewer.layers
            if (origin_of(layer), image_id_of(layer), reading_shown(layer)) == wanted
        ]

    def _descriptions(self, fragment: Fragment) -> dict[Kind, LayerData]:
        try:
            layers = fragment_layers(fragment, self._paths)
        except (ValueError, OSError) as error:
            notify_error(error)
            return {}
        return {_kind(description): description for description in layers}

    def _added(self, description: LayerData, place: int) -> Layer:
        """Return a layer added at its place, as visible as the one of its kind was before."""
        from napari.layers import Layer

        voxels, attributes, kind = description
        # A hidden layer reads nothing: what cannot be read is still added whole.
        layer = Layer.create(voxels, {**attributes, "visible": False}, kind)
        self._viewer.layers.insert(place, layer)
        if self._visible.get(volume_of(layer), attributes["visible"]):
            reveal(layer)
        return layer


def _as_it_is(layer: Layer, placement: Placement | None) -> Described:
    return Described(layer.name, _limits_of(layer), placement)


def _described_again(
    layer: Layer, before: Described, attributes: dict[str, Any], placement: Placement | None
) -> Described:
    """Give a layer the name and limits of its new data, but keep those that a user has chosen."""
    layer.metadata = attributes["metadata"]
    if placement != before.placement:
        for attribute, value in placed(placement).items():
            setattr(layer, attribute, value)
    name, limits = before.name, before.contrast_limits
    if layer.name == name:
        layer.name = attributes["name"]
        name = layer.name
    if limits and limits == _limits_of(layer):
        layer.contrast_limits = attributes["contrast_limits"]
        limits = _limits_of(layer)
    return Described(name, limits, placement)


def _limits_of(layer: Layer) -> tuple[float, ...]:
    return tuple(getattr(layer, "contrast_limits", ()))


def _kind(description: LayerData) -> Kind:
    voxels, attributes, _ = description
    return attributes["metadata"][METADATA_KEY]["volume"], voxels.dtype.name


def _kind_of(layer: Layer) -> Kind:
    return volume_of(layer), layer.data.dtype.name
