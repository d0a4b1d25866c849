"""A report from results and data: what the best run gains is measured, and no data is destroyed."""

from __future__ import annotations

import csv

import pytest

from napari_nx46.campaign.report.making import make_report
from napari_nx46.campaign.report.parts import WITHOUT_CORRECTIONS
from napari_nx46.campaign.verdicts.gains import measure_gains
from napari_nx46.campaign.verdicts.rules import Rules
from napari_nx46.files.atomic import WriteError
from napari_nx46.voxels.workers import Cancelled
from tests.campaign.results_factory import RUN_SETTINGS, campaign

NEAR_WIDE = Rules(band=(0.18, 0.3))
"""Rules that make the run `wide` the best one, and leave `base` the baseline."""


@pytest.fixture
def results(computed_runs):
    return campaign(computed_runs[-1], settings=RUN_SETTINGS)


def gain_rows(folder):
    with (folder / "gains.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_with_data_the_gains_of_the_best_run_are_reported(computed_runs, results, tmp_path):
    pipelines = computed_runs[0]
    analysis = make_report(results, NEAR_WIDE, tmp_path, pipelines, shortest_repeat=3)
    assert analysis.best is not None
    assert (analysis.best.run_id, analysis.baseline) == ("wide", "base")
    for page in ("report.html", "report.md"):
        assert WITHOUT_CORRECTIONS in (tmp_path / page).read_text()
    assert analysis.gains == measure_gains(results, "wide", "base", pipelines, shortest_repeat=3)
    assert [row["fragment"] for row in gain_rows(tmp_path)] == ["one", "two"]
    assert {row["shortest_repeat"] for row in gain_rows(tmp_path)} == {"3"}


def test_without_data_or_where_the_baseline_is_the_best_there_are_none(
    computed_runs, results, tmp_path
):
    for number, (rules, pipelines) in enumerate(
        [(NEAR_WIDE, None), (Rules(band=(0.05, 0.15)), computed_runs[0])]
    ):
        analysis = make_report(results, rules, tmp_path / str(number), pipelines)
        assert analysis.gains == ()
        assert gain_rows(tmp_path / str(number)) == []


def test_a_cancel_writes_nothing(computed_runs, results, tmp_path):
    with pytest.raises(Cancelled):
        make_report(results, NEAR_WIDE, tmp_path / "out", computed_runs[0], cancelled=lambda: True)
    assert not (tmp_path / "out").exists()


def test_a_folder_of_the_data_is_no_place_for_the_report(computed_runs, results):
    volume = computed_runs[0].dataset["one"].volumes[0].path
    with pytest.raises(WriteError, match="choose another place"):
        make_report(results, NEAR_WIDE, volume, computed_runs[0])
