"""Where work on layers is kept: by the file that a layer was read from, or else by its content."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import numpy as np

from napari_nx46.data.fragments import plain_name
from napari_nx46.files.volumes.array_reader import finest_level
from napari_nx46.files.volumes.reading import ReadAs
from napari_nx46.files.volumes.sampled import sampled_fingerprint
from napari_nx46.files.workspace import default_workspace, workspace_of_content
from napari_nx46.live.history.restore import kept_fragment, kept_read_as
from napari_nx46.viewer.plugin.samples import sample_path
from napari_nx46.viewer.sources.choice import LayerChoice, LayerOrigin

if TYPE_CHECKING:
    from napari.layers import Layer

__all__ = ["as_kept", "workspace_of_layers"]


def workspace_of_layers(choice: LayerChoice, environment: Mapping[str, str]) -> Path | None:
    """Return the file in which work on layers is kept; None where the data cannot be known again.

    It is that of the first layer with probabilities, or of the image: of the file that it was read
    from, or of its content where it is an array in memory.

    Parameters
    ----------
    choice : LayerChoice
    environment : mapping
        See `default_workspace`.
    """
    layer = choice.layers_of_score[0]
    path = _path_of(layer)
    if path is None:
        array = finest_level(LayerOrigin(layer), layer.data)
        known = isinstance(array, np.ndarray) and array.dtype.kind in "biuf"
        return workspace_of_content(sampled_fingerprint(array), environment) if known else None
    if "://" in path:
        return default_workspace(path, environment)
    is_sample = Path(path).is_relative_to(sample_path())
    return None if is_sample else default_workspace(Path(path), environment)


def as_kept(choice: LayerChoice, workspace: Path | None) -> LayerChoice:
    """Return a choice with the channels that were read before, and under the name from before.

    Both only where nobody has chosen others; what was kept is kept under that name.
    """
    if workspace is None or not workspace.exists():
        return choice
    kept_as = kept_read_as(workspace)
    chosen = replace(choice.read_as, channel_axis=None)
    same_axis = choice.read_as.channel_axis in (None, kept_as.channel_axis)
    read_as = kept_as if chosen == ReadAs() and same_axis else choice.read_as
    name, first = choice.name, choice.layers[0]
    if _path_of(first) is None and name == plain_name(first.name):
        kept = kept_fragment(workspace)
        name = kept if kept is not None and kept == plain_name(kept) else name
    return replace(choice, read_as=read_as, image_id=name)


def _path_of(layer: Layer) -> str | None:
    """Return the file or the address that a layer was read from, or that its Zarr array is in."""
    if layer.source.path is not None:
        return str(layer.source.path)
    data: Any = layer.data
    store = str(getattr(data, "store_path", ""))
    return unquote(urlsplit(store).path) if store.startswith("file://") else None
