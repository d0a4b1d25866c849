"""The published settings by name."""

from __future__ import annotations

from napari_nx46.setting.errors import SettingError
from napari_nx46.setting.model import Setting
from napari_nx46.setting.published.preset import PublishedPreset
from napari_nx46.setting.published.seeds import NX_PRESETS
from napari_nx46.setting.published.solutions import SOLUTION_PRESETS

__all__ = [
    "PUBLISHED_PRESETS",
    "PublishedPreset",
    "all_presets",
    "preset",
    "preset_description",
    "preset_notes",
]

PUBLISHED_PRESETS: tuple[PublishedPreset, ...] = (*NX_PRESETS, *SOLUTION_PRESETS)
"""The published presets, in the order in which they are listed."""


def preset(name: str) -> Setting:
    """Return the published preset of that name.

    Raises
    ------
    SettingError
        If there is none; the message lists the names there are.
    """
    presets = all_presets()
    if name not in presets:
        raise SettingError(f"no preset {name!r}; there are: {', '.join(presets)}")
    return presets[name]


def all_presets() -> dict[str, Setting]:
    """Return the published settings by name.

    NX46 V7.5 and the ten runs of its campaign, NX47 V61.2, and the competition's published
    solutions, their clean-up steps in this program's order.
    """
    return {one.name: one.setting for one in PUBLISHED_PRESETS}


def preset_description(name: str) -> str:
    """Return what a published preset is, in one line; empty if there is none of that name."""
    found = _published(name)
    return "" if found is None else found.description


def preset_notes(name: str) -> dict[str, str]:
    """Return what is known of a published preset, by title; nothing if there is none of that name.

    Its source, the figures reported, what is uncertain, and what its authors would change.
    """
    found = _published(name)
    return {} if found is None else found.notes


def _published(name: str) -> PublishedPreset | None:
    return next((one for one in PUBLISHED_PRESETS if one.name == name), None)
