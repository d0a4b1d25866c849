"""A fragment's volumes as napari layers."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import numpy as np

from napari_nx46.data.fragments import DataSet, Fragment, Place
from napari_nx46.files.naming import plural
from napari_nx46.files.volumes.opening import Volume
from napari_nx46.files.volumes.placement import PIXEL, Placement

LayerData = tuple[Any, dict[str, Any], str]

METADATA_KEY = "napari-nx46"
"""Under it a layer's metadata say which data it came from, so that the dock can go on with it."""

INTEGER_LIMITS = {"uint8": (0.0, 255.0), "uint16": (0.0, 65535.0)}
IGNORED_LABEL_COLOR = (0.55, 0.55, 0.55, 0.8)
SURFACE_LABEL_COLOR = (0.25, 0.75, 0.35, 0.8)


def fragment_layers(fragment: Fragment, paths: tuple[Place, ...]) -> list[LayerData]:
    """Return the layers of a fragment, the CT image lowest; nothing is read but one slice of it.

    Parameters
    ----------
    fragment : Fragment
    paths : tuple of Place
        What was opened, as `fragments.open_data` takes it.

    Returns
    -------
    list of layer data
        CT image, the paths' probability volumes, those of the models, and the label, as far as
        there are any; only the lowest is visible.
    """
    origin = {
        "paths": [str(path) for path in paths],
        "image_id": fragment.image_id,
        "reading": reading_of(fragment),
    }
    layers: dict[str, LayerData] = {}
    if fragment.image is not None:
        layers["image"] = _image(fragment.image, "CT image", "gray", _limits(fragment.image))
    paths_alone = {n: v for n, v in fragment.sources.items() if n not in fragment.models}
    for name, volume in reversed(paths_alone.items()):
        layers[name] = _probability(volume, f"probability {name}")
    for name in sorted(fragment.models):
        model = _probability(fragment.models[name], f"{fragment.image_id} {name}")
        layers[f"models/{name}"] = model
    if fragment.label is not None:
        layers["label"] = _label(fragment.label)
    for position, (name, (_, attributes, _)) in enumerate(layers.items()):
        attributes.update(placed(fragment.placement))
        attributes["visible"] = position == 0
        about = {**origin, "volume": name, "name": attributes["name"]}
        attributes["metadata"] = {METADATA_KEY: about}
    return list(layers.values())


def origin_of(layer: Any) -> tuple[str, ...]:
    """Return the paths that a layer was opened from by this plugin, or none."""
    origin = layer.metadata.get(METADATA_KEY, {})
    return tuple(origin.get("paths", ()))


def image_id_of(layer: Any) -> str | None:
    """Return the fragment that a layer was opened from by this plugin, or None."""
    image_id = layer.metadata.get(METADATA_KEY, {}).get("image_id")
    return None if image_id is None else str(image_id)


def reading_of(fragment: Fragment) -> dict[str, dict[str, str | int]]:
    """Return what is read of each probability volume of a fragment, by the volume's name."""
    return {name: volume.read_as.recorded() for name, volume in fragment.sources.items()}


def layers_read_otherwise(
    layers: Iterable[Any], dataset: DataSet, paths: tuple[Place, ...]
) -> list[Any]:
    """Return layers of the same files that show another channel, or other logits."""
    readings = {fragment.image_id: reading_of(fragment) for fragment in dataset.opened}
    return [
        layer
        for layer in layers
        if origin_of(layer) == tuple(map(str, paths))
        and readings.get(image_id_of(layer) or "", reading_shown(layer)) != reading_shown(layer)
    ]


def reading_shown(layer: Any) -> Any:
    """Return what was read of the probability volumes of a layer's fragment; see `reading_of`."""
    return layer.metadata.get(METADATA_KEY, {}).get("reading")


def volume_of(layer: Any) -> str | None:
    """Return which volume of its fragment a layer of this plugin shows, or None."""
    volume = layer.metadata.get(METADATA_KEY, {}).get("volume")
    return None if volume is None else str(volume)


def plain_name_of(layer: Any) -> str:
    """Return a layer's name without the number that napari adds where the name was taken."""
    name = str(layer.metadata.get(METADATA_KEY, {}).get("name", layer.name))
    return name if re.fullmatch(rf"{re.escape(name)} \[\d+\]", layer.name) else str(layer.name)


def data_set_name(dataset: DataSet) -> str:
    """Return how a data set is called in titles."""
    return f"{dataset.name} ({plural(len(dataset), 'fragment')})"


def placed(placement: Placement | None) -> dict[str, Any]:
    """Return the attributes of layers of voxels of this size at this place, in micrometres."""
    if placement is None:
        return {"scale": (1.0,) * 3, "translate": (0.0,) * 3, "units": (PIXEL,) * 3}
    size, place = placement.micrometres, placement.place_micrometres
    if size is None or place is None:  # no lengths, or in units that nobody knows
        return {"scale": placement.scale, "translate": placement.translate, "units": (PIXEL,) * 3}
    return {"scale": size, "translate": place, "units": ("micrometer",) * 3}


def _probability(volume: Volume, name: str) -> LayerData:
    return _image(volume, name, "magma", INTEGER_LIMITS.get(volume.dtype.name, (0.0, 1.0)))


def _image(volume: Volume, name: str, colormap: str, limits: tuple[float, float]) -> LayerData:
    attributes = {
        "name": name,
        "colormap": colormap,
        "contrast_limits": limits,
        "blending": "translucent",
    }
    return volume, attributes, "image"


def _label(volume: Volume) -> LayerData:
    from napari.utils.colormaps import DirectLabelColormap

    colors = {
        None: (0, 0, 0, 0),
        0: (0, 0, 0, 0),
        1: SURFACE_LABEL_COLOR,
        2: IGNORED_LABEL_COLOR,
    }
    attributes = {
        "name": "label",
        "colormap": DirectLabelColormap(color_dict=colors),
        "opacity": 0.5,
    }
    return volume, attributes, "labels"


def _limits(volume: Volume) -> tuple[float, float]:
    """Return contrast limits from the middle slice, without its extremes."""
    middle = np.asarray(volume[volume.shape[0] // 2])
    low, high = np.percentile(middle[np.isfinite(middle)], (0.5, 99.5)).tolist() or (0.0, 1.0)
    return (low, high) if low < high else (low, low + 1.0)
