"""What is wrong with what a campaign is to run: every fault at once, each with its place."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from napari_nx46.files.naming import printable
from napari_nx46.setting import SettingError

_MOST_SHOWN = 50
_LONGEST_MESSAGE = 400


@dataclass(frozen=True, slots=True)
class PlanFault:
    """One thing that keeps a campaign from running.

    Parameters
    ----------
    message : str
        What was found, and what was expected.
    run : str
        The run_id, or which entry of a list it is; empty if the fault is of no single run.
    knob : str
        As it was written; empty if the fault is of no single knob.
    """

    message: str
    run: str = ""
    knob: str = ""

    def __str__(self) -> str:
        """Return the fault as a line of text."""
        places = (
            f"run {printable(self.run)}" if self.run else "",
            printable(self.knob),
            self.message,
        )
        return shortened(": ".join(place for place in places if place))


class PlanError(SettingError):
    """What a campaign is to run cannot be run; the message lists the faults, a line each.

    Parameters
    ----------
    origin : str
        The file, or the flags, that the plan comes from.
    faults : iterable of PlanFault
        At least one.
    """

    def __init__(self, origin: str, faults: Iterable[PlanFault]) -> None:
        self.origin = origin
        self.faults = tuple(faults)
        super().__init__(f"{origin}: {_reported(self.faults)}")


def nearest(name: str, names: Iterable[str]) -> str:
    """Return a suggestion of the name that was meant, to be put behind a message; perhaps empty.

    Parameters
    ----------
    name : str
        That is none of `names`.
    names : iterable of str
    """
    by_folded = {known.casefold(): known for known in names}
    found = get_close_matches(printable(name).casefold(), by_folded, n=1)
    return f"; did you mean {by_folded[found[0]]}?" if found else ""


def shortened(text: str) -> str:
    """Return a text without what nobody would read of it."""
    return text if len(text) <= _LONGEST_MESSAGE else text[:_LONGEST_MESSAGE] + "…"


def _reported(faults: Sequence[PlanFault]) -> str:
    if len(faults) == 1:
        return str(faults[0])
    reported = [str(fault) for fault in faults[:_MOST_SHOWN]]
    more = len(faults) - len(reported)
    last = [f"and {more} more"] if more else []
    return "\n  ".join([f"found {len(faults)} faults", *reported, *last])
