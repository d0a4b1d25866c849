"""Runs are kept, scored, frozen and judged in a thread, and reported in the owner's."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_nx46.files.submission.validation import validate_submission
from napari_nx46.files.workspace import Workspace, WorkspaceError, announcing
from napari_nx46.live.jobs.run_words import (
    NO_RUNS,
    accepted_words,
    judged_words,
    next_step,
    parse_score,
)
from napari_nx46.live.jobs.runs import Runs
from napari_nx46.run.export.export import exported_run, same_setting
from napari_nx46.run.judge.kept_runs import FreezeError
from napari_nx46.run.judge.verdict import RunList
from napari_nx46.setting import Setting
from tests.live.driver import Events, named_threads, wait_for
from tests.run.compare.comparing import export_to, hold_checks

BASE, NEXT = Setting(quantile=0.9, blend=0.4), Setting(quantile=0.8)
SIGNALS = (
    *("changed", "registered", "not_registered", "reconciled", "added", "judged", "cancelled"),
    "failed",
)


class Keeper:
    """The runs of a driver in a workspace, and what they reported."""

    def __init__(self, driver, folder):
        self.driver, self.folder = driver, folder
        self.runs = Runs(driver.session, folder / "w" / "runs.sqlite", driver.loop.post)
        self.events = Events(self.runs, *SIGNALS)

    def settle(self):
        self.driver.loop.run_until(lambda: not self.runs._jobs)

    def export(self, tag, setting):
        """Export all fragments, keep that as a run, and return the archive."""
        path = self.folder / tag / "submission.zip"
        self.runs.register(*export_to(path, self.driver.dataset, setting, tag))
        self.settle()
        return path

    def run(self, run_id):
        return self.runs.list.find(run_id)

    def score(self, run_id, score, name="public_score"):
        self.runs.score(self.run(run_id), name, score)
        self.settle()

    def judge(self, run_id, **options):
        self.runs.judge(self.run(run_id), **options)
        self.settle()
        return self.events.of("judged")[-1][0]


@pytest.fixture
def keeper(driver, tmp_path):
    made = Keeper(driver, tmp_path)
    yield made
    made.runs.close()


@pytest.fixture
def two_runs(keeper):
    """Return a keeper with two runs, the first one scored and frozen."""
    keeper.export("base", BASE)
    keeper.export("next", NEXT)
    keeper.score(1, 0.3)
    keeper.runs.freeze(keeper.run(1))
    keeper.settle()
    return keeper


def test_a_workspace_is_made_by_the_first_run_only(keeper):
    keeper.runs.refresh()
    keeper.settle()
    assert keeper.events.log == [("changed", (RunList(),))]
    assert not keeper.runs.path.parent.exists()
    assert next_step(keeper.runs.list, None) == NO_RUNS
    keeper.export("base", BASE)
    ((run,),) = keeper.events.of("registered")
    assert (run.id, run.tag, run.settings) == (1, "base", same_setting(keeper.driver.dataset, BASE))
    assert [listed.run for listed in keeper.runs.list.runs] == [run]
    assert keeper.events.threads == {threading.get_ident()}


def test_an_export_that_was_not_kept_before_is_kept_when_the_runs_are_read(keeper):
    keeper.export("base", BASE)
    assert keeper.events.of("reconciled") == []
    path = keeper.folder / "next" / "submission.zip"
    result, options = export_to(path, keeper.driver.dataset, NEXT, "next")
    with announcing(keeper.runs.path) as announce:
        announce(exported_run(result, options))
    keeper.runs.refresh()
    keeper.settle()
    (((note,),),) = keeper.events.of("reconciled")
    assert note.startswith("kept as run 2 (next): ")
    assert keeper.run(2).run.archive == path
    keeper.runs.refresh()
    keeper.settle()
    assert len(keeper.events.of("reconciled")) == 1


def test_the_way_to_a_verdict_is_reported_step_by_step(keeper):
    keeper.export("base", BASE)
    step = next_step(keeper.runs.list, keeper.run(1))
    assert step.startswith("Submit run 1 (base); then double-click its cell under Public")
    keeper.score(1, 0.3)
    assert "Freeze run 1 (base) as the baseline" in next_step(keeper.runs.list, keeper.run(1))
    keeper.runs.freeze(keeper.run(1))
    keeper.settle()
    assert "Run 1 (base) is the baseline" in next_step(keeper.runs.list, keeper.run(1))
    keeper.export("next", NEXT)
    assert "Submit run 2 (next)" in next_step(keeper.runs.list, keeper.run(2))
    keeper.score(2, 0.31)
    step = next_step(keeper.runs.list, keeper.run(2))
    assert step == "Judge run 2 (next) against the baseline, run 1 (base)."
    keeper.score(1, None)
    assert "has no public score yet" in next_step(keeper.runs.list, keeper.run(2))
    assert next_step(keeper.runs.list, None) == "Select a run."


def test_the_best_scored_settings_are_the_accepted_ones_whatever_the_verdict(two_runs):
    session = two_runs.driver.session
    judgement = two_runs.judge(2)
    assert not judgement.verdict.go
    assert judgement.verdict.reasons == ("run 2 (next) has no public score yet",)
    assert session.accepted == same_setting(two_runs.driver.dataset, BASE)
    assert accepted_words(judgement) == (
        "Accepted: the settings of the best run, run 1 (base), public score 0.3, for a, b, c."
    )
    assert two_runs.runs.holds(judgement)

    two_runs.score(2, 0.31)
    assert not two_runs.runs.holds(judgement)
    judgement = two_runs.judge(2, accept=False)
    assert judgement.verdict.go
    assert session.accepted == same_setting(two_runs.driver.dataset, BASE)
    assert "stay as they are" in accepted_words(judgement)

    judgement = two_runs.judge(2)
    assert judged_words(judgement) == "Run 2 (next) against the baseline, run 1 (base)"
    assert session.accepted == same_setting(two_runs.driver.dataset, NEXT)
    changed = "Changed for a, b, c: Blend weight 3D: 0.4 → 0.72, Threshold quantile: 0.9 → 0.8."
    assert changed in accepted_words(judgement)
    with Workspace.open(two_runs.runs.path) as workspace:
        assert workspace.accepted() == session.accepted


def test_a_changed_or_torn_archive_is_a_no_go_and_no_baseline(two_runs):
    two_runs.score(2, 0.31)
    archive = two_runs.folder / "next" / "submission.zip"
    whole = archive.read_bytes()
    for content, reported in ((whole + b"x", "was changed"), (whole[:100], "is not valid")):
        archive.write_bytes(content)
        judgement = two_runs.judge(2)
        assert not judgement.verdict.go
        assert any(reported in reason for reason in judgement.verdict.reasons)
        assert judgement.verdict.best_run.id == 1
    two_runs.runs.freeze(two_runs.run(2))
    two_runs.settle()
    ((error,),) = two_runs.events.of("failed")
    assert isinstance(error, FreezeError)
    assert two_runs.runs.list.baseline.run_id == 1
    (two_runs.folder / "base" / "submission.zip").write_bytes(b"other")
    assert any("was changed" in note for note in two_runs.judge(2).verdict.notes)


def test_an_archive_from_elsewhere_is_added_with_its_manifest(keeper, driver):
    path = keeper.folder / "elsewhere" / "submission.zip"
    export_to(path, driver.dataset, NEXT, "theirs")
    keeper.runs.add(path)
    keeper.settle()
    ((run,),) = keeper.events.of("added")
    assert (run.id, run.tag, run.archive) == (1, "theirs", path)
    keeper.runs.add(path.with_name("none.zip"))
    keeper.settle()
    ((error,),) = keeper.events.of("failed")
    assert "none.zip: found no file" in str(error)


def test_a_runs_setting_of_the_shown_fragment_goes_into_the_sliders(two_runs):
    session = two_runs.driver.session
    assert two_runs.runs.can_load(two_runs.run(2))
    two_runs.runs.load(two_runs.run(2))
    assert session.setting == NEXT
    session.show_fragment("c")
    two_runs.runs.load(two_runs.run(1))
    assert session.setting == BASE


def damaged(path):
    path.write_bytes(b"no database at all" * 100)


def of_a_newer_version(path):
    with Workspace.open(path):
        pass
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()


@pytest.mark.parametrize("spoil", [damaged, of_a_newer_version])
def test_a_workspace_that_cannot_be_used_is_reported_and_the_export_stays_good(keeper, spoil):
    keeper.runs.path.parent.mkdir()
    spoil(keeper.runs.path)
    before = keeper.runs.path.read_bytes()
    archive = keeper.export("base", BASE)
    assert keeper.events.names() == ["not_registered", "failed"]
    ((error,),) = keeper.events.of("not_registered")
    assert isinstance(error, WorkspaceError)
    assert str(keeper.runs.path) in str(error)
    assert validate_submission(archive).errors == ()
    assert keeper.runs.path.read_bytes() == before
    assert keeper.runs.busy == ""


def test_what_takes_long_is_named_and_can_be_cancelled(two_runs, monkeypatch):
    begun = hold_checks(monkeypatch)
    two_runs.runs.judge(two_runs.run(2))
    assert two_runs.runs.busy == "Checking the archive of run 2 (next)…"
    assert begun.wait(30)
    two_runs.runs.cancel()
    two_runs.settle()
    assert two_runs.events.names()[-1] == "cancelled"
    assert two_runs.events.of("judged") == []
    assert two_runs.driver.session.accepted == {}
    assert two_runs.runs.busy == ""


def test_closing_gives_up_a_check_but_keeps_what_was_to_be_kept(two_runs, monkeypatch):
    begun = hold_checks(monkeypatch)
    result = export_to(two_runs.folder / "last" / "x.zip", two_runs.driver.dataset, NEXT, "last")
    reported = len(two_runs.events.log)
    two_runs.runs.judge(two_runs.run(2))
    assert begun.wait(30)
    two_runs.runs.register(*result)
    two_runs.runs.close()
    wait_for(lambda: named_threads("nx46-runs") == [])
    two_runs.driver.loop.run()
    assert len(two_runs.events.log) == reported
    with Workspace.open(two_runs.runs.path) as workspace:
        assert [run.tag for run in workspace.runs()] == ["base", "next", "last"]
    two_runs.runs.refresh()  # is asked for nothing any more
    assert named_threads("nx46-runs") == []


def test_another_programs_runs_are_found_by_reading_again(two_runs):
    with Workspace.open(two_runs.runs.path) as workspace:
        workspace.set_scores(2, public=0.29)
    two_runs.runs.refresh()
    two_runs.settle()
    assert two_runs.run(2).delta == pytest.approx(-0.01)
    with closing(sqlite3.connect(two_runs.runs.path)) as connection, connection:
        connection.execute("UPDATE run_fragments SET metrics = '{}' WHERE run_id = 1")
    connection.close()
    two_runs.runs.refresh()
    two_runs.settle()
    (change,) = two_runs.runs.list.baseline_changes
    assert change.startswith("its metrics are kept as others than when it was frozen")
    verdict = two_runs.judge(2).verdict
    assert verdict.notes == (f"baseline run 1 (base): {change}",)
    assert {one.name: one.baseline for one in verdict.deltas}["density"] is not None
    two_runs.runs.path.unlink()
    two_runs.score(2, 0.4)
    assert "there is no such file" in str(two_runs.events.of("failed")[-1][0])


@given(st.floats(0, 1))
def test_a_score_is_read_as_it_is_written(score):
    assert parse_score(f" {score!r} ") == score


@given(st.floats().filter(lambda number: not 0 <= number <= 1) | st.sampled_from(["x", "0,5"]))
def test_what_is_no_score_is_reported(typed):
    with pytest.raises(ValueError, match="expected a leaderboard score from 0 to 1"):
        parse_score(str(typed))


def test_an_empty_cell_takes_a_score_back():
    assert parse_score("  ") is None
