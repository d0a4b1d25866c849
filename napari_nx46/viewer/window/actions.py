"""What a key does on the canvas and in the docks, each with a name that people can look up."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from napari_nx46.live.masks.choices import LIVE
from napari_nx46.live.masks.pins import DEFAULT_LETTERS

if TYPE_CHECKING:
    from napari_nx46.viewer.window.viewer_session import ViewerSession


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
    on_canvas : bool
        Whether the key works on the canvas too; not where a layer of napari's uses it itself.
    """

    name: str
    title: str
    key: str
    help: str
    run: Callable[[ViewerSession], object]
    on_canvas: bool = True


def _pin(letter: str, viewer_session: ViewerSession) -> None:
    viewer_session.pin(letter)
    viewer_session.viewer.status = f"pinned to {letter}"


ACTIONS: tuple[Action, ...] = (
    Action(
        "toggle_mask",
        "Hide or show the mask",
        "H",
        "The layer stays; the sliders go on working.",
        lambda viewer_session: viewer_session.overlay.toggle(),
    ),
    Action(
        "toggle_errors",
        "Hide or show the errors",
        "J",
        "True positives, false positives and false negatives, where the fragment has a label.",
        lambda viewer_session: viewer_session.errors.toggle(),
    ),
    Action(
        "flip_mask",
        "Show the next pinned mask",
        "K",
        "The sliders' mask, then those pinned to A, B and C, then foreign ones; as kept.",
        lambda viewer_session: viewer_session.flip(),
    ),
    Action(
        "show_live_mask",
        "Show the sliders' mask",
        "Shift-K",
        "As moving a slider does.",
        lambda viewer_session: viewer_session.compare.flip.show(LIVE),
    ),
    *(
        Action(
            f"pin_{letter.lower()}",
            f"Pin the setting to {letter}",
            f"Control-{number}",
            "In place of what was pinned there.",
            partial(_pin, letter),
        )
        for number, letter in enumerate(DEFAULT_LETTERS, 1)
    ),
    Action(
        "toggle_difference",
        "Hide or show the difference of two masks",
        "U",
        "Of the two that are chosen in the dock that compares masks.",
        lambda viewer_session: viewer_session.compare.difference.toggle(),
    ),
    Action(
        "toggle_side_by_side",
        "Show two masks side by side, or one again",
        "Shift-U",
        "The two that are chosen in the dock that compares masks, in napari's grid.",
        lambda viewer_session: viewer_session.side_by_side.toggle(),
    ),
    Action(
        "toggle_three_d",
        "Show the mask in 3D, or its slices again",
        "Shift-H",
        "A lit surface with the CT image on a plane; afterwards all is as it was.",
        lambda viewer_session: viewer_session.three_d.toggle(),
    ),
    Action(
        "next_fragment",
        "Show the next fragment",
        "N",
        "At the same relative depth; after the last comes the first.",
        lambda viewer_session: viewer_session.session.step_fragment(1),
    ),
    Action(
        "previous_fragment",
        "Show the previous fragment",
        "Shift-N",
        "At the same relative depth; before the first comes the last.",
        lambda viewer_session: viewer_session.session.step_fragment(-1),
    ),
    Action(
        "next_worst_slice",
        "Go to the next worst slice",
        "W",
        "Those that miss most of the label first, then those whose density is farthest off.",
        lambda viewer_session: viewer_session.go_to_next_worst(),
    ),
    Action(
        "next_error",
        "Go to the next error",
        "G",
        "As they are listed in the dock of errors; where none are listed yet, that begins.",
        lambda viewer_session: viewer_session.error_tools.browser.step(1),
    ),
    Action(
        "previous_error",
        "Go to the previous error",
        "Shift-G",
        "As they are listed in the dock of errors; before the first comes the last.",
        lambda viewer_session: viewer_session.error_tools.browser.step(-1),
    ),
    Action(
        "next_error_of_kind",
        "Go to the next error of this kind",
        "Shift-J",
        "Of the kind of the one that is selected.",
        lambda viewer_session: viewer_session.error_tools.browser.step(1, same_kind=True),
    ),
    Action(
        "paint_corrections",
        "Correct the mask by hand, or stop",
        "Q",
        "Paints on the layer of corrections: 1 adds, 2 erases, 0 leaves as computed.",
        lambda viewer_session: viewer_session.corrections.toggle_painting(),
    ),
    Action(
        "toggle_corrections",
        "Hide or show the corrections",
        "Shift-Q",
        "They are in the mask whether they are shown or not.",
        lambda viewer_session: viewer_session.corrections.toggle(),
    ),
    Action(
        "undo",
        "Undo the change of the setting",
        "Control-Z",
        "Go back to the setting before; on the canvas napari keeps this key for labels.",
        lambda viewer_session: viewer_session.keeping.undo(),
        on_canvas=False,
    ),
    Action(
        "redo",
        "Redo the change of the setting",
        "Control-Shift-Z",
        "Go forth to the setting that was undone; on the canvas napari keeps this key for labels.",
        lambda viewer_session: viewer_session.keeping.redo(),
        on_canvas=False,
    ),
)
"""All of them, in the order in which they are listed."""
