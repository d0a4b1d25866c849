"""Exports are checked once the tasks are done, and the best run's archive is kept."""

from __future__ import annotations

import shutil

import pytest

from napari_nx46.campaign.execute.runner import CampaignState
from napari_nx46.campaign.records import exports
from napari_nx46.campaign.records.results import CampaignPlan, PlannedRun
from napari_nx46.campaign.records.store import CampaignRequest, CampaignStore
from napari_nx46.campaign.verdicts.rules import Decision, Rules
from napari_nx46.files.submission.validation import validate_submission
from napari_nx46.files.submission.writing import SubmissionError
from napari_nx46.files.workspace import Workspace
from napari_nx46.run.export.manifest_reading import file_sha256
from napari_nx46.setting import Setting
from tests.campaign.running import ran, watched

RULES = Rules(band=(0.04, 0.12), largest_recall_fall=None)
RUNS = tuple(
    PlannedRun(name, Setting(quantile=quantile))
    for name, quantile in (("edge", 0.95), ("dense", 0.8), ("best", 0.9), ("sparse", 0.99))
)


@pytest.fixture
def request_of_runs(asked):
    """Return a request without leaderboard scores, so that the first in the band is the best."""
    return CampaignRequest(CampaignPlan("runs", RUNS), asked.source, with_score=False)


def kept(work):
    with Workspace.open(work, create=False) as workspace:
        store = CampaignStore(workspace)
        return store.outcomes(1), store.verdicts(1), workspace.runs()


def names_left(folder):
    return sorted(path.name for path in folder.iterdir() if not path.name.startswith("w.sqlite"))


def announced(work):
    return [path.name for path in work.parent.iterdir() if "-export-" in path.name]


def test_accepted_runs_are_checked_and_the_best_archive_is_a_run_of_the_workspace(
    request_of_runs, tmp_path
):
    found = ran(request_of_runs, tmp_path / "w.sqlite", rules=RULES)
    assert found.states[-2:] == [CampaignState.CHECKING, CampaignState.DONE]
    outcomes, verdicts, runs = kept(tmp_path / "w.sqlite")
    assert {one: verdict.decision for one, verdict in verdicts.items()} == {
        "edge": Decision.ACCEPTED,
        "dense": Decision.REJECTED,
        "best": Decision.ACCEPTED,
        "sparse": Decision.REJECTED,
    }
    assert found.results.export_faults == {"edge": None, "best": None}
    archive = tmp_path / "campaign-1" / "submission.zip"
    assert validate_submission(archive).ok
    (run,) = runs
    assert (run.tag, run.archive, run.archive_sha256) == ("edge", archive, file_sha256(archive))
    assert outcomes["edge"].exported_run == run.id
    assert outcomes["edge"].archive_sha256 == run.archive_sha256
    assert outcomes["best"].archive_sha256 not in (None, run.archive_sha256)
    assert outcomes["best"].exported_run is None
    assert names_left(tmp_path) == ["campaign-1"]
    assert announced(tmp_path / "w.sqlite") == []
    # the score that the user enters for that run is the campaign's too, and nothing is done twice
    with Workspace.open(tmp_path / "w.sqlite") as workspace:
        workspace.set_scores(run.id, public=0.31)
    again = ran(request_of_runs, tmp_path / "w.sqlite", rules=RULES)
    assert again.results.public_scores == {"edge": 0.31}
    assert kept(tmp_path / "w.sqlite")[0] == outcomes


def test_a_run_whose_export_is_not_valid_is_rejected_and_the_next_is_the_best(
    request_of_runs, tmp_path, monkeypatch
):
    made = exports.export

    def refuse_the_first(pipelines, settings, target, options, **more):
        result = made(pipelines, settings, target, options, **more)
        if options.tag == "edge":
            target.unlink()
            raise SubmissionError(target, result.report)
        return result

    monkeypatch.setattr(exports, "export", refuse_the_first)
    checks = []
    reported = watched(request_of_runs, tmp_path / "w.sqlite", rules=RULES)
    reported.run.export_checked.connect(lambda check: checks.append((check.run_id, check.fault)))
    results = reported.run.run()
    assert [run_id for run_id, _ in checks] == ["edge", "best"]
    assert "would not be valid" in results.export_faults["edge"]
    _, verdicts, runs = kept(tmp_path / "w.sqlite")
    assert verdicts["edge"].decision is Decision.REJECTED
    assert [run.tag for run in runs] == ["best"]


def test_masks_that_differ_from_the_measured_ones_are_a_fault(
    request_of_runs, data, tmp_path, monkeypatch
):
    made = exports.export

    def other_setting(pipelines, settings, target, options, **more):
        settings = {name: one.changed(quantile=0.93) for name, one in settings.items()}
        return made(pipelines, settings, target, options, **more)

    monkeypatch.setattr(exports, "export", other_setting)
    results = ran(request_of_runs, tmp_path / "w.sqlite", rules=RULES).results
    assert set(results.export_faults) == {"edge", "best"}
    assert all("a, b, c are not those" in fault for fault in results.export_faults.values())
    assert announced(tmp_path / "w.sqlite") == []
    assert kept(tmp_path / "w.sqlite")[2] == ()


def test_a_cancelled_check_is_made_up_for_and_none_is_made_where_none_is_wanted(
    request_of_runs, tmp_path
):
    work = tmp_path / "w.sqlite"
    reported = watched(request_of_runs, work, rules=RULES)
    reported.run.export_checked.connect(lambda _check: reported.run.cancel())
    results = reported.run.run()
    assert reported.run.state is CampaignState.CANCELLED
    assert set(results.export_faults) == {"edge"}
    assert names_left(tmp_path) == ["campaign-1"]
    shutil.rmtree(tmp_path / "campaign-1")
    results = ran(request_of_runs, work, rules=RULES, check_exports=False).results
    assert set(results.export_faults) == {"edge"}
    results = ran(request_of_runs, work, rules=RULES).results
    assert set(results.export_faults) == {"edge", "best"}
    assert (tmp_path / "campaign-1" / "submission.zip").is_file()
