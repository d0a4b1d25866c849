"""Logits as probabilities, computed while they are read."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from napari_nx46.files.volumes.channels import Channels
from napari_nx46.files.volumes.indexing import Box, Shape3D, box_shape
from napari_nx46.files.volumes.origin import AnyOrigin
from napari_nx46.files.volumes.reader import VolumeReader
from napari_nx46.files.volumes.reading import Logits

NEAREST, FARTHEST = -100.0, 5.0
"""Signed distances in voxels beyond which all count the same, as for the fifth place."""

PROBABILITY = np.dtype(np.float32)
"""Type of the probabilities that logits of any type become."""


def open_channel(
    origin: AnyOrigin, channels: Channels, channel: int, logits: Logits | None
) -> VolumeReader:
    """Return the voxels of a channel, those of logits as probabilities.

    Parameters
    ----------
    origin : AnyOrigin
        The file, for messages.
    channels : Channels
        What the file holds.
    channel : int
        The channel, counted from 0.
    logits : Logits or None
        How its logits become probabilities, if its values are logits.

    Returns
    -------
    VolumeReader
        Of logits float32.

    Raises
    ------
    VolumeError
        If the values are no floats, or a softmax is asked for of less than two channels.
    """
    source = channels.source(channel)
    if logits is None:
        return source
    if source.dtype.kind != "f":
        raise origin.error(
            f"{source.dtype} voxels, to be read as logits",
            "real numbers; leave out --logits for probabilities in integers",
        )
    numbers = (number for number in range(channels.count or 1) if number != channel)
    others = tuple(map(channels.source, numbers))
    if logits.is_of_channel:
        return LogitReader(logits, source, (), others)
    if channels.count is None or channels.count == 1:
        raise origin.error(
            f"one channel, to be read as logits by {logits.value}",
            "at least two channels; for one use --logits sigmoid",
        )
    if logits is Logits.FOREGROUND:
        first, *others_ = map(channels.source, range(channels.count))
        return LogitReader(logits, first, tuple(others_))
    return LogitReader(logits, source, others)


class LogitReader:
    """The probabilities of logits: the softmax of a channel, or what it says by itself.

    A voxel's probability is a function of its logits alone. It is computed in float64, whose errors
    vanish when it is rounded to float32. Where the logits of all channels are exactly 0, as where
    no patch of a network came to and in chunks that are absent, nothing was predicted: it is 0.

    Parameters
    ----------
    logits : Logits
        How they become probabilities.
    source : VolumeReader
        The channel; the background for the foreground of all others.
    others : tuple of VolumeReader
        The other channels, ascending; none where the channel is enough.
    beside : tuple of VolumeReader
        The other channels, where they do not count.
    """

    dtype = PROBABILITY

    def __init__(
        self,
        logits: Logits,
        source: VolumeReader,
        others: tuple[VolumeReader, ...],
        beside: tuple[VolumeReader, ...] = (),
    ) -> None:
        self.shape: Shape3D = source.shape
        self.piece_bytes = sum(one.piece_bytes for one in (source, *others))
        self._logits = logits
        self._source = source
        self._others = others
        self._beside = beside

    def read_box(self, box: Box) -> np.ndarray:
        """Read a box; NaN where a logit is NaN, or two of them are infinite."""
        own = self._source.read_box(box)
        others = [other.read_box(box) for other in self._others]
        result = np.empty(box_shape(box), PROBABILITY)
        for z, plane in enumerate(own):
            result[z] = probabilities_of(self._logits, plane, [other[z] for other in others])
        result[self._without(own, others, box)] = 0
        return result

    def without_prediction(self, box: Box) -> npt.NDArray[np.bool_]:
        """Return where in a box the logits of all channels are exactly 0.

        Parameters
        ----------
        box : tuple of slice
            As for `read_box`.
        """
        own = self._source.read_box(box)
        return self._without(own, [other.read_box(box) for other in self._others], box)

    def _without(
        self, own: np.ndarray, others: list[np.ndarray], box: Box
    ) -> npt.NDArray[np.bool_]:
        empty: npt.NDArray[np.bool_] = own == 0
        for other in others:
            empty &= other == 0
        for reader in self._beside:
            if empty.any():  # seldom where there is a prediction: the channels are not read then
                empty &= reader.read_box(box) == 0
        return empty

    def release(self) -> None:
        """Release what the channels keep in memory."""
        self._source.release()
        for other in (*self._others, *self._beside):
            other.release()


def probabilities_of(
    logits: Logits, own: npt.NDArray[np.floating], others: list[npt.NDArray[np.floating]]
) -> npt.NDArray[np.float64]:
    """Return the probabilities that the values of channels stand for.

    Parameters
    ----------
    logits : Logits
    own : numpy.ndarray
        The channel's values; of `Logits.FOREGROUND`, the background's.
    others : list of numpy.ndarray
        Of the other channels, each of the same shape, in ascending order; read for a softmax alone.

    Returns
    -------
    numpy.ndarray
        Float64 in [0, 1]; NaN where a value is NaN, or two of them are infinite.
    """
    values = own.astype(np.float64)
    if logits is Logits.DISTANCE:
        values = -np.clip(values, NEAREST, FARTHEST)
    # A sum that overflows is infinite, and its inverse 0, which is right.
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        odds = np.zeros_like(values)
        for other in [np.zeros_like(own)] if logits.is_of_channel else others:
            odds += np.exp(other.astype(np.float64) - values)
        share: npt.NDArray[np.float64] = 1 / (1 + odds)
        if logits is Logits.FOREGROUND:
            share = 1 / (1 + 1 / odds)
    return share
