"""The knobs that many published settings have in common."""

from __future__ import annotations

from napari_nx46.setting.choices import (
    Averaging,
    Connectivity,
    CtGate,
    CubePlugging,
    Domain,
    MedianWindow,
    ScoreFrom,
    ScoreSmoothing,
    Sheetness,
    SmoothStage,
    ThresholdRule,
)
from napari_nx46.setting.published.preset import Knobs

__all__ = ["SEEDS", "SOLUTION", "hysteresis", "public_closing"]

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
    "temperatures": (),
    "sdf_zero": 0.0,
    "smooth": ScoreSmoothing.OFF,
    "smooth_stage": SmoothStage.SCORE,
    "diffusion_conductance": 2.0,
    "diffusion_step": 0.04,
    "diffusion_iterations": 2,
    "smooth_sigma_z": 1.0,
    "smooth_sigma": 1.0,
    "smooth_window": MedianWindow.CROSS,
    "smooth_passes": 1,
    "sheetness": Sheetness.OFF,
    "sheet_sigma": 2.0,
    "sheet_gamma": 1.5,
    "sheet_beta": 0.5,
    "sheet_threshold": 0.5,
    "sheet_mix": 0.3,
    "ced_steps": 0,
    "ced_sigma": 1.0,
    "ced_rho": 2.0,
    "ced_lambda": 1.0,
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
    "split_thick": 0.0,
    "sheet_gap": 0,
    "sheet_fit": False,
    "fit_low": 0.5,
    "fit_highest_low": 0.0,
    "fit_cube": 0,
    "fit_higher_low": 0.7,
    "fit_dice": 0.70,
    "fit_coverage": 0.65,
    "fit_alt_dice": 0.45,
    "fit_alt_coverage": 0.75,
    "fit_grid": 100,
    "fit_smallest": 1000,
    "fit_largest": 0.05,
}

SEEDS: Knobs = {
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
    "weak_from_argmax": False,
    "domain": Domain.FRAGMENT,
    "block": None,
    **_ADAPTIVE,
    **_NO_SMOOTHING,
    **_NO_CLEAN_UP,
    "object_connectivity": Connectivity.CORNERS,
}
"""What NX46 and NX47 have in common."""

SOLUTION: Knobs = {
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
    "weak_from_argmax": False,
    "domain": Domain.FRAGMENT,
    "block": None,
    **_ADAPTIVE,
    **_NO_SMOOTHING,
    **_NO_CLEAN_UP,
}
"""What the competition's solutions have in common: a plain mean of their networks, no mean over
slices, a threshold in probability, objects whose voxels share a face."""


def hysteresis(low: float, high: float) -> Knobs:
    """Return the knobs of a pair of probabilities."""
    return {"probability": high, "hysteresis": True, "low_probability": low}


def public_closing(z: int, xy: int, dust: int = 100) -> Knobs:
    """Return the knobs of the public notebooks' clean-up: a closing, then small objects."""
    return {"closing_z": z, "closing_xy": xy, "smallest_object": dust}
