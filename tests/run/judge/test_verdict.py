"""Go or no-go follows from scores and archives alone; a baseline is verified; the best is kept."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_nx46.files.workspace import Baseline, SavedRun, utc_now
from napari_nx46.run.judge.verdict import (
    ArchiveCheck,
    best_scored,
    changed_since_frozen,
    figure_deltas,
    judge,
    mean_metrics,
    run_name,
)
from napari_nx46.setting import Setting

ARCHIVE = Path("submission.zip")
SOUND = ArchiveCheck(ARCHIVE, "0" * 64, "0" * 64)


def saved(number, public=None, **more):
    return SavedRun({"a": Setting()}, id=number, public_score=public, **more)


scores = st.none() | st.floats(0, 1)
checks = st.sampled_from(
    [
        SOUND,
        ArchiveCheck(None, None),
        ArchiveCheck(ARCHIVE, "0" * 64),
        ArchiveCheck(ARCHIVE, "0" * 64, "1" * 64),
        ArchiveCheck(ARCHIVE, "0" * 64, "0" * 64, ("error [wrong-shape] a.tif",)),
    ]
)


@given(st.lists(scores, min_size=2, max_size=5), checks, st.data())
def test_it_is_a_go_only_with_a_higher_score_and_a_sound_archive(public, check, data):
    runs = [saved(number, score) for number, score in enumerate(public, 1)]
    run, baseline = data.draw(st.sampled_from(runs)), data.draw(st.sampled_from(runs))
    verdict = judge(run, baseline, runs, check)
    scored = None not in (run.public_score, baseline.public_score)
    assert verdict.go == (scored and run.public_score > baseline.public_score and check is SOUND)
    assert verdict.reasons
    if verdict.go:
        assert verdict.best_run.public_score >= run.public_score
    counted = [one for one in runs if check is SOUND or one is not run]
    known = [one for one in counted if one.public_score is not None]
    if known:
        top = max(one.public_score for one in known)
        assert verdict.best_run is next(one for one in known if one.public_score == top)
    else:
        assert verdict.best_run is None


def test_a_run_that_is_not_better_leaves_the_best_one_and_says_why():
    base, run = saved(1, 0.303, tag="base"), saved(2, 0.303)
    verdict = judge(run, base, [base, run], SOUND)
    assert (verdict.go, verdict.best_run) == (False, base)
    assert verdict.reasons == (
        "the public score 0.303 is not above the 0.303 of the baseline, run 1 (base)",
    )
    verdict = judge(replace(run, public_score=0.31), base, [base, run], SOUND)
    assert verdict.reasons == (
        "the public score 0.31 is above the 0.303 of the baseline, run 1 (base), by 0.007",
        "its archive is unchanged and valid",
    )


def test_every_reason_of_a_no_go_is_reported():
    run, base = saved(2), saved(1)
    verdict = judge(run, base, [], ArchiveCheck(ARCHIVE, "0" * 64, "1" * 64, ("torn",)))
    assert [reason.partition(":")[0] for reason in verdict.reasons] == [
        "run 2 has no public score yet",
        "run 1 has no public score yet",
        *["run 2"] * 2,
    ]
    assert verdict.unscored == (run, base)
    assert "was changed: found SHA-256 1111" in verdict.reasons[2]
    assert "is not valid: torn" in verdict.reasons[3]
    (reason,) = judge(saved(1, 0.5), saved(1, 0.5), [], SOUND).reasons
    assert reason == "run 1 is the baseline itself"


def test_what_is_wrong_with_the_baseline_is_reported_but_does_not_decide():
    verdict = judge(saved(2, 0.4), saved(1, 0.3), [], SOUND, ["its archive x.zip is missing"])
    assert verdict.go
    assert verdict.notes == ("baseline run 1: its archive x.zip is missing",)


def test_an_archive_stands_only_if_it_is_there_unchanged_and_valid():
    assert SOUND.stands
    for check, fault in (
        (ArchiveCheck(None, None), "it has no archive"),
        (ArchiveCheck(ARCHIVE, "0" * 64), "its archive submission.zip is missing"),
        (ArchiveCheck(ARCHIVE, "0" * 64, None, ("denied",)), "is not valid: denied"),
    ):
        assert not check.stands
        assert check.faults[0].endswith(fault)
    (many,) = replace(SOUND, errors=tuple("abcdefg")).faults
    assert many.endswith("is not valid: a; b; c; d; e; and 2 more")


def test_the_first_of_equally_scored_runs_is_the_best():
    runs = [saved(1), saved(2, 0.0), saved(3, 0.5), saved(4, 0.5)]
    assert best_scored(runs) is runs[2]
    assert best_scored(reversed(runs)) is runs[2]
    assert best_scored(runs[:2]) is runs[1]
    assert best_scored(runs[:1]) is None


def test_deltas_are_of_scores_and_of_means_over_the_fragments_of_both():
    run = saved(
        2, 0.31, metrics={"a": {"density": 0.1, "holes": 3.0}, "b": {"density": 0.3, "holes": None}}
    )
    base = saved(1, 0.3, private_score=0.2, metrics={"a": {"density": 0.2}, "c": {"density": 9.0}})
    deltas = {one.name: one for one in figure_deltas(run, base)}
    assert list(deltas) == ["public_score", "private_score", "density", "holes"]
    assert deltas["public_score"].delta == pytest.approx(0.01)
    assert (deltas["private_score"].value, deltas["private_score"].delta) == (None, None)
    assert (deltas["density"].value, deltas["density"].baseline) == (0.1, 0.2)
    assert deltas["density"].delta == pytest.approx(-0.1)
    assert (deltas["holes"].value, deltas["holes"].delta) == (3.0, None)
    assert mean_metrics(run.metrics) == {"density": pytest.approx(0.2)}
    assert figure_deltas(saved(2), saved(1)) == ()


def test_what_was_changed_since_the_freeze_is_reported():
    run = saved(1, 0.3, archive=ARCHIVE, archive_sha256="0" * 64, metrics={"a": {"density": 0.1}})
    baseline = Baseline(1, utc_now(), ARCHIVE, "0" * 64, run.settings, run.metrics)
    assert changed_since_frozen(baseline, replace(run, public_score=0.4)) == ()
    changes = changed_since_frozen(
        baseline,
        replace(run, archive_sha256="1" * 64, settings={"a": Setting(quantile=0.5)}, metrics={}),
    )
    assert [change.split()[1] for change in changes] == ["archive", "settings", "metrics"]


def test_a_run_is_called_by_its_id_and_a_tag_that_can_be_printed():
    assert run_name(saved(3)) == "run 3"
    assert run_name(saved(3, tag="a\x1b[2Jb")) == "run 3 (a\\x1b[2Jb)"
