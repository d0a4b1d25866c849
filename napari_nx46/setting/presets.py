"""The published settings by name.

Each is a table that names every knob: what its source did not do is off, and nothing is left to a
default, which belongs to another solution.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from napari_nx46.setting.choices import (
    Averaging,
    Connectivity,
    CtGate,
    CubePlugging,
    Domain,
    MedianWindow,
    ScoreFrom,
    ScoreSmoothing,
    ThresholdRule,
)
from napari_nx46.setting.errors import SettingError
from napari_nx46.setting.model import Setting, parse_setting

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
        The value of every knob.
    """

    name: str
    description: str
    knobs: Knobs

    @cached_property
    def setting(self) -> Setting:
        """The setting of these knobs."""
        return parse_setting(self.knobs)


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
    return {one.name: one.setting for one in PUBLISHED_PRESETS}


def preset_description(name: str) -> str:
    """Return what a published preset is, in one line; empty if there is none of that name."""
    found = (one.description for one in PUBLISHED_PRESETS if one.name == name)
    return next(found, "")


_ADAPTIVE: Knobs = {
    "adaptive_base": 88.0,
    "adaptive_gain": 6.0,
    "adaptive_min": 88.0,
    "adaptive_max": 96.0,
    "adaptive_gap": 6.0,
    "adaptive_low_min": 80.0,
}
"""Those of NX47 V61.2; the others do not use them."""

_NO_SMOOTHING: Knobs = {
    "power": 1.0,
    "temperature": 1.0,
    "smooth": ScoreSmoothing.OFF,
    "diffusion_conductance": 2.0,
    "diffusion_step": 0.04,
    "diffusion_iterations": 2,
    "smooth_sigma_z": 1.0,
    "smooth_sigma": 1.0,
    "smooth_window": MedianWindow.CROSS,
    "smooth_passes": 1,
    "ct_gate": CtGate.OFF,
    "ct_threshold": 0.0,
    "ct_margin": 0,
}

_NO_CLEAN_UP: Knobs = {
    "border": 0,
    "border_again": False,
    "opening": False,
    "closing_z": 0,
    "closing_xy": 0,
    "closing_ball": 0,
    "plug_tunnels": False,
    "plug_cubes": CubePlugging.OFF,
    "plug_passes": 2,
    "patch_holes": 0,
    "patch_blocks": 0,
    "fill_cavities": False,
    "line_norm": 0.0,
    "gap_fill": 0,
    "gap_support": 2,
    "diagonal_fill": False,
    "repair_passes": 5,
    "bridge_diagonals": False,
    "mask_gauss": 0.0,
    "median_passes": 0,
    "median_window": MedianWindow.CUBE,
    "objects_first": 0,
    "smallest_object": 0,
    "object_connectivity": Connectivity.FACES,
    "edge_margin": 0,
    "edge_min": 0,
    "corner_min": 0,
    "sheet_span": 0.0,
    "block_dust": 0,
    "stabilise_radius": 0,
    "per_sheet": False,
    "sheet_closing": 3,
    "most_sheets": 0,
    "sheet_gap": 0,
}

_SEEDS: Knobs = {
    "source": ScoreFrom.PROBABILITIES,
    "residual_sigma": 2.0,
    "weights": (),
    "averaging": Averaging.PROBABILITY,
    "blend": 0.72,
    "z_radius": 2,
    "rule": ThresholdRule.QUANTILE,
    "quantile": 0.95,
    "probability": 0.5,
    "hysteresis": False,
    "low_quantile": 0.9,
    "low_probability": 0.3,
    "domain": Domain.FRAGMENT,
    "block": None,
    **_ADAPTIVE,
    **_NO_SMOOTHING,
    **_NO_CLEAN_UP,
    "object_connectivity": Connectivity.CORNERS,
}
"""What NX46 and NX47 have in common."""

_SOLUTION: Knobs = {
    "source": ScoreFrom.PROBABILITIES,
    "residual_sigma": 2.0,
    "weights": (),
    "averaging": Averaging.PROBABILITY,
    "blend": 0.5,
    "z_radius": 0,
    "rule": ThresholdRule.PROBABILITY,
    "quantile": 0.95,
    "probability": 0.5,
    "hysteresis": False,
    "low_quantile": 0.9,
    "low_probability": 0.3,
    "domain": Domain.FRAGMENT,
    "block": None,
    **_ADAPTIVE,
    **_NO_SMOOTHING,
    **_NO_CLEAN_UP,
}
"""What the competition's solutions have in common: a plain mean of their networks, no mean over
slices, a threshold in probability, objects whose voxels share a face."""


def _nx46_run(number: int, quantile: float, blend: float) -> PublishedPreset:
    return PublishedPreset(
        f"nx46-v7.5-run-{number:02d}",
        f"Run {number} of NX46 V7.5's campaign; its mean over slices is centred here.",
        {**_SEEDS, "quantile": quantile, "blend": blend},
    )


_NX46_CAMPAIGN = tuple((q, w) for q in (0.970, 0.972, 0.974, 0.976, 0.978) for w in (0.68, 0.72))

PUBLISHED_PRESETS: tuple[PublishedPreset, ...] = (
    PublishedPreset(
        "nx46-v7.5",
        "NX46 V7.5; its mean over slices is centred here, and every slice has its own mask.",
        {**_SEEDS, "quantile": 0.985, "blend": 0.78},
    ),
    *(
        _nx46_run(number, quantile, blend)
        for number, (quantile, blend) in enumerate(_NX46_CAMPAIGN, start=1)
    ),
    PublishedPreset(
        "nx47-v61.2",
        "NX47 V61.2: a pair of percentiles for each slice, joined by connectivity here; it kept"
        " the lower half of the band.",
        {**_SEEDS, "rule": ThresholdRule.ADAPTIVE},
    ),
    PublishedPreset(
        "public-0.552",
        "The public notebook that scored 0.552: one network (p3d alone). Its closing also removes"
        " voxels at the faces of the volume, this one does not.",
        {
            **_SOLUTION,
            "blend": 1.0,
            "probability": 0.9,
            "hysteresis": True,
            "low_probability": 0.5,
            "closing_z": 3,
            "closing_xy": 2,
            "smallest_object": 100,
        },
    ),
    PublishedPreset(
        "twelfth-place",
        "The twelfth place: four networks weighed 0.2, 0.2, 0.3 and 0.3 (here two, equally). Its"
        " closing also removes voxels at the faces of the volume, this one does not.",
        {
            **_SOLUTION,
            "probability": 0.85,
            "hysteresis": True,
            "low_probability": 0.3,
            "opening": True,
            "closing_z": 2,
            "closing_xy": 1,
            "smallest_object": 100,
        },
    ),
    PublishedPreset(
        "first-place",
        "The first place, step by step: four networks weighed 0.42, 0.18, 0.28 and 0.12 (here two,"
        " equally), each sheet closed, patched and plugged by itself.",
        {
            **_SOLUTION,
            "probability": 0.26,
            "border": 3,
            "border_again": True,
            "objects_first": 20_000,
            "per_sheet": True,
            "sheet_closing": 3,
            "most_sheets": 40,
            "plug_cubes": CubePlugging.RASTER,
            "plug_passes": 2,
            "patch_holes": 64,
            "fill_cavities": True,
        },
    ),
)
"""The published presets, in the order in which they are listed."""
