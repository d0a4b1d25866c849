"""The knobs that environment variables give, as the seeds' programs read them."""

from __future__ import annotations

from collections.abc import Mapping

from napari_nx46.setting.choices import ThresholdRule
from napari_nx46.setting.errors import SettingError

_NX46_FIELDS: Mapping[str, str] = {
    "NX46_THRESHOLD_QUANTILE": "quantile",
    "NX46_SCORE_BLEND_3D_WEIGHT": "blend",
    "NX46_Z_SMOOTHING_RADIUS": "z_radius",
}
_NX47_FIELDS: Mapping[str, str] = {
    "NX47_PCTL_HI_BASE": "adaptive_base",
    "NX47_PCTL_HI_GAIN": "adaptive_gain",
    "NX47_PCTL_HI_MIN": "adaptive_min",
    "NX47_PCTL_HI_MAX": "adaptive_max",
    "NX47_PCTL_LO_GAP": "adaptive_gap",
    "NX47_PCTL_LO_MIN": "adaptive_low_min",
}
ENVIRONMENT_FIELDS: Mapping[str, str] = {**_NX46_FIELDS, **_NX47_FIELDS}
"""Environment variable -> the setting's field it gives."""


def knobs_from_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the knobs that variables give, as text that `parse_setting` converts.

    Any ``NX47_PCTL_*`` variable also chooses the adaptive rule, which alone they belong to.

    Parameters
    ----------
    environment : mapping
        Usually ``os.environ``, or one entry of a campaign matrix; empty values count as not given.

    Raises
    ------
    SettingError
        If ``NX46_THRESHOLD_QUANTILE`` is given beside ``NX47_PCTL_*``: they are two rules.
    """
    given = {variable for variable in ENVIRONMENT_FIELDS if environment.get(variable)}
    knobs = {
        field: environment[variable]
        for variable, field in ENVIRONMENT_FIELDS.items()
        if variable in given
    }
    adaptive = sorted(given & set(_NX47_FIELDS))
    if adaptive and "quantile" in knobs:
        raise SettingError(
            f"found NX46_THRESHOLD_QUANTILE beside {', '.join(adaptive)}: a quantile and the "
            "adaptive rule exclude each other; expected only one of them"
        )
    return knobs | ({"rule": ThresholdRule.ADAPTIVE.value} if adaptive else {})
