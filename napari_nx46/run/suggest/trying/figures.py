"""What a setting's mask is worth on one place, and what its thresholds amount to there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

__all__ = ["Figures"]


@dataclass(frozen=True, slots=True)
class Figures:
    """The figures of one mask.

    Parameters
    ----------
    values : mapping of str to float
        With a label ``score``, ``topo``, ``surface_dice`` and ``voi``; without one what
        `label_free` measures. ``density`` always.
    high, low : float
        The thresholds in units of probability, the means over the slices where each has its own;
        equal where there is only one.
    high_share, low_share : float, optional
        Share of the fragment's voxels below them; None where it was not needed.
    """

    values: Mapping[str, float] = field(hash=False)
    high: float
    low: float
    high_share: float | None = None
    low_share: float | None = None

    def record(self) -> dict[str, object]:
        """Return the figures as plain values, for a journal."""
        return {**asdict(self), "values": dict(self.values)}

    @classmethod
    def of_record(cls, record: Mapping[str, object]) -> Figures:
        """Return the figures that a record holds.

        Raises
        ------
        TypeError, ValueError, KeyError
            If it is no such record.
        """
        given = record["values"]
        if not isinstance(given, dict):
            raise TypeError("expected an object")
        values = {str(name): float(value) for name, value in given.items()}
        shares = (record["high_share"], record["low_share"])
        high_share, low_share = (None if one is None else _number(one) for one in shares)
        return cls(values, _number(record["high"]), _number(record["low"]), high_share, low_share)


def _number(value: object) -> float:
    if not isinstance(value, int | float):
        raise TypeError(f"found {value!r}, expected a number")
    return float(value)
