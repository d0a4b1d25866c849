"""What each kind of error or suspicious place is, and what usually mends it, in plain words."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

__all__ = ["HINTS", "hint_for"]

_RAISE = "a higher threshold, or a higher low threshold of the pair"
_LOWER = "a lower low threshold of the pair, or a lower threshold"
_APART = f"opening, a wider gap between sheets, less closing, or {_RAISE}"
_UNFILL = f"less closing, opening, or {_RAISE}"
_FEWER = f"a smallest object above its size, opening, or {_RAISE}"

HINTS: Mapping[str, str] = MappingProxyType(
    {
        "island": "The prediction has a component where the label has nothing."
        f" Usually mended by {_FEWER}.",
        "missed sheet": "The label has a component where the prediction has nothing."
        f" Usually mended by {_LOWER}.",
        "split": "The prediction leaves apart what the label joins. Usually mended by closing by"
        f" half the gap, or {_LOWER}.",
        "merge": f"The prediction joins what the label leaves apart. Usually mended by {_APART}.",
        "uncounted component": "Its partner is the first component of the octant, which is not"
        " counted, or their order is swapped: look for an island that comes first. That one is"
        f" mended by {_FEWER}.",
        "uncounted sheet": "Its partner is the first component of the octant, which is not counted,"
        f" or their order is swapped: look for an island that comes first. Usually mended by"
        f" {_LOWER}, or by removing that island.",
        "hole": "The prediction has a hole that the label fills. Usually mended by closing,"
        f" patching of holes, plugging of tunnels, or {_LOWER}.",
        "closed hole": "The prediction fills a hole that the label has."
        f" Usually mended by {_UNFILL}.",
        "bridge or handle": "A loop of the prediction that the label neither has nor fills: often a"
        " bridge between two sheets, or a tunnel beside one."
        f" Usually mended by {_APART}; where it is a tunnel, by closing or plugging.",
        "missing handle": "A loop of the label that the prediction neither has nor fills: often"
        f" sheets that touch. Usually mended by {_LOWER}.",
        "cavity": "A hollow inside the prediction that the label does not have. Usually mended by"
        f" filling of cavities, closing, or {_LOWER}.",
        "missing cavity": "The prediction fills a hollow of the label."
        f" Usually mended by {_UNFILL}.",
        "VOI merge": "Voxels of a predicted component that reaches over several components of the"
        f" label, or beyond the label. Where sheets are joined, usually mended by {_APART}.",
        "VOI split": "Voxels of a component of the label that is in several parts in the"
        f" prediction, or that the prediction lacks. Usually mended by closing, or {_LOWER}.",
        "surface far off": "A patch of surface farther than the tolerance from the other mask's"
        f" surface. One of the prediction is usually mended by {_FEWER}; one of the label by"
        f" {_LOWER}.",
        "sheet with holes": "A sheet that is not simply connected: papyrus has few holes. Usually"
        f" mended by closing, patching of holes, plugging of tunnels, or {_LOWER}.",
        "thick sheet": "Where the mask is more than twice as thick as its sheets are: two may be"
        f" fused. Usually mended by {_APART}.",
        "bridge": "A narrow place that holds two large parts together: two sheets may be joined."
        f" Usually mended by {_APART}.",
        "joined parts": "Narrow places that together hold two large parts: two sheets may be joined"
        f" in several places. Usually mended by {_APART}.",
        "unsure place": "Another threshold would give another mask here: compare it with the CT"
        " image before the threshold is moved.",
    }
)
"""By the kind of error, or of suspicious place."""

_SUSPICIOUS_HOLE = (
    "A hole of a sheet. Usually mended by closing, patching of holes, plugging of tunnels, or"
    f" {_LOWER}."
)


def hint_for(kind: str, *, has_label: bool = True) -> str:
    """Return what an error of a kind is and what usually mends it.

    Parameters
    ----------
    kind : str
        One of `leaderboard.KINDS`, or of `core.measure.suspicions.find.KINDS`.
    has_label : bool
        Whether it is an error against a label: without one nothing says that a hole is none.
    """
    if kind == "hole" and not has_label:
        return _SUSPICIOUS_HOLE
    return HINTS[kind]
