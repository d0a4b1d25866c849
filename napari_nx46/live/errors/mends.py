"""What might mend an error: knobs moved a step on, and corrections by hand.

Which of them do, and what the whole score gains, is found by trying them (see `trials`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_nx46.live.errors.listing import Listing
from napari_nx46.live.errors.pieces import LABEL, PREDICTION, excess_at, parted
from napari_nx46.live.masks.pins import differing_knobs
from napari_nx46.run.compare.comparison import knob_text
from napari_nx46.setting import Setting, ThresholdRule, described_knobs, moved
from napari_nx46.setting.errors import SettingError
from napari_nx46.voxels.corrections.corrections import ADD, ERASE, Corrections

__all__ = ["Mend", "hand_mends", "knob_mends"]

Ints = npt.NDArray[np.int32]
Knobs = Mapping[str, Any]

STEPS = 5
"""A threshold is moved by so many of its knob's small steps."""
MOST_JOINTS = 4
"""So many joints are tried one by one, the largest."""
WIDEST_CLOSING, WIDEST_PATCH, WIDEST_SHEET_GAP, LARGEST_OBJECT = 8, 64, 3, 10_000_000


@dataclass(frozen=True, slots=True)
class Mend:
    """A change that may mend an error.

    Parameters
    ----------
    title : str
        What is changed, in words.
    setting : Setting
        The setting with it.
    corrections : Corrections
        What is corrected by hand with it.
    by_hand : bool
        Whether it changes the corrections, not the setting.
    """

    title: str
    setting: Setting
    corrections: Corrections
    by_hand: bool


# ---- knobs ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Item:
    """What moves of knobs depend on."""

    setting: Setting
    size: int
    width: int
    gap: int


_HIGH = {
    ThresholdRule.QUANTILE: "quantile",
    ThresholdRule.PROBABILITY: "probability",
    ThresholdRule.ADAPTIVE: "adaptive_base",
}
_LOW = {
    ThresholdRule.QUANTILE: "low_quantile",
    ThresholdRule.PROBABILITY: "low_probability",
}
_CLOSINGS = ("closing_z", "closing_xy", "closing_ball")


def _stepped(setting: Setting, name: str, steps: int) -> Knobs:
    knob = described_knobs(Setting)[name]
    highest = 100.0 if name.startswith("adaptive") else 1.0
    value = round(getattr(setting, name) + steps * knob.step, knob.decimals)
    return {name: min(max(value, 0.0), highest)}


def _higher_threshold(item: _Item) -> Knobs:
    return _stepped(item.setting, _HIGH[item.setting.rule], STEPS)


def _lower_threshold(item: _Item) -> Knobs:
    return _stepped(item.setting, _HIGH[item.setting.rule], -STEPS)


def _lower_low(item: _Item) -> Knobs:
    """Lower the low threshold, or begin with a pair whose low one is two moves below."""
    setting, name = item.setting, _LOW.get(item.setting.rule)
    if name is None:
        return _stepped(setting, "adaptive_gap", STEPS)
    if setting.hysteresis:
        return _stepped(setting, name, -STEPS)
    high = getattr(setting, _HIGH[setting.rule])
    step = described_knobs(Setting)[name].step
    return {"hysteresis": True, name: max(0.0, round(high - 2 * STEPS * step, 6))}


def _higher_low(item: _Item) -> Knobs:
    setting, name = item.setting, _LOW.get(item.setting.rule)
    if name is None or not setting.hysteresis:
        return {}
    return _stepped(setting, name, STEPS)


def _larger_objects(item: _Item) -> Knobs:
    smallest = item.size + 1
    return {"smallest_object": smallest} if smallest <= LARGEST_OBJECT else {}


def _closing(item: _Item) -> Knobs:
    radius = max((item.gap + 1) // 2, 1)
    wanted = max(radius, item.setting.closing_ball + 1)
    return {"closing_ball": wanted} if wanted <= WIDEST_CLOSING else {}


def _less_closing(item: _Item) -> Knobs:
    values = {name: getattr(item.setting, name) for name in _CLOSINGS}
    return {name: value - 1 for name, value in values.items() if value}


def _patching(item: _Item) -> Knobs:
    side = max(item.width, item.setting.patch_holes + 1)
    return {"patch_holes": side} if side <= WIDEST_PATCH else {}


def _plugging(item: _Item) -> Knobs:
    return {"plug_tunnels": True}


def _opening(item: _Item) -> Knobs:
    return {"opening": True}


def _sheet_gap(item: _Item) -> Knobs:
    """Keep sheets farther apart, where something joins them."""
    gap, closes = item.setting.sheet_gap + 1, any(getattr(item.setting, n) for n in _CLOSINGS)
    return {"sheet_gap": gap} if closes and gap <= WIDEST_SHEET_GAP else {}


def _cavity_filling(item: _Item) -> Knobs:
    return {"fill_cavities": True}


_Move = Callable[[_Item], Knobs]
_FEWER: tuple[_Move, ...] = (_larger_objects, _higher_threshold, _opening)
_MORE: tuple[_Move, ...] = (_lower_low, _lower_threshold)
_JOIN: tuple[_Move, ...] = (_closing, _lower_low, _lower_threshold)
_PART: tuple[_Move, ...] = (_opening, _sheet_gap, _less_closing, _higher_low, _higher_threshold)
_UNFILL: tuple[_Move, ...] = (_less_closing, _higher_low, _higher_threshold, _opening)
_MOVES: Mapping[str, tuple[_Move, ...]] = {
    "island": _FEWER,
    "uncounted component": _FEWER,
    "missed sheet": _MORE,
    "uncounted sheet": _MORE,
    "split": _JOIN,
    "merge": _PART,
    "hole": (_closing, _patching, _plugging, _lower_low, _lower_threshold),
    "closed hole": _UNFILL,
    "bridge or handle": (*_PART, _closing, _plugging),
    "missing handle": _MORE,
    "cavity": (_cavity_filling, _closing, _lower_low, _lower_threshold),
    "missing cavity": _UNFILL,
    "VOI merge": _PART,
    "VOI split": _JOIN,
}


def knob_mends(
    listing: Listing, row: int, setting: Setting, corrections: Corrections
) -> list[Mend]:
    """Return settings with knobs a step on in the direction that mends errors of a kind.

    Parameters
    ----------
    listing : Listing
    row : int
    setting : Setting
    corrections : Corrections
        The present ones; they stay.

    Returns
    -------
    list of Mend
        Those that change the setting, without repeats.
    """
    item = _item_of(listing, row, setting)
    found: dict[Setting, Mend] = {}
    for move in _moves_for(listing, row):
        knobs = move(item)
        try:
            proposed = moved(setting, **knobs) if knobs else setting
        except SettingError:
            continue  # a knob is at its end
        if proposed != setting:
            title = _change_text(setting, proposed)
            found.setdefault(proposed, Mend(title, proposed, corrections, by_hand=False))
    return list(found.values())


def _moves_for(listing: Listing, row: int) -> tuple[_Move, ...]:
    kind = listing.kind_of(row)
    if kind in _MOVES:
        return _MOVES[kind]
    return _MORE if listing.side_of(row) == "label" else _FEWER


def _item_of(listing: Listing, row: int, setting: Setting) -> _Item:
    table = listing.table
    extent = listing.extents[row]
    lengths = sorted((extent[3:] - extent[:3]).tolist())
    # A hole in a sheet is as wide as the longer of its sides, and as deep as the sheet is thick.
    gap = lengths[1] if listing.tone_of(row) == "loop" else lengths[0]
    explanation, part = listing.explanation, listing.parts[table.part[row]]
    if explanation is not None and part == "topology":
        gap = int(explanation.topology.features.gap[table.row[row]]) or gap
    return _Item(setting, int(table.size[row]), int(lengths[-1]), int(gap))


def _change_text(before: Setting, after: Setting) -> str:
    described = described_knobs(Setting)
    return ", ".join(
        f"{described[name].title if name in described else name} "
        f"{knob_text(name, before)} → {knob_text(name, after)}"
        for name in differing_knobs([before, after])
    )


# ---- by hand -------------------------------------------------------------------------------

_Excess = tuple[int, str]
"""What one mask has and the other lacks, beside the item, the way, or the place of an error."""

_EXCESSES: Mapping[str, tuple[_Excess, ...]] = {
    "split": ((LABEL, "way"),),
    "merge": ((PREDICTION, "way"),),
    "cavity": ((LABEL, "item"),),
    "missing cavity": ((PREDICTION, "item"),),
    "bridge or handle": ((PREDICTION, "item"), (LABEL, "item")),
    "missing handle": ((LABEL, "item"), (PREDICTION, "item")),
    "VOI merge": ((PREDICTION, "place"),),
    "VOI split": ((LABEL, "place"),),
}
_SUSPECTED = {"hole": ADD, "bridge": ERASE}
"""What is done with the voxels of suspicious places; nothing with those of other kinds."""
_OF_ITEM = {"hole": ADD, "closed hole": ERASE}
"""The other kinds are erased where the prediction has them, and added where the label has them."""


def hand_mends(
    listing: Listing, row: int, setting: Setting, corrections: Corrections
) -> list[Mend]:
    """Return corrections that remove or add what an error is made of, as the label has it.

    Without a label a hole is filled, a bridge erased, and joints are cut, all or each: whether
    that is right nothing says.

    Parameters
    ----------
    listing : Listing
    row : int
    setting : Setting
        The present one; it stays.
    corrections : Corrections
        The present ones, which are added to.
    """
    mends: list[Mend] = []
    for value, voxels, where in (*_cuts(listing, row), *_edits(listing, row)):
        if not len(voxels):
            continue
        verb = "Add" if value == ADD else "Erase"
        title = f"{verb} {len(voxels):,} voxels by hand{where}"
        z, y, x = voxels.astype(np.int64).T
        changed = corrections.with_voxels((z, y, x), value)
        if changed != corrections and all(changed != mend.corrections for mend in mends):
            mends.append(Mend(title, setting, changed, by_hand=True))
    return mends


_Edit = tuple[int, Ints, str]
"""Whether to add or to erase, which voxels, and where that is, as the end of a title."""


def _cuts(listing: Listing, row: int) -> list[_Edit]:
    """Return what to erase where the prediction joins what is, or may be, apart.

    That is all joints at once, which parts the two, and if there are several, each on its own.
    """
    if listing.explanation is not None:
        joints: Sequence[Ints] = listing.explanation.joints_of(row)
    elif listing.kind_of(row) == "joined parts":
        joints = parted(listing.voxels_of(row))
    else:
        return []
    largest = sorted(joints, key=len, reverse=True)[:MOST_JOINTS]
    places = [", ".join(map(str, joint[len(joint) // 2].tolist())) for joint in largest]
    if len(joints) <= 1:
        return [(ERASE, *one) for one in zip(joints, (f", at {at}" for at in places), strict=True)]
    return [
        (
            ERASE,
            np.concatenate(joints),
            f", at all joints ({len(joints)})",
        ),
        *((ERASE, joint, f", at {at}") for joint, at in zip(largest, places, strict=True)),
    ]


def _edits(listing: Listing, row: int) -> Iterator[_Edit]:
    """Yield voxels to add or to erase."""
    explanation = listing.explanation
    kind, side = listing.kind_of(row), listing.side_of(row)
    if explanation is None:
        if kind in _SUSPECTED:
            yield _SUSPECTED[kind], listing.voxels_of(row), ""
        return
    # Each is collected where it is needed: an item may have millions of voxels.
    seeds: Mapping[str, Callable[[], Ints]] = {
        "item": lambda: listing.voxels_of(row),
        "way": lambda: listing.way_of(row),
        "place": lambda: listing.table.place[row : row + 1],
    }
    by_label = side == "label"
    if kind == "surface far off":
        excesses: tuple[_Excess, ...] = ((LABEL if by_label else PREDICTION, "item"),)
    elif kind.startswith("VOI") and side != "both":
        excesses = ()
    else:
        excesses = _EXCESSES.get(kind, ())
    for of, where in excesses:
        yield (ERASE if of == PREDICTION else ADD), excess_at(explanation, of, seeds[where]()), ""
    if not excesses:
        yield _OF_ITEM.get(kind, ADD if by_label else ERASE), listing.voxels_of(row), ""
