"""The published settings by name."""

from __future__ import annotations

from napari_nx46.setting.choices import Connectivity, ThresholdRule
from napari_nx46.setting.errors import SettingError
from napari_nx46.setting.model import Setting


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

    NX46 V7.5 and the ten runs of its campaign, NX47 V61.2, and three of the competition's
    published solutions, their clean-up steps in this program's order.
    """
    return {
        "nx46-v7.5": Setting(quantile=0.985, blend=0.78, z_radius=2),
        **_nx46_campaign(),
        "nx47-v61.2": Setting(rule=ThresholdRule.ADAPTIVE),
        "public-0.552": _pair(0.5, 0.9).changed(closing_z=3, closing_xy=2, smallest_object=100),
        "twelfth-place": _pair(0.3, 0.85).changed(
            opening=True, closing_z=2, closing_xy=1, smallest_object=100
        ),
        "first-place": Setting(
            rule=ThresholdRule.PROBABILITY,
            probability=0.26,
            border=3,
            closing_ball=3,
            plug_tunnels=True,
            fill_cavities=True,
            smallest_object=20_000,
            object_connectivity=Connectivity.CORNERS,
            sheet_gap=1,
        ),
    }


def _nx46_campaign() -> dict[str, Setting]:
    knobs = [(q, w) for q in (0.970, 0.972, 0.974, 0.976, 0.978) for w in (0.68, 0.72)]
    return {
        f"nx46-v7.5-run-{number:02d}": Setting(quantile=quantile, blend=blend, z_radius=2)
        for number, (quantile, blend) in enumerate(knobs, start=1)
    }


def _pair(low: float, high: float) -> Setting:
    return Setting(
        rule=ThresholdRule.PROBABILITY, probability=high, hysteresis=True, low_probability=low
    )
