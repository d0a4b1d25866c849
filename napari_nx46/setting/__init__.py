"""The setting: the value of every knob, frozen, validated, written as JSON and read back equal.

Called by every room of the package; imports none of them.
"""

from napari_nx46.setting.choices import (
    Averaging,
    BlockExtents,
    Connectivity,
    CtGate,
    CubePlugging,
    Domain,
    Extent,
    MedianWindow,
    ScoreFrom,
    ScoreSmoothing,
    Sheetness,
    SmoothStage,
    Temperatures,
    ThresholdRule,
    Weights,
)
from napari_nx46.setting.environment import ENVIRONMENT_FIELDS, knobs_from_environment
from napari_nx46.setting.errors import SettingError
from napari_nx46.setting.knobs import (
    CLEAN_UP_GROUPS,
    GROUPS,
    Group,
    KnobDescription,
    described_knobs,
)
from napari_nx46.setting.model import DEFAULT_BAND, Setting, checked_knob, parse_setting
from napari_nx46.setting.moves import IMPLIED_KNOBS, knob_applies, moved, threshold_knobs
from napari_nx46.setting.presets import (
    PUBLISHED_PRESETS,
    all_presets,
    preset,
    preset_description,
    preset_notes,
)

__all__ = [
    "CLEAN_UP_GROUPS",
    "DEFAULT_BAND",
    "ENVIRONMENT_FIELDS",
    "GROUPS",
    "IMPLIED_KNOBS",
    "PUBLISHED_PRESETS",
    "Averaging",
    "BlockExtents",
    "Connectivity",
    "CtGate",
    "CubePlugging",
    "Domain",
    "Extent",
    "Group",
    "KnobDescription",
    "MedianWindow",
    "ScoreFrom",
    "ScoreSmoothing",
    "Setting",
    "SettingError",
    "Sheetness",
    "SmoothStage",
    "Temperatures",
    "ThresholdRule",
    "Weights",
    "all_presets",
    "checked_knob",
    "described_knobs",
    "knob_applies",
    "knobs_from_environment",
    "moved",
    "parse_setting",
    "preset",
    "preset_description",
    "preset_notes",
    "threshold_knobs",
]
