"""The threshold is solved for so that the final mask has the density aimed at, or comes near."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from napari_nx46.data.fragments import open_data, write_data_folder
from napari_nx46.run.density import TOLERANCE, DensityTarget, solve_density
from napari_nx46.run.pipelines import PipelineSet
from napari_nx46.setting import Domain, Setting, preset
from napari_nx46.voxels.workers import Cancelled
from tests.run.data import expected_masks

RULES = {
    "quantile": Setting(),
    "quantile pair": Setting(hysteresis=True, quantile=0.95, low_quantile=0.92),
    "probability": Setting(rule="probability"),
    "pair, cleaned": Setting(
        rule="probability",
        probability=0.6,
        low_probability=0.5,
        hysteresis=True,
        closing_z=1,
        closing_xy=1,
        smallest_object=20,
    ),
    "adaptive": preset("nx47-v61.2"),
}


def blobs(seed, shape):
    noise = ndimage.gaussian_filter(np.random.default_rng(seed).random(shape), 1.2)
    return ((noise - noise.min()) / np.ptp(noise)).astype(np.float32)


@pytest.fixture(scope="module")
def smooth(tmp_path_factory):
    """Return two fragments of blobs, one of them denser."""
    root = tmp_path_factory.mktemp("density") / "data"
    write_data_folder(root, "a", {"p3d": blobs(1, (20, 40, 40)), "p2d": blobs(2, (20, 40, 40))})
    write_data_folder(root, "b", {"p3d": np.sqrt(blobs(3, (16, 30, 40)))})
    return open_data(root)


@pytest.mark.parametrize("density", [0.04, 0.09])
@pytest.mark.parametrize("rule", RULES)
def test_the_final_mask_of_each_fragment_has_the_density(smooth, rule, density):
    target = DensityTarget(density, density)
    solution = solve_density(PipelineSet(smooth), smooth.image_ids, RULES[rule], target)
    assert solution.met, solution.message
    masks = expected_masks(smooth, solution.settings)
    for image_id, mask in masks.items():
        assert solution.densities[image_id] == mask.mean()
        assert abs(mask.mean() - density) <= TOLERANCE
        assert image_id in solution.message


def test_nothing_but_the_threshold_is_changed(smooth):
    setting = RULES["pair, cleaned"]
    solution = solve_density(PipelineSet(smooth), ("a",), setting, DensityTarget(0.05, 0.05))
    found = solution.settings["a"]
    assert found.changed(probability=0.6, low_probability=0.5) == setting
    assert found.low_probability <= found.probability


def test_a_pair_keeps_its_distance_where_that_meets_the_target(smooth):
    setting = RULES["quantile pair"]
    solution = solve_density(PipelineSet(smooth), ("a",), setting, DensityTarget(0.08, 0.12))
    found = solution.settings["a"]
    assert solution.met
    assert found.quantile - found.low_quantile == pytest.approx(0.03)


@pytest.mark.parametrize("rule", RULES)
def test_one_threshold_for_all_gives_all_together_the_density(smooth, rule):
    target = DensityTarget(0.07, 0.07)
    solution = solve_density(
        PipelineSet(smooth), smooth.image_ids, RULES[rule], target, shared=True
    )
    assert solution.met, solution.message
    first, second = solution.settings.values()
    assert first == second
    masks = expected_masks(smooth, solution.settings)
    together = np.concatenate([mask.ravel() for mask in masks.values()])
    assert abs(together.mean() - 0.07) <= TOLERANCE
    if rule == "quantile":
        assert first.domain is Domain.DATASET


def test_a_band_is_met_by_any_density_within(smooth):
    setting = Setting(quantile=0.93)
    solution = solve_density(PipelineSet(smooth), ("a",), setting, DensityTarget(0.06, 0.12))
    assert solution.met
    assert 0.06 <= solution.densities["a"] <= 0.12


def test_a_target_that_cannot_be_met_is_reported_with_the_nearest(smooth):
    setting = Setting(border=6)  # of 20 slices 8 are left: at most a quarter of the voxels
    solution = solve_density(PipelineSet(smooth), ("a",), setting, DensityTarget(0.9, 0.9))
    assert not solution.met
    assert "cannot be met" in solution.message
    most = 8 * 28 * 28 / (20 * 40 * 40)
    assert solution.densities["a"] == pytest.approx(most, abs=1e-4)
    assert f"{solution.densities['a']:.4f}" in solution.message


def test_levels_that_cannot_be_split_are_reported(tmp_path):
    levels = np.zeros((4, 10, 10), np.uint8)
    levels[:, :2] = 200
    write_data_folder(tmp_path / "data", "a", {"p3d": levels})
    pipelines = PipelineSet(open_data(tmp_path / "data"))
    solution = solve_density(
        pipelines, ("a",), Setting(rule="probability"), DensityTarget(0.5, 0.5)
    )
    assert not solution.met
    assert solution.densities["a"] == pytest.approx(0.2)


def test_solving_says_its_progress_and_can_be_cancelled(smooth):
    shares = []
    target = DensityTarget(0.05, 0.05)
    solve_density(PipelineSet(smooth), ("a", "b"), Setting(), target, progress=shares.append)
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    with pytest.raises(Cancelled):
        solve_density(PipelineSet(smooth), ("a",), Setting(), target, cancelled=lambda: True)


@pytest.mark.parametrize("band", [(0.2, 0.1), (-0.1, 0.1), (0.5, 1.5)])
def test_a_target_that_is_no_band_is_refused(band):
    with pytest.raises(ValueError, match="expected densities"):
        DensityTarget(*band)
