"""Rules of a campaign: what each of them says, several at once, and which run is kept as best."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from pydantic import ValidationError

from napari_nx46.campaign.records.results import TaskState
from napari_nx46.campaign.verdicts.rules import (
    Criterion,
    Decision,
    Outcome,
    Rule,
    Rules,
    RunVerdict,
    baseline_of,
    best_accepted,
    best_run,
    better_rejected,
    judge,
)
from napari_nx46.core.threshold.notes import NoteKind, ThresholdNote
from napari_nx46.setting import Setting
from tests.campaign.results_factory import campaign, failed, waiting

FREE = Rules(band=None)
RECALL = Rules(band=None, largest_recall_fall=0.02)


def two_runs(base, other, **more):
    return campaign({"base": {"a": base}, "other": {"a": other}}, **more)


def of_rule(verdict, rule):
    return [one for one in verdict.findings if one.rule is rule]


def test_a_fall_of_recall_beyond_what_is_allowed_rejects_with_its_figure():
    results = two_runs({"recall": 0.9}, {"recall": 0.8688})
    _, verdict = judge(results, RECALL)
    assert verdict.decision is Decision.REJECTED
    assert verdict.reasons == ("recall fell by 0.0312 against base, more than 0.02 allowed",)
    (finding,) = verdict.findings
    assert (finding.rule, finding.outcome) == (Rule.RECALL, Outcome.BROKEN)
    assert finding.figure == pytest.approx(0.0312)
    assert finding.highest == 0.02
    assert {one.decision for one in judge(results, FREE)} == {Decision.ACCEPTED}
    assert [one.findings for one in judge(results, FREE)] == [(), ()]


@pytest.mark.parametrize(
    ("recall", "decision", "words"),
    [
        (0.90, Decision.ACCEPTED, "fell by 0.02 against base, a fall of 0.02 is allowed"),
        (0.899, Decision.REJECTED, "fell by 0.021 against base, more than 0.02 allowed"),
        (0.92, Decision.ACCEPTED, "is equal to that of base"),
        (0.95, Decision.ACCEPTED, "rose by 0.03 against base"),
    ],
)
def test_a_fall_of_exactly_what_is_allowed_is_allowed(recall, decision, words):
    _, verdict = judge(two_runs({"recall": 0.92}, {"recall": recall}), RECALL)
    assert verdict.decision is decision
    assert words in verdict.reasons[0]


def test_recall_is_the_mean_over_labelled_fragments_that_both_have():
    results = campaign(
        {
            "base": {"a": {"recall": 0.9}, "b": {"recall": 0.7}, "c": {"density": 0.1}},
            "other": {"a": {"recall": 0.8}, "b": {"recall": 0.76}, "c": waiting("other", "c")},
        }
    )
    _, verdict = judge(results, Rules(band=None, largest_recall_fall=0.01))
    assert of_rule(verdict, Rule.RECALL)[0].figure == pytest.approx(0.8 - 0.78)


def test_the_baseline_is_the_first_run_or_the_named_one_and_is_not_compared_with_itself():
    results = two_runs({"recall": 0.5}, {"recall": 0.9})
    first, second = judge(results, RECALL.model_copy(update={"baseline": "other"}))
    assert first.decision is Decision.REJECTED
    assert "against other" in first.reasons[0]
    assert second.decision is Decision.ACCEPTED
    assert not of_rule(second, Rule.RECALL)
    assert {one.baseline for one in judge(results)} == {"base"}


def test_a_baseline_that_is_missing_or_without_labels_leaves_recall_unjudged():
    results = two_runs({"density": 0.1}, {"density": 0.1})
    for rules, words in (
        (RECALL, "no labelled fragment"),
        (RECALL.model_copy(update={"baseline": "gone"}), "no run gone"),
    ):
        verdict = judge(results, rules)[1]
        assert verdict.decision is Decision.ACCEPTED
        (finding,) = of_rule(verdict, Rule.RECALL)
        assert finding.outcome is Outcome.NOT_JUDGED
        assert words in finding.reason


def test_a_search_whose_first_run_was_random_has_no_baseline_but_a_named_one():
    results = replace(two_runs({"recall": 0.9}, {"recall": 0.1}), begins_with_baseline=False)
    assert baseline_of(results, RECALL) is None
    for verdict in judge(results, RECALL):
        assert verdict.decision is Decision.ACCEPTED
        assert "no setting that it starts from" in of_rule(verdict, Rule.RECALL)[0].reason
    named = RECALL.model_copy(update={"baseline": "base"})
    assert baseline_of(results, named) == "base"
    assert judge(results, named)[1].decision is Decision.REJECTED


@pytest.mark.parametrize(
    ("density", "decision", "place"),
    [
        (0.06, Decision.ACCEPTED, "in"),
        (0.12, Decision.ACCEPTED, "in"),
        (0.0599, Decision.REJECTED, "below"),
        (0.1201, Decision.REJECTED, "above"),
    ],
)
def test_both_ends_of_the_density_band_belong_to_it(density, decision, place):
    (verdict,) = judge(campaign({"one": {"a": {"density": density}}}))
    assert verdict.decision is decision
    (finding,) = of_rule(verdict, Rule.DENSITY)
    assert finding.figure == density
    assert (finding.lowest, finding.highest) == (0.06, 0.12)
    assert f"mean density {density:g} is {place} the band of 0.06 to 0.12" == finding.reason


def test_an_export_counts_only_where_it_was_checked():
    results = campaign(
        {run_id: {"a": {"density": 0.1}} for run_id in ("good", "bad", "none")},
        export_faults={"good": None, "bad": "found 3 pages, expected 4"},
    )
    good, bad, none = judge(results, FREE)
    assert good.reasons == ("its export is valid",)
    assert bad.decision is Decision.REJECTED
    assert bad.reasons == ("its export is not valid: found 3 pages, expected 4",)
    assert none.findings == ()
    unchecked = judge(results, FREE.model_copy(update={"exports_validate": False}))
    assert {one.decision for one in unchecked} == {Decision.ACCEPTED}


def test_a_failed_task_rejects_and_an_open_one_leaves_the_run_undecided():
    results = campaign(
        {
            "broken": {"a": failed("broken", "a", "a.tif: found NaN"), "b": {"density": 0.1}},
            "open": {"a": waiting("open", "a", TaskState.RUNNING), "b": {"density": 0.1}},
        }
    )
    broken, unfinished = judge(results)
    assert broken.decision is Decision.REJECTED
    assert broken.reasons == ("1 of 2 fragments failed, none may (a: a.tif: found NaN)",)
    assert unfinished.decision is Decision.UNDECIDED
    assert "1 of 2 fragments are not done yet" in unfinished.reasons


def test_every_rule_that_is_broken_is_reported():
    results = two_runs(
        {"recall": 0.9, "density": 0.1},
        {"recall": 0.1, "density": 0.5},
        export_faults={"other": "damaged"},
    )
    base, verdict = judge(results, Rules(largest_recall_fall=0.02))
    assert base.decision is Decision.ACCEPTED
    assert [one.rule for one in verdict.findings if one.outcome is Outcome.BROKEN] == [
        Rule.RECALL,
        Rule.DENSITY,
        Rule.EXPORT,
    ]
    assert len(verdict.reasons) == 3


def test_a_verdict_and_its_rules_are_json_that_reads_back_equal():
    rules = Rules(baseline="base", band=(0.01, 0.3))
    for verdict in judge(two_runs({"recall": 0.9, "density": 0.1}, {"recall": 0.1}), rules):
        text = verdict.model_dump_json()
        assert json.loads(text)["run_id"] == verdict.run_id
        assert RunVerdict.model_validate_json(text) == verdict
    assert Rules.model_validate_json(rules.model_dump_json()) == rules


@pytest.mark.parametrize(
    "wrong",
    [
        {"band": (0.2, 0.1)},
        {"band": (0.1, 1.5)},
        {"largest_recall_fall": -0.1},
        {"largest_recall_fall": float("nan")},
        {"unheard": 1},
    ],
)
def test_rules_that_make_no_sense_are_refused(wrong):
    with pytest.raises(ValidationError):
        Rules(**wrong)


def test_the_best_has_the_highest_mean_leaderboard_score_of_the_accepted():
    results = campaign(
        {
            "one": {"a": {"leaderboard_score": 0.5, "density": 0.1}, "b": {"density": 0.1}},
            "two": {"a": {"leaderboard_score": 0.7, "density": 0.1}, "b": {"density": 0.1}},
            "out": {"a": {"leaderboard_score": 0.9, "density": 0.4}, "b": {"density": 0.4}},
        },
        public_scores={"one": 0.99},
    )
    best = best_run(results, judge(results))
    assert best is not None
    assert (best.run_id, best.criterion, best.value) == ("two", Criterion.LEADERBOARD_SCORE, 0.7)


def test_without_labels_the_best_has_the_highest_public_score():
    results = campaign(
        {run_id: {"a": {"density": 0.1}} for run_id in ("one", "two", "three")},
        public_scores={"one": 0.5, "three": 0.6},
    )
    best = best_run(results, judge(results))
    assert best is not None
    assert (best.run_id, best.criterion, best.value) == ("three", Criterion.PUBLIC_SCORE, 0.6)


def test_without_any_score_the_best_is_the_nearest_to_the_band_and_the_first_of_equals():
    densities = {"far": 0.3, "near": 0.14, "below": 0.04}
    results = campaign({one: {"a": {"density": value}} for one, value in densities.items()})
    best = best_run(results, judge(results, FREE))
    assert best is not None
    assert (best.run_id, best.criterion) == ("near", Criterion.BAND_DISTANCE)
    assert best.value == pytest.approx(0.02)
    assert best_run(results, judge(results, FREE), band=None) is None


def test_where_every_run_is_rejected_the_best_is_named_with_the_reason():
    results = campaign(
        {
            "one": {"a": {"density": 0.9, "leaderboard_score": 0.3}, "b": {"density": 0.9}},
            "two": {"a": {"density": 0.5, "leaderboard_score": 0.4}, "b": {"density": 0.5}},
            "part": {
                "a": {"density": 0.5, "leaderboard_score": 0.9},
                "b": failed("part", "b", "found NaN"),
            },
        }
    )
    verdicts = judge(results)
    best = best_run(results, verdicts)
    assert best is not None
    assert (best.run_id, best.value) == ("two", 0.4)
    assert best.rejected_for == ("mean density 0.5 is above the band of 0.06 to 0.12",)
    assert best_accepted(results, verdicts) is None
    assert better_rejected(results, verdicts, best) is None
    for other in (campaign({}), campaign({"open": {"a": waiting("open", "a")}})):
        assert best_run(other, judge(other)) is None


def test_no_run_is_best_while_one_may_still_be_accepted():
    results = campaign({"out": {"a": {"density": 0.9}}, "open": {"a": waiting("open", "a")}})
    assert best_run(results, judge(results)) is None


def test_a_rejected_run_with_a_better_score_is_named_besides():
    results = campaign(
        {
            "base": {"a": {"leaderboard_score": 0.5, "recall": 0.9}},
            "lost": {"a": {"leaderboard_score": 0.9, "recall": 0.1}},
            "good": {"a": {"leaderboard_score": 0.6, "recall": 0.9}},
        }
    )
    verdicts = judge(results, RECALL)
    best = best_run(results, verdicts)
    assert best is not None
    assert (best.run_id, best.rejected_for) == ("good", ())
    better = better_rejected(results, verdicts, best)
    assert better is not None
    assert (better.run_id, better.value) == ("lost", 0.9)
    assert "recall fell by 0.8 against base" in better.rejected_for[0]
    free = judge(results, FREE)
    first = best_run(results, free)
    assert first is not None
    assert first.run_id == "lost"
    assert better_rejected(results, free, first) is None


def test_a_threshold_on_a_plateau_is_noted_whatever_becomes_of_the_run():
    plateau = ThresholdNote(NoteKind.PLATEAU, 0.0, 0.9, 1.0).as_metrics()
    unreached = ThresholdNote(NoteKind.UNREACHED, 0.25, 0.0, 0.0).as_metrics()
    results = campaign(
        {
            "flat": {"a": {"density": 1.0, **plateau}, "b": {"density": 1.0, **plateau}},
            "high": {"a": {"density": 0.1, **unreached}, "b": {"density": 0.1}},
            "fine": {"a": {"density": 0.1}, "b": {"density": 0.1}},
        },
        settings={"high": Setting(rule="probability", probability=0.5)},
    )
    flat, high, fine = judge(results, Rules(band=(0.05, 0.2)))
    (note,) = flat.notes
    assert "on a and 1 more fragment: the quantile 0.95 falls on 0" in note
    assert (flat.decision, flat.reasons[-1]) == (Decision.REJECTED, note)
    assert "on a: no voxel reaches the probability 0.5" in high.notes[0]
    assert high.decision is Decision.ACCEPTED
    assert fine.notes == ()
