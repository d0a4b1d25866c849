"""What a control needs to know of knobs that depend on each other."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from napari_nx46.setting.choices import Source, ThresholdRule
from napari_nx46.setting.knobs import Group, described_knobs
from napari_nx46.setting.model import Setting

_PAIRS = {
    "quantile": ("low_quantile", "quantile"),
    "low_quantile": ("low_quantile", "quantile"),
    "probability": ("low_probability", "probability"),
    "low_probability": ("low_probability", "probability"),
    "adaptive_min": ("adaptive_min", "adaptive_max"),
    "adaptive_max": ("adaptive_min", "adaptive_max"),
}
"""Knob -> the pair of the lower and the upper one that it belongs to."""

_THRESHOLD_KNOBS = (
    *(name for name, knob in described_knobs(Setting).items() if knob.group is not Group.CLEAN_UP),
    "block",
)


def _by_quantile(setting: Setting) -> bool:
    return setting.rule is ThresholdRule.QUANTILE


def _by_probability(setting: Setting) -> bool:
    return setting.rule is ThresholdRule.PROBABILITY


def _adaptive(setting: Setting) -> bool:
    return setting.rule is ThresholdRule.ADAPTIVE


def _from_networks(setting: Setting) -> bool:
    return setting.source is Source.PROBABILITIES


_APPLIES: Mapping[str, Callable[[Setting], bool]] = {
    "residual_sigma": lambda setting: setting.source is Source.RESIDUAL,
    "weights": _from_networks,
    "blend": lambda setting: not (_from_networks(setting) and setting.weights),
    "quantile": _by_quantile,
    "domain": _by_quantile,
    "probability": _by_probability,
    "hysteresis": lambda setting: not _adaptive(setting),
    "low_quantile": lambda setting: _by_quantile(setting) and setting.hysteresis,
    "low_probability": lambda setting: _by_probability(setting) and setting.hysteresis,
    "adaptive_base": _adaptive,
    "adaptive_gain": _adaptive,
    "adaptive_min": _adaptive,
    "adaptive_max": _adaptive,
    "adaptive_gap": _adaptive,
    "adaptive_low_min": _adaptive,
    "object_connectivity": lambda setting: setting.smallest_object > 0,
}


def knob_applies(name: str, setting: Setting) -> bool:
    """Return whether a knob can change the mask while the others stand as they do."""
    applies = _APPLIES.get(name)
    return applies is None or applies(setting)


def threshold_knobs(setting: Setting) -> tuple[object, ...]:
    """Return the values of all knobs upstream of the clean-up: equal ones, equal thresholds."""
    return tuple(getattr(setting, name) for name in _THRESHOLD_KNOBS)


def moved(setting: Setting, **knobs: Any) -> Setting:
    """Return a setting with some knobs moved, which push the other end of their pair along.

    Raises
    ------
    SettingError
        If a knob is unknown or its value is out of range.
    """
    pushed: dict[str, Any] = {}
    for name, value in knobs.items():
        low, high = _PAIRS.get(name, (name, name))
        if name == low != high and value > knobs.get(high, getattr(setting, high)):
            pushed[high] = value
        elif name == high != low and value < knobs.get(low, getattr(setting, low)):
            pushed[low] = value
    return setting.changed(**{**pushed, **knobs})
