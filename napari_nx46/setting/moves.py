"""What a control needs to know of knobs that depend on each other."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from napari_nx46.setting.choices import (
    Averaging,
    CtGate,
    CubePlugging,
    Domain,
    ScoreFrom,
    ScoreSmoothing,
    Sheetness,
    ThresholdRule,
)
from napari_nx46.setting.knobs import CLEAN_UP_GROUPS, described_knobs
from napari_nx46.setting.model import Setting

_PAIRS: tuple[tuple[str, str], ...] = (
    ("low_quantile", "quantile"),
    ("low_probability", "probability"),
    ("adaptive_min", "adaptive_max"),
)
"""The lower and the upper knob of each pair."""

IMPLIED_KNOBS: Mapping[str, Mapping[str, object]] = {
    "block": {"domain": Domain.BLOCK},
    "quantile": {"rule": ThresholdRule.QUANTILE},
    "low_quantile": {"rule": ThresholdRule.QUANTILE, "hysteresis": True},
    "probability": {"rule": ThresholdRule.PROBABILITY},
    "low_probability": {"rule": ThresholdRule.PROBABILITY, "hysteresis": True},
    **{
        name: {"rule": ThresholdRule.ADAPTIVE}
        for name in Setting.model_fields
        if name.startswith("adaptive_")
    },
}
"""Knob -> the knobs without which it would change nothing."""

_THRESHOLD_KNOBS = (
    *(name for name, knob in described_knobs(Setting).items() if knob.group not in CLEAN_UP_GROUPS),
    "block",
)


def _by_quantile(setting: Setting) -> bool:
    return setting.rule is ThresholdRule.QUANTILE


def _by_probability(setting: Setting) -> bool:
    return setting.rule is ThresholdRule.PROBABILITY


def _adaptive(setting: Setting) -> bool:
    return setting.rule is ThresholdRule.ADAPTIVE


def _from_networks(setting: Setting) -> bool:
    return setting.source is ScoreFrom.PROBABILITIES


_APPLIES: Mapping[str, Callable[[Setting], bool]] = {
    "residual_sigma": lambda setting: setting.source is ScoreFrom.RESIDUAL,
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
    "power": lambda setting: setting.averaging is Averaging.POWER,
    **dict.fromkeys(("temperature", "temperatures", "sdf_zero"), _from_networks),
    "smooth_stage": lambda setting: setting.smooth is not ScoreSmoothing.OFF,
    **dict.fromkeys(("ced_sigma", "ced_rho", "ced_lambda"), lambda setting: setting.ced_steps > 0),
    "weak_from_argmax": lambda setting: setting.is_pair and _from_networks(setting),
    **dict.fromkeys(
        ("diffusion_conductance", "diffusion_step", "diffusion_iterations"),
        lambda setting: setting.smooth is ScoreSmoothing.DIFFUSION,
    ),
    **dict.fromkeys(
        ("smooth_sigma_z", "smooth_sigma"),
        lambda setting: setting.smooth is ScoreSmoothing.GAUSSIAN,
    ),
    **dict.fromkeys(
        ("smooth_window", "smooth_passes"),
        lambda setting: setting.smooth is ScoreSmoothing.MEDIAN,
    ),
    **dict.fromkeys(
        ("sheet_sigma", "sheet_gamma", "sheet_beta"),
        lambda setting: (
            setting.sheetness is not Sheetness.OFF
            and (setting.is_pair or setting.sheetness is not Sheetness.GATE)
        ),
    ),
    "sheet_threshold": lambda setting: setting.sheetness is Sheetness.GATE and setting.is_pair,
    "sheet_mix": lambda setting: setting.sheetness is Sheetness.MIX,
    "ct_threshold": lambda setting: setting.ct_gate is not CtGate.OFF,
    "ct_margin": lambda setting: setting.ct_gate is not CtGate.OFF,
    "border_again": lambda setting: setting.border > 0,
    "plug_passes": lambda setting: setting.plug_cubes is not CubePlugging.OFF,
    "object_connectivity": lambda setting: (
        max(setting.smallest_object, setting.objects_first, setting.edge_margin) > 0
        or setting.sheet_span > 0
    ),
    "gap_support": lambda setting: setting.gap_fill > 0,
    "repair_passes": lambda setting: setting.gap_fill > 0 or setting.diagonal_fill,
    "median_window": lambda setting: setting.median_passes > 0,
    "sheet_closing": lambda setting: setting.per_sheet,
    "most_sheets": lambda setting: setting.per_sheet,
    **dict.fromkeys(
        (name for name in Setting.model_fields if name.startswith("fit_")),
        lambda setting: setting.sheet_fit,
    ),
    "edge_min": lambda setting: setting.edge_margin > 0,
    "corner_min": lambda setting: setting.edge_margin > 0,
    "patch_blocks": lambda setting: (
        max(setting.patch_holes, setting.split_thick) > 0 or setting.per_sheet
    ),
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

    A pair that does not apply is left alone; where it begins to apply the wrong way round, its
    lower end gives way.

    Raises
    ------
    SettingError
        If a knob is unknown or its value is out of range.
    """
    proposed = setting.model_copy(update=knobs)
    pushed: dict[str, Any] = {}
    for low, high in _PAIRS:
        bottom, top = getattr(proposed, low), getattr(proposed, high)
        if low.startswith("low_") and not knob_applies(low, proposed):
            continue
        if bottom > top and not {low, high} <= set(knobs):
            pushed |= {high: bottom} if low in knobs else {low: top}
    return setting.changed(**{**knobs, **pushed})
