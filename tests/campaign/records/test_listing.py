"""The rows of a campaign's table: means, gains and verdicts of what is done."""

from __future__ import annotations

import pytest

from napari_nx46.campaign.records.listing import campaign_rows
from napari_nx46.campaign.records.results import TaskState
from napari_nx46.campaign.verdicts.rules import Decision, Rules
from tests.campaign.results_factory import campaign, failed, waiting

RULES = Rules(band=(0.0, 0.5), largest_recall_fall=0.1)


def figures(score, recall, density=0.1):
    return {"leaderboard_score": score, "recall": recall, "density": density}


def rows_of(runs, **options):
    rows = campaign_rows(campaign(runs), RULES, **options)
    return {row.run.run_id: row for row in rows}


def test_rows_have_means_the_gain_on_the_baseline_and_the_verdict():
    rows = rows_of(
        {
            "first": {"a": figures(0.4, 0.8), "b": figures(0.6, 0.6)},
            "better": {"a": figures(0.7, 0.8, 0.3), "b": figures(0.5, 0.6)},
            "forgetful": {"a": figures(0.9, 0.5), "b": figures(0.9, 0.6)},
        }
    )
    assert rows["better"].figures["leaderboard_score"] == pytest.approx(0.6)
    assert rows["better"].figures["density"] == pytest.approx(0.2)
    assert rows["better"].gain == pytest.approx(0.1)
    assert rows["first"].gain is None
    assert rows["first"].is_baseline
    assert [name for name, row in rows.items() if row.is_best] == ["better"]
    assert rows["forgetful"].verdict.decision is Decision.REJECTED
    assert "dice" not in rows["first"].figures


def test_states_are_counted_and_failures_reported():
    rows = rows_of(
        {
            "first": {"a": figures(0.4, 0.8), "b": waiting("first", "b", TaskState.WAITING)},
            "broken": {"a": failed("broken", "a", "found a NaN"), "b": figures(0.5, 0.8)},
        },
        running=[("first", "b")],
    )
    first, broken = rows["first"], rows["broken"]
    assert (first.tasks, first.done, first.failed, first.running) == (2, 1, 0, 1)
    assert (broken.tasks, broken.done, broken.failed, broken.running) == (2, 1, 1, 0)
    assert broken.errors == ("a: found a NaN",)
    # Only fragments that both have done say a gain: b is not done in the first run.
    assert broken.gain is None
