"""What is read of a file of probabilities: which channel, and as what."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Logits(StrEnum):
    """How logits, or signed distances, become probabilities.

    ``SIGMOID``: 1 / (1 + exp(-x)), of the channel alone. ``SOFTMAX``: the channel's share among
    all channels. ``FOREGROUND``: the share of all channels but the first, which is the background.
    ``DISTANCE``: 1 / (1 + exp(d)) of a signed distance in voxels, negative inside, which is cut
    off at -100 and 5 first; the setting's temperature and zero of the distance follow on that.
    """

    SIGMOID = "sigmoid"
    SOFTMAX = "softmax"
    FOREGROUND = "foreground"
    DISTANCE = "distance"

    @property
    def is_of_channel(self) -> bool:
        """Whether the values of one channel are enough."""
        return self in (Logits.SIGMOID, Logits.DISTANCE)


@dataclass(frozen=True, slots=True)
class ReadAs:
    """What is read of volumes of probabilities.

    Attributes
    ----------
    channel : int or None
        Of those that have several; negative ones count from the last. None is the last, with a
        note where there are more than two.
    logits : Logits or None
        How their values become probabilities, if they are logits.
    channel_axis : int, str or None
        Which of more than three axes of an array in memory is of channels, by its number or name;
        None where that is found by its size.
    """

    channel: int | None = None
    logits: Logits | None = None
    channel_axis: int | str | None = None

    def recorded(self) -> dict[str, str | int]:
        """Return all of it by name, as far as it is given."""
        logits = None if self.logits is None else self.logits.value
        given = {"channel": self.channel, "logits": logits, "channel_axis": self.channel_axis}
        return {name: value for name, value in given.items() if value is not None}
