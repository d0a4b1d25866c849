"""A history's entries in words: when, what was changed, and what came of it."""

from __future__ import annotations

from datetime import datetime

from napari_nx46.files.workspace import HistoryEntry
from napari_nx46.live.history.entries import same_corrections
from napari_nx46.live.masks.pins import differing_knobs
from napari_nx46.run.compare.comparison import knob_text
from napari_nx46.setting import Setting, described_knobs

__all__ = ["changes_text", "figures_text", "time_text"]

MOST_CHANGES = 2
"""Knobs that are named in a line."""


def time_text(entry: HistoryEntry, now: datetime) -> str:
    """Return when an entry was made, on the clock of the place that ``now`` is given in."""
    time = entry.time.astimezone(now.tzinfo)
    return f"{time:%H:%M:%S}" if time.date() == now.date() else f"{time:%Y-%m-%d %H:%M}"


def changes_text(entry: HistoryEntry, before: HistoryEntry | None, most: int = MOST_CHANGES) -> str:
    """Return in which knobs, and in what was corrected, an entry differs from the one before.

    Parameters
    ----------
    entry : HistoryEntry
    before : HistoryEntry, optional
        None for the first one.
    most : int
        So many knobs are named; the others are counted.
    """
    if before is None:
        return "the first setting"
    names = differing_knobs([before.setting, entry.setting])
    described = described_knobs(Setting)
    changes = [
        f"{described[name].title if name in described else name} "
        f"{knob_text(name, before.setting)} → {knob_text(name, entry.setting)}"
        for name in names
    ]
    corrected = _corrections_text(entry, before)
    changes = [corrected, *changes] if corrected else changes
    more = len(changes) - most
    return ", ".join(changes[:most]) + (f" and {more} more" if more > 0 else "")


def _corrections_text(entry: HistoryEntry, before: HistoryEntry) -> str:
    """Return what is corrected at an entry, if that was another before; nothing if it was not."""
    present = entry.corrections
    known = before.corrections if before.image_id == entry.image_id else None
    if present is None or same_corrections(known, present):
        return ""
    return f"corrected {present.added:,} added, {present.erased:,} erased"


def figures_text(entry: HistoryEntry) -> str:
    """Return what is known of an entry's mask."""
    metrics = entry.metrics
    density, words = metrics.get("fragment_density"), "density"
    if density is None:
        density, words = metrics.get("slice_density"), "slice density"
    known = (("threshold", metrics.get("threshold")), (words, density))
    return ", ".join(f"{words} {value:.4f}" for words, value in known if value is not None)
