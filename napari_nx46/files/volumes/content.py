"""Whether the values of a volume are probabilities or logits, said or found out."""

from __future__ import annotations

from enum import StrEnum

import numpy as np
import numpy.typing as npt

from napari_nx46.files.volumes.indexing import Box
from napari_nx46.files.volumes.reading import Logits
from napari_nx46.files.volumes.roles import HAIR
from napari_nx46.files.volumes.volume import Volume

_SAMPLE = 64
"""Voxels along each axis that are looked at."""

_FARTHEST_LOGIT = 100
"""Beyond, a float32 probability is 0 or 1 many times over."""

_MOST_ABOVE = 0.6
"""Share of the logits that may say surface."""


class Content(StrEnum):
    """What the values of a volume are.

    ``AUTO``: logits if they are floats, and those in the middle are below 0 or above 1, unless
    these may as well be signed distances; else probabilities.
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
        If those that are looked at cannot be read, or may be something else than logits.
    """
    several = volume.channels is not None and volume.channels > 1
    if content is Content.PROBABILITY or (
        content is Content.AUTO and not _look_like_logits(volume, several=several)
    ):
        return None
    return Logits.SOFTMAX if several else Logits.SIGMOID


def _look_like_logits(volume: Volume, *, several: bool) -> bool:
    """Return whether some values from the middle are no probabilities."""
    if volume.dtype.kind != "f":
        return False
    values = volume.shared(_sample(volume))
    if not (values.min() < -HAIR or values.max() > 1 + HAIR):
        return False
    doubt = None if several else _doubt(values)
    if doubt is not None:
        raise volume.origin.error(
            f"values from {values.min():.4g} to {values.max():.4g}, {doubt}",
            "probabilities in [0, 1], or a word on what these are: signed distances with "
            "--logits distance, logits with --logits sigmoid",
        )
    return True


def _doubt(values: npt.NDArray[np.generic]) -> str | None:
    """Return why values of one channel may be something else than logits; None if nothing says so.

    Networks say of few voxels that they are surface: most logits are below 0. Of signed distances,
    which are negative inside, most are above.
    """
    predicted = values[values != 0]
    if max(abs(float(values.min())), abs(float(values.max()))) > _FARTHEST_LOGIT:
        return "farther from 0 than logits are"
    if np.count_nonzero(predicted > 0) > _MOST_ABOVE * predicted.size:
        return "most of them above 0: signed distances, or logits of surface nearly everywhere"
    if bool((values == np.rint(values)).all()):
        return "all whole numbers"
    return None


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
