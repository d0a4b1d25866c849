"""``nx46 campaign report`` and ``nx46 campaign judge``, on a campaign that a workspace keeps."""

from __future__ import annotations

import csv
import shutil

import pytest

from napari_nx46.campaign.plan.source import DataSource
from napari_nx46.campaign.records.store import CampaignStore
from napari_nx46.campaign.verdicts.rules import Decision
from napari_nx46.files.workspace import (
    SavedCampaign,
    SavedOutcome,
    SavedResult,
    SavedTask,
    Workspace,
)
from tests.campaign.results_factory import RUN_SETTINGS
from tests.command import nx46, nx46_here

NEAR_WIDE = ("--band", "0.18:0.3")
"""Rules that make the run `wide` the best one, and leave `base` the baseline."""


@pytest.fixture(scope="module")
def data(computed_runs):
    return computed_runs[0].dataset["one"].volumes[0].path.parent.parent


@pytest.fixture
def work(computed_runs, data, tmp_path):
    """Return the folder of a workspace that keeps a campaign of both runs, all tasks done."""
    folder = tmp_path / "work"
    folder.mkdir()
    with Workspace.open(folder / "runs.sqlite", create=True) as workspace:
        campaigns = workspace.campaigns
        number = campaigns.add(
            SavedCampaign(
                name="both",
                identity="0" * 64,
                details={
                    "source": DataSource.of(data).as_json(),
                    "with_score": False,
                    "search": None,
                },
                image_ids=("one", "two"),
                settings=RUN_SETTINGS,
            )
        )
        results = computed_runs[-1]
        tasks = ((run_id, one) for run_id in RUN_SETTINGS for one in results[run_id].values())
        for place, (run_id, one) in enumerate(tasks):
            key = f"{place:064x}"
            slices = {"density": (0.1,) * 9}
            saved = SavedResult(key, one.metrics, slices, one.mask_sha256, 1.0)
            campaigns.finish(number, SavedTask(run_id, one.image_id, key=key), saved)
        campaigns.set_outcomes(number, [SavedOutcome("base", checked=True, fault="damaged")])
    return folder


def kept(work):
    with Workspace.open(work / "runs.sqlite") as workspace:
        return CampaignStore(workspace).verdicts(1), CampaignStore(workspace).outcomes(1)


def rows_of(folder, name):
    with (folder / name).open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_a_report_is_written_with_the_gains_of_the_data_given(work, data, tmp_path):
    out = tmp_path / "reports" / "first"
    done = nx46(
        *("campaign", "report", "--work", work, "--out", out, "--data", data),
        *(*NEAR_WIDE, "--any-exports", "--shortest-repeat", "3", "--workers", "1"),
    )
    assert done.returncode == 0, done.stderr
    assert "The best run is wide (quantile 0.8)" in done.stdout
    assert "lie near true surface" in done.stdout
    assert f"wrote {out / 'report.html'}" in done.stderr
    assert (out / "report.md").read_text(encoding="utf-8").startswith("# Campaign both")
    assert [row["run_id"] for row in rows_of(out, "runs.csv")] == ["wide", "base"]
    gains = rows_of(out, "gains.csv")
    assert [(row["fragment"], row["shortest_repeat"]) for row in gains] == [
        ("one", "3"),
        ("two", "3"),
    ]
    assert len(rows_of(out, "slices.csv")) == 4 * 9


def test_without_data_the_report_says_how_to_learn_of_the_gains(work, tmp_path):
    done = nx46_here("campaign", "report", "--work", work, "--out", tmp_path / "out", *NEAR_WIDE)
    assert done.exit_code == 0, done.output
    assert "give the data with --data" in (tmp_path / "out" / "report.html").read_text("utf-8")
    assert rows_of(tmp_path / "out", "gains.csv") == []
    assert kept(work)[0] == {}


def test_verdicts_are_printed_and_kept_with_rule_and_figure(work):
    done = nx46_here("campaign", "judge", "--work", work, "--campaign", "1", *NEAR_WIDE)
    assert done.exit_code == 0, done.output
    assert "its export is not valid: damaged" in done.stdout
    assert "best run: wide" in done.stderr
    verdicts, outcomes = kept(work)
    assert {one.run_id: one.decision for one in verdicts.values()} == {
        "base": Decision.REJECTED,
        "wide": Decision.ACCEPTED,
    }
    (density,) = [one for one in verdicts["wide"].findings if one.rule == "density"]
    assert (density.lowest, density.highest) == (0.18, 0.3)
    # What else is known of the run stays.
    assert (outcomes["base"].checked, outcomes["base"].fault) == (True, "damaged")


def test_judging_again_replaces_the_verdicts(work):
    nx46_here("campaign", "judge", "--work", work / "runs.sqlite", *NEAR_WIDE)
    done = nx46_here(
        *("campaign", "judge", "--work", work, "--band", "none", "--any-exports"),
        *("--baseline", "wide", "--largest-recall-fall", "none"),
    )
    assert done.exit_code == 0, done.output
    assert {one.decision for one in kept(work)[0].values()} == {Decision.ACCEPTED}
    assert {one.baseline for one in kept(work)[0].values()} == {"wide"}


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (("--baseline", "gone"), "expected a run of campaign 1: base, wide"),
        (("--largest-recall-fall", "2"), "found '2', expected a share from 0 to 1"),
        (("--largest-recall-fall", "nan"), "found 'nan', expected a share from 0 to 1"),
        (("--band", "0.3:0.1"), "found '0.3:0.1', expected LOW:HIGH"),
        (("--campaign", "7"), "there is no readable campaign 7"),
    ],
)
def test_wrong_flags_are_refused_before_anything_is_kept(work, flags, words):
    done = nx46_here("campaign", "judge", "--work", work, *flags)
    assert done.exit_code == 2
    assert words in " ".join(done.stderr.replace("│", " ").split())
    assert kept(work)[0] == {}


def test_a_workspace_without_a_campaign_and_data_of_another_are_refused(work, tmp_path):
    gone = nx46_here("campaign", "judge", "--work", tmp_path / "gone")
    assert gone.exit_code == 2
    assert "there is no such file" in gone.stderr
    with Workspace.open(tmp_path / "runs.sqlite", create=True):
        pass
    empty = nx46_here("campaign", "judge", "--work", tmp_path)
    assert empty.exit_code == 2
    assert "found no campaign in it" in empty.stderr
    other = tmp_path / "other"
    other.mkdir()
    out = tmp_path / "out"
    wrong = nx46_here(
        "campaign", "report", "--work", work, "--out", out, "--data", other, *NEAR_WIDE
    )
    assert wrong.exit_code == 2
    assert not out.exists()


def test_a_fragment_that_cannot_be_read_is_reported_and_is_missed_only_where_it_was_done(
    work, data, tmp_path
):
    copied = tmp_path / "copied"
    shutil.copytree(data, copied)
    (copied / "p3d" / "two.npy").write_bytes(b"no volume")
    arguments = ("campaign", "report", "--work", work, "--data", copied, *NEAR_WIDE)
    missing = nx46_here(*arguments, "--out", tmp_path / "first")
    assert missing.exit_code == 2
    assert "warning: fragment two is left out: " in missing.stderr
    assert "fragment two: not found in the data" in missing.stderr
    with Workspace.open(work / "runs.sqlite") as workspace:
        workspace.campaigns.finish(1, SavedTask("base", "two", error="two.npy: found no volume"))
    done = nx46_here(*arguments, "--out", tmp_path / "second")
    assert done.exit_code == 0, done.output
    assert "Of 2 runs: 1 accepted and 1 rejected." in done.stdout
    assert [row["fragment"] for row in rows_of(tmp_path / "second", "gains.csv")] == ["one"]
