"""Which layers of a viewer are the volumes of a fragment."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from napari.layers import Image, Labels

from napari_nx46.data.fragments import DataSet, FragmentError, plain_name
from napari_nx46.files.naming import first_few, printable
from napari_nx46.files.volumes.array_reader import finest_level
from napari_nx46.files.volumes.array_volume import ArrayVolume, open_array
from napari_nx46.files.volumes.axes import SPACE, channel_axis_beside
from napari_nx46.files.volumes.notes import VolumeWarning
from napari_nx46.files.volumes.origin import origin_error
from napari_nx46.files.volumes.reading import ReadAs
from napari_nx46.files.volumes.roles import Role
from napari_nx46.live.arrays.corrections import CorrectionsVolume
from napari_nx46.live.arrays.volume import LazyVolume
from napari_nx46.live.scroll.pyramid import LevelArray
from napari_nx46.viewer.sources.channels_first import is_stand_in
from napari_nx46.viewer.sources.grid import is_same_place, placement_of, world_matrix

if TYPE_CHECKING:
    from napari.layers import Layer

    from napari_nx46.files.volumes.origin import VolumeError

ROLES = {
    "p3d": Role.PROBABILITY,
    "p2d": Role.PROBABILITY,
    "image": Role.IMAGE,
    "label": Role.LABEL,
}
HINTS = {
    "label": ("label", "truth", "gt"),
    "image": ("image", "ct", "raw"),
    "p2d": ("p2d", "2d"),
    "p3d": ("p3d", "3d", "prob"),
}
"""What the names of layers say about which volume they are, the clearest first."""


@dataclass(frozen=True, slots=True)
class LayerOrigin:
    """A layer, as errors name it: by the name that it has then.

    Attributes
    ----------
    layer : Layer
    image_id : str or None
    """

    layer: Layer
    image_id: str | None = None

    @property
    def path(self) -> None:
        """None: there is no file."""
        return None

    @property
    def name(self) -> str:
        """What messages call it."""
        return f"layer {_quoted(self.layer)}"

    def error(self, found: str, expected: str, code: str = "") -> VolumeError:
        """Return (not raise) the error that says what was found here; see `Origin.error`."""
        return origin_error(self, found, expected, code)


@dataclass(frozen=True, eq=False)
class LayerChoice:
    """The layers that a fragment's volumes are.

    Attributes
    ----------
    p3d, p2d, image, label : Layer or None
    models : mapping of str to Layer
        By name.
    image_id : str
        What the fragment is called; by default after its first layer.
    read_as : ReadAs
        What is read of probability volumes.
    """

    p3d: Layer | None = None
    p2d: Layer | None = None
    image: Layer | None = None
    label: Layer | None = None
    models: Mapping[str, Layer] = field(default_factory=dict)
    image_id: str = ""
    read_as: ReadAs = field(default_factory=ReadAs)

    @property
    def places(self) -> dict[str, Layer]:
        """The layers by what they are: ``p3d``, ``models/NAME`` and so on."""
        single = {name: getattr(self, name) for name in ROLES}
        models = {f"models/{name}": layer for name, layer in self.models.items()}
        return {name: layer for name, layer in (single | models).items() if layer is not None}

    @property
    def has_source(self) -> bool:
        """Whether there is anything to make a score from."""
        sources = (self.p3d, self.p2d, self.image)
        return bool(self.models) or any(layer is not None for layer in sources)

    @property
    def layers_of_score(self) -> list[Layer]:
        """Those that a score can be made from: the paths, the models, the image."""
        found = (self.p3d, self.p2d, *self.models.values(), self.image)
        return [layer for layer in found if layer is not None]

    @property
    def layers(self) -> list[Layer]:
        """The layers, each once."""
        return list(dict.fromkeys(self.places.values()))

    @property
    def name(self) -> str:
        """The image_id, or one after the first layer's name where none was given."""
        return self.image_id or (plain_name(self.layers[0].name) if self.layers else "fragment")

    def without(self, gone: Iterable[Layer]) -> LayerChoice:
        """Return the choice without layers that are no longer there, under the same name."""
        gone = list(gone)
        left = {name: layer for name in ROLES if (layer := getattr(self, name)) not in gone}
        models = {name: layer for name, layer in self.models.items() if layer not in gone}
        return LayerChoice(**left, models=models, image_id=self.name, read_as=self.read_as)

    def open(self) -> tuple[DataSet, dict[str, ArrayVolume]]:
        """Open the layers; no voxel is read, and nothing is copied.

        Returns
        -------
        DataSet
            With one fragment.
        dict of str to ArrayVolume
            By what they are; see `places`.

        Raises
        ------
        FragmentError
            If there is nothing to make a score from, or shapes or grids differ.
        VolumeError
            If a layer is no volume of a type that its place allows.
        """
        volumes = {name: self._opened(name, layer) for name, layer in self.places.items()}
        if not self.has_source:
            raise FragmentError(what_is_missing(self.layers))
        entry: dict[str, Any] = {name: volumes.get(name) for name in ROLES}
        entry["models"] = {name: volumes[f"models/{name}"] for name in self.models}
        dataset = DataSet.from_arrays(
            {self.name: entry},
            channel=self.read_as.channel,
            channel_axis=self.read_as.channel_axis,
            logits=self.read_as.logits,
        )
        self._check_places(volumes)
        return dataset, volumes

    def _opened(self, name: str, layer: Layer) -> ArrayVolume:
        origin = LayerOrigin(layer, self.name)
        if getattr(layer, "rgb", False):
            raise origin.error("colours", "one value a voxel; split the channels of the layer")
        if not isinstance(layer, Image | Labels):
            raise origin.error(f"a {type(layer).__name__} layer", "an Image or Labels layer")
        role = ROLES.get(name, Role.PROBABILITY)
        is_probability = role is Role.PROBABILITY
        volume = open_array(
            layer.data,
            origin=origin,
            role=role,
            channel=self.read_as.channel if is_probability else None,
            channel_axis=self._channel_axis_of(layer) if is_probability else None,
            logits=self.read_as.logits,
            axes=layer.axis_labels,
        )
        space = volume.axes.space
        last = tuple(range(layer.ndim - len(space), layer.ndim))
        if space != last and not isinstance(layer, Image):
            raise origin.error(
                f"axes of shape {tuple(layer.data.shape)} of which the last are not z, y and x",
                "labels of (Z, Y, X), as napari displays the last axes",
            )
        volume.placement = placement_of(layer, space)
        return volume

    def _channel_axis_of(self, layer: Layer) -> int | str | None:
        """Return which axis is of channels: the chosen one is that of the first that has any."""
        chosen = self.read_as.channel_axis
        sources = (self.p3d, self.p2d, *self.models.values())
        many = (one for one in sources if one is not None and one.ndim > len(SPACE))
        first = next(many, layer)
        if chosen is None or layer is first:
            return chosen
        return channel_axis_beside(_shape_of(first), _shape_of(layer), layer.axis_labels, chosen)

    def _check_places(self, volumes: Mapping[str, ArrayVolume]) -> None:
        """Check that voxels of equal index lie at the same place in all layers."""
        (first_name, first), *others = volumes.items()
        one = self.places[first_name]
        for name, volume in others:
            other = self.places[name]
            same = is_same_place(
                world_matrix(one, first.axes.space),
                _units(one, first),
                world_matrix(other, volume.axes.space),
                _units(other, volume),
                first.shape,
            )
            if not same:
                raise FragmentError(
                    f"fragment {self.name}: layers {_quoted(one)} and {_quoted(other)} lie at "
                    "different places (scale, translate, rotate, shear, affine or units differ); "
                    "expected one grid; give them the same transform, or resample one of them"
                )


def _shape_of(layer: Layer) -> tuple[int, ...]:
    return tuple(map(int, finest_level(LayerOrigin(layer), layer.data).shape))


def _units(layer: Layer, volume: ArrayVolume) -> tuple[Any, ...]:
    units = tuple(layer.units[axis] for axis in volume.axes.space)
    return (units[0],) * (len("zyx") - len(units)) + units


def open_quietly(choice: LayerChoice) -> tuple[DataSet, dict[str, ArrayVolume]]:
    """Open layers as `LayerChoice.open` does, without warnings: the window shows them itself."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", VolumeWarning)
        return choice.open()


def can_be_chosen(layer: Layer) -> bool:
    """Return whether a layer can be a volume.

    This plugin's own masks are none, nor are the levels of a store that it shows, nor colours, nor
    what shows another layer with its channels first.
    """
    data = getattr(layer, "data", None)
    finest = data[0] if data is not None and getattr(layer, "multiscale", False) else data
    own = is_stand_in(layer) or isinstance(finest, LazyVolume | CorrectionsVolume | LevelArray)
    return isinstance(layer, Image | Labels) and not own and not getattr(layer, "rgb", False)


def what_is_missing(layers: Iterable[Layer]) -> str:
    """Return in words why layers make no mask: what each of them is, and what is needed.

    Parameters
    ----------
    layers : iterable of Layer
        None of which a score can be made from.
    """
    found = [f"layer {_quoted(layer)} {_what_it_is(layer)}" for layer in layers]
    return (
        f"nothing to tune: {first_few(found, 3) or 'no layer is chosen'}; expected an Image layer"
        " of surface probabilities, or of the CT: select it too, or choose it under “Layers”"
    )


def _quoted(layer: Layer) -> str:
    """Return a layer's name as messages have it: in one line, the end of a long one left out."""
    return printable(repr(layer.name))


def _what_it_is(layer: Layer) -> str:
    if getattr(layer, "rgb", False):
        return "has colours (split its channels)"
    if not isinstance(layer, Image | Labels):
        return f"is a {type(layer).__name__} layer"
    if not can_be_chosen(layer):
        return "is made by this plugin"
    return "can only be the label, which a mask is scored with"


def guessed(layers: Iterable[Layer]) -> LayerChoice:
    """Return what layers may be, from their names and types, in the order of the list.

    Parameters
    ----------
    layers : iterable of Layer
        Those that are selected, say.
    """
    left = [layer for layer in layers if can_be_chosen(layer)]
    found: dict[str, Layer] = {}

    def take(place: str, layer: Layer | None) -> None:
        if layer is not None and place not in found:
            found[place] = layer
            left.remove(layer)

    take("label", next((layer for layer in left if isinstance(layer, Labels)), None))
    for place, hints in HINTS.items():
        words = (layer for layer in left if _says(layer, hints))
        kinds = (one for one in words if isinstance(one, Image) or place == "label")
        take(place, next(kinds, None))
    for place in ("p3d", "p2d", "image"):
        take(place, next((layer for layer in left if isinstance(layer, Image)), None))
    return LayerChoice(**found)


def _says(layer: Layer, hints: tuple[str, ...]) -> bool:
    words = re.split(r"[^a-z0-9]+", layer.name.lower())
    long = tuple(hint for hint in hints if len(hint) > len("3d"))
    return any(word in hints or word.startswith(long) for word in words)
