"""Figures that need no label, and a search by them that says so."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import rankdata

from napari_nx46 import leaderboard
from napari_nx46.core.pipeline import FragmentPipeline
from napari_nx46.core.threshold.thresholds import Threshold
from napari_nx46.data.fragments import open_data, write_data_folder
from napari_nx46.run.suggest.suggest import SuggestRequest, suggest
from napari_nx46.run.suggest.trying.label_free import FIGURES, LabelFree, RankObjective
from napari_nx46.run.suggest.trying.measures import MeasuredMask
from napari_nx46.run.suggest.trying.places import TriedPlace
from napari_nx46.setting import Setting, SettingError
from napari_nx46.voxels.blocks import FragmentVolumes
from napari_nx46.voxels.workers import never
from tests.run.suggest.conftest import START
from tests.run.suggest.data import fragment_volumes

SETTING = Setting(rule="probability", probability=0.5, z_radius=0, blend=1.0)


def measured(scores):
    """Return the figures of the mask of scores from 0.5 on."""
    scores = np.asarray(scores, np.float32)
    pipeline = FragmentPipeline(FragmentVolumes(scores, scores))
    threshold = Threshold((0.5,))
    mask = pipeline.whole_mask(SETTING, threshold).mask()
    one = MeasuredMask(mask, TriedPlace("a"), pipeline, SETTING, threshold)
    return LabelFree()(one, None, never)


def sheet():
    scores = np.full((24, 40, 40), 0.1)
    scores[10:12] = 0.9
    return scores


def test_a_sheet_has_no_holes_and_each_hole_counts():
    scores = sheet()
    assert measured(scores)["tunnels"] == 0
    scores[10:12, 5:8, 5:8] = scores[10:12, 20, 20] = 0.1
    voxels = np.count_nonzero(scores > 0.5)
    assert measured(scores)["tunnels"] == pytest.approx(2e5 / voxels)


def test_what_hangs_by_a_corner_is_a_crumb():
    scores = sheet()
    scores[12, 0, 0] = 0.9
    assert measured(scores)["crumbs"] == 0
    scores[13, 1, 1] = 0.9
    assert measured(scores)["crumbs"] == 1


def test_stability_is_the_agreement_with_a_higher_threshold():
    scores = sheet()
    assert measured(scores)["stability"] == 1.0
    scores[10:12, :, 20] = 0.51
    expected = leaderboard.score(scores >= 0.5, scores >= 0.52).voi.value
    assert measured(scores)["stability"] == expected < 1


def test_continuity_density_and_thickness_are_as_they_are_defined():
    scores = sheet()
    figures = measured(scores)
    assert figures["continuity"] == 0.5  # one pair of slices in which both are full, of 2 x 2
    assert figures["density"] == 2 / 24
    assert figures["thick"] == 0
    scores[2:9, 10:20, 10:20] = 0.9
    assert measured(scores)["thick"] > 0


def test_an_empty_mask_is_the_worst():
    empty, full = measured(np.full((8, 8, 8), 0.1)), measured(sheet())
    worth = RankObjective({})([empty, full])
    assert worth[1] > worth[0]


def test_the_objective_is_the_weighted_mean_of_ranks():
    random = np.random.default_rng(3)
    rows = [{name: float(random.integers(0, 4)) / 40 for name in FIGURES} for _ in range(9)]
    found = RankObjective({"tunnels": 3.0, "thick": 0.0})(rows)
    weights = {"tunnels": 3.0, "thick": 0.0}
    expected = np.zeros(9)
    for name, (_, more) in FIGURES.items():
        values = np.array([row[name] for row in rows])
        if name == "density":
            values = np.maximum(0, np.maximum(0.06 - values, values - 0.12))
        ranks = rankdata(values if more else -values)
        expected += weights.get(name, 1.0) * (ranks - 1) / 8
    assert found == pytest.approx(expected / 7)
    with pytest.raises(SettingError, match="found weights of holes"):
        RankObjective({"holes": 1.0})
    with pytest.raises(SettingError, match="no weight above 0"):
        RankObjective(dict.fromkeys(FIGURES, 0.0))


def test_a_search_without_labels_says_that_its_figures_are_no_score(tmp_path):
    for seed in range(2):
        volumes = fragment_volumes(seed)
        del volumes["train_labels"]
        write_data_folder(tmp_path, f"f{seed}", volumes)
    found = suggest(list(open_data(tmp_path)), SuggestRequest(START, evaluations=24))
    assert not found.with_label
    assert set(found.figures) == set(FIGURES)
    assert found.choice.value >= found.choice.start_value
    (sentence,) = found.sentences()
    assert "no score" in sentence
