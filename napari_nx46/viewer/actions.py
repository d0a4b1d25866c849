"""What a key does on the canvas and in the docks, each with a name that people can look up."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from napari_nx46.viewer.bench import Bench


@dataclass(frozen=True)
class Action:
    """Something that a user can do to the session by a key.

    Parameters
    ----------
    name : str
        Unique among the actions: small letters, digits and underscores.
    title : str
        What it does, in the imperative.
    key : str
        In napari's notation, e.g. ``Shift-N``; one that napari does not use itself.
    help : str
        One sentence more.
    run : callable
        Does it.
    """

    name: str
    title: str
    key: str
    help: str
    run: Callable[[Bench], None]


ACTIONS: tuple[Action, ...] = (
    Action(
        "toggle_mask",
        "Hide or show the mask",
        "H",
        "The layer stays; the sliders go on working.",
        lambda bench: bench.overlay.toggle(),
    ),
    Action(
        "toggle_errors",
        "Hide or show the errors",
        "J",
        "True positives, false positives and false negatives, where the fragment has a label.",
        lambda bench: bench.errors.toggle(),
    ),
    Action(
        "next_fragment",
        "Show the next fragment",
        "N",
        "At the same relative depth; after the last comes the first.",
        lambda bench: bench.session.step_fragment(1),
    ),
    Action(
        "previous_fragment",
        "Show the previous fragment",
        "Shift-N",
        "At the same relative depth; before the first comes the last.",
        lambda bench: bench.session.step_fragment(-1),
    ),
)
"""All of them, in the order in which they are listed."""
