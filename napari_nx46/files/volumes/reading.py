"""What is read of a file of probabilities: which channel, and as what."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Logits(StrEnum):
    """How logits become probabilities.

    ``SIGMOID``: 1 / (1 + exp(-x)), of the channel alone. ``SOFTMAX``: the channel's share among
    all channels.
    """

    SIGMOID = "sigmoid"
    SOFTMAX = "softmax"


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
    """

    channel: int | None = None
    logits: Logits | None = None

    def recorded(self) -> dict[str, str | int]:
        """Return ``channel`` and ``logits`` by name, as far as they are given."""
        channel: dict[str, str | int] = {} if self.channel is None else {"channel": self.channel}
        return channel if self.logits is None else {**channel, "logits": self.logits.value}
