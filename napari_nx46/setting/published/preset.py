"""What a published preset is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from napari_nx46.setting.model import Setting, parse_setting

__all__ = ["Knobs", "PublishedPreset"]

Knobs = Mapping[str, object]


@dataclass(frozen=True)
class PublishedPreset:
    """A published setting.

    Parameters
    ----------
    name : str
    description : str
        One line: what its source did, and where this program's steps differ from it.
    knobs : mapping of str to object
        The value of every knob: none is left to its default, which belongs to another solution.
    source : str
        Where it is described.
    reported : str
        The figures that its authors, or the leaderboard, gave: public / private, or CV.
    uncertain : str
        What of it is not published, and how it is filled in here; empty where nothing is.
    would_change : str
        What its authors said they would do otherwise; empty where they said nothing.
    """

    name: str
    description: str
    knobs: Knobs
    source: str
    reported: str
    uncertain: str = ""
    would_change: str = ""

    @cached_property
    def setting(self) -> Setting:
        """The setting of these knobs."""
        return parse_setting(self.knobs)

    @property
    def notes(self) -> dict[str, str]:
        """Source, figures, what is uncertain and what its authors would change, where known."""
        notes = {
            "source": self.source,
            "reported": self.reported,
            "uncertain": self.uncertain,
            "would change": self.would_change,
        }
        return {title: text for title, text in notes.items() if text}
