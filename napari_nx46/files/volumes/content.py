"""Whether the values of a volume are probabilities or logits, said or found out."""

from __future__ import annotations

from enum import StrEnum

from napari_nx46.files.volumes.indexing import Box
from napari_nx46.files.volumes.reading import Logits
from napari_nx46.files.volumes.roles import HAIR
from napari_nx46.files.volumes.volume import Volume

_SAMPLE = 64
"""Voxels along each axis that are looked at."""


class Content(StrEnum):
    """What the values of a volume are.

    ``AUTO``: logits if they are floats, and those in the middle are below 0 or above 1; else
    probabilities.
    """

    AUTO = "auto"
    PROBABILITY = "probability"
    LOGIT = "logit"


def logits_of(volume: Volume, content: Content) -> Logits | None:
    """Return how the values of a volume become probabilities.

    Parameters
    ----------
    volume : Volume
        Opened as an image, so that its values are those that are stored.
    content : Content
        What they are. Only ``AUTO`` reads some of them.

    Returns
    -------
    Logits or None
        Softmax of logits in several channels, sigmoid of others; None of probabilities.

    Raises
    ------
    VolumeError
        If those that are looked at cannot be read.
    """
    if content is Content.PROBABILITY or (
        content is Content.AUTO and not _look_like_logits(volume)
    ):
        return None
    several = volume.channels is not None and volume.channels > 1
    return Logits.SOFTMAX if several else Logits.SIGMOID


def _look_like_logits(volume: Volume) -> bool:
    """Return whether some values from the middle are no probabilities."""
    if volume.dtype.kind != "f":
        return False
    values = volume.shared(_sample(volume))
    return bool(values.min() < -HAIR or values.max() > 1 + HAIR)


def _sample(volume: Volume) -> Box:
    """Return a box that is looked at: in the chunk that exists next to the middle, if known."""
    middle = tuple(size // 2 for size in volume.shape)
    existing = None if volume.layout is None else volume.layout.existing()
    if existing is not None:

        def distance(box: Box) -> int:
            return sum(
                abs(part.start + part.stop - 2 * at) for part, at in zip(box, middle, strict=True)
            )

        chosen = min(existing, key=distance, default=None)
        if chosen is not None:
            middle = tuple((part.start + part.stop) // 2 for part in chosen)
    z, y, x = (
        slice(max(0, at - _SAMPLE // 2), min(size, at + _SAMPLE // 2))
        for at, size in zip(middle, volume.shape, strict=True)
    )
    return z, y, x
