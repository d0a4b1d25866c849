"""Tuning layers or arrays from a script, napari's console or a notebook."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from napari.layers import Labels, Layer

from napari_nx46.files.volumes.array_reader import finest_level
from napari_nx46.files.volumes.origin import ArrayOrigin
from napari_nx46.files.volumes.reading import Logits, ReadAs
from napari_nx46.setting import Setting
from napari_nx46.viewer.canvas.access import unwrapped
from napari_nx46.viewer.sources.choice import LayerChoice
from napari_nx46.viewer.window.session_dock import tune_dock_of

if TYPE_CHECKING:
    import napari

    from napari_nx46.live.session import Session
    from napari_nx46.viewer.tune.dock import TuneDock

__all__ = ["Tuning", "tune_layers"]

_COLORMAPS = {"p3d": "magma", "p2d": "magma", "image": "gray"}


class Tuning:
    """A session in a napari window: its sliders, its mask, and what is accepted.

    Parameters
    ----------
    dock : TuneDock
        In which it goes on.

    Notes
    -----
    It is to be used in the thread of the window, as napari's console and a notebook do.
    """

    def __init__(self, dock: TuneDock) -> None:
        self._dock = dock

    def __repr__(self) -> str:
        """Return the fragment and the knobs that are not at their defaults."""
        knobs = self.setting.model_dump(mode="json", exclude_defaults=True)
        return f"<Tuning {self.session.fragment.image_id} {knobs}>"

    @property
    def session(self) -> Session:
        """The session behind the window.

        Raises
        ------
        RuntimeError
            If it has ended: the dock was closed, or the layers were removed.
        """
        if self._dock.viewer_session is None:
            raise RuntimeError("found no session: the dock was closed, or its layers were removed")
        return self._dock.viewer_session.session

    @property
    def setting(self) -> Setting:
        """The setting of the sliders."""
        return self.session.setting

    @property
    def layer(self) -> Layer:
        """The mask's layer, "surface mask"."""
        return self._viewer_session.overlay.layer

    @property
    def corrections(self) -> Labels:
        """The layer "corrections", made at its first use: 0 as computed, 1 add, 2 erase."""
        layer: Labels = self._viewer_session.corrections.labels()
        return layer

    def change(self, **knobs: Any) -> None:
        """Move sliders; what is displayed follows before this returns.

        Parameters
        ----------
        **knobs
            By the names of the fields of `Setting`.

        Raises
        ------
        SettingError
            If there is no such knob, or a value is out of range.
        """
        self.session.change(**knobs)

    def mask(self) -> npt.NDArray[np.uint8]:
        """Return the exact mask, computing what is missing.

        Returns
        -------
        (Z, Y, X) array of uint8
            0 and 1, corrections included; bit for bit that of `make_mask` and of an export.

        Raises
        ------
        VolumeError
            If a layer holds what a probability cannot be.
        """
        return self.session.whole_mask()

    def refresh(self) -> None:
        """Read the layers again, after an array was changed in place: nothing reports that.

        Setting, corrections, pins and slice stay.
        """
        _ = self.session  # raises where it has ended
        self._dock.layers.read_again()

    def accept(self) -> None:
        """Freeze the setting for the fragment, as the button does; it is exported with that."""
        self.session.accept((self.session.fragment.image_id,))

    @property
    def _viewer_session(self) -> Any:
        _ = self.session  # raises where it has ended
        return self._dock.viewer_session


def tune_layers(
    viewer: napari.Viewer,
    volumes: Mapping[str, Any],
    models: Mapping[str, Any],
    *,
    name: str | None = None,
    channel: int | None = None,
    channel_axis: int | str | None = None,
    logits: Logits | None = None,
    workspace: str | os.PathLike[str] | None = None,
) -> Tuning:
    """Tune layers of a window, or arrays, which become layers; see `napari_nx46.tune`.

    Parameters
    ----------
    viewer : napari.Viewer
    volumes : mapping of str to layer, array-like or None
        ``p3d``, ``p2d``, ``image`` and ``label``.
    models : mapping of str to layer or array-like
    name, channel, channel_axis, logits, workspace : optional
        See `napari_nx46.tune`.

    Raises
    ------
    FragmentError, VolumeError
        If they form no fragment; layers of arrays that were added are removed again.
    """
    viewer = unwrapped(viewer)
    before = list(viewer.layers)
    dock = tune_dock_of(viewer)
    read_as = ReadAs(channel, None if logits is None else Logits(logits), channel_axis)
    try:
        chosen = {place: _as_layer(viewer, place, one) for place, one in volumes.items()}
        named = {model: _as_layer(viewer, model, one) for model, one in models.items()}
        choice = LayerChoice(**chosen, models=named, image_id=name or "", read_as=read_as)
        dock.layers.begin(choice, None if workspace is None else Path(workspace))
    except (ValueError, OSError):
        for layer in [layer for layer in viewer.layers if layer not in before]:
            viewer.layers.remove(layer)
        raise
    return Tuning(dock)


def _as_layer(viewer: napari.Viewer, place: str, given: Any) -> Layer | None:
    """Return a layer of the viewer; an array is added as one, below the masks."""
    if given is None:
        return None
    if isinstance(given, Layer):
        given = unwrapped(given)
        if given not in viewer.layers:
            viewer.add_layer(given)
        return given
    if place == "label":
        return viewer.add_labels(given, name=place, visible=False)
    first = np.asarray(finest_level(ArrayOrigin(f"array {place}"), given).dtype.type(0)).dtype
    limits = {"uint8": (0, 255), "uint16": (0, 65535)}.get(first.name, (0, 1))
    scaled = {} if place == "image" else {"contrast_limits": limits}
    return viewer.add_image(given, name=place, colormap=_COLORMAPS.get(place, "magma"), **scaled)
